"""Later contracts read what earlier ones wrote, and the other way round."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import baseline
import pytest

from quietzone.qr.v1.code_pb2 import Code, CodeEvent

PROTO = baseline.PROTO
CODE = "quietzone/qr/v1/code.proto"
SERVICE = "quietzone/qr/v1/code_service.proto"

BREAKING = {
    "a field is removed": (CODE, "  int64 updated_at_ms = 10;\n", ""),
    "a field is removed and its number and name are reserved": (
        CODE,
        "  int64 updated_at_ms = 10;",
        '  reserved 10;\n  reserved "updated_at_ms";',
    ),
    "a field gets another number": (CODE, "int64 updated_at_ms = 10;", "int64 updated_at_ms = 99;"),
    "a field gets another type": (CODE, "string title = 6;", "bytes title = 6;"),
    "a field gets another name": (CODE, "string title = 6;", "string caption = 6;"),
    "a field is repeated now": (CODE, "string title = 6;", "repeated string title = 6;"),
    "an enum's value is removed": (CODE, "  CODE_STATE_PAUSED = 2;\n", ""),
    "an enum's value gets another number": (CODE, "CODE_STATE_DELETED = 3;", "CODE_STATE_DELETED = 99;"),
    "a message is removed": (SERVICE, "message DeleteCodeResponse {}", "message DeleteCodeAnswer {}"),
    "an RPC answers with another message": (
        SERVICE,
        "(GetCodeRequest) returns (GetCodeResponse)",
        "(GetCodeRequest) returns (CreateCodeResponse)",
    ),
    "a topic has another number of partitions": ("topics/tracking.scan.v1.yaml", "partitions: 16", "partitions: 32"),
    "an event type holds another message": (
        "topics/qr.code.v1.yaml",
        "message: quietzone.qr.v1.CodeEvent",
        "message: quietzone.qr.v1.Code",
    ),
}

COMPATIBLE = {
    "a field is added": (CODE, "  int64 updated_at_ms = 10;", "  int64 updated_at_ms = 10;\n  string campaign_id = 99;"),
    "an enum's value is added": (CODE, "  CODE_STATE_DELETED = 3;", "  CODE_STATE_DELETED = 3;\n  CODE_STATE_EXPIRED = 99;"),
    "a message is added": (CODE, "// ChangeKind says", "message Campaign {}\n\n// ChangeKind says"),
}


def test_the_contracts_are_compatible_with_the_baseline() -> None:
    baseline.check(PROTO, PROTO / "topics")


def test_the_baseline_has_all_of_the_contracts() -> None:
    now = baseline.descriptors(PROTO), baseline.declarations(PROTO / "topics")

    assert now == (baseline.BASELINE.read_text(), baseline.TOPICS_BASELINE.read_text()), "take the additions in: python proto/baseline.py"


@pytest.mark.parametrize("change", BREAKING)
def test_a_breaking_change_is_refused_when(change: str, changed_protos: Callable[..., Path]) -> None:
    file, old, new = BREAKING[change]
    protos = changed_protos(file, old=old, new=new)

    with pytest.raises(baseline.Breaks):
        baseline.check(protos, protos / "topics")


@pytest.mark.parametrize("change", COMPATIBLE)
def test_a_change_is_allowed_when(change: str, changed_protos: Callable[..., Path]) -> None:
    file, old, new = COMPATIBLE[change]
    protos = changed_protos(file, old=old, new=new)

    baseline.check(protos, protos / "topics")


def test_every_message_field_value_and_rpc_has_a_comment() -> None:
    assert lint(PROTO) == ""


def test_a_field_without_a_comment_is_noticed(changed_protos: Callable[..., Path]) -> None:
    protos = changed_protos(CODE, old="  // For people, 0 to 200 characters.\n", new="")

    assert 'Field "title" should have a non-empty comment' in lint(protos)


def test_fields_that_a_reader_does_not_know_survive_it() -> None:
    from_the_future = Code(id="c1").SerializeToString() + b"\xfa\x01\x03new"  # field 31

    event = CodeEvent.FromString(CodeEvent(after=Code.FromString(from_the_future)).SerializeToString())

    assert event.after.SerializeToString() == from_the_future


def lint(protos: Path) -> str:
    return subprocess.run([baseline.BUF, "lint", str(protos)], check=False, capture_output=True, text=True, timeout=60).stdout
