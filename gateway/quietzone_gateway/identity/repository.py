"""Where accounts are kept: one document each, its key's hash in it, so that an account never lacks a key."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quietzone_gateway.identity.domain import Account
from quietzone_gateway.migrations import MIGRATIONS
from quietzone_kit.documents import (
    Body,
    Collection,
    Documents,
    DocumentsUnavailable,
    DuplicateKey,
    Index,
    Query,
    Stored,
    Value,
    VersionConflict,
)
from quietzone_kit.documents.migrations import declare
from quietzone_kit.errors import Unavailable

ACCOUNTS = Collection("accounts", key="account_id", indexes=(Index("by_key", ("key_id",), unique=True),))

ANSWER_S = 2.0
"""For one call of the store: a key is found in under a millisecond, and the request has 5 s for all that it needs."""


class Accounts:
    """Accounts by id and by key."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def ensure(self) -> None:
        """Make the collection; raises NewerStore when a newer release has contracted it."""
        async with _available():
            await declare(self._documents, [ACCOUNTS], MIGRATIONS)

    async def get(self, account_id: str) -> Account | None:
        """The account with this id."""
        async with _available():
            stored = await self._documents.get(ACCOUNTS, account_id)
        return account_of(stored) if stored else None

    async def by_key_id(self, key_id: str) -> Account | None:
        """The account whose key is found by this id (index `by_key`)."""
        async with _available():
            page = await self._documents.query(ACCOUNTS, Query("by_key", (key_id,), limit=1))
        return account_of(page.items[0]) if page.items else None

    async def add(self, account: Account) -> bool:
        """Insert an account; False when there is one with its id."""
        try:
            async with _available():
                await self._documents.insert(ACCOUNTS, _body(account))
        except DuplicateKey as error:
            if error.index != ACCOUNTS.key:
                raise
            return False
        return True

    async def change_key(self, account_id: str, key: str) -> Account:
        """Put `key` in the place of the account's key; with two writers the later wins."""
        while True:
            async with _available():
                stored = await self._documents.get(ACCOUNTS, account_id)
            if stored is None:
                raise LookupError(f"no account {account_id}: accounts are never deleted, so the store was changed by hand")
            account = account_of(stored).with_key(key)
            try:
                async with _available():
                    await self._documents.replace(ACCOUNTS, {**stored.body, **_body(account)}, if_version=stored.version)
            except VersionConflict:
                continue
            return account


@asynccontextmanager
async def _available() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ANSWER_S):
            yield
    except (DocumentsUnavailable, TimeoutError) as error:
        raise Unavailable("accounts can't be looked up now; try again in a moment") from error


def _body(account: Account) -> Body:
    scopes: list[Value] = [*sorted(account.scopes)]
    return {
        "account_id": account.account_id,
        "key_id": account.key_id,
        "key_hash": account.key_hash,
        "scopes": scopes,
        "created_at_ms": account.created_at_ms,
    }


def account_of(stored: Stored) -> Account:
    """The account in a document; raises TypeError when it isn't one of this release."""
    match stored.body:
        case {
            "account_id": str(account_id),
            "key_id": str(key_id),
            "key_hash": str(key_hash),
            "scopes": list(scopes),
            "created_at_ms": int(created_at_ms),
        }:
            return Account(account_id, key_id, key_hash, frozenset(str(scope) for scope in scopes if isinstance(scope, str)), created_at_ms)
        case _:
            raise TypeError("an account isn't as this release writes it: it was changed by hand, or by a newer release")
