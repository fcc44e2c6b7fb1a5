"""What the relay promises: every event, in order, whoever crashes."""

import asyncio
import itertools
import random  # noqa: TID251 - seeded
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from contract.outbox.faults import Crash, Steps
from contract.outbox.world import CODES, World, all_published, firsts, outgoing
from prometheus_client import REGISTRY

from quietzone_kit.bus import Bus, BusUnavailable, Message, Position, UnknownTopic
from quietzone_kit.documents import Body, Collection, DocumentsUnavailable, Put, VersionConflict
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import MAX_WAITING, OUTBOX_LEASES, Outgoing, Relay, _relay, replace_keeping_outbox, shard_of, with_event
from quietzone_kit.outbox._leases import LEASE_S, SKEW_S
from quietzone_kit.outbox._relay import BATCH, LeaseLost
from quietzone_kit.runtime import SystemRandomness


@asynccontextmanager
async def running(*relays: Relay) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(relay.run()) for relay in relays]
        yield
        for task in tasks:
            task.cancel()


async def until_nothing_waits(world: World) -> None:
    async with asyncio.timeout(20):
        while await world.waiting():
            await asyncio.sleep(0.01)


async def test_events_are_published_in_the_order_of_their_document(world: World) -> None:
    await world.create("menu")
    for _ in range(4):
        await world.change("menu")

    await all_published(world.relay())

    assert await world.published() == {"menu": [1, 2, 3, 4, 5]}


async def test_what_was_published_no_longer_waits_and_only_the_version_has_changed(world: World) -> None:
    await world.create("menu")

    await all_published(world.relay())

    stored = await world.documents.get(CODES, "menu")
    assert stored is not None
    assert (stored.body, stored.version) == ({"code_id": "menu", "revision": 1}, 2)


async def test_more_documents_than_a_batch_are_published_without_waiting(world: World) -> None:
    codes = [f"code-{number}" for number in range(BATCH * 2 + 1)]
    await asyncio.gather(*(world.create(code) for code in codes))

    await all_published(world.relay())

    assert await world.published() == {code: [1] for code in codes}


async def test_a_writer_wakes_the_relay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_relay, "POLL_S", 3_600.0)
    relay = world.relay()
    async with running(relay):
        await asyncio.sleep(0.05)
        await world.create("menu")
        relay.wake()

        await until_nothing_waits(world)


async def test_polling_finds_what_nobody_woke_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_relay, "POLL_S", 0.02)
    async with running(world.relay()):
        await asyncio.sleep(0.05)
        await world.create("menu")

        await until_nothing_waits(world)


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_step_loses_nothing_and_keeps_the_order(world: World, after: bool) -> None:
    for step in itertools.count(1):
        codes = [f"{letter}{step}" for letter in "abc"]
        for code in codes:
            await world.create(code)
            await world.change(code)
        steps = Steps(step, after=after)
        relay = world.relay(f"victim-{step}", documents=steps.wrap(world.documents), bus=steps.wrap(world.bus))
        try:
            await relay.publish_batch()
        except Crash:
            for code in codes:
                await world.change(code)
        world.clock.moved_s += LEASE_S + SKEW_S

        await all_published(world.relay(f"heir-{step}"))

        revisions = [1, 2, 3] if steps.struck else [1, 2]
        published = await world.published()
        assert {code: firsts(published[code]) for code in codes} == dict.fromkeys(codes, revisions)
        assert await world.waiting() == {}
        if not steps.struck:
            assert step > 6  # all of: read, leases seen and taken, read again, published twice, removed
            return


class Partial:
    """A bus of which any part of the messages comes through before it fails."""

    def __init__(self, bus: Bus, seed: int) -> None:
        self._bus = bus
        self._random = random.Random(seed)

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        if self._random.random() < 0.5:
            await self._bus.publish([message for message in messages if self._random.random() < 0.5])
            raise BusUnavailable("injected")
        return await self._bus.publish(messages)


@pytest.mark.parametrize("seed", range(5))
async def test_a_bus_that_takes_only_a_part_never_sees_an_event_before_its_predecessor(world: World, seed: int) -> None:
    codes = [f"code-{number}" for number in range(6)]
    for code in codes:
        await world.create(code)
        await world.change(code)
        await world.change(code)
    relay = world.relay(bus=Partial(world.bus, seed))  # type: ignore[arg-type]

    while await world.waiting():
        try:
            await relay.publish_batch()
        except BusUnavailable:
            continue

    published = await world.published()
    assert {code: firsts(revisions) for code, revisions in published.items()} == {code: [1, 2, 3] for code in codes}


async def test_what_was_acknowledged_before_a_failure_is_not_sent_again(world: World) -> None:
    await world.create("menu")
    await world.change("menu")
    calls = Steps(2, after=False, error=lambda: BusUnavailable("injected"))

    with pytest.raises(BusUnavailable):
        await world.relay(bus=calls.wrap(world.bus)).publish_batch()

    assert await world.waiting() == {"menu": 1}


