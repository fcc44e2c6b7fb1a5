"""What reactions do about leases and retention, on a bus in memory with a clock of the test's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from ports import MovableClock, NoJitter
from prometheus_client import REGISTRY
from unit.kit.bus.conftest import TOPIC

from quietzone_kit.bus import Bus, Consumer, Polled, Topic
from quietzone_kit.events import Event
from quietzone_kit.ids import derived_id
from quietzone_kit.reaction import _run, run_reaction

GROUP = "notification"


class Slow:
    """Starts with whatever it is told, and ends when the test says so."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.done: list[str] = []
        self.may_end = asyncio.Event()

    def knows(self, event_type: str) -> bool:
        return bool(event_type)

    async def react(self, event: Event) -> None:
        self.begun.append(event.id)
        await self.may_end.wait()
        self.done.append(event.id)

    async def until_begun(self, *ids: str) -> None:
        async with asyncio.timeout(5):
            while self.begun != list(ids):
                await asyncio.sleep(0.005)


class Counting:
    """A bus that counts how often its members of a topic's group poll."""

    def __init__(self, bus: Bus, topic: Topic) -> None:
        self._bus = bus
        self._topic = topic
        self.polled = asyncio.Condition()
        self.polls = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._bus, name)

    async def join(self, topic: str, group: str) -> Consumer:
        member = await self._bus.join(topic, group)
        return cast("Consumer", _Polling(member, self)) if topic == self._topic.name else member

    async def until_polled(self, times: int) -> None:
        async with asyncio.timeout(5), self.polled:
            until = self.polls + times
            await self.polled.wait_for(lambda: self.polls >= until)


class _Polling:
    def __init__(self, member: Consumer, bus: Counting) -> None:
        self._member = member
        self._bus = bus

    def __getattr__(self, name: str) -> object:
        return getattr(self._member, name)

    async def poll(self, *, max_records: int, wait_s: float) -> Polled:
        polled = await self._member.poll(max_records=max_records, wait_s=wait_s)
        async with self._bus.polled:
            self._bus.polls += 1
            self._bus.polled.notify_all()
        return polled


@asynccontextmanager
async def running(bus: Bus, topic: Topic, slow: Slow, clock: MovableClock) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_reaction(bus, topic.name, GROUP, slow, clock, randomness=NoJitter()))
        yield
        task.cancel()


async def publish(bus: Bus, topic: Topic, *ids: str) -> None:
    events = [Event(one, "/qr", "quietzone.qr.code", "menu", 1_700_000_000_000, b"") for one in ids]
    await bus.publish([event.to_message(topic.name, partition=0) for event in events])


async def test_a_record_may_take_longer_than_the_lease_of_its_partition(
    bus: Bus, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_run, "WAIT_S", 0.01)
    monkeypatch.setattr(_run, "SOON_S", 0.01)
    topic, slow = Topic("one.v1", partitions=1, retention_ms=60_000), Slow()
    counting = Counting(bus, topic)
    await bus.ensure([topic])
    await publish(bus, topic, "a")
    async with running(cast("Bus", counting), topic, slow, clock):
        await slow.until_begun("a")
        other = await bus.join(topic.name, GROUP)
        for _ in range(6):
            clock.moved_s += 1
            await counting.until_polled(2)  # one of them has begun after the clock was moved
            assert not (await other.poll(max_records=1, wait_s=0)).assigned
        slow.may_end.set()


async def test_what_a_revoked_partition_was_doing_is_given_up(bus: Bus, clock: MovableClock) -> None:
    slow = Slow()
    await publish(bus, TOPIC, "a")
    async with running(bus, TOPIC, slow, clock):
        await slow.until_begun("a")
        other = await bus.join(TOPIC.name, GROUP)
        async with asyncio.timeout(10):
            while not (assigned := (await other.poll(max_records=1, wait_s=0.1)).assigned):
                pass
        slow.may_end.set()
        [partition] = assigned

        assert await other.committed(partition) == 0


async def test_records_that_retention_took_are_counted_and_passed_over(bus: Bus, clock: MovableClock) -> None:
    slow = Slow()
    slow.may_end.set()
    await publish(bus, TOPIC, "a")
    async with running(bus, TOPIC, slow, clock):
        await slow.until_begun("a")
    await publish(bus, TOPIC, "b", "c")
    clock.moved_s += 61
    await bus.trim()
    await publish(bus, TOPIC, "d")

    async with running(bus, TOPIC, slow, clock):
        await slow.until_begun("a", "d")

    missed = REGISTRY.get_sample_value("quietzone_reaction_missed_records_total", {"topic": TOPIC.name, "consumer": GROUP})
    assert missed == 2


def test_what_is_made_of_one_event_has_one_id() -> None:
    assert derived_id("/qr", "e1", "mail") == derived_id("/qr", "e1", "mail")


def test_what_is_made_of_other_events_or_for_other_ends_has_other_ids() -> None:
    assert (
        len({derived_id("/qr", "e1", "mail"), derived_id("/qr", "e2", "mail"), derived_id("/qr", "e1", "push"), derived_id("/qre1")}) == 4
    )
