"""Where codes are kept: one document a code, tombstones for ever, with its events until they are published."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

import msgspec

from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import (
    Body,
    Collection,
    Documents,
    DocumentsUnavailable,
    DuplicateKey,
    Index,
    Order,
    Outcome,
    Put,
    Query,
    Stored,
    Value,
)
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import OUTBOX_INDEX, OUTBOX_LEASES, Outgoing, keeping_outbox, replace_keeping_outbox, with_event
from quietzone_qr.codes.domain import AccountId, Act, Code, CodeId, Slug, State
from quietzone_qr.codes.events import code_event
from quietzone_qr.codes.listing import WAYS, Plan
from quietzone_qr.codes.texts import title_key
from quietzone_topics import QR_CODE_V1

CODES = Collection(
    "codes",
    key="code_id",
    indexes=(
        # tombstones lack `live_since_ms`, and so aren't listed
        *(Index(way.index, ("account_id", *way.fields), sparse=True, many="tags" if "tags" in way.fields else "") for way in WAYS),
        Index("by_slug", ("slug",), unique=True),  # tombstones keep their slug: the store itself refuses to issue it again
        OUTBOX_INDEX,
    ),
)

COLLECTIONS = (CODES, OUTBOX_LEASES)

STORE_S = 5.0
"""What one call of the store may take; a page of 1,000 codes takes 30 ms here."""


class SlugTaken(Exception):
    """The slug is or was another code's."""


class AlreadyIssued(Exception):
    """A code with this id is there: the same request has made it."""


@dataclass(frozen=True, slots=True)
class Held:
    """A code as it was read, with what the store needs to replace it."""

    code: Code
    stored: Stored


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What is to be put in the place of a code, and by whom."""

    held: Held
    after: Code
    act: Act


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
        held = await self.of_any_account(code_id)
        return held if held is not None and held.code.account_id == account_id else None

    async def get_many(self, account_id: AccountId, code_ids: Sequence[CodeId]) -> dict[CodeId, Held]:
        """Codes of this account, by key; those that there aren't, and those of other accounts, aren't in it."""
        wanted = [code_id for code_id in code_ids if _is_possible(code_id)]
        async with _answers():
            found = await self._documents.get_many(CODES, wanted)
        return {CodeId(key): Held(code_of(stored), stored) for key, stored in found.items() if stored.body["account_id"] == account_id}

    async def of_any_account(self, code_id: CodeId) -> Held | None:
        """Whoever's code it is, by key: for the operator."""
        if not _is_possible(code_id):
            return None
        async with _answers():
            stored = await self._documents.get(CODES, code_id)
        return None if stored is None else Held(code_of(stored), stored)

    async def by_slug(self, slug: Slug) -> Held | None:
        """Whoever's code has or had this slug (index `by_slug`)."""
        async with _answers():
            page = await self._documents.query(CODES, Query("by_slug", (slug,), limit=1))
        return Held(code_of(page.items[0]), page.items[0]) if page.items else None

    async def listed(self, account_id: AccountId, plan: Plan, *, limit: int, skip: int = 0, after: str | None = None) -> CodePage:
        """An account's codes without deleted ones, by the index that was planned; `skip` of them are passed over first.

        What is passed over is read, too: an index can't be entered by number. So limit and skip are bounded together.

        Raises:
            InvalidCursor: `after` isn't a `next_token` of the same plan.
        """
        order = Order.DESCENDING if plan.descending else Order.ASCENDING
        low, high = plan.bounds
        query = Query(plan.way.index, (account_id, *plan.equals), low, high, order, limit + skip, after)
        async with _answers():
            page = await self._documents.query(CODES, query)
        return CodePage(tuple(map(code_of, page.items[skip:])), page.cursor)

    async def insert(self, code: Code, act: Act) -> None:
        """Add a new code, and the event that says so.

        Raises:
            SlugTaken: its slug is or was another code's.
            AlreadyIssued: its id is there.
        """
        try:
            async with _answers():
                await self._documents.insert(CODES, _new_body(code, act))
        except DuplicateKey as error:
            if error.index == CODES.key:
                raise AlreadyIssued(code.code_id) from error
            raise SlugTaken(code.slug) from error
        self._wake()

    async def insert_many(self, codes: Sequence[Code], act: Act) -> list[Outcome]:
        """Add new codes, each on its own, with their events: CONFLICT where the id is there, DUPLICATE where the slug is or was taken."""
        async with _answers():
            outcomes = await self._documents.bulk(CODES, [Put(_new_body(code, act), None) for code in codes])
        self._wake()
        return outcomes

    async def replace(self, held: Held, after: Code, act: Act) -> None:
        """Put `after` in the place of what was held, and add the event that says so. Fields of other releases stay as they are.

        Raises:
            VersionConflict: somebody else has changed it meanwhile.
            Unavailable: 100 events wait in it.
        """
        event = Outgoing(QR_CODE_V1.name, code_event(held.code, after, act))
        async with _answers():
            await replace_keeping_outbox(self._documents, CODES, held.stored, _next_body(held, after), event)
        self._wake()

    async def replace_many(self, rewrites: Sequence[Rewrite]) -> list[Outcome | Unavailable]:
        """Do many replacements, each on its own: CONFLICT where somebody else, or the relay, has changed a code meanwhile; Unavailable
        where 100 events wait in it.
        """
        outcomes: list[Outcome | Unavailable] = []
        puts: list[Put] = []
        for one in rewrites:
            body = keeping_outbox(one.held.stored.body, _next_body(one.held, one.after))
            event = Outgoing(QR_CODE_V1.name, code_event(one.held.code, one.after, one.act))
            try:
                puts.append(Put(with_event(body, one.after.code_id, event), one.held.stored.version))
                outcomes.append(Outcome.WRITTEN)
            except Unavailable as error:
                outcomes.append(error)
        async with _answers():
            written = iter(await self._documents.bulk(CODES, puts))
        self._wake()
        return [next(written) if isinstance(outcome, Outcome) else outcome for outcome in outcomes]


