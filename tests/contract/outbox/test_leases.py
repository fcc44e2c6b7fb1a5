"""Which relay has which documents, also after one was killed, held up or stopped."""

import asyncio
from collections.abc import Sequence

import pytest
from contract.outbox.faults import Crash, Steps
from contract.outbox.world import World, all_published, running, until_nothing_waits

from quietzone_kit.bus import Message, Position
from quietzone_kit.documents import Body, Put
from quietzone_kit.outbox import OUTBOX_LEASES, _relay, shard_of
from quietzone_kit.outbox._leases import LEASE_S, SKEW_S
from quietzone_kit.outbox._relay import BATCH, LeaseLost


async def test_two_relays_never_work_on_one_document_in_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_relay, "POLL_S", 0.01)
    owners: set[str] = set()

    class Seen:
        def __init__(self, owner: str) -> None:
            self._owner = owner

        async def publish(self, messages: Sequence[Message]) -> list[Position]:
            owners.add(self._owner)
            await asyncio.sleep(0.002)  # a publish takes its time, so that the other relay is at work meanwhile
            return await world.bus.publish(messages)

    codes = [f"code-{number}" for number in range(20)]
    relays = [world.relay(owner, bus=Seen(owner)) for owner in "AB"]  # type: ignore[arg-type]
    bursts = 0
    async with running(*relays), asyncio.timeout(30):
        for code in codes:
            await world.create(code)
        while bursts < 5 or len(owners) < 2:
            bursts += 1
            for number in range(40):
                await world.change(codes[number % len(codes)])
                relays[number % 2].wake()
            await until_nothing_waits(world)
            await world.until_leases_are_given_back()

    assert await world.published() == {code: list(range(1, 2 * bursts + 2)) for code in codes}


async def test_a_shard_waits_for_its_lease_when_its_relay_was_killed(world: World) -> None:
    await world.create("menu")
    victim = Steps(5, after=False)  # the publishing
    with pytest.raises(Crash):
        await world.relay("victim", documents=victim.wrap(world.documents), bus=victim.wrap(world.bus)).publish_batch()
    heir = world.relay("heir")

    await heir.publish_batch()
    assert await world.published() == {}

    world.clock.moved_s += LEASE_S + SKEW_S
    await heir.publish_batch()
    assert await world.published() == {"menu": [1]}


async def test_a_clock_that_was_set_back_keeps_no_shard_from_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.create("menu")
    victim = Steps(5, after=False)  # the publishing
    with pytest.raises(Crash):
        await world.relay("victim", documents=victim.wrap(world.documents), bus=victim.wrap(world.bus)).publish_batch()
    then_ms = world.clock.now_ms()
    monkeypatch.setattr(world.clock, "now_ms", lambda: then_ms - 3_600_000)

    await world.relay("heir").publish_batch()

    assert await world.published() == {"menu": [1]}


async def test_a_relay_that_was_held_up_for_longer_than_its_lease_goes_no_further(world: World) -> None:
    await world.create("menu")
    await world.change("menu")

    class Slow:
        async def publish(self, messages: Sequence[Message]) -> list[Position]:
            answer = await world.bus.publish(messages)
            world.clock.moved_s += LEASE_S + SKEW_S
            return answer

    with pytest.raises(LeaseLost):
        await world.relay(bus=Slow()).publish_batch()  # type: ignore[arg-type]

    assert await world.published() == {"menu": [1]}
    assert await world.waiting() == {"menu": 1}


async def test_a_long_backlog_is_published_under_a_lease_that_is_renewed(world: World) -> None:
    await world.create("menu")
    for _ in range(20):
        await world.change("menu")

    class Slow:
        async def publish(self, messages: Sequence[Message]) -> list[Position]:
            world.clock.moved_s += LEASE_S / 3
            return await world.bus.publish(messages)

    await world.relay(bus=Slow()).publish_batch()  # type: ignore[arg-type]

    assert await world.published() == {"menu": list(range(1, 22))}


async def test_what_another_relay_has_published_meanwhile_is_not_published_from_memory(world: World) -> None:
    await world.create("menu")
    other = world.relay("other")

    class Overtaken:
        def __init__(self) -> None:
            self.done = False

        async def query(self, *args: object) -> object:
            page = await world.documents.query(*args)  # type: ignore[arg-type]
            if not self.done:
                self.done = True
                await all_published(other)
                await world.change("menu")
                await all_published(other)
                world.clock.moved_s += LEASE_S + SKEW_S
            return page

        def __getattr__(self, name: str) -> object:
            return getattr(world.documents, name)

    await world.relay("late", documents=Overtaken()).publish_batch()  # type: ignore[arg-type]

    assert await world.published() == {"menu": [1, 2]}


async def test_documents_of_another_relay_do_not_hide_ours_however_many_they_are(world: World) -> None:
    codes = [f"code-{number}" for number in range(BATCH * 3)]
    ours = max(codes, key=shard_of)
    theirs = {shard_of(code) for code in codes} - {shard_of(ours)}
    await asyncio.gather(*(world.create(code) for code in codes))
    expires_at_ms = world.clock.now_ms() + int(LEASE_S * 1000)
    leases: list[Body] = [{"lease_id": f"codes/{shard}", "owner": "other", "expires_at_ms": expires_at_ms} for shard in theirs]
    await world.documents.bulk(OUTBOX_LEASES, [Put(lease, None) for lease in leases])

    await all_published(world.relay())

    assert await world.published() == {code: [1] for code in codes if shard_of(code) == shard_of(ours)}


async def test_a_relay_without_work_lets_others_have_its_shards(world: World) -> None:
    first, second = world.relay("first"), world.relay("second")
    await world.create("menu")
    await all_published(first)
    world.clock.moved_s += _relay.POLL_S
    await first.publish_batch()
    await world.change("menu")

    await second.publish_batch()

    assert await world.published() == {"menu": [1, 2]}


async def test_a_relay_that_stops_lets_others_have_its_shards(world: World) -> None:
    await world.create("menu")
    async with running(world.relay("first")):
        await until_nothing_waits(world)
    await world.change("menu")

    await world.relay("second").publish_batch()

    assert await world.published() == {"menu": [1, 2]}


async def test_leases_of_an_idle_relay_cost_nothing(world: World) -> None:
    relay = world.relay()
    await world.create("menu")
    await all_published(relay)
    world.clock.moved_s += _relay.POLL_S
    await relay.publish_batch()
    before = (await world.documents.scan(OUTBOX_LEASES, limit=100)).items

    for _ in range(5):
        world.clock.moved_s += LEASE_S
        await relay.publish_batch()

    assert (await world.documents.scan(OUTBOX_LEASES, limit=100)).items == before
