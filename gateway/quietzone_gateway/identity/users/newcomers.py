"""People who have signed up, made in the background.

A request that made whoever is new, and nobody who is known, would tell by its writes who is known. So it leaves one order, whoever has the
address, and what becomes of that is told by mail alone.
"""

from collections.abc import Mapping

from quietzone_gateway.identity.accounts.domain import owned_account
from quietzone_gateway.identity.accounts.memberships import Memberships
from quietzone_gateway.identity.accounts.repository import Accounts
from quietzone_gateway.identity.audit.events import Act, audited
from quietzone_gateway.identity.domain import Actor
from quietzone_gateway.identity.seal import Seal
from quietzone_gateway.identity.users.acts import user_act
from quietzone_gateway.identity.users.domain import User
from quietzone_gateway.identity.users.repository import Users
from quietzone_kit.outbox import Outgoing


def order_of(user: User, seal: Seal, address: str) -> dict[str, str]:
    """What is left of somebody who has signed up from `address` (cut): `user` as he is to be, his password's hash sealed."""
    return {
        "email": user.email,
        "name": user.name,
        "user_id": user.user_id,
        "account_id": user.account_id,
        "password_hash": seal.seal(user.password_hash.encode(), _place(user.user_id)),
        "at_ms": str(user.created_at_ms),
        "address": address,
    }


class Newcomers:
    """Makes people who have signed up, and their accounts."""

    def __init__(self, users: Users, accounts: Accounts, memberships: Memberships, seal: Seal) -> None:
        self._users = users
        self._accounts = accounts
        self._memberships = memberships
        self._seal = seal

    async def make(self, order: Mapping[str, str]) -> bool:
        """Make the person of an order, once however often it comes; False when somebody else has the address.

        Raises:
            CantOpen: the key that sealed the order is gone.
            Unavailable: the store can't be reached; what is half made is gone on with by the next try.
        """
        user = self._user(order)
        found = await self._users.by_email(user.email)
        if found is None and not await self._users.add(user, _told(user, order["address"])):
            found = await self._users.by_email(user.email)
            if found is None:  # he was made, and has another address by now
                return False
        if found is not None and found.user_id != user.user_id:
            return False
        await open_own_account(self._accounts, self._memberships, user)
        return True

    def _user(self, order: Mapping[str, str]) -> User:
        user_id, at_ms = order["user_id"], int(order["at_ms"])
        password_hash = self._seal.open(order["password_hash"], _place(user_id)).decode()
        return User(user_id, order["email"], order["name"], password_hash, order["account_id"], at_ms, at_ms)


async def open_own_account(accounts: Accounts, memberships: Memberships, user: User) -> None:
    """Make the account that a person was given when he signed up, unless it is there: signing up may have been cut off."""
    account = owned_account(user.account_id, f"{user.name}'s account"[:100], user.user_id, user.created_at_ms)
    await memberships.add(user.user_id, account.account_id)
    act = Act(
        "account.created", f"account:{account.account_id}", account.account_id, f"account/{account.account_id}", 1, user.created_at_ms
    )
    await accounts.add(account, audited(Actor(f"user:{user.user_id}", account.account_id), act))


def _told(user: User, address: str) -> Outgoing:
    actor = Actor(f"user:{user.user_id}", user.account_id, address)
    return audited(actor, user_act("user.created", None, user, user.account_id, user.created_at_ms))


def _place(user_id: str) -> str:
    return f"sign-up of {user_id}"
