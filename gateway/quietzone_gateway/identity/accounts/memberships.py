"""Which accounts a person may be in: an index beside the accounts, which alone say who is in them.

A membership is written before the account, and deleted after it: what is found here is never too little, and readers look into the
account.
"""

from dataclasses import dataclass

from quietzone_gateway.identity.accounts.domain import MAX_ACCOUNTS
from quietzone_gateway.identity.shelf import Shelf, value_of
from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Query, Stored

MEMBERSHIPS = Collection("memberships", key="membership_id", indexes=(Index("by_user", ("user_id", "account_id")),))


@dataclass(frozen=True, slots=True)
class Membership:
    """A person who may be in an account."""

    membership_id: str
    user_id: str
    account_id: str


class Memberships:
    """Memberships by person."""

    def __init__(self, documents: Documents) -> None:
        self._shelf = Shelf(documents, MEMBERSHIPS, Membership)

    async def add(self, user_id: str, account_id: str) -> None:
        """Note that a person may be in an account."""
        try:
            await self._shelf.insert(Membership(_id(user_id, account_id), user_id, account_id))
        except DuplicateKey:
            return

    async def remove(self, user_id: str, account_id: str) -> None:
        """Forget it again."""
        await self._shelf.delete(_id(user_id, account_id))

    async def of_user(self, user_id: str) -> list[str]:
        """Ids of the accounts that a person may be in, at most MAX_ACCOUNTS (index `by_user`)."""
        found = await self._shelf.query(Query("by_user", (user_id,), limit=MAX_ACCOUNTS))
        return [each.account_id for each in found.items]


def membership_of(stored: Stored) -> Membership:
    """The membership in a document, for `verify`."""
    return value_of(stored.body, Membership)


def _id(user_id: str, account_id: str) -> str:
    return f"{user_id}/{account_id}"
