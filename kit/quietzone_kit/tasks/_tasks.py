"""What a service asks of its tasks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from quietzone_kit.documents import Body, Documents, DuplicateKey, Order, Query, Stored, Value, VersionConflict
from quietzone_kit.errors import FailedPrecondition, NotFound, Unavailable
from quietzone_kit.ids import derived_id, uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.tasks._task import BY_ACCOUNT, BY_STATE, RESET, TASKS, NewTask, State, Task, finished, new_body, task_of, waiting
from quietzone_kit.tasks._telling import QUIET, Telling

FIRST_VERSION = 1
NO_PAYLOAD: Body = {}
MOST_LOOKED_AT = 1_000  # for one page: some ten queries
ATTEMPTS = 5  # a worker writes a task once a few seconds: a second meeting is rare, a fifth means that something else is going on


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Tasks, newest first; `cursor` brings the next page, None when there is none."""

    tasks: tuple[Task, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in an account's tasks, of whichever store: newest first, of the same moment the higher id first."""

    created_at_ms: int
    task_id: str


def position(task: Task) -> Position:
    """A task's place."""
    return Position(task.created_at_ms, task.task_id)


class Tasks:
    """The tasks of a store. `wake` is the worker's, if it runs in the same process; else polling finds what is due.

    Every call can raise DocumentsUnavailable; callers have a deadline.
    """

    def __init__(
        self,
        documents: Documents,
        clock: Clock,
        randomness: Randomness,
        *,
        wake: Callable[[], None] = lambda: None,
        telling: Telling = QUIET,
    ) -> None:
        self._documents = documents
        self._clock = clock
        self._randomness = randomness
        self._wake = wake
        self._telling = telling

    async def add(self, new: NewTask) -> Task:
        """Add a task, or find the one that has its `dedup_key`.

        Raises:
            ValueError: the payload is too large.
        """
        task_id = uuid7(self._clock, self._randomness) if new.dedup_key is None else self.id_of(new)
        body = self._telling.of(new_body(new, task_id, self._clock.now_ms()), FIRST_VERSION)
        for _ in range(ATTEMPTS):
            try:
                stored: Stored | None = await self._documents.insert(TASKS, body)
            except DuplicateKey:
                stored = await self._documents.get(TASKS, task_id)
            if stored is not None:  # else it was swept just now
                self._wake()
                self._telling.wake()
                return task_of(stored)
        raise Unavailable(f"task {task_id} comes and goes: try again")

    async def keep(self, kind: str, payload: Body = NO_PAYLOAD) -> Task:
        """See that the one task of a kind that comes again by itself is there, and that it is alive. It belongs to no account."""
        task = await self.add(NewTask("", kind, payload, dedup_key=kind))
        return await self.retry("", task.task_id) if task.state in {State.DEAD, State.CANCELLED} else task

    @staticmethod
    def id_of(new: NewTask) -> str:
        """The id that a task with this `dedup_key` has, or would have; raises ValueError when there is no key."""
        if new.dedup_key is None:
            raise ValueError("only a task with a dedup_key has an id before it is added")
        return derived_id("task", new.account_id, new.kind, new.dedup_key)

    async def get(self, account_id: str, task_id: str) -> Task:
        """A task.

        Raises:
            NotFound: this account has no such task.
        """
        return task_of(await self._get(account_id, task_id))

    async def list(self, account_id: str, *, state: State | None = None, limit: int = 100, after: str | None = None) -> TaskPage:
        """An account's tasks, or those in one state (indexes `by_account`, `by_state`).

        Raises:
            InvalidCursor: `after` is no cursor of this list.
        """
        index, equals = (BY_ACCOUNT, (account_id,)) if state is None else (BY_STATE, (account_id, state.value))
        page = await self._documents.query(TASKS, Query(index.name, equals=equals, order=Order.DESCENDING, limit=limit, after=after))
        return TaskPage(tuple(map(task_of, page.items)), page.cursor)

    async def follow(
        self, account_id: str, after: Position | None, wanted: Callable[[Task], bool], *, state: State | None = None, limit: int = 100
    ) -> tuple[Sequence[Task], Position | None]:
        """Of an account's tasks, or those in one state, `wanted` ones that come after a position, and where the list goes on, None at its
        end: so that the lists of several stores can be put together. It looks through MOST_LOOKED_AT tasks and a page at most.
        """
        index, equals = (BY_ACCOUNT, (account_id,)) if state is None else (BY_STATE, (account_id, state.value))
        below = None if after is None else after.created_at_ms + 1
        found: list[Task] = []
        cursor, looked_at = None, 0
        while True:
            query = Query(index.name, equals=equals, below=below, order=Order.DESCENDING, limit=limit + 1, after=cursor)
            page = await self._documents.query(TASKS, query)
            later = [task for task in map(task_of, page.items) if after is None or position(task) < after]
            found.extend(filter(wanted, later))
            cursor = page.cursor
            looked_at += len(later)
            if len(found) > limit:
                return found[:limit], position(found[limit - 1])
            if cursor is None:
                return found, None
            if looked_at >= MOST_LOOKED_AT:
                return found, position(later[-1])

    async def cancel(self, account_id: str, task_id: str) -> Task:
        """Have a task not run any more; one that runs is stopped within seconds, and what it does until then counts no more.

        Raises:
            NotFound: this account has no such task.
            FailedPrecondition: it has ended already.
        """

        def decide(task: Task) -> Mapping[str, Value] | None:
            if task.state is State.CANCELLED:
                return None
            if task.is_final:
                raise FailedPrecondition(f"task {task_id} is {task.state.value} already")
            return finished(State.CANCELLED, self._clock.now_ms())

        return await self._change(account_id, task_id, decide)

    async def retry(self, account_id: str, task_id: str) -> Task:
        """Run a dead or cancelled task again, now, with all its attempts.

        Raises:
            NotFound: this account has no such task.
            FailedPrecondition: it is done.
        """

        def decide(task: Task) -> Mapping[str, Value] | None:
            if not task.is_final:
                return None
            if task.state is State.DONE:
                raise FailedPrecondition(f"task {task_id} is done: add a new one")
            now_ms = self._clock.now_ms()
            return {"attempts": 0, **waiting(now_ms, set_at_ms=now_ms), **RESET}

        changed = await self._change(account_id, task_id, decide)
        self._wake()
        return changed

    async def _change(self, account_id: str, task_id: str, decide: Callable[[Task], Mapping[str, Value] | None]) -> Task:
        for _ in range(ATTEMPTS):
            stored = await self._get(account_id, task_id)
            changes = decide(task_of(stored))
            if changes is None:
                return task_of(stored)
            try:
                body = self._telling.of({**stored.body, **changes}, stored.version + 1)
                changed = await self._documents.replace(TASKS, body, if_version=stored.version)
            except VersionConflict:
                continue
            self._telling.wake()
            return task_of(changed)
        raise Unavailable(f"task {task_id} changes all the time: try again")

    async def _get(self, account_id: str, task_id: str) -> Stored:
        stored = await self._documents.get(TASKS, task_id)
        if stored is None or stored.body["account_id"] != account_id:
            raise NotFound(f"no task {task_id}")
        return stored