def _answers() -> AbstractAsyncContextManager[None]:
    """The block under the store's deadline.

    Raises:
        Unavailable: it passed, or the store can't be reached.
    """
    return deadline(STORE_S, Unavailable, "the store of codes doesn't answer; try again", away=(DocumentsUnavailable,))


def code_of(stored: Stored) -> Code:
    """The code in a document; msgspec.ValidationError names the field that something else wrote or that was damaged.

    Of a blocked code that an older release has activated, which knows nothing of blocking, the operator's word counts.
    """
    code = msgspec.convert(stored.body, Code)
    return replace(code, state=State.PAUSED) if code.is_blocked else code


def listed(body: Body) -> Body:
    """The body of a code with what indexes hold of it; of a tombstone nothing."""
    if "live_since_ms" not in body:
        return body
    state = "blocked" if body.get("unblocks_to") is not None else body["state"]
    return {"tags": [], "folder": "", **body, "live_state": state, "title_key": title_key(str(body["title"]))}


def _body(code: Code) -> Body:
    """A code as it is stored: its fields by their names, enums by value, and what it is listed by unless it was deleted."""
    body: dict[str, Value] = msgspec.to_builtins(code)
    body["destinations"] = [msgspec.to_builtins(version) for version in code.destinations]  # a tuple can't be stored
    body["tags"] = list(code.tags)
    if code.unblocks_to is None:
        del body["unblocks_to"]
    return body if code.state is State.DELETED else listed(body | {"live_since_ms": code.created_at_ms})


def _new_body(code: Code, act: Act) -> Body:
    return with_event(_body(code), code.code_id, Outgoing(QR_CODE_V1.name, code_event(None, code, act)))


def _next_body(held: Held, after: Code) -> Body:
    return Unknown.of(held.stored.body, _body(held.code)).beside(_body(after))


def _is_possible(code_id: str) -> bool:
    """Whether it may be an id of ours; else a store may not even be able to look it up."""
    return code_id.isprintable() and 1 <= len(code_id) <= 36
