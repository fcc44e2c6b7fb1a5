"""What a newer release wrote into the stores that it shares with this one is there after this one has written.

Every collection that a part declares is written here, by the classes that write it in production: one that isn't fails, and so does one
whose documents come back without the newer release's fields. The simulation holds the same for all that happens in its histories.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import pytest
from newer import NewerStore
from unit.analytics.archive.places import LineTables, MemoryBlobs
from unit.analytics.exports.house import TELLING, asked
from unit.analytics.memory import MemoryBus
from unit.analytics.scans import NOON_MS, batch, closed, lost, record, seen, source_id
from unit.analytics.world import LOG, bounds
from unit.gateway.identity.everything import write_identity
from unit.gateway.plans.everything import write_plans
from unit.notification.everything import write_everything
from unit.qr.codes import Desk, StepClock
from unit.qr.counters.world import World as CounterWorld
from unit.qr.health.world import World as HealthWorld
from unit.storage.world import World as StorageWorld
from unit.tracking.links_world import bus_in_memory, changed, junk, link

from quietzone.tracking.v1 import scan_pb2
from quietzone_analytics.archive import ArchiveProjection, Due
from quietzone_analytics.creations import Creations
from quietzone_analytics.creations.domain import Creation
from quietzone_analytics.exports import create_export
from quietzone_analytics.projection import ScanProjection
from quietzone_analytics.reconcile import ReportProjection
from quietzone_gateway.idempotency import Answer, Asked, Repeats, once
from quietzone_gateway.identity.keys.repository import KEYS
from quietzone_kit.bus import Bounds, Record
from quietzone_kit.documents import Collection, open_documents
from quietzone_kit.documents.migrations import Migration, Migrations
from quietzone_kit.events import Event
from quietzone_kit.outbox import Relay
from quietzone_kit.runtime import SystemClock, SystemRandomness
from quietzone_kit.tasks import TASKS, Done, Kind, NewTask, Progress, Retry, Task, Tasks, Tell, Worker
from quietzone_notification.rules.repository import RULES
from quietzone_qr.codes.domain import State
from quietzone_qr.codes.repository import CODES
from quietzone_qr.health.ask import Answered
from quietzone_standalone.operations.stores import OWNED
from quietzone_storage.assets.repository import ASSETS
from quietzone_topics import QR_CODE_V1, TOPICS, TRACKING_SOURCE_V1, TYPE_TRACKING_SOURCE_REPORT
from quietzone_tracking.links import LinkProjection, LinkStore
from quietzone_tracking.salts import SaltStore

T = TypeVar("T")

WRITTEN_ONCE = {
    *("salts", "link_rejects", "rejects", "creations", "streams", "reports", "report_weeks"),
    *("memberships", "signing_keys", "audit"),
}
"""Their documents are inserted and deleted, and never changed."""

EVERY = [
    pytest.param(part, collection, id=f"{part}-{collection.name}") for part, collections in OWNED.items() for collection in collections
]


class Inline:
    """An executor without threads."""

    async def run(self, work: Callable[[], T]) -> T:
        return work()

    def close(self) -> None:
        return


async def write_qr(store: NewerStore) -> None:
    """Codes and what becomes of them, health of destinations, a task from its first run to its end, and the relay's own."""
    desk = Desk(store)
    code = await desk.create()
    await desk.update(code.code_id, destination="https://example.com/new", title="Menu")
    await _relay(store)
    await desk.update(code.code_id, state=State.PAUSED)
    await desk.update(code.code_id, destination="https://example.com/newer", state=State.ACTIVE)
    await desk.delete(code.code_id)
    await _relay(store)
    counters = CounterWorld(store)
    await counters.create(tags=["red"], folder="Menus")
    await counters.count()
    await counters.create(tags=["blue"])
    await counters.desk.update(counters.codes[0], tags=["blue"])
    await counters.publish()
    await counters.count()
    health = HealthWorld(store)
    await health.hear()
    health.web.answers["https://example.com/menu"] = Answered(404)
    await health.check_on_time(4)
    await health.hear(revision=2, destination="https://example.com/new")
    await _work(store)


async def write_tracking(store: NewerStore) -> None:
    """Links that change, events that make no sense, a second process, and salts."""
    messages = [changed(link("a", 1)), changed(link("b", 1)), junk(b"\xff"), changed(link("a", 2)), changed(link("a", 3))]
    records = [Record(QR_CODE_V1.name, 0, at, 1, one.key, one.value, one.headers) for at, one in enumerate(messages)]
    for owner, until in (("one", 3), ("two", 5)):
        links = LinkProjection(LinkStore(store), StepClock(), owner=owner)
        first = await links.claim(0, Bounds(LOG, 0, 5))
        await links.apply(0, records[first:until], next_offset=until)
        await links.apply(0, records[2:3], next_offset=until)
    salts = SaltStore(store, SystemRandomness())
    await salts.get_or_make(20_000)
    await salts.get_or_make(20_000)
    await salts.destroy_before(20_001)


