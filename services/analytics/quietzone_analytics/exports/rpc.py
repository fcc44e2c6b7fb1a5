"""ExportService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

from collections.abc import Mapping

from quietzone.analytics.v1 import exports_pb2, exports_pb2_grpc
from quietzone_analytics.exports import use_cases
from quietzone_analytics.exports.domain import Format
from quietzone_analytics.exports.messages import export_message as _message
from quietzone_analytics.exports.repository import KIND, ExportQuestion
from quietzone_analytics.rpc import INTERVALS
from quietzone_kit.blobs import Blobs
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, PermissionDenied
from quietzone_kit.rpc import EXPORTS_READ, EXPORTS_WRITE, caller
from quietzone_kit.tasks import Tasks
from quietzone_kit.tasks.service import Shown

_FORMATS: Mapping[int, Format] = {
    exports_pb2.EXPORT_FORMAT_UNSPECIFIED: Format.CSV,
    exports_pb2.EXPORT_FORMAT_CSV: Format.CSV,
    exports_pb2.EXPORT_FORMAT_JSON: Format.JSON,
    exports_pb2.EXPORT_FORMAT_PARQUET: Format.PARQUET,
    exports_pb2.EXPORT_FORMAT_XLSX: Format.XLSX,
    exports_pb2.EXPORT_FORMAT_PDF: Format.PDF,
}


SHOWN = {KIND: Shown(read_scope=EXPORTS_READ, write_scope=EXPORTS_WRITE)}
"""Which tasks accounts see."""


class ExportService(exports_pb2_grpc.ExportServiceServicer):
    """The errors of each method stand in the contract. Without `blobs` there are no files, and nothing can be begun."""

    def __init__(self, tasks: Tasks, blobs: Blobs | None) -> None:
        self._tasks = tasks
        self._blobs = blobs

    async def CreateExport(self, request: exports_pb2.CreateExportRequest, context: object) -> exports_pb2.CreateExportResponse:
        """See the contract."""
        account_id = _account()
        self._files()
        request_id = request.request_id if request.HasField("request_id") else None
        export = await use_cases.create_export(self._tasks, account_id, _question(request.question), request_id=request_id)
        return exports_pb2.CreateExportResponse(export=_message(export))

    async def GetExport(self, request: exports_pb2.GetExportRequest, context: object) -> exports_pb2.GetExportResponse:
        """See the contract."""
        return exports_pb2.GetExportResponse(export=_message(await use_cases.get_export(self._tasks, _account(), request.export_id)))

    async def ListExports(self, request: exports_pb2.ListExportsRequest, context: object) -> exports_pb2.ListExportsResponse:
        """See the contract."""
        page = await use_cases.list_exports(self._tasks, _account(), page_size=request.page_size, page_token=request.page_token)
        return exports_pb2.ListExportsResponse(exports=map(_message, page.exports), next_page_token=page.next_token or "")

    async def CancelExport(self, request: exports_pb2.CancelExportRequest, context: object) -> exports_pb2.CancelExportResponse:
        """See the contract."""
        return exports_pb2.CancelExportResponse(export=_message(await use_cases.cancel_export(self._tasks, _account(), request.export_id)))

    async def ReadExport(self, request: exports_pb2.ReadExportRequest, context: object) -> exports_pb2.ReadExportResponse:
        """See the contract."""
        account_id = _account()
        data = await use_cases.read_export(self._tasks, self._files(), account_id, request.export_id, request.offset)
        return exports_pb2.ReadExportResponse(data=data)

    def _files(self) -> Blobs:
        if self._blobs is None:
            raise FailedPrecondition("this installation has no place for files: its operator sets QUIETZONE_ANALYTICS_BLOBS_URL")
        return self._blobs


def _account() -> str:
    account_id = caller().account_id
    if not account_id:
        raise PermissionDenied("exports belong to accounts: this call must be made for one")
    return account_id


def _question(message: exports_pb2.ExportQuestion) -> ExportQuestion:
    wrong = []
    if message.interval not in INTERVALS:
        wrong.append(FieldViolation("interval", "use QUARTER_HOUR, HOUR, DAY, WEEK or MONTH"))
    if message.format not in _FORMATS:
        wrong.append(FieldViolation("format", "use CSV, JSON, PARQUET, XLSX or PDF"))
    if wrong:
        raise InvalidInput(*wrong)
    interval, form = INTERVALS[message.interval], _FORMATS[message.format]
    return ExportQuestion(message.code_id or None, message.from_ms, message.to_ms, interval, message.zone, form)
