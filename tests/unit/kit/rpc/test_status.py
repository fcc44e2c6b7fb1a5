import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from quietzone.analytics.v1 import analytics_pb2
from quietzone.qr.v1 import code_service_pb2
from quietzone_kit.errors import ERRORS, DeadlineExceeded, FieldViolation, InvalidInput, QuietzoneError, Unavailable
from quietzone_kit.rpc import refuse_unknown_fields
from quietzone_kit.rpc._status import DETAILS_KEY, from_transport, status_code, to_details, told_by_peer

WITH_A_MESSAGE = [kind for kind in ERRORS if kind is not InvalidInput]


def over_the_wire(error: QuietzoneError) -> QuietzoneError | None:
    return told_by_peer(AioRpcError(status_code(error), Metadata(), Metadata((DETAILS_KEY, to_details(error))), str(error)))


@pytest.mark.parametrize("kind", WITH_A_MESSAGE)
def test_an_error_arrives_as_itself_with_its_message(kind: type[QuietzoneError]) -> None:
    arrived = over_the_wire(kind("das Ziel fehlt: größer"))

    assert (type(arrived), str(arrived)) == (kind, "das Ziel fehlt: größer")


def test_wrong_fields_arrive_one_by_one() -> None:
    violations = (FieldViolation("title", "too long"), FieldViolation("slug", "taken"))

    arrived = over_the_wire(InvalidInput(*violations))

    assert isinstance(arrived, InvalidInput)
    assert arrived.violations == violations


@pytest.mark.parametrize("kind", ERRORS)
def test_each_error_has_the_grpc_status_of_its_code(kind: type[QuietzoneError]) -> None:
    error = InvalidInput(FieldViolation("a", "b")) if kind is InvalidInput else kind("message")

    assert status_code(error).name == kind.code


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, Unavailable),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Unavailable),
        (grpc.StatusCode.CANCELLED, Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded),
        (grpc.StatusCode.INTERNAL, type(None)),
        (grpc.StatusCode.UNIMPLEMENTED, type(None)),
        (grpc.StatusCode.UNKNOWN, type(None)),
    ],
)
def test_what_grpc_says_by_itself_is_about_reaching_the_peer_or_a_bug(code: grpc.StatusCode, kind: type[object]) -> None:
    failure = AioRpcError(code, Metadata(), Metadata())

    assert told_by_peer(failure) is None
    assert isinstance(from_transport(failure, "qr"), kind)


def test_a_request_with_known_fields_is_accepted() -> None:
    refuse_unknown_fields(code_service_pb2.CreateCodeRequest(destination="https://example.com", title="", slug="abc"))


def test_an_unknown_field_is_refused_by_its_number() -> None:
    request = code_service_pb2.GetCodeRequest.FromString(code_service_pb2.UpdateCodeRequest(code_id="1", title="x").SerializeToString())

    with pytest.raises(InvalidInput) as caught:
        refuse_unknown_fields(request)

    assert [violation.field for violation in caught.value.violations] == ["#3"]


def test_an_unknown_field_deep_within_is_refused_with_its_path() -> None:
    longer = analytics_pb2.SourceCount(source_id="1", forwarded=3, reported_at_ms=7)
    shorter = analytics_pb2.Share.FromString(longer.SerializeToString())
    request = analytics_pb2.GetCodeAnalyticsResponse(breakdowns=[analytics_pb2.Breakdown(values=[analytics_pb2.Share(), shorter])])

    with pytest.raises(InvalidInput) as caught:
        refuse_unknown_fields(request)

    assert [violation.field for violation in caught.value.violations] == ["breakdowns[0].values[1].#3", "breakdowns[0].values[1].#9"]
