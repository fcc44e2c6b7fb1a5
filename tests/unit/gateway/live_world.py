"""Live updates on a bus in memory: hubs as replicas have them, and what services publish."""

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from ports import Hands, Inline, NoJitter

from quietzone.analytics.v1 import analytics_pb2, exports_pb2
from quietzone.qr.v1 import code_pb2, health_pb2
from quietzone.tasks.v1 import tasks_pb2
from quietzone.tracking.v1 import scan_pb2
from quietzone_gateway.live.domain import Delivery, Event, Fields, Filter, Kind
from quietzone_gateway.live.hub import Hub
from quietzone_gateway.live.subscription import Subscription
from quietzone_kit.bus import Bus, Position, open_bus
from quietzone_kit.events import Event as CloudEvent
from quietzone_kit.runtime import SystemClock, SystemRandomness
from quietzone_topics import (
    ANALYTICS_EXPORT_V1,
    ANALYTICS_MILESTONE_V1,
    NOTIFICATION_TASK_V1,
    QR_CODE_V1,
    QR_DESTINATION_V1,
    STORAGE_TASK_V1,
    TOPICS,
    TRACKING_SCAN_V1,
    TYPE_ANALYTICS_EXPORT,
    TYPE_ANALYTICS_MILESTONE,
    TYPE_NOTIFICATION_TASK,
    TYPE_QR_CODE,
    TYPE_QR_DESTINATION,
    TYPE_STORAGE_TASK,
    TYPE_TRACKING_SCANS,
)

NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z
SOURCE = "019a0b2f-0000-7a11-8c22-3d4e5f607182"
MENU = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3d"
POSTER = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3e"
EXPORT = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b40"
EVERYTHING = Filter(frozenset(Kind))
NUMBERS = itertools.count()


def event(
    kind: Kind = Kind.CODE_UPDATED, number: int = 1, *, code_id: str = MENU, before: Fields | None = None, after: Fields | None = None
) -> Event:
    """An event of account `first`."""
    fields: Fields = {"code": after, "changed": ["title"]} if kind is Kind.CODE_UPDATED else {"code": after}
    return Event(kind, f"event-{number}", "first", code_id, NOON_MS + number, fields, before, after)


def code(revision: int = 1, **fields: object) -> code_pb2.Code:
    """The menu's code."""
    made = code_pb2.Code(
        id=MENU,
        account_id="first",
        slug="menu",
        payload="https://qr.example.com/menu",
        destination="https://example.com/menu",
        title="Menu",
        state=code_pb2.CODE_STATE_ACTIVE,
        revision=revision,
        created_at_ms=NOON_MS,
        updated_at_ms=NOON_MS + revision,
    )
    made.MergeFrom(code_pb2.Code(**fields))  # type: ignore[arg-type]
    return made


