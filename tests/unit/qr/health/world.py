"""Link health with its ports: a store of its own, a clock that is moved by hand, and a web whose answers tests choose."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from ports import Inline
from unit.qr.codes import BORN_MS

from quietzone.qr.v1.health_pb2 import DestinationChanged
from quietzone_kit.documents import Body, Collection, Documents, Stored, open_documents
from quietzone_kit.events import Event
from quietzone_kit.outbox import waiting
from quietzone_kit.runtime import SystemRandomness
from quietzone_kit.tasks import Again, Done, State, Task, Tasks
from quietzone_qr.health.ask import Answer, Answered
from quietzone_qr.health.domain import Health, Heard, Schedule
from quietzone_qr.health.repository import COLLECTIONS, HEALTH, Healths
from quietzone_qr.health.tasks import CheckDestination
from quietzone_qr.health.use_cases import Watch, follow

HOUR_MS = 3_600_000
SCHEDULE = Schedule(24 * HOUR_MS, (600_000, HOUR_MS, 6 * HOUR_MS))
MENU = Heard("c1", "ours", "menu", "https://example.com/menu", is_active=True, revision=1)


class Hand:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.at_ms = BORN_MS

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic(self) -> float:
        return self.at_ms / 1000


class NoJitter(SystemRandomness):
    """In the middle of what could be."""

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


class Web:
    """What each URL answers; 200 unless it is said otherwise."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []

    async def ask(self, url: str) -> Answer:
        self.asked.append(url)
        return self.answers.get(url, Answered(200))


class Meddled:
    """A store in which somebody else writes first, so many times."""

    def __init__(self, documents: Documents, times: int) -> None:
        self._documents = documents
        self.times = times

    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        if self.times:
            self.times -= 1
            found = await self._documents.get(collection, str(body[collection.key]))
            assert found is not None
            meddled = {**found.body, "touched": self.times}
            await self._documents.replace(collection, meddled, if_version=found.version)
        return await self._documents.replace(collection, body, if_version=if_version)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._documents, name)


class World:
    """One installation."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.clock = Hand()
        self.web = Web()
        self.healths = Healths(documents, self._wake)
        self.tasks = Tasks(documents, self.clock, NoJitter())
        self.checks = self.checker(self.healths)
        self.woken = 0

    def checker(self, healths: Healths) -> CheckDestination:
        return CheckDestination(healths, self.web, SCHEDULE, self.clock, NoJitter())

    def meddled(self, times: int) -> Healths:
        return Healths(cast("Documents", Meddled(self.documents, times)))

    async def hear(self, **fields: Any) -> None:
        """An event of a code."""
        await follow(self.healths, self.tasks, self.clock, replace(MENU, **fields))

    async def health(self, code_id: str = "c1") -> Health:
        held = await self.healths.get("ours", code_id)
        assert held is not None
        return held.health

    async def task(self, revision: int = 1, code_id: str = "c1") -> Task:
        """The task that asks a code's destination since this revision."""
        return await self.tasks.get("ours", self.tasks.id_of(Watch("ours", code_id, revision).task()))

    async def states(self) -> Mapping[str, State]:
        """All tasks, by code and revision."""
        page = await self.tasks.list("ours")
        return {str(task.dedup_key): task.state for task in page.tasks}

    async def check(self, revision: int = 1, code_id: str = "c1", *, checks: CheckDestination | None = None) -> Done | Again:
        """Run the task, as a worker would."""
        return await (checks or self.checks).run(await self.task(revision, code_id), lambda _: None)

    async def check_on_time(self, times: int) -> None:
        """Run the task so many times, each when it is due."""
        for _ in range(times):
            ended = await self.check()
            assert isinstance(ended, Again)
            self.clock.at_ms += ended.after_ms

    async def events(self, code_id: str = "c1") -> list[Event]:
        stored = await self.documents.get(HEALTH, code_id)
        assert stored is not None
        return [outgoing.event for outgoing in waiting(stored.body)]

    async def told(self, code_id: str = "c1") -> list[DestinationChanged]:
        return [DestinationChanged.FromString(event.data) for event in await self.events(code_id)]

    def _wake(self) -> None:
        self.woken += 1


@asynccontextmanager
async def opened_world() -> AsyncIterator[World]:
    documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=SystemRandomness())
    await documents.ensure(*COLLECTIONS)
    yield World(documents)
    await documents.close()
