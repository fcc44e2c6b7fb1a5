"""The qr service."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from quietzone.qr.v1 import code_pb2, code_service_pb2, code_service_pb2_grpc, health_pb2
from quietzone_kit.errors import ERRORS, FieldViolation, InvalidInput, QuietzoneError, Unavailable
from quietzone_kit.rpc import Caller, Peer

MAX_BATCH = 100
"""Items of one batch call."""

BATCH_S = 30.0
"""For a batch of writes: 100 symbols are drawn and read back in about 1 s; the rest is for others who have some drawn too."""


class CodeState(StrEnum):
    """Whether scans of a code are redirected; deleted codes are never seen here. Only the operator makes and ends BLOCKED."""

    ACTIVE = "active"
    PAUSED = "paused"
    BLOCKED = "blocked"


class CodeOrder(StrEnum):
    """How a list of codes is sorted."""

    CREATED_DESCENDING = "created_descending"
    CREATED_ASCENDING = "created_ascending"
    UPDATED_DESCENDING = "updated_descending"
    UPDATED_ASCENDING = "updated_ascending"
    SLUG_ASCENDING = "slug_ascending"
    SLUG_DESCENDING = "slug_descending"
    TITLE_ASCENDING = "title_ascending"
    TITLE_DESCENDING = "title_descending"


class ImageFormat(StrEnum):
    """How a symbol is drawn."""

    PNG = "png"
    SVG = "svg"


class DestinationState(StrEnum):
    """What is known of a destination."""

    UNKNOWN = "unknown"
    ALIVE = "alive"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Code:
    """What is printed, and where it leads now; fields as in `quietzone.qr.v1.Code`."""

    id: str
    slug: str
    payload: str
    destination: str
    title: str
    state: CodeState
    revision: int
    created_at_ms: int
    updated_at_ms: int
    tags: tuple[str, ...] = ()
    folder: str = ""


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code to create; `slug` None: one is drawn. With the same `request_id` it is made once, however often it is asked for."""

    destination: str
    title: str = ""
    slug: str | None = None
    tags: tuple[str, ...] = ()
    folder: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class CodeEdit:
    """What to change about a code, if it has the expected revision; None leaves as it is, an empty value takes away."""

    destination: str | None = None
    title: str | None = None
    state: CodeState | None = None
    tags: tuple[str, ...] | None = None
    folder: str | None = None
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True)
class CodeFilter:
    """Which codes are wanted; None asks for nothing. What can be asked for together stands in `code_service.proto`, `CodeFilter`."""

    state: CodeState | None = None
    folder: str | None = None
    tag: str | None = None
    slug_prefix: str | None = None
    title_prefix: str | None = None
    created_from_ms: int | None = None
    created_before_ms: int | None = None
    updated_from_ms: int | None = None
    updated_before_ms: int | None = None


EVERY_CODE = CodeFilter()


@dataclass(frozen=True, slots=True)
class Issued:
    """The code of a request; `before`: the same request has made it already."""

    code: Code
    before: bool


@dataclass(frozen=True, slots=True)
class CodePage:
    """Codes in the order asked for; `next_cursor` brings the next page, None when there is none.

    `total` is how many codes fit the filter, a second or so behind; None where no counter knows.
    """

    items: tuple[Code, ...]
    next_cursor: str | None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """How many codes have a tag, or are in a folder."""

    value: str
    codes: int


