"""The error tree as `google.rpc.Status` (https://google.aip.dev/193) and back."""

from collections.abc import Mapping
from typing import TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from quietzone_kit.errors import ERRORS, DeadlineExceeded, FieldViolation, InvalidInput, QuietzoneError, Unavailable

DETAILS_KEY = "grpc-status-details-bin"
DOMAIN = "quietzone"

_BY_REASON: Mapping[str, type[QuietzoneError]] = {error.code: error for error in ERRORS}
_CODES: Mapping[str, grpc.StatusCode] = {code.name: code for code in grpc.StatusCode}


def status_code(error: QuietzoneError) -> grpc.StatusCode:
    """The gRPC status of an error of the tree."""
    return _CODES[error.code]


def to_details(error: QuietzoneError) -> bytes:
    """The serialised `google.rpc.Status` of an error: its code as ErrorInfo, and BadRequest when it names fields."""
    status = status_pb2.Status(code=status_code(error).value[0], message=str(error))
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=error.code, domain=DOMAIN))
    if error.violations:
        status.details.add().Pack(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(field=violation.field, description=violation.reason)
                    for violation in error.violations
                ]
            )
        )
    serialised: bytes = status.SerializeToString()
    return serialised


def told_by_peer(failure: grpc.aio.AioRpcError) -> QuietzoneError | None:
    """The error that the other side raised; None when it said nothing of its own (it is unreachable, overloaded or broken)."""
    for key, value in failure.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return _from_details(status_pb2.Status.FromString(value))
    return None


def from_transport(failure: grpc.aio.AioRpcError, peer: str) -> QuietzoneError | None:
    """What it means when gRPC itself ended the call; None for what only a bug explains."""
    match failure.code():
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.RESOURCE_EXHAUSTED | grpc.StatusCode.CANCELLED:
            return Unavailable(f"{peer} can't be reached or has too much to do; try again in a moment")
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlineExceeded(f"{peer} gave no answer in time; try again in a moment")
        case _:
            return None


def _from_details(status: status_pb2.Status) -> QuietzoneError | None:
    reason, violations = "", list[FieldViolation]()
    for detail in status.details:
        if info := _unpacked(detail, error_details_pb2.ErrorInfo()):
            reason = info.reason if info.domain == DOMAIN else ""
        elif bad := _unpacked(detail, error_details_pb2.BadRequest()):
            violations = [FieldViolation(one.field, one.description) for one in bad.field_violations]
    kind = _BY_REASON.get(reason)
    if kind is None:
        return None
    return InvalidInput(*violations) if issubclass(kind, InvalidInput) else kind(status.message, *violations)


D = TypeVar("D", bound=Message)


def _unpacked(detail: AnyMessage, into: D) -> D | None:
    return into if detail.Unpack(into) else None
