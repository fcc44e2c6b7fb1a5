from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_kit.bus import Headers, Record
from quietzone_kit.events import Event, NotAnEvent, event_of, event_type

EVENT = Event(
    id="e1", source="/qr", type="quietzone.qr.code", subject="c1", time_ms=1_772_445_600_001, data=b"\x08\x01", traceparent="00-aa-bb-01"
)


def record(event: Event) -> Record:
    message = event.to_message("qr.code.v1", partition=3)
    return Record(message.topic, 3, 0, 0, message.key, message.value, message.headers)


def with_header(name: str, value: bytes | None) -> Record:
    """The event's record with one header changed, or without it."""
    headers: Headers = tuple((each, old) for each, old in record(EVENT).headers if each != name)
    return replace(record(EVENT), headers=headers if value is None else (*headers, (name, value)))


@given(time_ms=st.integers(0, 4_102_444_800_000), traceparent=st.none() | st.text(), subject=st.text())
def test_an_event_survives_its_record(time_ms: int, traceparent: str | None, subject: str) -> None:
    event = replace(EVENT, time_ms=time_ms, traceparent=traceparent, subject=subject)

    assert event_of(record(event)) == event


def test_an_event_says_what_cloudevents_demands() -> None:
    assert dict(record(EVENT).headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"e1",
        "ce_source": b"/qr",
        "ce_type": b"quietzone.qr.code",
        "ce_subject": b"c1",
        "ce_time": b"2026-03-02T10:00:00.001Z",
        "content-type": b"application/protobuf",
        "traceparent": b"00-aa-bb-01",
    }


def test_the_subject_is_the_key() -> None:
    assert EVENT.to_message("qr.code.v1").key == "c1"


def test_a_types_header_alone_can_be_read() -> None:
    assert event_type(record(EVENT).headers) == "quietzone.qr.code"


def test_a_record_without_a_type_is_no_event() -> None:
    with pytest.raises(NotAnEvent, match="ce_type"):
        event_type(with_header("ce_type", None).headers)


@pytest.mark.parametrize("name", ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"])
def test_a_record_that_lacks_a_header_is_no_event(name: str) -> None:
    with pytest.raises(NotAnEvent, match=name):
        event_of(with_header(name, None))


@pytest.mark.parametrize("time", ["yesterday", "2026-03-02T10:00:00"])
def test_a_time_that_names_no_moment_is_refused(time: str) -> None:
    with pytest.raises(NotAnEvent, match="RFC 3339"):
        event_of(with_header("ce_time", time.encode()))


def test_a_time_of_another_zone_is_understood() -> None:
    assert event_of(with_header("ce_time", b"2026-03-02T11:00:00.001+01:00")).time_ms == EVENT.time_ms


def test_an_event_of_another_version_is_refused() -> None:
    with pytest.raises(NotAnEvent, match="CloudEvents 2"):
        event_of(with_header("ce_specversion", b"2.0"))