async def test_a_change_beside_the_relay_is_neither_lost_nor_removed(world: World) -> None:
    await world.create("menu")

    class Busy:
        async def publish(self, messages: Sequence[Message]) -> list[Position]:
            await world.change("menu")
            return await world.bus.publish(messages)

    await world.relay(bus=Busy()).publish_batch()  # type: ignore[arg-type]

    assert await world.published() == {"menu": [1]}
    assert await world.waiting() == {"menu": 1}


async def test_a_document_that_is_gone_meanwhile_is_no_error(world: World) -> None:
    await world.create("menu")

    class Busy:
        async def publish(self, messages: Sequence[Message]) -> list[Position]:
            await world.documents.delete(CODES, "menu", if_version=1)
            return await world.bus.publish(messages)

    await world.relay(bus=Busy()).publish_batch()  # type: ignore[arg-type]

    assert await world.published() == {"menu": [1]}


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (1, DocumentsUnavailable),
        (2, TimeoutError),
        (3, DocumentsUnavailable),
        (5, BusUnavailable),
        (5, TimeoutError),
        (6, DocumentsUnavailable),
        (6, TimeoutError),
    ],
)
async def test_what_fails_for_now_is_tried_again(world: World, step: int, error: type[Exception]) -> None:
    await world.create("menu")
    steps = Steps(step, after=False, error=lambda: error("injected"))
    async with running(world.relay(documents=steps.wrap(world.documents), bus=steps.wrap(world.bus))):
        await until_nothing_waits(world)

    assert firsts((await world.published())["menu"]) == [1]


async def test_a_topic_that_is_not_there_ends_the_relay(world: World) -> None:
    lost = Outgoing("absent.v1", outgoing("menu", 1).event)
    await world.documents.insert(CODES, with_event({"code_id": "menu"}, "menu", lost))

    with pytest.raises(UnknownTopic):
        await world.relay().run()


async def test_two_relays_never_work_on_one_document_in_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_relay, "POLL_S", 0.01)
    owners: set[str] = set()

    class Seen:
        def __init__(self, owner: str) -> None:
            self._owner = owner

        async def publish(self, messages: Sequence[Message]) -> list[Position]:
            owners.add(self._owner)
            await asyncio.sleep(0.002)
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
            await asyncio.sleep(0.03)  # long enough for leases to be given back

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


async def test_changes_are_refused_while_too_many_events_wait_and_taken_again_afterwards(world: World) -> None:
    await world.create("menu")
    for _ in range(MAX_WAITING - 1):
        await world.change("menu")
    with pytest.raises(Unavailable):
        await world.change("menu")

    await all_published(world.relay())
    await world.change("menu")
    await all_published(world.relay())

    assert await world.published() == {"menu": list(range(1, MAX_WAITING + 2))}


async def test_a_change_succeeds_although_the_relay_has_published_since_it_was_read(world: World) -> None:
    await world.create("menu")
    before = await world.documents.get(CODES, "menu")
    assert before is not None
    await all_published(world.relay())

    stored = await replace_keeping_outbox(world.documents, CODES, before, {**before.body, "revision": 2}, outgoing("menu", 2))

    assert stored.version == 3
    await all_published(world.relay())
    assert await world.published() == {"menu": [1, 2]}


async def test_a_change_of_somebody_else_is_a_conflict(world: World) -> None:
    await world.create("menu")
    before = await world.documents.get(CODES, "menu")
    assert before is not None
    await world.change("menu")

    with pytest.raises(VersionConflict):
        await replace_keeping_outbox(world.documents, CODES, before, {**before.body, "revision": 2}, outgoing("menu", 2))


async def test_a_change_of_what_is_gone_is_a_conflict(world: World) -> None:
    await world.create("menu")
    before = await world.documents.get(CODES, "menu")
    assert before is not None
    await world.documents.delete(CODES, "menu", if_version=1)

    with pytest.raises(VersionConflict):
        await replace_keeping_outbox(world.documents, CODES, before, before.body)


async def test_a_collection_without_the_index_is_refused(world: World) -> None:
    bare = Collection("bare", key="id")

    with pytest.raises(ValueError, match="declare OUTBOX_INDEX"):
        Relay(world.documents, bare, world.bus, clock=world.clock, randomness=SystemRandomness(), owner="x")


async def test_the_age_of_what_waits_is_seen_and_ends_with_it(world: World) -> None:
    await world.create("menu")
    relay = world.relay()

    def age() -> float:
        value = REGISTRY.get_sample_value("quietzone_outbox_waiting_age_seconds", {"collection": "codes"})
        assert value is not None
        return value

    await relay.publish_batch()
    seen = age()
    await relay.publish_batch()

    assert seen > 1_000
    assert age() == 0
