"""Live updates by the client, from a real replica of the gateway."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from contract.client.relay import Relay, relayed
from contract.gateway.live_served import Served, serving
from unit.gateway.live_world import MENU, memory_bus

from quietzone_client import (
    AsyncClient,
    Client,
    Disconnected,
    Event,
    Kind,
    NoAnswer,
    Notice,
    PermissionDenied,
    RateLimited,
    Reconnects,
    Runtime,
    Unauthenticated,
)
from quietzone_client.live import Live
from quietzone_gateway.live.domain import Watcher

QUICK = Runtime(sleep_async=lambda seconds: asyncio.sleep(min(seconds, 0.05)))
SOON = Reconnects(first_wait_s=0.01)
SECRET = "secret"  # noqa: S105 - the tests' own


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served


@pytest.fixture
async def relay(served: Served) -> AsyncIterator[Relay]:
    async with relayed(served.http.port) as relay:
        yield relay


@pytest.fixture
async def client(relay: Relay) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(relay.url, SECRET, runtime=QUICK) as client:
        yield client


async def next_of(events: AsyncIterator[object]) -> Event:
    """The next thing that is told, which is an event."""
    async with asyncio.timeout(5):
        told = await anext(events)
    assert isinstance(told, Event), told
    return told


async def test_a_stream_tells_what_happens(served: Served, client: AsyncClient) -> None:
    events = client.stream([Kind.CODE_CREATED, Kind.CODE_UPDATED], state="active")
    async with asyncio.TaskGroup() as group:
        first = group.create_task(next_of(events))
        await someone_is_there(served)
        await served.services.created()
    await served.services.changed(2)

    assert (first.result().kind, first.result().code_id) == (Kind.CODE_CREATED, MENU)
    assert (await next_of(events)).kind == Kind.CODE_UPDATED
    await events.aclose()


async def test_a_stream_that_was_cut_tells_what_happened_meanwhile(served: Served, relay: Relay, client: AsyncClient) -> None:
    events = client.stream(reconnects=SOON)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(next_of(events))
        await someone_is_there(served)
        await served.services.created()
    relay.cut()
    await served.until_gone()
    await served.services.changed(2)

    assert [first.result().kind, (await next_of(events)).kind] == [Kind.CODE_CREATED, Kind.CODE_UPDATED]
    await events.aclose()


async def test_a_cursor_that_was_kept_goes_on_after_a_restart_of_the_program(served: Served, client: AsyncClient) -> None:
    events = client.stream()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(next_of(events))
        await someone_is_there(served)
        await served.services.created()
    await events.aclose()
    await served.services.changed(2)

    again = client.stream(cursor=first.result().cursor)

    assert (await next_of(again)).kind == Kind.CODE_UPDATED
    await again.aclose()


async def test_a_blocking_stream_tells_the_same(served: Served, relay: Relay) -> None:
    def read() -> Event:
        with Client(relay.url, SECRET) as client:
            told = next(client.stream())
        assert isinstance(told, Event)
        return told

    async with asyncio.TaskGroup() as group:
        told = group.create_task(asyncio.to_thread(read))
        await someone_is_there(served)
        await served.services.created()

    assert told.result().code_id == MENU


async def test_a_stream_of_who_is_not_known_is_refused(relay: Relay) -> None:
    async with AsyncClient(relay.url, "unknown") as client:
        with pytest.raises(Unauthenticated):
            await anext(client.stream())
        with pytest.raises(Unauthenticated):
            await client.live().connect()


async def test_a_stream_that_was_revoked_has_ended(served: Served, client: AsyncClient) -> None:
    events = client.stream()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(refused(events))
        await someone_is_there(served)
        served.known.revoke()

    assert reading.result().reason == "revoked"


async def test_subscriptions_tell_each_their_own(served: Served, client: AsyncClient) -> None:
    async with client.live() as live:
        codes = await live.subscribe([Kind.CODE_CREATED])
        scans = await live.subscribe([Kind.SCANNED], code_ids=[MENU])
        await served.services.created()
        await served.services.scanned(1)
        told = [await next_of(live) for _ in range(2)]

    assert {event.subscription: event.kind for event in told} == {codes: Kind.CODE_CREATED, scans: Kind.SCANNED}


async def test_tasks_may_subscribe_while_another_reads(served: Served, client: AsyncClient) -> None:
    async with client.live() as live, asyncio.TaskGroup() as group:
        reading = group.create_task(next_of(live))
        names = await asyncio.gather(*(live.subscribe([Kind.CODE_CREATED]) for _ in range(5)))
        await served.services.created()

    assert len(set(names)) == 5
    assert reading.result().subscription in names


async def test_after_unsubscribe_nothing_more_is_told(served: Served, client: AsyncClient) -> None:
    async with client.live() as live:
        gone = await live.subscribe()
        await live.unsubscribe(gone)
        stays = await live.subscribe([Kind.CODE_UPDATED])
        await served.services.created()
        await served.services.changed(2)

        assert (await next_of(live)).subscription == stays


async def test_subscriptions_go_on_where_they_were_after_a_cut(served: Served, relay: Relay, client: AsyncClient) -> None:
    async with client.live(reconnects=SOON) as live:
        await live.subscribe([Kind.CODE_CREATED, Kind.CODE_UPDATED])
        await served.services.created()
        first = await next_of(live)
        relay.cut()
        await served.until_gone()
        await served.services.changed(2)
        second = await next_of(live)

    assert (first.kind, second.kind, second.subscription) == (Kind.CODE_CREATED, Kind.CODE_UPDATED, first.subscription)


async def test_a_reader_that_gives_up_waiting_can_go_on(served: Served, relay: Relay, client: AsyncClient) -> None:
    async with client.live(reconnects=Reconnects(times=99, first_wait_s=0.2)) as live:
        await live.subscribe()
        relay.cut()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await anext(live)
        await served.services.created()

        assert (await next_of(live)).kind == Kind.CODE_CREATED


async def test_what_may_not_be_watched_is_refused_and_the_rest_goes_on(served: Served, client: AsyncClient) -> None:
    served.known.watchers[SECRET] = Watcher("first", "key:1", frozenset({"codes:read"}))
    async with client.live() as live:
        with pytest.raises(PermissionDenied, match="analytics:read"):
            await live.subscribe([Kind.SCANNED])
        await live.subscribe([Kind.CODE_CREATED])
        await served.services.created()

        assert (await next_of(live)).kind == Kind.CODE_CREATED


async def test_a_subscription_that_may_not_go_on_is_said_and_the_rest_goes_on(served: Served, relay: Relay, client: AsyncClient) -> None:
    async with client.live(reconnects=SOON) as live:
        await live.subscribe([Kind.SCANNED])
        await live.subscribe([Kind.CODE_CREATED])
        served.known.watchers[SECRET] = Watcher("first", "key:1", frozenset({"codes:read"}))
        relay.cut()
        with pytest.raises(PermissionDenied):
            await next_of(live)
        await served.services.created()

        assert (await next_of(live)).kind == Kind.CODE_CREATED


async def test_a_notice_of_the_operator_is_told(served: Served, client: AsyncClient) -> None:
    async with client.live() as live:
        await served.notices.say("maintenance at noon")

        assert await anext(live) == Notice("maintenance at noon")


async def test_reading_ends_when_this_side_disconnects(served: Served, client: AsyncClient) -> None:
    async with asyncio.TaskGroup() as group:
        live = client.live()
        await live.connect()
        reading = group.create_task(everything(live))
        await asyncio.sleep(0)
        await live.disconnect()

    assert reading.result() == []
    await served.until_gone()


async def test_whoever_was_sent_away_for_good_stays_away(served: Served, client: AsyncClient) -> None:
    async with client.live(reconnects=SOON) as live:
        served.known.revoke()
        assert (await refused(live)).reason == "revoked"
        with pytest.raises(Disconnected):
            await live.subscribe()


async def test_whoever_is_sent_to_another_process_comes_back_and_goes_on() -> None:
    bus, kept = memory_bus()
    async with (
        serving(bus) as old,
        serving(bus) as new,
        relayed(old.http.port) as relay,
        AsyncClient(relay.url, SECRET, runtime=QUICK) as client,
        client.live() as live,
    ):
        await live.subscribe()
        relay.port = new.http.port
        old.live.registry.stop()
        await old.until_gone()
        await new.services.created()

        assert (await next_of(live)).kind == Kind.CODE_CREATED
    await bus.close()
    kept.close()


async def test_a_server_that_never_comes_back_is_given_up(relay: Relay, client: AsyncClient) -> None:
    async with client.live(reconnects=Reconnects(times=3, first_wait_s=0.01)) as live:
        await live.subscribe()
        relay.refuse = True
        relay.cut()
        with pytest.raises(NoAnswer):
            await anext(live)


async def test_one_connection_too_many_is_told_so() -> None:
    async with serving(gateway_live_connections_per_account=1) as served:
        address = f"http://127.0.0.1:{served.http.port}"
        async with AsyncClient(address, SECRET) as client, client.live(), AsyncClient(address, SECRET) as other:
            with pytest.raises(RateLimited):
                await other.live(reconnects=Reconnects(times=0)).connect()


async def test_a_message_of_the_protocol_can_be_sent(served: Served, client: AsyncClient) -> None:
    async with client.live() as live:
        await live.send("ping", {})
        await live.subscribe()
        await served.services.created()

        assert (await next_of(live)).at is not None


async def everything(live: Live) -> list[object]:
    return [told async for told in live]


async def refused(events: AsyncIterator[object]) -> Disconnected:
    with pytest.raises(Disconnected) as raised:
        async with asyncio.timeout(5):
            await anext(events)
    return raised.value


async def someone_is_there(served: Served) -> None:
    """Wait until a connection is open and its subscription has begun."""
    async with asyncio.timeout(5):
        while not any(one.subscriptions for one in served.live.registry.connections()):
            await asyncio.sleep(0.001)
