"""Several replicas, as clients see them: on both buses."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from contract.gateway.live_served import serving
from unit.gateway.live_world import EVERYTHING, MENU, SOURCE, Services, memory_bus, take

from quietzone_gateway.live.domain import Delivery
from quietzone_gateway.live.hub import Hub
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.cache import open_cache
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_topics import TOPICS

FOLLOWS_WITHIN_S = 60


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.server("kafka"))])
def bus_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/bus.db"
    return f"{request.getfixturevalue('kafka_url')}?prefix=live-{SystemRandomness().token(4).hex()}."


@asynccontextmanager
async def process(url: str) -> AsyncIterator[Bus]:
    """The bus as a process of its own has it."""
    executor = ThreadExecutor("bus", 2)
    bus = open_bus(url, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    await bus.ensure(TOPICS)
    yield bus
    await bus.close()
    executor.close()


@asynccontextmanager
async def replica(url: str) -> AsyncIterator[Hub]:
    """A process with a hub that follows all topics, which takes its time where many others are at work."""
    async with process(url) as bus, asyncio.TaskGroup() as group:
        hub = Hub(bus, SystemClock(), SystemRandomness())
        task = group.create_task(hub.run())
        async with asyncio.timeout(FOLLOWS_WITHIN_S):
            while not await follows(hub):
                pass
        yield hub
        task.cancel()


async def follows(hub: Hub) -> bool:
    """Whether a hub follows all topics, after having waited for that."""
    try:
        (await hub.subscribe("nobody", EVERYTHING)).close()
    except Unavailable:
        return False
    return True


def ids(deliveries: list[Delivery]) -> list[str]:
    return sorted(json.loads(delivery.text)["id"] for delivery in deliveries)


async def test_what_happens_is_told_by_every_replica(bus_url: str) -> None:
    async with process(bus_url) as bus, replica(bus_url) as one, replica(bus_url) as two:
        subscriptions = [await hub.subscribe("first", EVERYTHING) for hub in (one, two)]

        await Services(bus).created()

        assert [ids(await take(subscription, 1)) for subscription in subscriptions] == [[f"{MENU}.1"]] * 2


async def test_a_client_goes_on_at_another_replica_without_gap_or_repeat(bus_url: str) -> None:
    async with process(bus_url) as bus, replica(bus_url) as one:
        services = Services(bus)
        subscription = await one.subscribe("first", EVERYTHING)
        await services.created()
        await services.scanned(1, 2, 3, partition=5)
        seen = await take(subscription, 3)
        await services.changed(2)

        async with replica(bus_url) as two:
            again = await two.subscribe("first", EVERYTHING, seen[-1].cursor)
            rest = await take(again, 2)
            await services.changed(3)
            rest += await take(again, 1)

    everything = [f"{MENU}.1", f"{MENU}.2", f"{MENU}.3", *(f"{SOURCE}:{seq}" for seq in (1, 2, 3))]
    assert ids([*seen, *rest]) == sorted(everything)


async def test_a_replica_that_was_replaced_has_what_its_clients_missed(bus_url: str) -> None:
    async with process(bus_url) as bus:
        services = Services(bus)
        async with replica(bus_url) as old:
            subscription = await old.subscribe("first", EVERYTHING)
            await services.created()
            (seen,) = await take(subscription, 1)
        await services.changed(2)

        async with replica(bus_url) as new:
            assert ids(await take(await new.subscribe("first", EVERYTHING, seen.cursor), 1)) == [f"{MENU}.2"]


async def test_notices_reach_connections_of_all_replicas() -> None:
    bus, kept = memory_bus()
    cache = open_cache("memory://", clock=SystemClock(), randomness=SystemRandomness())  # what one server is to several processes
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(serving(bus, cache)) for _ in range(2)]
        streams = [await stack.enter_async_context(served.stream()) for served in (one, two)]
        for stream in streams:
            await stream.event()

        await one.notices.say("hello")

        assert [await stream.event() for stream in streams] == [("notice", {"text": "hello"})] * 2
    await bus.close()
    kept.close()
