"""The outbox in a body."""

import pytest

from quietzone.qr.v1.code_pb2 import Code, CodeEvent
from quietzone_kit.bus import MAX_VALUE_BYTES
from quietzone_kit.documents import Body
from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event
from quietzone_kit.outbox import MAX_WAITING, Outgoing, keeping_outbox, shard_of, waiting, with_event
from quietzone_kit.outbox._fields import without_events


def outgoing(number: int, *, data: bytes = b"x", traceparent: str | None = None) -> Outgoing:
    return Outgoing("qr.code.v1", Event(f"event-{number}", "/qr", "quietzone.qr.code", "menu", 1_000 + number, data, traceparent))


def body_with(*numbers: int) -> Body:
    body: Body = {"code_id": "menu", "revision": 1}
    for number in numbers:
        body = with_event(body, "menu", outgoing(number))
    return body


def test_events_come_out_as_they_went_in_and_in_order() -> None:
    first, second = outgoing(1), outgoing(2, traceparent="00-1234-56-01")

    body = with_event(with_event({"code_id": "menu"}, "menu", first), "menu", second)

    assert waiting(body) == [first, second]


def test_the_index_has_the_time_of_the_oldest_and_the_shard_of_the_key() -> None:
    body = body_with(1, 2)

    assert (body["outbox_at"], body["outbox_shard"]) == (1_001, shard_of("menu"))


def test_the_other_fields_stay_as_they_are() -> None:
    body = body_with(1)

    assert {name: body[name] for name in ("code_id", "revision")} == {"code_id": "menu", "revision": 1}


def test_a_body_is_not_changed_in_place() -> None:
    before = body_with(1)

    with_event(before, "menu", outgoing(2))

    assert len(waiting(before)) == 1


def test_an_event_beyond_the_most_is_refused() -> None:
    body = body_with(*range(MAX_WAITING))

    with pytest.raises(Unavailable, match="100 events of menu wait for the bus already"):
        with_event(body, "menu", outgoing(100))


def test_an_event_that_no_bus_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="make it smaller"):
        with_event({}, "menu", outgoing(1, data=bytes(MAX_VALUE_BYTES + 1)))


def test_a_write_keeps_the_outbox_of_what_it_replaces() -> None:
    before = body_with(1, 2)

    after = keeping_outbox(before, {"code_id": "menu", "revision": 2, "outbox": [], "outbox_at": 7})

    assert waiting(after) == waiting(before)
    assert (after["revision"], after["outbox_at"]) == (2, 1_001)


def test_a_write_does_not_bring_back_an_outbox_that_was_emptied() -> None:
    after = keeping_outbox({"code_id": "menu"}, body_with(1))

    assert waiting(after) == []
    assert not {"outbox", "outbox_at", "outbox_shard"} & set(after)


def test_published_events_go_and_the_next_one_is_the_oldest() -> None:
    body = without_events(body_with(1, 2, 3), "menu", {"event-1", "event-2"})

    assert waiting(body) == [outgoing(3)]
    assert body["outbox_at"] == 1_003


def test_an_event_waits_with_all_its_bytes() -> None:
    newer = outgoing(1, data=CodeEvent(before=Code(id="menu")).SerializeToString() + b"\xa0\x3f\x07")  # a field that nobody knows yet

    assert waiting(with_event({"code_id": "menu"}, "menu", newer)) == [newer]


def test_without_the_last_event_the_document_leaves_the_index() -> None:
    assert without_events(body_with(1), "menu", {"event-1"}) == {"code_id": "menu", "revision": 1}


def test_what_a_newer_release_says_of_an_event_survives() -> None:
    body = body_with(1, 2)
    entries = body["outbox"]
    assert isinstance(entries, list)
    assert isinstance(entries[1], dict)
    entries[1]["of_a_newer_release"] = 7

    after = without_events(body, "menu", {"event-1"})

    assert after["outbox"] == [entries[1]]


@pytest.mark.parametrize(("key", "shard"), [("123456789", 0xCBF43926 % 16), ("", 0), ("menu", 3)])  # the check value of CRC-32
def test_shards_stay_the_same_in_every_release(key: str, shard: int) -> None:
    assert shard_of(key) == shard
