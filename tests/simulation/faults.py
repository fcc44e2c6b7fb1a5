"""Ports that fail as real ones do: refused, failed after taking effect, done in part, late, and even after the caller died.

`Weather` says how likely each fault is just now; `calm` is a world without faults. A call "in flight" is carried out by another
process (the broker, the store), so that neither the caller's timeout nor its death stops it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from quietzone_kit.bus import Bounds, Bus, BusUnavailable, Consumer, Message, Polled, Position, Topic
from quietzone_kit.documents import Body, Collection, Documents, DocumentsUnavailable, Outcome, Page, Put, Query, Stored
from simulation.chance import Chance
from simulation.process import Gone, Process

T = TypeVar("T")


@dataclass(slots=True)
class Weather:
    """How likely a call of a port meets each fault; `down` refuses all of them."""

    down: bool = False
    refused: float = 0.0
    answer_lost: float = 0.0
    in_part: float = 0.0
    in_flight: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    slowest_s: float = 0.3

    def calm(self) -> None:
        """No faults from now on."""
        self.down = False
        self.refused = self.answer_lost = self.in_part = self.in_flight = self.twice = self.late = 0.0

    def is_calm(self) -> bool:
        """Whether every call goes through."""
        return not (self.down or self.refused or self.answer_lost or self.in_part or self.in_flight or self.twice or self.late)


@dataclass(slots=True)
class Sky:
    """The weather of one port for one process, what decides its faults, and where they are counted."""

    weather: Weather
    chance: Chance
    counts: Counter[str]
    kind: str
    error: type[Exception]
    remote: Process | None = None
    names: dict[str, str] = field(default_factory=dict)

    async def read(self, call: Callable[[], Awaitable[T]]) -> T:
        """A call without effect."""
        if self.weather.is_calm():
            return await call()
        await self._before()
        return await call()

    async def write(self, call: Callable[[], Awaitable[T]]) -> T:
        """A call with an effect, whose answer can get lost."""
        if self.weather.is_calm():
            return await call()
        await self._before()
        answer = await call()
        await self._after()
        return answer

    def in_part(self) -> bool:
        """Whether this call is to be done in part and fail."""
        return not self.weather.is_calm() and self._strikes("done in part", self.weather.in_part)

    def in_flight(self) -> bool:
        """Whether this call is to be carried out by the other side, whatever becomes of the caller."""
        return self.remote is not None and not self.weather.is_calm() and self._strikes("carried out late", self.weather.in_flight)

    def twice(self) -> bool:
        """Whether this call is to be done twice, as by a client that tries again by itself."""
        return not self.weather.is_calm() and self._strikes("done twice", self.weather.twice)

    def fail(self, what: str) -> Exception:
        """The port's error for now."""
        return self.error(f"injected: {self.kind} {what}")

    async def _before(self) -> None:
        if self.weather.down:
            self.counts[f"fault: {self.kind} down"] += 1
            raise self.fail("down")
        if self._strikes("late", self.weather.late):
            await asyncio.sleep(self.chance.uniform(0, self.weather.slowest_s))
        if self._strikes("refused", self.weather.refused):
            raise self.fail("refused")

    async def _after(self) -> None:
        if self._strikes("answer lost", self.weather.answer_lost):
            raise self.fail("answer lost")
        if self._strikes("late", self.weather.late):
            await asyncio.sleep(self.chance.uniform(0, self.weather.slowest_s))

    def _strikes(self, what: str, probability: float) -> bool:
        if probability and self.chance.happens(probability):
            name = self.names.get(what)
            if name is None:
                name = self.names[what] = f"fault: {self.kind} {what}"
            self.counts[name] += 1
            return True
        return False


class FaultyBus:
    """The kit's `Bus` of one process. `remote`, if given, is the broker's own bus."""

    def __init__(self, bus: Bus, sky: Sky, remote: Bus | None = None) -> None:
        self._bus = bus
        self._sky = sky
        self._remote = remote

    async def ensure(self, topics: Sequence[Topic]) -> None:
        """Create topics."""
        await self._sky.write(partial(self._bus.ensure, topics))

    async def partitions(self, topic: str) -> int:
        """How many partitions."""
        return await self._sky.read(partial(self._bus.partitions, topic))

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """What a partition holds."""
        return await self._sky.read(partial(self._bus.bounds, topic, partition))

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        """Append messages, or some of them, or fail, or both."""
        if len(messages) > 1 and self._sky.in_part():
            await self._bus.publish(await self._part(messages))
            raise self._sky.fail("done in part")
        if self._remote is not None and self._sky.in_flight():
            return await self._by_broker(self._remote, messages)
        if self._sky.twice():
            await self._bus.publish(messages)
        return await self._sky.write(partial(self._bus.publish, messages))

    async def follow(self, topic: str) -> Consumer:
        """A reader of every partition."""
        return FaultyConsumer(await self._sky.read(partial(self._bus.follow, topic)), self._sky)

    async def join(self, topic: str, group: str) -> Consumer:
        """A member of a group."""
        return FaultyConsumer(await self._sky.read(partial(self._bus.join, topic, group)), self._sky)

    async def trim(self) -> bool:
        """Retention."""
        return await self._sky.write(self._bus.trim)

    async def close(self) -> None:
        """Let go."""
        await self._bus.close()

    async def _part(self, messages: Sequence[Message]) -> list[Message]:
        """What of the messages comes through: a beginning of each partition's, or just any of them, in order."""
        chance = self._sky.chance
        if chance.happens(0.5):
            return [message for message in messages if chance.happens(0.5)]
        topics = {message.topic: await self._bus.partitions(message.topic) for message in messages}
        open_lanes: dict[tuple[str, str | int], bool] = {}
        through = []
        for message in messages:
            lane = (message.topic, message.key if message.partition is None else message.partition % topics[message.topic])
            if open_lanes.setdefault(lane, True):
                open_lanes[lane] = chance.happens(0.6)
            if open_lanes[lane]:
                through.append(message)
        return through

    async def _by_broker(self, remote: Bus, messages: Sequence[Message]) -> list[Position]:
        broker, chance = self._sky.remote, self._sky.chance
        assert broker is not None
        delay_s = chance.uniform(0, 4 * self._sky.weather.slowest_s)
        return await carried_out(broker, self._sky, partial(_late, delay_s, partial(remote.publish, messages)))


