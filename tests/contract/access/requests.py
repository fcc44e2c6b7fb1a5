"""An example of a request for each method of each service, and what it is about. A method without one fails the matrix."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from google.protobuf.message import Message

from quietzone.analytics.v1 import analytics_pb2 as counts
from quietzone.analytics.v1 import exports_pb2 as exports
from quietzone.qr.v1 import code_service_pb2 as codes
from quietzone.qr.v1 import health_pb2 as health

FROM_MS, TO_MS = 1_772_409_600_000, 1_772_496_000_000  # 2026-03-02, the day of the scans that are counted


class About(Enum):
    """What a request is about, and so what it may bring whoever asks for another account's."""

    THING = auto()
    """A thing that it names: not found."""
    ACCOUNT = auto()
    """What the account has of what it names, or all that it has: what an account gets that has nothing."""
    NEW = auto()
    """Something that it makes: one of the caller's own."""
    PLATFORM = auto()
    """All accounts together, by a scope that no account gives."""


@dataclass(frozen=True, slots=True)
class Things:
    """What an account has; `request` names the request that has made all of it."""

    code_id: str
    slug: str
    export_id: str
    request: str


@dataclass(frozen=True, slots=True)
class Example:
    """A request that the owner of `Things` can make, and what it is about."""

    about: About
    of: Callable[[Things], Message]


def _new_code(things: Things) -> codes.CreateCodeRequest:
    return codes.CreateCodeRequest(destination="https://example.com/", request_id=things.request)


def _change(things: Things) -> codes.UpdateCodeRequest:
    return codes.UpdateCodeRequest(code_id=things.code_id, title="taken over")


_QUESTION = exports.ExportQuestion(from_ms=FROM_MS, to_ms=TO_MS)

_QR: Mapping[str, Example] = {
    "CreateCode": Example(About.NEW, _new_code),
    "GetCode": Example(About.THING, lambda things: codes.GetCodeRequest(code_id=things.code_id)),
    "ListCodes": Example(About.ACCOUNT, lambda _: codes.ListCodesRequest(filter=codes.CodeFilter(tag="secret"))),
    "UpdateCode": Example(About.THING, _change),
    "DeleteCode": Example(About.THING, lambda things: codes.DeleteCodeRequest(code_id=things.code_id)),
    "RenderCode": Example(About.THING, lambda things: codes.RenderCodeRequest(code_id=things.code_id, format=codes.IMAGE_FORMAT_PNG)),
    "GetDestinationHealth": Example(About.THING, lambda things: health.GetDestinationHealthRequest(code_id=things.code_id)),
    "ResolveSlug": Example(About.PLATFORM, lambda things: codes.ResolveSlugRequest(slug=things.slug)),
    "BatchGetCodes": Example(About.ACCOUNT, lambda things: codes.BatchGetCodesRequest(code_ids=[things.code_id])),
    "BatchCreateCodes": Example(About.NEW, lambda things: codes.BatchCreateCodesRequest(items=[_new_code(things)])),
    "BatchUpdateCodes": Example(About.ACCOUNT, lambda things: codes.BatchUpdateCodesRequest(items=[_change(things)])),
    "BatchDeleteCodes": Example(
        About.ACCOUNT, lambda things: codes.BatchDeleteCodesRequest(items=[codes.DeleteCodeRequest(code_id=things.code_id)])
    ),
    "GetFacets": Example(About.ACCOUNT, lambda _: codes.GetFacetsRequest()),
    "BlockCode": Example(About.PLATFORM, lambda things: codes.BlockCodeRequest(code_id=things.code_id, reason="phishing")),
    "UnblockCode": Example(About.PLATFORM, lambda things: codes.UnblockCodeRequest(slug=things.slug, reason="appeal")),
}

_ANALYTICS: Mapping[str, Example] = {
    "GetCodeAnalytics": Example(
        About.ACCOUNT, lambda things: counts.GetCodeAnalyticsRequest(code_id=things.code_id, from_ms=FROM_MS, to_ms=TO_MS)
    ),
    "BatchGetTotals": Example(About.ACCOUNT, lambda things: counts.BatchGetTotalsRequest(code_ids=[things.code_id])),
    "GetAccountUsage": Example(About.ACCOUNT, lambda _: counts.GetAccountUsageRequest(from_ms=FROM_MS, to_ms=TO_MS)),
    "Reconcile": Example(About.PLATFORM, lambda _: counts.ReconcileRequest()),
}

_EXPORTS: Mapping[str, Example] = {
    "CreateExport": Example(About.NEW, lambda things: exports.CreateExportRequest(question=_QUESTION, request_id=things.request)),
    "GetExport": Example(About.THING, lambda things: exports.GetExportRequest(export_id=things.export_id)),
    "ListExports": Example(About.ACCOUNT, lambda _: exports.ListExportsRequest()),
    "CancelExport": Example(About.THING, lambda things: exports.CancelExportRequest(export_id=things.export_id)),
    "ReadExport": Example(About.THING, lambda things: exports.ReadExportRequest(export_id=things.export_id)),
}

EXAMPLES: Mapping[str, Example] = {
    f"{service}/{method}": example
    for service, examples in (
        ("quietzone.qr.v1.CodeService", _QR),
        ("quietzone.analytics.v1.AnalyticsService", _ANALYTICS),
        ("quietzone.analytics.v1.ExportService", _EXPORTS),
    )
    for method, example in examples.items()
}
