"""What the relay promises: every event, in order, whoever crashes."""

import asyncio
import itertools
import random  # noqa: TID251 - seeded
from collections.abc import Sequence
from dataclasses import replace

import pytest
from contract.outbox.faults import Crash, Steps
from contract.outbox.world import CODES, Looks, World, all_published, firsts, outgoing, running, until_nothing_waits
from prometheus_client import REGISTRY

from quietzone_kit.bus import Bus, BusUnavailable, Message, Position, UnknownTopic
from quietzone_kit.documents import Collection, DocumentsUnavailable, Page, Query
from quietzone_kit.outbox import Outgoing, Relay, _relay, with_event
from quietzone_kit.outbox._leases import LEASE_S, SKEW_S
from quietzone_kit.outbox._relay import BATCH
from quietzone_kit.runtime import SystemRandomness


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
    looks = Looks(world.documents)
    relay = world.relay(documents=looks.port)
    async with running(relay):
        await looks.until_there_was_one()
        await world.create("menu")
        relay.wake()

        await until_nothing_waits(world)


async def test_polling_finds_what_nobody_woke_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_relay, "POLL_S", 0.02)
    looks = Looks(world.documents)
    async with running(world.relay(documents=looks.port)):
        await looks.until_there_was_one()
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


async def test_a_document_that_the_store_gives_as_it_has_become_since_is_passed_over(world: World) -> None:
    await world.create("menu")
    await world.create("door")

    class Late:
        """Finds both, and has another relay publish one of them before it answers."""

        async def query(self, collection: Collection, query: Query) -> Page:
            page = await world.documents.query(collection, query)
            bare = [replace(one, body={"code_id": "door", "revision": 1}) for one in page.items if one.body["code_id"] == "door"]
            return replace(page, items=[*(one for one in page.items if one.body["code_id"] != "door"), *bare])

        def __getattr__(self, name: str) -> object:
            return getattr(world.documents, name)

    await world.relay(documents=Late()).publish_batch()  # type: ignore[arg-type]

    assert await world.published() == {"menu": [1]}


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
