"""A topic, reactions to it, and what tests need to see of both."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from contract.bus.conftest import RUN, Server
from ports import NoJitter

from quietzone_kit.bus import Bus, Headers, Message, Record, Topic
from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event
from quietzone_kit.reaction import DeadLetters, Patience, run_reaction
from quietzone_kit.runtime import Randomness, SystemClock

NAME = "notification"
KNOWN = "quietzone.qr.code"


class Doings:
    """A reaction that takes down what it was told. `troubles` are raised for an event, one a call; the last one for ever."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.attempts: list[str] = []
        self.troubles: dict[str, list[Exception | None]] = {}
        self.meanwhile: Callable[[str], object] = lambda _: None
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    def knows(self, event_type: str) -> bool:
        return event_type == KNOWN

    async def react(self, event: Event) -> None:
        self.attempts.append(event.id)
        answer = self.meanwhile(event.id)
        if asyncio.iscoroutine(answer):
            await answer
        await self.may_go_on.wait()
        troubles = self.troubles.get(event.id)
        if troubles:
            trouble = troubles.pop(0) if len(troubles) > 1 else troubles[0]
            if trouble is not None:
                raise trouble
        self.done.append(event.id)

    def fails(self, event_id: str, times: int | None = None, error: Exception | None = None) -> None:
        """Fail on this event so many times, or for ever."""
        trouble = error or ZeroDivisionError(f"no luck with {event_id}")
        self.troubles[event_id] = [trouble] if times is None else [*[trouble] * times, None]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)


class World:
    """One topic on one server."""

    def __init__(self, server: Server, bus: Bus, topic: Topic) -> None:
        self.server = server
        self.bus = bus
        self.topic = topic
        self.dead = DeadLetters(bus, topic.name, NAME)

    async def publish(self, *ids: str, partition: int = 0, key: str = "menu", kind: str = KNOWN) -> None:
        """Events with these ids."""
        events = [Event(one, "/qr", kind, key, 1_700_000_000_000, one.encode()) for one in ids]
        await self.bus.publish([event.to_message(self.topic.name, partition=partition) for event in events])

    async def publish_bytes(self, value: bytes, headers: Headers = ()) -> None:
        await self.bus.publish([Message(self.topic.name, "menu", value, headers, 0)])

    @asynccontextmanager
    async def running(
        self, *doings: Doings, bus: Bus | None = None, patience: Patience | None = None, from_now: bool = False
    ) -> AsyncIterator[list[asyncio.Task[None]]]:
        """Members of one group at work, one for each of `doings`; what ends one is raised."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    run_reaction(
                        bus or self.bus,
                        self.topic.name,
                        NAME,
                        each,
                        SystemClock(),
                        randomness=NoJitter(),
                        patience=patience or Patience(attempts=3),
                        from_now=from_now,
                    )
                )
                for each in doings
            ]
            yield tasks
            for task in tasks:
                task.cancel()

    async def records(self, topic: str) -> list[Record]:
        """All that a topic holds."""
        found: list[Record] = []
        ends = [(await self.bus.bounds(topic, partition)).next for partition in range(await self.bus.partitions(topic))]
        consumer = await self.bus.follow(topic)
        polled = await consumer.poll(max_records=1, wait_s=5)
        for partition in polled.assigned:
            consumer.seek(partition, 0)
        async with asyncio.timeout(20):
            while len(found) < sum(ends):
                polled = await consumer.poll(max_records=100, wait_s=1)
                found += [record for run in polled.records.values() for record in run]
        await consumer.close()
        return found

    async def committed(self) -> list[int | None]:
        """Where the group goes on, as one that joins when nobody else is there learns it."""
        consumer = await self.bus.join(self.topic.name, NAME)
        async with asyncio.timeout(20):
            while not (await consumer.poll(max_records=1, wait_s=1)).assigned:
                pass
        offsets = [await consumer.committed(partition) for partition in range(self.topic.partitions)]
        await consumer.close()
        return offsets


def topic_of_its_own(randomness: Randomness) -> Topic:
    return Topic(f"qr.code.{RUN}.{randomness.token(4).hex()}", partitions=2, retention_ms=3_600_000)


def outage() -> Exception:
    return Unavailable("not now")
