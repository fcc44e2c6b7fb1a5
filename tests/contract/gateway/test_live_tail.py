"""`/v1/events/tail`: what comes to a bus, for who looks on."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from contract.gateway.live_served import SCOPES, Served, Stream, serving
from unit.gateway.live_world import until

from quietzone_gateway.live.domain import Watcher
from quietzone_gateway.rest.tail import TAIL
from quietzone_gateway.rpc.notification import MissedEvents
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound, PermissionDenied, QuietzoneError, ResourceExhausted, Unavailable
from quietzone_kit.rpc import Caller

EVENT = '{"version": "0", "id": "o-17", "detail": {"total": 18.5}}'


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served


def tailing(served: Served, query: str = "", token: str | None = "secret", method: str = "GET") -> AbstractAsyncContextManager[Stream]:  # noqa: S107
    return served.stream(query, token, method, path=TAIL)


async def test_it_tells_events_as_they_are(served: Served) -> None:
    async with tailing(served) as stream:
        assert await stream.event() == ("ready", {})
        await served.tails.told.put(EVENT)

        assert await stream.block() == f"event: event\ndata: {EVENT}\n\n"


async def test_line_ends_within_an_event_end_no_line_of_the_stream(served: Served) -> None:
    async with tailing(served) as stream:
        await stream.event()
        await served.tails.told.put('{"a":\r\n 1}')

        assert await stream.event() == ("event", {"a": 1})


@pytest.mark.parametrize("count", [12, None])
async def test_it_tells_how_much_was_missed(served: Served, count: int | None) -> None:
    async with tailing(served) as stream:
        await stream.event()
        await served.tails.told.put(MissedEvents(count))

        assert await stream.event() == ("missed", {"count": count})


async def test_the_service_is_asked_for_the_caller_with_bus_and_pattern(served: Served) -> None:
    async with tailing(served, "?bus=orders&pattern=%7B%22source%22%3A%5B%22shop%22%5D%7D") as stream:
        await stream.event()

    assert served.tails.asked == [(Caller("first", SCOPES, "key:1"), "orders", '{"source":["shop"]}')]


async def test_nothing_on_the_way_may_keep_or_compress_it(served: Served) -> None:
    async with tailing(served) as stream:
        told = {name: stream.headers[name] for name in ("content-type", "cache-control", "x-accel-buffering")}

    assert told == {"content-type": "text/event-stream", "cache-control": "no-store, no-transform", "x-accel-buffering": "no"}


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (InvalidInput(FieldViolation("pattern", "detail.n: no such operator")), 400),
        (PermissionDenied("this needs the scope 'codes:write'"), 403),
        (NotFound("no bus"), 404),
        (ResourceExhausted("this account has 5 tails"), 429),
        (Unavailable("no notification"), 503),
    ],
)
async def test_what_the_service_refuses_is_a_problem(served: Served, refusal: QuietzoneError, status: int) -> None:
    served.tails.refusal = refusal
    async with tailing(served) as stream:
        problem = await stream.problem()

    assert (stream.status, problem["status"], problem["instance"]) == (status, status, TAIL)


@pytest.mark.parametrize(("query", "field"), [("?buss=a", "buss"), ("?bus=a&bus=b", "bus"), ("?cursor=x", "cursor")])
async def test_what_is_wrong_in_the_address_is_named(served: Served, query: str, field: str) -> None:
    async with tailing(served, query) as stream:
        problem = await stream.problem()

    assert (stream.status, [error["field"] for error in problem["errors"]]) == (400, [field])


async def test_nobody_unknown_gets_a_tail(served: Served) -> None:
    async with tailing(served, token=None) as stream:
        assert (stream.status, served.tails.asked) == (401, [])


async def test_another_method_than_get_is_none(served: Served) -> None:
    async with tailing(served, method="POST") as stream:
        assert (stream.status, stream.headers["allow"]) == (405, "get, head")


async def test_a_head_request_leaves_nothing_open(served: Served) -> None:
    async with tailing(served, method="HEAD") as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        await served.until_gone()
        await until(lambda: served.tails.open == 0)


async def test_a_tail_that_its_client_leaves_ends_at_the_service(served: Served) -> None:
    async with tailing(served) as stream:
        await stream.event()
        assert (len(served.live), served.tails.open) == (1, 1)

    await served.until_gone()
    await until(lambda: served.tails.open == 0)


async def test_a_service_that_ends_it_sends_clients_to_another_behind_what_it_told(served: Served) -> None:
    async with tailing(served) as stream:
        await stream.event()
        for told in (EVENT, None):
            await served.tails.told.put(told)

        names = [(await stream.event())[0] for _ in range(2)]

        assert (names, await stream.block()) == (["event", "reconnect"], "")


async def test_an_expired_token_ends_its_tail(served: Served) -> None:
    served.known.watchers["session"] = Watcher("first", "user:1", SCOPES, "s-1", served.clock.now_ms() + 60_000)
    async with tailing(served, token="session") as stream:  # noqa: S106
        await stream.event()
        served.clock.moved_s += 61

        assert await stream.event() == ("bye", {"reason": "expired"})


async def test_a_revoked_key_ends_its_tail(served: Served) -> None:
    async with tailing(served) as stream:
        await stream.event()

        served.known.revoke()

        assert await stream.event() == ("bye", {"reason": "revoked"})


async def test_at_a_release_clients_are_sent_to_another_process() -> None:
    async with serving() as served, tailing(served) as stream:
        await stream.event()

        served.live.stop()

        name, data = await stream.event()
        assert (name, data["reason"]) == ("reconnect", "release")


async def test_it_counts_among_the_live_connections_of_the_account() -> None:
    async with serving(gateway_live_connections_per_account=1) as served, served.stream(), tailing(served) as stream:
        assert stream.status == 429


async def test_a_ping_keeps_proxies_from_giving_up(served: Served) -> None:
    async with tailing(served) as stream:
        await stream.event()
        for connection in served.live.registry.connections():
            connection.ping()

        assert await stream.block() == ": ping\n\n"


async def test_operators_can_tell_who_looks_on_something(served: Served) -> None:
    async with tailing(served) as stream:
        await stream.event()

        await served.notices.say("to all")

        assert await stream.event() == ("notice", {"text": "to all"})
