import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from ipaddress import IPv4Address, IPv6Address

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from unit.kit.telemetry.log_lines import problems

from quietzone_kit.telemetry import OftenSaid, configure_logs, configure_traces, logger, mask, release, span
from quietzone_kit.telemetry._logs import MAX_ALIKE, QUIET_S, Format, Level, LibraryRepetitions, Repetitions, _now, mask_fields


@contextmanager
def one_line() -> Iterator[dict[str, object]]:
    """What the block's one log line holds, filled in at its end."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    number, always = _now.number, _now.always
    said: dict[str, object] = {}
    stderr = io.StringIO()
    with redirect_stderr(stderr):
        configure_logs("qr", "serve", style="json")
        try:
            yield said
        finally:
            structlog.configure(**before)
            _now.number, _now.always = number, always
            root.handlers[:], root.level = handlers, level
    (line,) = stderr.getvalue().splitlines()
    said.update(json.loads(line))


def test_a_log_line_says_when_how_bad_what_and_who() -> None:
    with one_line() as said:
        logger("codes").info("code created", code_id="c1")

    assert {name: said[name] for name in ("level", "message", "part", "role", "release", "module", "code_id")} == {
        "level": "info",
        "message": "code created",
        "part": "qr",
        "role": "serve",
        "release": release(),
        "module": "codes",
        "code_id": "c1",
    }
    assert str(said["timestamp"]).endswith("Z")


REQUEST = {"method": "GET", "status": 200, "ms": 0.1, "request_id": "tried 198.51.100.7 with qz_0123456789"}


def test_a_line_that_is_often_said_is_the_one_that_a_logger_says() -> None:
    line = OftenSaid("api", "request", method="GET", status=200)
    lines = list[dict[str, object]]()
    for say in (
        lambda: line.say(ms=0.1, request_id=REQUEST["request_id"]),  # type: ignore[arg-type]
        lambda: logger("api").info("request", **REQUEST),
    ):
        with one_line() as said:
            say()
        assert str(said.pop("timestamp")).endswith("Z")
        lines.append(said)

    assert lines[0] == lines[1]
    assert lines[0]["request_id"] == "tried 198.51.100.0/24 with ***"


@pytest.mark.parametrize(("level", "style", "said"), [("warning", "json", ""), ("warning", "text", ""), ("info", "text", "request")])
def test_a_line_that_is_often_said_heeds_level_and_form(level: Level, style: Format, said: str) -> None:
    stderr = io.StringIO()
    with suppress(ValueError), one_line(), redirect_stderr(stderr):
        configure_logs("gateway", "serve", level=level, style=style)
        OftenSaid("api", "request", method="GET").say(ms=0.1)

    assert (said in stderr.getvalue(), stderr.getvalue().startswith("{"), bool(stderr.getvalue())) == (True, False, bool(said))


def test_a_log_line_within_a_span_has_its_trace() -> None:
    configure_traces("qr")

    with one_line() as said, span("work", parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        logger("codes").info("working")

    assert said["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_an_exception_becomes_fields() -> None:
    with one_line() as said:
        try:
            {}["no such thing"]
        except KeyError:
            logger("codes").exception("failed")

    assert (said["error_name"], said["error_message"]) == ("KeyError", "'no such thing'")
    assert "test_logs.py" in str(said["error_stack"])


def test_a_librarys_warning_has_the_same_form() -> None:
    with one_line() as said:
        logging.getLogger("grpc").warning("connection to %s lost", "peer")

    assert (said["message"], said["level"], said["logger"], said["part"]) == ("connection to peer lost", "warning", "grpc", "qr")


def test_a_library_that_says_the_same_again_and_again_is_heard_once() -> None:
    with one_line() as said:
        for _ in range(100):
            logging.getLogger("aiokafka").error("Unable to update metadata from %s", [1])

    assert said["message"] == "Unable to update metadata from [1]"


def test_what_a_library_goes_on_saying_is_heard_again_with_how_often() -> None:
    now, heard = 0.0, []
    repetitions = LibraryRepetitions(lambda: now)
    for now in (0.0, 10.0, 20.0, QUIET_S):  # noqa: B007 - the clock reads it
        record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, "no broker at %s", ("port 1",), None)
        if repetitions.filter(record):
            heard.append(record.getMessage())

    assert heard == ["no broker at port 1", "no broker at port 1 (and 2 times more since the last such line)"]


def told(*events: dict[str, object], every_s: float = 1.0, method: str = "warning") -> list[dict[str, object]]:
    """Those of these lines that are let through, each so long after the one before."""
    now, heard = 0.0, []
    repetitions = Repetitions(lambda: now)
    for event in events:
        with suppress(structlog.DropEvent):
            heard.append(repetitions(None, method, {"module": "forwarder", "event": "the bus refused", **event}))
        now += every_s
    return heard


def test_what_we_say_again_and_again_is_said_once() -> None:
    with one_line() as said:
        for attempt in range(100):
            logger("forwarder").warning("the bus refused", attempt=attempt, reason="no broker")

    assert (said["message"], said["attempt"]) == ("the bus refused", 0)


def test_what_we_go_on_saying_is_said_again_with_how_often() -> None:
    heard = told(*({"attempt": attempt, "reason": "no broker"} for attempt in range(32)))

    assert [(line["attempt"], line.get("repeated")) for line in heard] == [(0, None), (30, 29)]


def test_numbers_in_a_reason_make_no_other_reason() -> None:
    assert len(told({"reason": "no answer from port 9092 in 3 s"}, {"reason": "no answer from port 9093 in 4 s"})) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"reason": "no such topic"},
        {"event": "the bus is slow"},
        {"module": "relay"},
        {"source_id": "b"},
        {"exc_info": ValueError("no broker")},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_trouble_is_said_too(other: dict[str, object]) -> None:
    one: dict[str, object] = {"reason": "no broker", "source_id": "a"}

    assert len(told(one, one | other)) == 2


def test_other_exceptions_of_one_kind_are_said_too() -> None:
    assert len(told({"exc_info": KeyError("a")}, {"exc_info": KeyError("b")}, {"exc_info": KeyError("a")}, method="error")) == 2


def test_a_trouble_of_many_things_is_said_of_some() -> None:
    assert len(told(*({"source_id": f"s{number}"} for number in range(100)), every_s=0.1)) == MAX_ALIKE


def test_what_is_only_told_is_never_kept_back() -> None:
    assert len(told({}, {}, {}, method="info")) == 3


@pytest.mark.parametrize("name", ["api_key", "key", "password", "authorization", "caller_token", "cookies", "secret"])
def test_a_field_named_like_a_secret_is_hidden(name: str) -> None:
    assert mask_fields(None, "info", {name: "anything"}) == {name: "***"}


def test_an_api_key_in_a_text_is_hidden() -> None:
    assert mask("called with qz_0123456789abcdefghij twice") == "called with *** twice"


def test_a_webhook_s_secret_in_a_text_is_hidden() -> None:
    assert mask("signed with whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD/= once") == "signed with *** once"


def test_a_password_in_a_url_is_hidden() -> None:
    assert mask("no route to kafka://user:pass@host:9092") == "no route to kafka://***@host:9092"


@given(st.ip_addresses(v=4).filter(lambda address: not address.is_loopback and not address.is_unspecified))
def test_no_ipv4_address_is_shown_whole(address: IPv4Address) -> None:
    said = mask(f"scan from {address}, answered")

    assert said == f"scan from {str(address).rpartition('.')[0]}.0/24, answered"


@given(st.ip_addresses(v=6).filter(lambda address: not address.is_loopback and not address.is_unspecified))
def test_no_ipv6_address_is_shown_whole(address: IPv6Address) -> None:
    said = mask(f"scan from [{address}]:443")

    assert said.endswith("/48]:443")
    assert int(address) & ((1 << 80) - 1) == 0 or str(address) not in said


@pytest.mark.parametrize("text", ["listening on 127.0.0.1:8000", "0.0.0.0", "at 09:30:15", "release 1.2.3"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert mask(text) == text


# The contract of a line


def test_our_own_lines_keep_the_contract() -> None:
    with one_line() as said, span("work"):
        logger("quietzone_qr.codes").warning("a change waits", code_id="c1", partition=3, reason="the bus is away")

    assert problems(json.dumps(said)) == []


def test_lines_with_an_error_keep_the_contract() -> None:
    with one_line() as said:
        logger("quietzone_qr.codes").error("call failed", exc_info=OSError("reset"))

    assert problems(json.dumps(said)) == []
    assert said["error_name"] == "OSError"


def test_lines_of_libraries_keep_the_contract() -> None:
    with one_line() as said:
        logging.getLogger("aiokafka.conn").warning("broker %s is away", "kafka-1")

    assert problems(json.dumps(said)) == []
    assert said["logger"] == "aiokafka.conn"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"level": "loud"}, "level: 'loud'"),
        ({"partition": "3"}, "partition: '3'"),
        ({"trace_id": "0" * 32}, "trace_id without span_id"),
        ({"timestamp": "yesterday"}, "timestamp: 'yesterday'"),
        ({"part": None}, "part is missing"),
    ],
)
def test_the_contract_finds_what_breaks_it(change: dict[str, object], said: str) -> None:
    line = {
        "timestamp": "2026-03-02T12:00:00.5Z",
        "level": "info",
        "message": "ready",
        "part": "qr",
        "role": "serve",
        "release": "1",
        **change,
    }

    found = problems(json.dumps({name: value for name, value in line.items() if value is not None}))

    assert [problem.partition(" in ")[0] for problem in found] == [said]
