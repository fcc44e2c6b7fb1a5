"""A store with an outbox and a bus, and what tests need to see of both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from ports import MovableClock

from quietzone_kit.bus import Bus, Topic
from quietzone_kit.documents import Collection, Documents, Page, Query
from quietzone_kit.events import Event, event_of
from quietzone_kit.outbox import OUTBOX_INDEX, OUTBOX_LEASES, Outgoing, Relay, replace_keeping_outbox, with_event
from quietzone_kit.runtime import SystemRandomness

CODES = Collection("codes", key="code_id", indexes=(OUTBOX_INDEX,))
TOPIC = Topic("qr.code.v1", partitions=4, retention_ms=3_600_000)


class World:
    """The store and the bus as they are, whatever ports a relay is given."""

    def __init__(self, documents: Documents, bus: Bus, clock: MovableClock) -> None:
        self.documents = documents
        self.bus = bus
        self.clock = clock

    def relay(self, owner: str = "relay", *, documents: Documents | None = None, bus: Bus | None = None) -> Relay:
        return Relay(documents or self.documents, CODES, bus or self.bus, clock=self.clock, randomness=SystemRandomness(), owner=owner)

    async def create(self, code: str) -> None:
        """A code of revision 1 with the event of its creation."""
        await self.documents.insert(CODES, with_event({"code_id": code, "revision": 1}, code, outgoing(code, 1)))

    async def change(self, code: str) -> None:
        """One revision more, and its event."""
        before = await self.documents.get(CODES, code)
        assert before is not None
        revision = before.body["revision"]
        assert isinstance(revision, int)
        after = {**before.body, "revision": revision + 1}
        await replace_keeping_outbox(self.documents, CODES, before, after, outgoing(code, revision + 1))

    async def waiting(self) -> dict[str, int]:
        """How many events wait, by code."""
        found = (await self.documents.scan(CODES, limit=10_000)).items
        queues = {str(stored.body["code_id"]): stored.body.get("outbox", []) for stored in found}
        return {code: len(queue) for code, queue in queues.items() if isinstance(queue, list) and queue}

    async def until_leases_are_given_back(self) -> None:
        async with asyncio.timeout(20):
            while any(lease.body["expires_at_ms"] for lease in (await self.documents.scan(OUTBOX_LEASES, limit=1_000)).items):
                await asyncio.sleep(0.005)

    async def published(self) -> dict[str, list[int]]:
        """Revisions on the bus, by code, in order."""
        found: dict[str, list[int]] = {}
        consumer = await self.bus.follow(TOPIC.name)
        polled = await consumer.poll(max_records=1, wait_s=5)
        for partition in polled.assigned:
            consumer.seek(partition, 0)
        bounds = [await self.bus.bounds(TOPIC.name, partition) for partition in range(TOPIC.partitions)]
        left = sum(bound.next - bound.first for bound in bounds)
        async with asyncio.timeout(30):
            while left:
                polled = await consumer.poll(max_records=1_000, wait_s=1)
                for records in polled.records.values():
                    left -= len(records)
                    for record in records:
                        event = event_of(record)
                        found.setdefault(event.subject, []).append(int(event.id.rpartition("@")[2]))
        await consumer.close()
        return found


class Looks:
    """A store as a relay has it, which counts how often the relay has looked for what waits."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._count = 0

    @property
    def port(self) -> Documents:
        return cast("Documents", self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._documents, name)

    async def query(self, collection: Collection, query: Query) -> Page:
        page = await self._documents.query(collection, query)
        self._count += 1
        return page

    async def until_there_was_one(self) -> None:
        async with asyncio.timeout(20):
            while not self._count:
                await asyncio.sleep(0.005)


def outgoing(code: str, revision: int) -> Outgoing:
    event = Event(f"{code}@{revision}", "/qr", "quietzone.qr.code", code, 1_700_000_000_000 + revision, str(revision).encode())
    return Outgoing(TOPIC.name, event)


async def all_published(relay: Relay) -> None:
    while await relay.publish_batch():
        pass


def firsts(revisions: list[int]) -> list[int]:
    """In which order they were first seen."""
    return list(dict.fromkeys(revisions))


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