@dataclass(frozen=True, slots=True)
class Facets:
    """What an account's codes can be filtered by, a second or so behind; all of it None or empty while counters are made anew.

    `complete`: tags and folders are all that are in use, not only the 1,000 most frequent that are counted.
    """

    total: int | None
    states: dict[CodeState, int]
    tags: tuple[Facet, ...]
    folders: tuple[Facet, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Image:
    """A file; equal images have equal `etag`s."""

    data: bytes
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class DestinationHealth:
    """Whether a code's destination answers; fields as in `quietzone.qr.v1.DestinationHealth`."""

    code_id: str
    destination: str
    state: DestinationState
    reason: str
    failures: int
    checked_at_ms: int | None
    next_check_at_ms: int | None


_STATES = {
    code_pb2.CODE_STATE_ACTIVE: CodeState.ACTIVE,
    code_pb2.CODE_STATE_PAUSED: CodeState.PAUSED,
    code_pb2.CODE_STATE_BLOCKED: CodeState.BLOCKED,
}
_STATE_NUMBERS = {state: number for number, state in _STATES.items()}
_ORDERS = {order: code_service_pb2.CodeOrder.Value(f"CODE_ORDER_{order.name}") for order in CodeOrder}
_ERRORS = {error.code: error for error in ERRORS}
_FORMATS = {ImageFormat.PNG: code_service_pb2.IMAGE_FORMAT_PNG, ImageFormat.SVG: code_service_pb2.IMAGE_FORMAT_SVG}
_DESTINATION_STATES = {health_pb2.DestinationState.Value(f"DESTINATION_STATE_{state.name}"): state for state in DestinationState}


Changed = Callable[[str], Awaitable[None]]
"""Hears of an account whose codes may have changed."""


async def nobody_cares(_account_id: str) -> None:
    """For clients beside which nothing is remembered."""


class Codes:
    """A client of the qr service; what each call raises stands in `code_service.proto`."""

    def __init__(self, peer: Peer, changed: Changed = nobody_cares) -> None:
        """`changed` is told after each call that may have changed codes of an account, also when it failed: nobody knows then."""
        self._peer = peer
        self._stub = code_service_pb2_grpc.CodeServiceStub(peer.channel)
        self._changed = changed

    async def create(self, caller: Caller, new: NewCode) -> Issued:
        """Issue a code; with a request id it is tried again when the service can't be reached."""
        idempotent = new.request_id is not None
        async with self._changing(caller):
            response = await self._peer.call(self._stub.CreateCode, _create(new), caller=caller, idempotent=idempotent)
        return Issued(_code(response.code), response.issued_before)

    async def create_many(self, caller: Caller, new: Sequence[NewCode]) -> tuple[Issued | QuietzoneError, ...]:
        """Issue at most 100 codes, each on its own: what became of each, in order."""
        request = code_service_pb2.BatchCreateCodesRequest(items=map(_create, new))
        idempotent = all(each.request_id is not None for each in new)
        async with self._changing(caller):
            response = await self._peer.call(self._stub.BatchCreateCodes, request, caller=caller, timeout_s=BATCH_S, idempotent=idempotent)
        ended = zip(_outcomes(response.outcomes), response.outcomes, strict=True)
        return tuple(Issued(one, message.issued_before) if isinstance(one, Code) else one for one, message in ended)

    async def get(self, caller: Caller, code_id: str) -> Code:
        """One code."""
        request = code_service_pb2.GetCodeRequest(code_id=code_id)
        return _code((await self._peer.call(self._stub.GetCode, request, caller=caller, idempotent=True)).code)

    async def get_many(self, caller: Caller, code_ids: Sequence[str]) -> tuple[Code | None, ...]:
        """At most 100 codes in the order of their ids, None for those that the account hasn't."""
        request = code_service_pb2.BatchGetCodesRequest(code_ids=code_ids)
        response = await self._peer.call(self._stub.BatchGetCodes, request, caller=caller, idempotent=True)
        return tuple(_code(found.code) if found.HasField("code") else None for found in response.codes)

    async def page(
        self,
        caller: Caller,
        *,
        limit: int,
        cursor: str | None = None,
        chosen: CodeFilter = EVERY_CODE,
        order: CodeOrder | None = None,
        skip: int = 0,
    ) -> CodePage:
        """One page of the account's codes; `order` None is the one that fits the filter, newest first without one."""
        request = code_service_pb2.ListCodesRequest(
            page_size=limit,
            page_token=cursor or "",
            filter=_filter(chosen),
            order_by=code_service_pb2.CODE_ORDER_UNSPECIFIED if order is None else _ORDERS[order],
            skip=skip,
        )
        response = await self._peer.call(self._stub.ListCodes, request, caller=caller, idempotent=True)
        total = response.total if response.HasField("total") else None
        return CodePage(tuple(map(_code, response.codes)), response.next_page_token or None, total)

    async def facets(self, caller: Caller) -> Facets:
        """What the account's codes can be filtered by, and how many codes each brings."""
        response = await self._peer.call(self._stub.GetFacets, code_service_pb2.GetFacetsRequest(), caller=caller, idempotent=True)
        return Facets(
            total=response.total if response.HasField("total") else None,
            states={_STATES[each.state]: each.codes for each in response.states},
            tags=tuple(Facet(each.value, each.codes) for each in response.tags),
            folders=tuple(Facet(each.value, each.codes) for each in response.folders),
            complete=response.complete,
        )

    async def change(self, caller: Caller, code_id: str, edit: CodeEdit) -> Code:
        """Change what isn't None."""
        async with self._changing(caller):
            return _code((await self._peer.call(self._stub.UpdateCode, _update(code_id, edit), caller=caller)).code)

    async def change_many(self, caller: Caller, edits: Sequence[tuple[str, CodeEdit]]) -> tuple[Code | QuietzoneError, ...]:
        """Change at most 100 different codes, each on its own: what became of each, in order."""
        request = code_service_pb2.BatchUpdateCodesRequest(items=[_update(code_id, edit) for code_id, edit in edits])
        async with self._changing(caller):
            return _outcomes((await self._peer.call(self._stub.BatchUpdateCodes, request, caller=caller, timeout_s=BATCH_S)).outcomes)

    async def delete(self, caller: Caller, code_id: str, *, expected_revision: int | None) -> None:
        """Leave a tombstone."""
        request = code_service_pb2.DeleteCodeRequest(code_id=code_id, expected_revision=expected_revision)
        async with self._changing(caller):
            await self._peer.call(self._stub.DeleteCode, request, caller=caller)

    async def delete_many(self, caller: Caller, code_ids: Sequence[tuple[str, int | None]]) -> tuple[QuietzoneError | None, ...]:
        """Delete at most 100 different codes, each with the revision that it must have, if any: why each isn't, in order; None: it is."""
        items = [code_service_pb2.DeleteCodeRequest(code_id=code_id, expected_revision=expected) for code_id, expected in code_ids]
        request = code_service_pb2.BatchDeleteCodesRequest(items=items)
        async with self._changing(caller):
            response = await self._peer.call(self._stub.BatchDeleteCodes, request, caller=caller, timeout_s=BATCH_S)
        return tuple(_error(outcome.error) if outcome.HasField("error") else None for outcome in response.outcomes)

    async def block(self, caller: Caller, *, code_id: str | None = None, slug: str | None = None, reason: str) -> Code:
        """Have scans of any account's code answered with 451; for operators. Either `code_id` or `slug` is given."""
        asked = code_service_pb2.BlockCodeRequest
        request = asked(slug=slug or "", reason=reason) if code_id is None else asked(code_id=code_id, reason=reason)
        return _code((await self._peer.call(self._stub.BlockCode, request, caller=caller, idempotent=True)).code)

    async def unblock(self, caller: Caller, *, code_id: str | None = None, slug: str | None = None, reason: str) -> Code:
        """Give a blocked code back the state that it had; for operators. Either `code_id` or `slug` is given."""
        asked = code_service_pb2.UnblockCodeRequest
        request = asked(slug=slug or "", reason=reason) if code_id is None else asked(code_id=code_id, reason=reason)
        return _code((await self._peer.call(self._stub.UnblockCode, request, caller=caller, idempotent=True)).code)

    async def image(self, caller: Caller, code_id: str, *, image_format: ImageFormat, size_px: int) -> Image:
        """The code's symbol, read back by two decoders."""
        request = code_service_pb2.RenderCodeRequest(code_id=code_id, format=_FORMATS[image_format], size_px=size_px)
        response = await self._peer.call(self._stub.RenderCode, request, caller=caller, idempotent=True)
        return Image(response.image, response.media_type, response.etag)

    async def health(self, caller: Caller, code_id: str) -> DestinationHealth:
        """Whether the destination of a code answered when it was last asked."""
        request = health_pb2.GetDestinationHealthRequest(code_id=code_id)
        return _health((await self._peer.call(self._stub.GetDestinationHealth, request, caller=caller, idempotent=True)).health)

    @asynccontextmanager
    async def _changing(self, caller: Caller) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self._changed(caller.account_id)


def _create(new: NewCode) -> code_service_pb2.CreateCodeRequest:
    return code_service_pb2.CreateCodeRequest(
        destination=new.destination, title=new.title, slug=new.slug, tags=new.tags, folder=new.folder, request_id=new.request_id
    )


def _update(code_id: str, edit: CodeEdit) -> code_service_pb2.UpdateCodeRequest:
    return code_service_pb2.UpdateCodeRequest(
        code_id=code_id,
        destination=edit.destination,
        title=edit.title,
        state=None if edit.state is None else _STATE_NUMBERS[edit.state],
        tags=None if edit.tags is None else code_service_pb2.TagsChange(tags=edit.tags),
        folder=edit.folder,
        expected_revision=edit.expected_revision,
    )


def _filter(chosen: CodeFilter) -> code_service_pb2.CodeFilter | None:
    if chosen == EVERY_CODE:
        return None  # an older release of the service knows no filters, and refuses what it doesn't know
    return code_service_pb2.CodeFilter(
        state=code_pb2.CODE_STATE_UNSPECIFIED if chosen.state is None else _STATE_NUMBERS[chosen.state],
        folder=chosen.folder,
        tag=chosen.tag,
        slug_prefix=chosen.slug_prefix,
        title_prefix=chosen.title_prefix,
        created_from_ms=chosen.created_from_ms,
        created_before_ms=chosen.created_before_ms,
        updated_from_ms=chosen.updated_from_ms,
        updated_before_ms=chosen.updated_before_ms,
    )


def _outcomes(messages: Iterable[code_service_pb2.CodeOutcome]) -> tuple[Code | QuietzoneError, ...]:
    return tuple(_error(message.error) if message.HasField("error") else _code(message.code) for message in messages)


def _error(message: code_service_pb2.ItemError) -> QuietzoneError:
    """An item's error; one that this release doesn't know says to try again, and in its own words why."""
    violations = [FieldViolation(violation.field, violation.reason) for violation in message.violations]
    kind = _ERRORS.get(message.code, Unavailable)
    return InvalidInput(*violations) if kind is InvalidInput else kind(message.message, *violations)


def _code(message: code_pb2.Code) -> Code:
    return Code(
        id=message.id,
        slug=message.slug,
        payload=message.payload,
        destination=message.destination,
        title=message.title,
        state=CodeState.BLOCKED if message.blocked else _STATES[message.state],
        revision=message.revision,
        created_at_ms=message.created_at_ms,
        updated_at_ms=message.updated_at_ms,
        tags=tuple(message.tags),
        folder=message.folder,
    )


def _health(message: health_pb2.DestinationHealth) -> DestinationHealth:
    return DestinationHealth(
        code_id=message.code_id,
        destination=message.destination,
        state=_DESTINATION_STATES[message.state],
        reason=message.reason,
        failures=message.failures,
        checked_at_ms=message.checked_at_ms if message.HasField("checked_at_ms") else None,
        next_check_at_ms=message.next_check_at_ms if message.HasField("next_check_at_ms") else None,
    )


def code_of(message: code_pb2.Code) -> Code:
    """A code as events bring it; raises KeyError for a deleted one and for a state that this release doesn't know."""
    return _code(message)