class FaultyConsumer:
    """The kit's `Consumer`."""

    def __init__(self, consumer: Consumer, sky: Sky) -> None:
        self._consumer = consumer
        self._sky = sky

    async def poll(self, *, max_records: int, wait_s: float) -> Polled:
        """What is there."""
        return await self._sky.read(partial(self._consumer.poll, max_records=max_records, wait_s=wait_s))

    def seek(self, partition: int, offset: int) -> None:
        """Read from here on."""
        self._consumer.seek(partition, offset)

    def pause(self, partition: int) -> None:
        """Give no records."""
        self._consumer.pause(partition)

    async def committed(self, partition: int) -> int | None:
        """Where the group goes on."""
        return await self._sky.read(partial(self._consumer.committed, partition))

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Keep that."""
        await self._sky.write(partial(self._consumer.commit, offsets))

    async def close(self) -> None:
        """Leave."""
        await self._consumer.close()


class FaultyDocuments:
    """The kit's `Documents` of one process. `remote`, if given, is the store's own."""

    def __init__(self, documents: Documents, sky: Sky, remote: Documents | None = None) -> None:
        self._documents = documents
        self._sky = sky
        self._remote = remote

    async def ensure(self, *collections: Collection) -> None:
        """Declare collections."""
        if self._remote is not None:
            await self._by_store(partial(self._remote.ensure, *collections))
        await self._sky.write(partial(self._documents.ensure, *collections))

    async def get(self, collection: Collection, key: str) -> Stored | None:
        """One document."""
        return await self._sky.read(partial(self._documents.get, collection, key))

    async def get_many(self, collection: Collection, keys: Sequence[str]) -> dict[str, Stored]:
        """Several."""
        return await self._sky.read(partial(self._documents.get_many, collection, keys))

    async def insert(self, collection: Collection, body: Body) -> Stored:
        """Add one."""
        if self._remote is not None and self._sky.in_flight():
            return await self._by_store(partial(self._remote.insert, collection, body))
        return await self._sky.write(partial(self._documents.insert, collection, body))

    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        """Compare and swap."""
        if self._remote is not None and self._sky.in_flight():
            return await self._by_store(partial(self._remote.replace, collection, body, if_version=if_version))
        return await self._sky.write(partial(self._documents.replace, collection, body, if_version=if_version))

    async def delete(self, collection: Collection, key: str, *, if_version: int) -> None:
        """Remove."""
        await self._sky.write(partial(self._documents.delete, collection, key, if_version=if_version))

    async def increment(self, collection: Collection, key: str, field: str, by: int = 1) -> Stored:
        """Count."""
        return await self._sky.write(partial(self._documents.increment, collection, key, field, by))

    async def query(self, collection: Collection, query: Query) -> Page:
        """An index."""
        return await self._sky.read(partial(self._documents.query, collection, query))

    async def scan(self, collection: Collection, *, limit: int, after: str | None = None) -> Page:
        """All documents."""
        return await self._sky.read(partial(self._documents.scan, collection, limit=limit, after=after))

    async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        """Many writes, or some of them."""
        if len(puts) > 1 and self._sky.in_part():
            await self._documents.bulk(collection, [put for put in puts if self._sky.chance.happens(0.5)])
            raise self._sky.fail("done in part")
        if self._remote is not None and self._sky.in_flight():
            return await self._by_store(partial(self._remote.bulk, collection, puts))
        return await self._sky.write(partial(self._documents.bulk, collection, puts))

    async def close(self) -> None:
        """Let go."""
        await self._documents.close()

    async def _by_store(self, call: Callable[[], Awaitable[T]]) -> T:
        store, chance = self._sky.remote, self._sky.chance
        assert store is not None
        delay_s = chance.uniform(0, 4 * self._sky.weather.slowest_s)
        return await carried_out(store, self._sky, partial(_late, delay_s, call))


async def _late(delay_s: float, call: Callable[[], Awaitable[T]]) -> T:
    await asyncio.sleep(delay_s)
    return await call()


async def carried_out(remote: Process, sky: Sky, call: Callable[[], "asyncio.Future[T] | Awaitable[T]"]) -> T:
    """Have another process do it; what it does, it does even if the caller has gone."""
    try:
        return await remote.order(call)
    except Gone:
        raise sky.fail("gone") from None


def bus_sky(weather: Weather, chance: Chance, counts: Counter[str], remote: Process | None) -> Sky:
    """What a bus's faults are like."""
    return Sky(weather, chance, counts, "bus", BusUnavailable, remote)


def documents_sky(weather: Weather, chance: Chance, counts: Counter[str], remote: Process | None) -> Sky:
    """What a document store's faults are like."""
    return Sky(weather, chance, counts, "documents", DocumentsUnavailable, remote)
