"""Where accounts and people are kept, as they were told last: one document each, which only what is newer replaces."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import msgspec

from quietzone_kit.documents import Collection, Documents, DuplicateKey, Stored, Value, VersionConflict
from quietzone_kit.documents.damaged import readable
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.errors import Unavailable
from quietzone_notification.deadlines import store_answers
from quietzone_notification.people.domain import Account, Addressee, Person

ACCOUNTS = Collection("accounts", key="account_id")
PEOPLE = Collection("people", key="user_id")
COLLECTIONS = (ACCOUNTS, PEOPLE)

ATTEMPTS = 5
"""One consumer has a partition, and so all that is told of a thing; while partitions change hands two meet."""


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Some accounts; `next_token` brings those after them, None when there are none."""

    accounts: tuple[Account, ...]
    next_token: str | None


class People:
    """All accounts and people. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def keep_account(self, account: Account) -> None:
        """Keep how an account is, unless what is there is as new."""
        await self._keep(ACCOUNTS, account.account_id, account, account_of)

    async def keep_person(self, person: Person) -> None:
        """Keep how a person is, unless what is there is as new."""
        await self._keep(PEOPLE, person.user_id, person, person_of)

    async def account(self, account_id: str) -> Account | None:
        """An account; None: nothing was told of it."""
        async with store_answers():
            stored = await self._documents.get(ACCOUNTS, account_id)
        return None if stored is None else account_of(stored)

    async def owners_of(self, account_id: str) -> list[Addressee]:
        """Those owners of an account who can be written to; none of a suspended one."""
        account = await self.account(account_id)
        if account is None or account.is_suspended:
            return []
        async with store_answers():
            found = await self._documents.get_many(PEOPLE, account.owners())
        people = [person_of(found[user_id]) for user_id in account.owners() if user_id in found]
        return [Addressee(person.user_id, person.email, person.name) for person in people if person.email]

    async def has_member_at(self, account_id: str, address: str) -> bool:
        """Whether a member of the account has this address, as far as was told; so has any of an account that nothing was told of."""
        account = await self.account(account_id)
        if account is None:
            return True
        async with store_answers():
            found = await self._documents.get_many(PEOPLE, [member.user_id for member in account.members])
        return address.lower() in {person.email.lower() for person in readable(PEOPLE, found.values(), person_of)}

    async def page(self, *, limit: int, after: str | None) -> AccountPage:
        """Accounts in the order of their ids; raises InvalidCursor."""
        async with store_answers():
            page = await self._documents.scan(ACCOUNTS, limit=limit, after=after)
        return AccountPage(tuple(readable(ACCOUNTS, page.items, account_of)), page.cursor)

    async def _keep(self, collection: Collection, key: str, value: Account | Person, read: Callable[[Stored], Account | Person]) -> None:
        body = _body(value)
        for _ in range(ATTEMPTS):
            async with store_answers():
                stored = await self._documents.get(collection, key)
            if stored is not None and cast("int", stored.body["revision"]) >= value.revision:
                return
            try:
                async with store_answers():
                    if stored is None:
                        await self._documents.insert(collection, body)
                    else:
                        kept = Unknown.of(stored.body, _body(read(stored))).beside(body)
                        await self._documents.replace(collection, kept, if_version=stored.version)
            except (DuplicateKey, VersionConflict):
                continue
            return
        raise Unavailable(f"what is told of {key} changes all the time: try again")


def account_of(stored: Stored) -> Account:
    """The account in a document; msgspec.ValidationError names the field that was damaged."""
    return msgspec.convert(stored.body, Account)


def person_of(stored: Stored) -> Person:
    """The person in a document; msgspec.ValidationError names the field that was damaged."""
    return msgspec.convert(stored.body, Person)


def _body(value: Account | Person) -> dict[str, Value]:
    body: dict[str, Value] = msgspec.to_builtins(value)
    if isinstance(value, Account):
        body["members"] = [msgspec.to_builtins(member) for member in value.members]  # a tuple can't be stored
    return body