class Services:
    """What the other parts publish."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def created(self, **fields: object) -> None:
        """A code is new."""
        await self._change(code_pb2.CodeEvent(kind=code_pb2.CHANGE_KIND_CREATED, after=code(**fields)))  # type: ignore[arg-type]

    async def changed(self, revision: int, *, before: code_pb2.Code | None = None, **fields: object) -> None:
        """A code's title or state is another one."""
        then = before or code(revision - 1)
        now = code(revision, **fields)
        await self._change(
            code_pb2.CodeEvent(kind=code_pb2.CHANGE_KIND_CHANGED, before=then, after=now, changed=sorted(fields) or ["title"])
        )

    async def deleted(self, revision: int) -> None:
        """A code is gone."""
        after = code(revision, state=code_pb2.CODE_STATE_DELETED)
        await self._change(code_pb2.CodeEvent(kind=code_pb2.CHANGE_KIND_DELETED, before=code(revision - 1), after=after))

    async def scanned(self, *seqs: int, account_id: str = "first", code_id: str = MENU, partition: int = 0, bot: bool = False) -> None:
        """A batch of scans of one code."""
        batch = scan_pb2.ScanBatch(
            source_id=SOURCE,
            first_seq=seqs[0],
            last_seq=seqs[-1],
            base_time_ms=NOON_MS,
            codes=[scan_pb2.CodeRef(code_id=POSTER, account_id="other"), scan_pb2.CodeRef(code_id=code_id, account_id=account_id)],
            traits=[
                scan_pb2.Traits(
                    scan_class=scan_pb2.SCAN_CLASS_BOT if bot else scan_pb2.SCAN_CLASS_PERSON,
                    country="DE",
                    device="phone",
                    browser="Chrome",
                )
            ],
            scans=[scan_pb2.Scan(seq=seq, code=1, time_offset_ms=seq, visitor=7) for seq in seqs],
        )
        await self._publish(TRACKING_SCAN_V1.name, TYPE_TRACKING_SCANS, f"{SOURCE}.{seqs[0]}", batch.SerializeToString(), partition)

    async def milestone(self, threshold: int) -> None:
        """A total crossed a threshold."""
        reached = analytics_pb2.MilestoneReached(code_id=MENU, account_id="first", threshold=threshold, reached_at_ms=NOON_MS)
        await self._publish(
            ANALYTICS_MILESTONE_V1.name, TYPE_ANALYTICS_MILESTONE, f"milestone:{MENU}:{threshold}", reached.SerializeToString()
        )

    async def export(self, done: int, state: str = "RUNNING", *, code_id: str = "", export_id: str = EXPORT) -> None:
        """An export has come on."""
        export = exports_pb2.Export(
            export_id=export_id,
            question=exports_pb2.ExportQuestion(code_id=code_id),
            state=exports_pb2.ExportState.Value(f"EXPORT_STATE_{state}"),
            codes_done=done,
            codes_total=4,
        )
        changed = exports_pb2.ExportChanged(account_id="first", export=export, changed_at_ms=NOON_MS + done)
        await self._publish(ANALYTICS_EXPORT_V1.name, TYPE_ANALYTICS_EXPORT, f"{export_id}.{done}", changed.SerializeToString())

    async def task(self, done: int, kind: str = "process-image", *, notification: bool = False) -> None:
        """A task of storage, or of notification, has come on."""
        state = tasks_pb2.TASK_STATE_DONE if done == 4 else tasks_pb2.TASK_STATE_RUNNING
        task = tasks_pb2.Task(id=EXPORT, kind=kind, state=state, progress=tasks_pb2.TaskProgress(done=done, total=4))
        changed = tasks_pb2.TaskChanged(account_id="first", task=task, changed_at_ms=NOON_MS + done)
        topic, event_type = (NOTIFICATION_TASK_V1, TYPE_NOTIFICATION_TASK) if notification else (STORAGE_TASK_V1, TYPE_STORAGE_TASK)
        await self._publish(topic.name, event_type, f"{EXPORT}.{done}", changed.SerializeToString())

    async def died(self) -> None:
        """A destination doesn't answer any more."""
        change = health_pb2.DestinationChanged(
            account_id="first",
            code_id=MENU,
            slug="menu",
            destination="https://example.com/menu",
            before=health_pb2.DESTINATION_STATE_ALIVE,
            after=health_pb2.DESTINATION_STATE_DEAD,
            reason="answered 404",
            failures=2,
            checked_at_ms=NOON_MS,
            revision=2,
        )
        await self._publish(QR_DESTINATION_V1.name, TYPE_QR_DESTINATION, f"{MENU}.2", change.SerializeToString())

    async def rubbish(self) -> None:
        """What is no change of a code."""
        await self._publish(QR_CODE_V1.name, TYPE_QR_CODE, "rubbish", b"\xff\xff")

    async def _change(self, change: code_pb2.CodeEvent) -> None:
        await self._publish(QR_CODE_V1.name, TYPE_QR_CODE, f"{change.after.id}.{change.after.revision}", change.SerializeToString())

    async def _publish(self, topic: str, kind: str, event_id: str, data: bytes, partition: int | None = None) -> Sequence[Position]:
        made = CloudEvent(id=event_id, source="/test", type=kind, subject=MENU, time_ms=NOON_MS, data=data)
        return await self._bus.publish([made.to_message(topic, partition=partition)])


def memory_bus() -> tuple[Bus, sqlite3.Connection]:
    """A bus, and the connection that keeps it."""
    name = f"file:/live-{next(NUMBERS)}?vfs=memdb"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False)

    kept = connect()
    return open_bus("sqlite:///memory", clock=SystemClock(), executor=Inline(), randomness=SystemRandomness(), connect=connect), kept


class World:
    """A bus, the services that publish on it, and replicas' hubs."""

    def __init__(self, bus: Bus, group: asyncio.TaskGroup) -> None:
        self.bus = bus
        self.services = Services(bus)
        self.clock = Hands(since_ms=NOON_MS)
        self._group = group
        self._tasks: list[asyncio.Task[None]] = []

    def hub(self) -> Hub:
        """A replica's."""
        hub = Hub(self.bus, self.clock, NoJitter())
        self._tasks.append(self._group.create_task(hub.run()))
        return hub

    def stop(self) -> None:
        """End all hubs."""
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def running() -> AsyncIterator[World]:
    """A world, with all topics."""
    bus, kept = memory_bus()
    await bus.ensure(TOPICS)
    async with asyncio.TaskGroup() as group:
        world = World(bus, group)
        yield world
        world.stop()
    await bus.close()
    kept.close()


async def take(subscription: Subscription, count: int) -> list[Delivery]:
    """The next deliveries."""
    async with asyncio.timeout(5):
        return [await anext(subscription) for _ in range(count)]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)
