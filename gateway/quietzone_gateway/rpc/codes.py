"""The qr service."""

from dataclasses import dataclass
from enum import StrEnum

from quietzone.qr.v1 import code_pb2, code_service_pb2, code_service_pb2_grpc, health_pb2
from quietzone_kit.rpc import Caller, Peer


class CodeState(StrEnum):
    """Whether scans of a code are redirected; deleted codes are never seen here."""

    ACTIVE = "active"
    PAUSED = "paused"


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


@dataclass(frozen=True, slots=True)
class CodePage:
    """Codes, newest first; `next_cursor` brings the next page, None when there is none."""

    items: tuple[Code, ...]
    next_cursor: str | None


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


_STATES = {code_pb2.CODE_STATE_ACTIVE: CodeState.ACTIVE, code_pb2.CODE_STATE_PAUSED: CodeState.PAUSED}
_STATE_NUMBERS = {state: number for number, state in _STATES.items()}
_FORMATS = {ImageFormat.PNG: code_service_pb2.IMAGE_FORMAT_PNG, ImageFormat.SVG: code_service_pb2.IMAGE_FORMAT_SVG}
_DESTINATION_STATES = {health_pb2.DestinationState.Value(f"DESTINATION_STATE_{state.name}"): state for state in DestinationState}


class Codes:
    """A client of the qr service; what each call raises stands in `code_service.proto`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = code_service_pb2_grpc.CodeServiceStub(peer.channel)

    async def create(self, caller: Caller, *, destination: str, title: str, slug: str | None) -> Code:
        """Issue a code."""
        request = code_service_pb2.CreateCodeRequest(destination=destination, title=title, slug=slug)
        return _code((await self._peer.call(self._stub.CreateCode, request, caller=caller)).code)

    async def get(self, caller: Caller, code_id: str) -> Code:
        """One code."""
        request = code_service_pb2.GetCodeRequest(code_id=code_id)
        return _code((await self._peer.call(self._stub.GetCode, request, caller=caller, idempotent=True)).code)

    async def newest(self, caller: Caller, *, limit: int, cursor: str | None) -> CodePage:
        """One page of the account's codes."""
        request = code_service_pb2.ListCodesRequest(page_size=limit, page_token=cursor or "")
        response = await self._peer.call(self._stub.ListCodes, request, caller=caller, idempotent=True)
        return CodePage(tuple(map(_code, response.codes)), response.next_page_token or None)

    async def change(
        self,
        caller: Caller,
        code_id: str,
        *,
        destination: str | None,
        title: str | None,
        state: CodeState | None,
        expected_revision: int | None,
    ) -> Code:
        """Change what isn't None."""
        request = code_service_pb2.UpdateCodeRequest(
            code_id=code_id,
            destination=destination,
            title=title,
            state=None if state is None else _STATE_NUMBERS[state],
            expected_revision=expected_revision,
        )
        return _code((await self._peer.call(self._stub.UpdateCode, request, caller=caller)).code)

    async def delete(self, caller: Caller, code_id: str, *, expected_revision: int | None) -> None:
        """Leave a tombstone."""
        request = code_service_pb2.DeleteCodeRequest(code_id=code_id, expected_revision=expected_revision)
        await self._peer.call(self._stub.DeleteCode, request, caller=caller)

    async def image(self, caller: Caller, code_id: str, *, image_format: ImageFormat, size_px: int) -> Image:
        """The code's symbol, read back by two decoders."""
        request = code_service_pb2.RenderCodeRequest(code_id=code_id, format=_FORMATS[image_format], size_px=size_px)
        response = await self._peer.call(self._stub.RenderCode, request, caller=caller, idempotent=True)
        return Image(response.image, response.media_type, response.etag)

    async def health(self, caller: Caller, code_id: str) -> DestinationHealth:
        """Whether the destination of a code answered when it was last asked."""
        request = health_pb2.GetDestinationHealthRequest(code_id=code_id)
        return _health((await self._peer.call(self._stub.GetDestinationHealth, request, caller=caller, idempotent=True)).health)


def _code(message: code_pb2.Code) -> Code:
    return Code(
        id=message.id,
        slug=message.slug,
        payload=message.payload,
        destination=message.destination,
        title=message.title,
        state=_STATES[message.state],
        revision=message.revision,
        created_at_ms=message.created_at_ms,
        updated_at_ms=message.updated_at_ms,
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
