"""Tails of buses: events as they came, what was missed, and a new beginning where they broke off."""

import json
from datetime import UTC, datetime

import httpx
import pytest
from unit.client.scripted import Parts, Server, problem

from quietzone_client import BusEvent, Disconnected, InvalidInput, Missed, NoAnswer, Notice, Reconnects, TailBegun, UnexpectedAnswer

CUT = httpx.ReadError("reset")
READY = b"retry: 2000\nevent: ready\ndata: {}\n\n"
EVENT = {
    "version": "0",
    "id": "o-17",
    "detail-type": "Order Paid",
    "source": "shop.till",
    "account": "main",
    "time": "2026-11-21T12:00:00.000Z",
    "resources": ["order:17"],
    "detail": {"total": 18.5},
}


def said(name: str, text: str) -> bytes:
    return f"event: {name}\ndata: {text}\n\n".encode()


def answer(*parts: bytes | Exception) -> httpx.Response:
    return httpx.Response(200, stream=Parts(*parts), headers={"content-type": "text/event-stream"})


def test_an_event_is_told_with_its_text() -> None:
    server = Server.of(answer(READY, said("event", json.dumps(EVENT))))

    told = server.client().tail()

    assert next(told) == TailBegun()
    assert next(told) == BusEvent(
        "o-17", "shop.till", "Order Paid", datetime(2026, 11, 21, 12, tzinfo=UTC), ("order:17",), {"total": 18.5}, json.dumps(EVENT)
    )


@pytest.mark.parametrize("pattern", [{"source": ["shop"]}, '{"source":["shop"]}'])
def test_bus_and_pattern_are_asked_for(pattern: dict[str, object] | str) -> None:
    server = Server.of(answer(READY))

    next(server.client().tail("orders", pattern))

    assert dict(server.asked[0].url.params) == {"bus": "orders", "pattern": '{"source":["shop"]}'}


@pytest.mark.parametrize("count", [12, None])
def test_what_was_missed_is_told(count: int | None) -> None:
    server = Server.of(answer(READY, said("missed", json.dumps({"count": count}))))
    told = server.client().tail()
    next(told)

    assert next(told) == Missed(count)


def test_the_operators_words_are_told_and_what_nobody_knows_is_not() -> None:
    server = Server.of(answer(READY, said("weather", "{}"), said("notice", '{"text": "maintenance at noon"}')))
    told = server.client().tail()
    next(told)

    assert next(told) == Notice("maintenance at noon")


def test_a_tail_that_breaks_off_begins_anew_and_says_so() -> None:
    server = Server.of(answer(READY, CUT), answer(READY))
    told = server.client().tail()

    assert [next(told), next(told)] == [TailBegun(), TailBegun()]
    assert server.slept == [1.0]


def test_the_server_says_when_to_come_back() -> None:
    server = Server.of(answer(READY, said("reconnect", '{"reason": "away", "after_ms": 1500}')), answer(READY))
    told = server.client().tail(reconnects=Reconnects(times=0))

    assert [next(told), next(told)] == [TailBegun(), TailBegun()]
    assert server.slept == [1.5]


def test_who_tries_in_vain_gives_up() -> None:
    server = Server.of(answer(CUT))

    with pytest.raises(NoAnswer):
        next(server.client().tail(reconnects=Reconnects(times=2)))
    assert server.slept == [1, 2]


def test_who_is_sent_away_for_good_does_not_come_back() -> None:
    server = Server.of(answer(READY, said("bye", '{"reason": "revoked"}')))
    told = server.client().tail()
    next(told)

    with pytest.raises(Disconnected):
        next(told)
    assert len(server.asked) == 1


def test_a_pattern_that_is_refused_is_not_asked_for_again() -> None:
    server = Server.of(problem(400, "invalid-argument"))

    with pytest.raises(InvalidInput):
        next(server.client().tail(pattern="{"))
    assert len(server.asked) == 1


@pytest.mark.parametrize("text", ["[]", "{", '{"id": "x"}'])
def test_what_is_no_event_is_no_answer_of_the_api(text: str) -> None:
    server = Server.of(answer(READY, said("event", text)))
    told = server.client().tail()
    next(told)

    with pytest.raises(UnexpectedAnswer):
        next(told)
