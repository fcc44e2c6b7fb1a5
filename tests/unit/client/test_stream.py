"""Streams that go on where they broke off."""

import json
from typing import Any

import httpx
import pytest
from unit.client.scripted import CODE, CODE_ID, Parts, Server, problem

from quietzone_client import Disconnected, Event, Kind, NoAnswer, Notice, PermissionDenied, Reconnects, Reset, Summary, UnexpectedAnswer

CUT = httpx.ReadError("reset")
READY = b"retry: 2000\nid: c0\nevent: ready\ndata: {}\n\n"
SCAN = {"kind": "scanned", "id": "s:1", "code_id": CODE_ID, "at": "2026-11-21T09:30:00.125Z", "country": "DE", "device": "phone"}


def event(item: dict[str, Any], cursor: str, name: str | None = None) -> bytes:
    return f"id: {cursor}\nevent: {name or item['kind']}\ndata: {json.dumps(item)}\n\n".encode()


def answer(*parts: bytes | Exception) -> httpx.Response:
    return httpx.Response(200, stream=Parts(*parts), headers={"content-type": "text/event-stream"})


def test_what_happens_is_told() -> None:
    created = {"kind": "codeCreated", "id": "e1", "code_id": CODE_ID, "at": "2026-11-21T09:30:00.125Z", "code": dict(CODE)}
    updated = created | {"kind": "codeUpdated", "changed": ["title"]}
    server = Server.of(answer(READY, event(created, "c1") + event(updated, "c2"), event(SCAN, "c3")))

    events = server.client().stream()
    first, second, third = (next(events) for _ in range(3))

    assert isinstance(first, Event)
    assert first.code is not None
    assert (first.kind, first.code.slug, first.cursor) == (Kind.CODE_CREATED, "menu-4", "c1")
    assert isinstance(second, Event)
    assert second.changed == ("title",)
    assert isinstance(third, Event)
    assert (third.kind, third.fields["country"], third.code) == ("scanned", "DE", None)


def test_what_is_asked_for_is_passed_on() -> None:
    server = Server.of(answer(READY, event(SCAN, "c1")))

    next(server.client().stream([Kind.CODE_UPDATED, "codeDeleted"], code_ids=["a", "b"], tag="menu", folder="", cursor="c9"))

    assert server.paths == ["/v1/stream?kinds=codeUpdated%2CcodeDeleted&code_id=a%2Cb&tag=menu&folder="]
    assert (server.asked[0].headers["last-event-id"], server.asked[0].headers["accept"]) == ("c9", "text/event-stream")


def test_a_stream_that_breaks_off_goes_on_where_it_was() -> None:
    server = Server.of(answer(READY, event(SCAN, "c1"), b": ping\nid: c2\n\n", CUT), answer(READY, event(SCAN | {"id": "s:2"}, "c3")))

    events = server.client().stream()

    assert [next(events).cursor, next(events).cursor] == ["c1", "c3"]  # type: ignore[union-attr]
    assert [request.headers.get("last-event-id") for request in server.asked] == [None, "c2"]
    assert server.slept == [1.0]


def test_waits_double_and_end_after_five() -> None:
    server = Server.of(answer(READY, CUT), answer(CUT))

    with pytest.raises(NoAnswer):
        next(server.client().stream())
    assert server.slept == [1, 2, 4, 8, 16]


def test_who_was_let_in_again_begins_to_count_anew() -> None:
    server = Server.of(*[answer(READY, CUT)] * 9, answer(READY, event(SCAN, "c1")))

    next(server.client().stream())

    assert server.slept == [1.0] * 9


def test_the_server_says_when_to_come_back() -> None:
    server = Server.of(
        answer(READY, b'retry: 3500\nevent: reconnect\ndata: {"reason": "release", "after_ms": 3500}\n\n'), answer(READY, event(SCAN, "c1"))
    )

    next(server.client().stream(reconnects=Reconnects(times=0)))

    assert server.slept == [3.5]


def test_a_crowd_is_waited_for_as_long_as_the_server_asks() -> None:
    server = Server.of(problem(429, "resource-exhausted", retry_after="20"), answer(READY, event(SCAN, "c1")))

    next(server.client().stream())

    assert server.slept == [20]


def test_who_is_sent_away_for_good_does_not_come_back() -> None:
    server = Server.of(answer(READY, b'event: bye\ndata: {"reason": "revoked"}\n\n'))

    with pytest.raises(Disconnected) as raised:
        next(server.client().stream())
    assert (raised.value.reason, len(server.asked)) == ("revoked", 1)


def test_who_may_not_watch_is_told_so() -> None:
    server = Server.of(problem(403, "permission-denied"))

    with pytest.raises(PermissionDenied):
        next(server.client().stream())
    assert len(server.asked) == 1


def test_a_slow_reader_gets_a_summary_and_who_missed_too_much_a_reset() -> None:
    counted = {"code_id": CODE_ID, "count": 40, "from": "2026-11-21T09:30:00.125Z", "to": "2026-11-21T09:31:00.125Z"}
    removed = {"kind": "removed", "id": "e2", "code_id": CODE_ID, "at": "2026-11-21T09:30:00.125Z"}
    summary = {"kind": "summary", "scans": [counted], "changes": [removed]}
    server = Server.of(
        answer(
            READY,
            event(summary, "c1"),
            event({"kind": "reset", "reason": "old"}, "c2"),
            b'event: notice\ndata: {"text": "maintenance at noon"}\n\n',
        )
    )

    events = server.client().stream()
    first, second, third = (next(events) for _ in range(3))

    assert isinstance(first, Summary)
    assert (first.scans[0].count, first.changes[0].kind, first.cursor) == (40, Kind.REMOVED, "c1")
    assert second == Reset("old", "c2", "")
    assert third == Notice("maintenance at noon")


def test_a_kind_of_a_newer_server_is_told_as_it_is() -> None:
    server = Server.of(answer(READY, event({"kind": "moved", "to": "there"}, "c1")))

    told = next(server.client().stream())

    assert isinstance(told, Event)
    assert (told.kind, told.fields["to"], told.at) == ("moved", "there", None)


@pytest.mark.parametrize("said", [b"{", b"[]", b"{}", b'{"kind": "codeCreated", "code": {}}', b'{"kind": "summary"}'])
def test_events_that_are_none_are_said_so(said: bytes) -> None:
    server = Server.of(answer(READY, b"event: scanned\ndata: " + said + b"\n\n"))

    with pytest.raises(UnexpectedAnswer):
        next(server.client().stream())


async def test_a_loop_goes_on_too() -> None:
    server = Server.of(answer(READY, event(SCAN, "c1"), CUT), answer(READY, event(SCAN, "c2")))
    found: list[Any] = []

    async with server.on_loop() as client:
        events = client.stream()
        async for told in events:
            found.append(told)
            if len(found) == 2:
                break
        await events.aclose()

    assert [told.cursor for told in found] == ["c1", "c2"]
