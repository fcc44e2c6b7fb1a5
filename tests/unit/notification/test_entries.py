"""What may be put on a bus, counted and refused as EventBridge does it."""

import json

import pytest

from quietzone_notification.events.domain import (
    MAX_ENTRIES,
    MAX_ENTRY_BYTES,
    MAX_REQUEST_BYTES,
    Entry,
    Event,
    InvalidEntry,
    check_entry,
    check_request,
)


def entry(**fields: object) -> Entry:
    return Entry(**({"source": "shop", "detail_type": "Order", "detail": "{}"} | fields))  # type: ignore[arg-type]


def large(size: int, **fields: object) -> Entry:
    """An entry of so many bytes."""
    rest = entry(detail='{"a":""}', **fields).size
    return entry(detail=json.dumps({"a": "x" * (size - rest)}, separators=(",", ":")), **fields)


def test_an_entry_is_counted_as_eventbridge_counts() -> None:
    assert entry(source="é", detail_type="ab", detail="{}", resources=("abc", "d"), time_ms=5).size == 14 + 2 + 2 + 2 + 3 + 1


def test_names_of_bus_and_id_count_nothing() -> None:
    assert entry(bus="orders", id="7").size == entry().size


def test_an_entry_may_have_256_kb() -> None:
    check_entry(large(MAX_ENTRY_BYTES))

    with pytest.raises(InvalidEntry, match="262,145"):
        check_entry(large(MAX_ENTRY_BYTES + 1))


def test_a_request_has_ten_entries_and_a_megabyte_at_most() -> None:
    check_request([entry()] * MAX_ENTRIES)
    check_request([large(MAX_ENTRY_BYTES)] * 4)

    for entries in ([], [entry()] * (MAX_ENTRIES + 1), [large(MAX_REQUEST_BYTES // 5 + 1)] * 5):
        with pytest.raises(ValueError, match="entries"):
            check_request(entries)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"source": ""}, "InvalidArgument"),
        ({"source": "a" * 257}, "InvalidArgument"),
        ({"source": "a\nb"}, "InvalidArgument"),
        ({"detail_type": ""}, "InvalidArgument"),
        ({"detail_type": "a" * 129}, "InvalidArgument"),
        ({"resources": ("",)}, "InvalidArgument"),
        ({"resources": ("a",) * 101}, "InvalidArgument"),
        ({"time_ms": -1}, "InvalidArgument"),
        ({"time_ms": 253_402_300_800_000}, "InvalidArgument"),
        ({"id": ""}, "InvalidArgument"),
        ({"detail": ""}, "MalformedDetail"),
        ({"detail": "[]"}, "MalformedDetail"),
        ({"detail": "{'a': 1}"}, "MalformedDetail"),
        ({"detail": '{"a": NaN}'}, "MalformedDetail"),
        ({"detail": '{"a":' * 200 + "1" + "}" * 200}, "MalformedDetail"),
    ],
)
def test_an_entry_is_refused_with_eventbridges_code(wrong: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidEntry) as refused:
        check_entry(entry(**wrong))

    assert refused.value.code == code


def test_nobody_puts_events_in_the_name_of_the_house() -> None:
    with pytest.raises(InvalidEntry) as refused:
        check_entry(entry(source="quietzone.qr"))

    assert refused.value.code == "NotAuthorizedForSource"


def test_an_event_says_the_same_as_text_and_as_tree() -> None:
    event = Event("e1", "ours", "default", 'a "b"', "Order", 1_772_445_600_007, ("r",), '{"a": [1, {"b": null}]}')

    assert json.loads(event.text()) == event.tree()
