"""Where codes are kept: one document a code, tombstones for ever, with its events until they are published."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import (
    Collection,
    Documents,
    DocumentsUnavailable,
    DuplicateKey,
    Index,
    Order,
    Query,
    Stored,
    Value,
)
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import OUTBOX_INDEX, OUTBOX_LEASES, Outgoing, replace_keeping_outbox, with_event
from quietzone_qr.codes.domain import AccountId, Code, CodeId, Slug, State
from quietzone_qr.codes.events import code_event
from quietzone_topics import QR_CODE_V1

CODES = Collection(
    "codes",
    key="code_id",
    indexes=(
        Index("by_owner_live", ("account_id", "live_since_ms"), sparse=True),  # tombstones lack `live_since_ms`, and so aren't listed
        Index("by_slug", ("slug",), unique=True),  # tombstones keep their slug: the store itself refuses to issue it again
        OUTBOX_INDEX,
    ),
)

COLLECTIONS = (CODES, OUTBOX_LEASES)

STORE_S = 5.0
"""What one call of the store may take; a page of 1,000 codes takes 30 ms here."""


class SlugTaken(Exception):
    """The slug is or was another code's."""


@dataclass(frozen=True, slots=True)
class Held:
    """A code as it was read, with what the store needs to replace it."""

    code: Code
    stored: Stored


@dataclass(frozen=True, slots=True)
class CodePage:
    """Some codes; `next_token` brings those after them, None when there are none."""

    codes: tuple[Code, ...]
    next_token: str | None


class Codes:
    """All codes. Every method can raise Unavailable: the store doesn't answer; whether a write has happened is not known then."""

    def __init__(self, documents: Documents, wake: Callable[[], None]) -> None:
        """`wake` tells the outbox's relay that an event waits."""
        self._documents = documents
        self._wake = wake

    async def get(self, account_id: AccountId, code_id: CodeId) -> Held | None:
        """A code of this account, by key; None when there is none, or it is another account's."""
        if not code_id.isprintable() or not 1 <= len(code_id) <= 36:
            return None  # no id of ours, and maybe none that a store could look up
        async with _answers():
            stored = await self._documents.get(CODES, code_id)
        if stored is None or stored.body["account_id"] != account_id:
            return None
        return Held(code_of(stored), stored)

    async def by_slug(self, slug: Slug) -> Code | None:
        """Whoever's code has or had this slug (index `by_slug`)."""
        async with _answers():
            page = await self._documents.query(CODES, Query("by_slug", (slug,), limit=1))
        return code_of(page.items[0]) if page.items else None

    async def newest_of(self, account_id: AccountId, *, limit: int, after: str | None) -> CodePage:
        """An account's codes without deleted ones, newest first (index `by_owner_live`).

        Raises:
            InvalidCursor: `after` isn't a `next_token`.
        """
        async with _answers():
            page = await self._documents.query(
                CODES, Query("by_owner_live", (account_id,), order=Order.DESCENDING, limit=limit, after=after)
            )
        return CodePage(tuple(map(code_of, page.items)), page.cursor)

    async def insert(self, code: Code) -> None:
        """Add a new code, and the event that says so.

        Raises:
            SlugTaken: its slug is or was another code's.
        """
        body = with_event(_body(code), code.code_id, Outgoing(QR_CODE_V1.name, code_event(None, code)))
        try:
            async with _answers():
                await self._documents.insert(CODES, body)
        except DuplicateKey as error:
            if error.index != "by_slug":
                raise
            raise SlugTaken(code.slug) from error
        self._wake()

    async def replace(self, held: Held, after: Code) -> None:
        """Put `after` in the place of what was held, and add the event that says so. Fields of other releases stay as they are.

        Raises:
            VersionConflict: somebody else has changed it meanwhile.
            Unavailable: 100 events wait in it.
        """
        body = Unknown.of(held.stored.body, _body(held.code)).beside(_body(after))
        async with _answers():
            await replace_keeping_outbox(self._documents, CODES, held.stored, body, Outgoing(QR_CODE_V1.name, code_event(held.code, after)))
        self._wake()


@asynccontextmanager
async def _answers() -> AsyncIterator[None]:
    """The block under the store's deadline.

    Raises:
        Unavailable: it passed, or the store can't be reached.
    """
    try:
        async with asyncio.timeout(STORE_S):
            yield
    except (DocumentsUnavailable, TimeoutError) as error:
        raise Unavailable("the store of codes doesn't answer; try again") from error


def code_of(stored: Stored) -> Code:
    """The code in a document; msgspec.ValidationError names the field that something else wrote or that was damaged."""
    return msgspec.convert(stored.body, Code)


def _body(code: Code) -> dict[str, Value]:
    """A code as it is stored: its fields by their names, enums by value, and `live_since_ms` unless it was deleted."""
    body: dict[str, Value] = msgspec.to_builtins(code)
    body["destinations"] = [msgspec.to_builtins(version) for version in code.destinations]  # a tuple can't be stored
    return body if code.state is State.DELETED else body | {"live_since_ms": code.created_at_ms}
