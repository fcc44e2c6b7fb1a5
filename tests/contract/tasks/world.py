"""A store of tasks, workers on it, and what tests need to see of both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

from ports import MovableClock, NoJitter

from quietzone_kit.documents import Body, Collection, Documents, Page, Query
from quietzone_kit.tasks import TASKS, Again, Done, Kind, NewTask, Task, Tasks, Tell, Worker
from quietzone_kit.tasks._task import BY_SET

ACCOUNT = "north"
KIND = "send-mail"
TWO_HOURS_MS = 2 * 3_600_000


class Jobs:
    """A handler that takes down what it ran. `answers` are given or raised, one a run; then it is done."""

    def __init__(self, *answers: Done | Again | Exception) -> None:
        self.answers = list(answers)
        self.begun: list[Task] = []
        self.ended: list[Task] = []
        self.stopped: list[Task] = []
        self.at_once = 0
        self.most_at_once = 0
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.during: Callable[[Task, Tell], Awaitable[None] | None] = lambda _task, _tell: None

    async def run(self, task: Task, tell: Tell) -> Done | Again:
        self.begun.append(task)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            doing = self.during(task, tell)
            if doing is not None:
                await doing
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.stopped.append(task)
            raise
        finally:
            self.at_once -= 1
        answer = self.answers.pop(0) if self.answers else Done()
        if isinstance(answer, Exception):
            raise answer
        self.ended.append(task)
        return answer


class Looks:
    """A store as a worker has it, which counts how often the worker has looked for tasks."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._documents, name)

    async def query(self, collection: Collection, query: Query) -> Page:
        page = await self._documents.query(collection, query)
        self.count += query.index == BY_SET.name  # the last query of a look
        return page


class World:
    """One store."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.clock = MovableClock()
        self.randomness = NoJitter()
        self.tasks = Tasks(documents, self.clock, self.randomness)
        self._looks: dict[Worker, Looks] = {}
        self._running: list[Worker] = []

    def worker(
        self,
        jobs: Jobs | Mapping[str, Kind],
        owner: str = "worker",
        *,
        documents: Documents | None = None,
        concurrency: int = 4,
        clock: MovableClock | None = None,
    ) -> Worker:
        kinds = {KIND: Kind(jobs)} if isinstance(jobs, Jobs) else jobs
        looks = Looks(documents or self.documents)
        worker = Worker(
            cast("Documents", looks), kinds, clock=clock or self.clock, randomness=self.randomness, owner=owner, concurrency=concurrency
        )
        self._looks[worker] = looks
        return worker

    @asynccontextmanager
    async def running(self, *workers: Worker) -> AsyncIterator[list[asyncio.Task[Any]]]:
        """Workers at work; what ends one is raised."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker.run()) for worker in workers]
            self._running += workers
            yield tasks
            for task in tasks:
                task.cancel()
        self._running = [worker for worker in self._running if worker not in workers]

    async def add(self, payload: Body | None = None, *, kind: str = KIND, **more: Any) -> Task:
        return await self.tasks.add(NewTask(more.pop("account_id", ACCOUNT), kind, payload or {}, **more))

    async def get(self, task: Task) -> Task:
        return await self.tasks.get(task.account_id, task.task_id)

    async def until(self, task: Task, fits: Callable[[Task], bool] = lambda task: task.is_final) -> Task:
        """The task, once it is so."""
        async with asyncio.timeout(30):
            while not fits(found := await self.get(task)):
                await asyncio.sleep(0.01)
        return found

    async def all_looked(self, times: int = 2) -> None:
        """Each running worker has looked for tasks so often; of two looks one has begun after this was called."""
        async with asyncio.timeout(30):
            for worker in self._running:
                looks = self._looks[worker]
                until = looks.count + times
                while looks.count < until:
                    await asyncio.sleep(0.005)

    async def renewed(self, task: Task) -> None:
        """The lease of a task that runs was renewed since."""
        before = await self._version(task)
        async with asyncio.timeout(30):
            while await self._version(task) == before:
                await asyncio.sleep(0.005)

    async def _version(self, task: Task) -> int:
        stored = await self.documents.get(TASKS, task.task_id)
        assert stored is not None
        return stored.version


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """A store as a process has it that dies at its call number `at`, before the call's effect or after it; it can call no more then."""

    def __init__(self, documents: Documents, at: int, *, after: bool) -> None:
        self._documents = documents
        self._left = at
        self._after = after
        self.is_struck = False
        self.is_dead = False

    @property
    def port(self) -> Documents:
        return cast("Documents", self)

    @asynccontextmanager
    async def running(self, worker: Worker) -> AsyncIterator[None]:
        """The worker at work in this process, which is killed at the end at the latest."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._live(worker))
            yield
            self.is_dead = True
            task.cancel()

    async def _live(self, worker: Worker) -> None:
        try:
            await worker.run()
        except* Killed:
            pass

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._documents, name)

        async def call(*args: Any, **named: Any) -> Any:
            if self.is_dead:
                raise Killed
            self._left -= 1
            is_last = self._left == 0
            if is_last and not self._after:
                self._die()
            answer = await method(*args, **named)
            if is_last or self.is_dead:
                self._die(strikes=is_last)
            return answer

        return call

    def _die(self, *, strikes: bool = True) -> None:
        self.is_struck = self.is_struck or strikes
        self.is_dead = True
        raise Killed
