"""The exports of the analytics service."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

from quietzone.analytics.v1 import analytics_pb2, exports_pb2, exports_pb2_grpc
from quietzone_gateway.rpc.counts import Interval
from quietzone_kit.rpc import Caller, Peer


class ExportFormat(StrEnum):
    """Kind of file. UNKNOWN is that of an export in a format which only a newer release knows; nobody can ask for it."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    XLSX = "xlsx"
    PDF = "pdf"
    UNKNOWN = "unknown"


class ExportState(StrEnum):
    """Where an export stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ExportQuestion:
    """What an export is of; `code_id` None: every code. Times are Unix milliseconds."""

    code_id: str | None
    from_ms: int
    to_ms: int
    interval: Interval
    zone: str
    format: ExportFormat


@dataclass(frozen=True, slots=True)
class Export:
    """An export; fields as in `quietzone.analytics.v1.Export`, None where that has nothing yet."""

    id: str
    question: ExportQuestion
    state: ExportState
    codes_done: int
    codes_total: int | None
    size: int | None
    sha256: str | None
    rows: int | None
    error: str | None
    created_at_ms: int
    expires_at_ms: int | None


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Exports, newest first."""

    items: tuple[Export, ...]
    next_cursor: str | None


_INTERVALS = {interval: analytics_pb2.Interval.Value(f"INTERVAL_{interval.name}") for interval in Interval}
_INTERVALS_BY_NUMBER = {number: interval for interval, number in _INTERVALS.items()}
_KNOWN: tuple[ExportFormat, ...] = tuple(form for form in ExportFormat if form is not ExportFormat.UNKNOWN)
_FORMATS = {form: exports_pb2.ExportFormat.Value(f"EXPORT_FORMAT_{form.name}") for form in _KNOWN}
_FORMATS_BY_NUMBER = {number: form for form, number in _FORMATS.items()}
_STATES = {exports_pb2.ExportState.Value(f"EXPORT_STATE_{state.name}"): state for state in ExportState}


class Exports:
    """A client of the analytics service's exports; what each call raises stands in `exports.proto`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = exports_pb2_grpc.ExportServiceStub(peer.channel)

    async def create(self, caller: Caller, question: ExportQuestion, *, request_id: str | None) -> Export:
        """Begin an export."""
        message = exports_pb2.ExportQuestion(
            code_id=question.code_id or "",
            from_ms=question.from_ms,
            to_ms=question.to_ms,
            interval=_INTERVALS[question.interval],
            zone=question.zone,
            format=_FORMATS[question.format],
        )
        request = exports_pb2.CreateExportRequest(question=message, request_id=request_id)
        return _export((await self._peer.call(self._stub.CreateExport, request, caller=caller, idempotent=request_id is not None)).export)

    async def get(self, caller: Caller, export_id: str) -> Export:
        """One export."""
        request = exports_pb2.GetExportRequest(export_id=export_id)
        return _export((await self._peer.call(self._stub.GetExport, request, caller=caller, idempotent=True)).export)

    async def newest(self, caller: Caller, *, limit: int, cursor: str | None) -> ExportPage:
        """One page of the account's exports."""
        request = exports_pb2.ListExportsRequest(page_size=limit, page_token=cursor or "")
        response = await self._peer.call(self._stub.ListExports, request, caller=caller, idempotent=True)
        return ExportPage(tuple(map(_export, response.exports)), response.next_page_token or None)

    async def cancel(self, caller: Caller, export_id: str) -> None:
        """End an export that isn't done."""
        request = exports_pb2.CancelExportRequest(export_id=export_id)
        await self._peer.call(self._stub.CancelExport, request, caller=caller, idempotent=True)

    async def part(self, caller: Caller, export_id: str, offset: int) -> bytes:
        """At most 1 MB of its file."""
        request = exports_pb2.ReadExportRequest(export_id=export_id, offset=offset)
        return (await self._peer.call(self._stub.ReadExport, request, caller=caller, idempotent=True)).data

    async def file(self, caller: Caller, export: Export, first: bytes) -> AsyncIterator[bytes]:
        """The rest of its file part by part, after and with the part that was read `first`."""
        part, offset = first, 0
        while part:
            yield part
            offset += len(part)
            part = await self.part(caller, export.id, offset) if offset < (export.size or 0) else b""


def _export(message: exports_pb2.Export) -> Export:
    asked = message.question
    return Export(
        id=message.export_id,
        question=ExportQuestion(
            code_id=asked.code_id or None,
            from_ms=asked.from_ms,
            to_ms=asked.to_ms,
            interval=_INTERVALS_BY_NUMBER[asked.interval],
            zone=asked.zone,
            format=_FORMATS_BY_NUMBER.get(asked.format, ExportFormat.UNKNOWN),
        ),
        state=_STATES[message.state],
        codes_done=message.codes_done,
        codes_total=message.codes_total or None,
        size=message.size if message.sha256 else None,
        sha256=message.sha256 or None,
        rows=message.rows if message.sha256 else None,
        error=message.error or None,
        created_at_ms=message.created_at_ms,
        expires_at_ms=message.expires_at_ms or None,
    )