async def write_analytics(store: NewerStore) -> None:
    """Scans of two sources in three batches, what can't be read, reports, the archive, and a task."""
    first, second = source_id(1), source_id(2)
    log = [
        record(batch(seen(range(1, 6)), prev_seq=0), 0),
        record(b"\xff", 1),
        record(batch(seen(range(6, 12)), prev_seq=5), 2),
        record(batch(seen([1]), prev_seq=0, source=second), 3),
        record(lost(12, 13, prev_seq=11), 4),
        record(closed(13, prev_seq=13), 5),
    ]
    reports = [_report(first, 5, 0), _report(second, 1, 1), _report(first, 13, 2)]
    for owner, until in (("one", 2), ("two", 3), ("three", 6)):
        projections = (
            ScanProjection(store, MemoryBus(), owner=owner, partitions=1, cache_bytes=20_000),
            ArchiveProjection(store, MemoryBlobs(), LineTables(), SystemClock(), owner=owner, due=Due(1, 10**9, 0, 10**9)),
        )
        for projection in projections:
            begin = await projection.claim(0, bounds(log))
            for at in range(begin, until):
                await projection.apply(0, log[at : at + 1], next_offset=at + 1)
        sources = ReportProjection(store, owner=owner)
        begin = await sources.claim(0, Bounds(LOG, 0, len(reports)))
        await sources.apply(0, reports[begin : until - 1], next_offset=min(until - 1, len(reports)))
    await Creations(store).keep(Creation("menu", "acme", "user:ada", "example.com", 1))
    await _work(store)
    await create_export(Tasks(store, SystemClock(), SystemRandomness(), telling=TELLING), "acme", asked(), request_id=None)
    await _relay(store, TASKS)


async def write_storage(store: NewerStore) -> None:
    """Files that come, are others, and go; what an account uses; a sweep; a task, and the relay's own."""
    storage = StorageWorld(store)
    await storage.fill("a1", b"one", b"two")
    await storage.fill("a2", b"two")
    await storage.fill("a1", b"three")
    await _relay(store, ASSETS)
    await storage.drop("a2")
    await storage.sweep()
    await _relay(store, ASSETS)
    await _work(store)


async def write_notification(store: NewerStore) -> None:
    """Rules, topics, endpoints and deliveries, mails' looks and texts, a phone; a task, and the relay's own."""
    await write_everything(store)
    await _relay(store, RULES)
    await _work(store)


async def write_gateway(store: NewerStore) -> None:
    """All that identity and plans do, and a request that comes once."""
    await write_identity(store)
    await write_plans(store)
    await _work(store)
    await once(Repeats(store), StepClock(), Asked("ours", "key:1", "key", "fingerprint"), _answer)
    await _relay(store, KEYS)


async def _answer(_name: str) -> Answer:
    return Answer(200, {"etag": "1"}, b"{}")


WRITE: Mapping[str, Callable[[NewerStore], Awaitable[None]]] = {
    "qr": write_qr,
    "tracking": write_tracking,
    "analytics": write_analytics,
    "storage": write_storage,
    "notification": write_notification,
    "gateway": write_gateway,
}


@pytest.mark.parametrize(("part", "collection"), EVERY)
async def test_fields_of_a_newer_release_survive_every_write(part: str, collection: Collection) -> None:
    dropped: list[tuple[str, str]] = []
    store = NewerStore(
        open_documents("sqlite://:memory:", executor=Inline(), randomness=SystemRandomness()),
        lambda name, where: dropped.extend((name, one) for one in where),
    )
    await store.ensure(*OWNED[part])

    await WRITE[part](store)
    await _migrate(store, OWNED[part])
    await store.close()

    assert [where for name, where in dropped if name == collection.name] == []
    assert store.inserted[collection.name], "nothing above writes this collection: have it written, as production does"
    assert bool(store.replaced[collection.name]) == (collection.name not in WRITTEN_ONCE)


async def _migrate(store: NewerStore, collections: Sequence[Collection]) -> None:
    same = Migration("same", collections[0], lambda body: body, lambda body: body)
    migrations = Migrations(store, collections, [same], release="1", clock=SystemClock())
    await migrations.migrate(lambda _: None)
    await migrations.contract(lambda _: None)


async def _relay(store: NewerStore, collection: Collection = CODES) -> None:
    bus, keeper = bus_in_memory()
    await bus.ensure(TOPICS)
    relay = Relay(store, collection, bus, clock=SystemClock(), randomness=SystemRandomness(), owner="relay")
    await relay.publish_batch()
    await relay.publish_batch()
    await relay._leases.release()
    await bus.close()
    keeper.close()


class Twice:
    """A handler that succeeds the second time."""

    def __init__(self) -> None:
        self.runs = 0

    async def run(self, task: Task, tell: Tell) -> Done:  # noqa: ARG002 - as the port has it
        self.runs += 1
        tell(Progress(self.runs, 2, "half"))
        if self.runs == 1:
            raise Retry("once more", after_ms=0)
        return Done({"made": {"rows": 1}})


async def _work(store: NewerStore) -> None:
    clock, randomness = SystemClock(), SystemRandomness()
    worker = Worker(store, {"twice": Kind(Twice())}, clock=clock, randomness=randomness, owner="worker", concurrency=1)
    tasks = Tasks(store, clock, randomness, wake=worker.wake)
    given_up = await tasks.add(NewTask("ours", "never", {"what": {"a": 1}}, after_ms=3_600_000))
    await tasks.cancel("ours", given_up.task_id)
    added = await tasks.add(NewTask("ours", "twice", {"what": {"a": 1}}))
    running = asyncio.ensure_future(worker.run())
    async with asyncio.timeout(10):
        while not (await tasks.get("ours", added.task_id)).is_final:
            await asyncio.sleep(0.005)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def _report(source: str, accepted: int, offset: int) -> Record:
    value = scan_pb2.SourceReport(source_id=source, accepted=accepted, forwarded=accepted).SerializeToString()
    event = Event(f"report-{offset}", "/tracking", TYPE_TRACKING_SOURCE_REPORT, source, NOON_MS, value)
    message = event.to_message(TRACKING_SOURCE_V1.name)
    return Record(message.topic, 0, offset, NOON_MS, message.key, message.value, message.headers)
