"""Tasks as their accounts see them: their own and no others, of the kinds that are shown, in the order of all parts' lists."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from contract.tasks.world import ACCOUNT, Jobs, World
from ports import Hands

from quietzone.tasks.v1 import tasks_pb2, tasks_pb2_grpc
from quietzone_kit.deadlines import deadline
from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, PermissionDenied, Unavailable
from quietzone_kit.rpc import CODES_READ, CODES_WRITE, EXPORTS_READ, EXPORTS_WRITE, Caller, CallerKeys, Peer, RpcSettings, Server
from quietzone_kit.tasks import Fail, Kind, NewTask, Progress, State, Task, Tasks, Tell
from quietzone_kit.tasks.service import Shown, TaskService

ALL = Caller(ACCOUNT, frozenset({CODES_READ, CODES_WRITE, EXPORTS_READ, EXPORTS_WRITE}), "user:ada")
READER = Caller(ACCOUNT, frozenset({CODES_READ, CODES_WRITE}), "user:bob")
STRANGER = Caller("south", ALL.scopes, "user:eve")
DRAW, EXPORT, HIDDEN = "draw", "export", "sweep"


class Desk:
    """The service on a socket, what it was told to let go, and a client of it."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.let_go: list[str] = []
        self.gone: set[str] = set()
        settings = RpcSettings(caller_key="k" * 32)
        keys = CallerKeys.of(settings, world.clock)
        kinds = {
            DRAW: Shown(let_go=self._let_go, check_retry=self._check),
            EXPORT: Shown(read_scope=EXPORTS_READ, write_scope=EXPORTS_WRITE),
        }
        self.server = Server(f"unix:{folder}/s", keys, settings, not_ready=list)
        service = TaskService(world.tasks, kinds, lambda: deadline(5, Unavailable, "away"))
        self.server.add(tasks_pb2_grpc.add_TaskServiceServicer_to_server, service)
        self.peer = Peer("tasks", f"unix:{folder}/s", keys, clock=world.clock, randomness=world.randomness)
        self._stub = tasks_pb2_grpc.TaskServiceStub(self.peer.channel)

    async def _let_go(self, task: Task) -> None:
        self.let_go.append(task.task_id)

    async def _check(self, task: Task) -> None:
        if task.task_id in self.gone:
            raise FailedPrecondition("it is gone: begin it anew")

    async def get(self, task: Task, caller: Caller = ALL) -> tasks_pb2.Task:
        request = tasks_pb2.GetTaskRequest(task_id=task.task_id)
        return (await self.peer.call(self._stub.GetTask, request, caller=caller)).task

    async def list(self, caller: Caller = ALL, **more: object) -> tasks_pb2.ListTasksResponse:
        return await self.peer.call(self._stub.ListTasks, tasks_pb2.ListTasksRequest(**more), caller=caller)  # type: ignore[arg-type] # its own

    async def cancel(self, task: Task, caller: Caller = ALL) -> tasks_pb2.Task:
        request = tasks_pb2.CancelTaskRequest(task_id=task.task_id)
        return (await self.peer.call(self._stub.CancelTask, request, caller=caller)).task

    async def retry(self, task: Task, caller: Caller = ALL) -> tasks_pb2.Task:
        request = tasks_pb2.RetryTaskRequest(task_id=task.task_id)
        return (await self.peer.call(self._stub.RetryTask, request, caller=caller)).task


@pytest.fixture
async def desk(world: World, tmp_path: Path) -> AsyncIterator[Desk]:
    opened = Desk(world, tmp_path)
    await opened.server.start()
    yield opened
    await opened.peer.close()
    await opened.server.stop(0)


def ids(page: tasks_pb2.ListTasksResponse) -> list[str]:
    return [task.id for task in page.tasks]


def pages(tasks: list[Task], size: int) -> Iterator[list[str]]:
    ordered = sorted(tasks, key=lambda task: (task.created_at_ms, task.task_id), reverse=True)
    for start in range(0, len(ordered), size):
        yield [task.task_id for task in ordered[start : start + size]]


async def test_a_task_is_shown_with_all_that_is_known_of_it(desk: Desk) -> None:
    task = await desk.world.add({"code_id": "c1", "sizes": [64, 128]}, kind=DRAW, after_ms=60_000)

    shown = await desk.get(task)

    assert (shown.kind, shown.state, dict(shown.payload)["code_id"]) == (DRAW, tasks_pb2.TASK_STATE_WAITING, "c1")
    assert (shown.attempts, shown.max_attempts, shown.scheduled_for_ms - shown.created_at_ms) == (0, 3, 60_000)
    assert (shown.error, shown.HasField("finished_at_ms")) == ("", False)


@pytest.mark.parametrize("caller", [STRANGER, READER])
async def test_a_task_of_others_or_of_what_the_caller_may_not_see_is_not_found(desk: Desk, caller: Caller) -> None:
    task = await desk.world.add(kind=EXPORT)

    for asking in (desk.get, desk.cancel, desk.retry):
        with pytest.raises(NotFound):
            await asking(task, caller)
    assert ids(await desk.list(caller)) == []


async def test_a_kind_that_accounts_dont_see_isnt_shown(desk: Desk) -> None:
    task = await desk.world.add(kind=HIDDEN)

    assert ids(await desk.list()) == []
    with pytest.raises(NotFound):
        await desk.get(task)


async def test_who_may_only_look_changes_nothing(desk: Desk) -> None:
    task = await desk.world.add(kind=EXPORT)
    looker = Caller(ACCOUNT, frozenset({CODES_READ, CODES_WRITE, EXPORTS_READ}), "user:bob")

    with pytest.raises(PermissionDenied, match="exports:write"):
        await desk.cancel(task, looker)
    assert (await desk.world.get(task)).state is State.WAITING


async def test_pages_bring_each_task_once_whatever_was_added_in_one_moment(desk: Desk) -> None:
    clock, added = Hands(since_ms=desk.world.clock.now_ms()), []
    tasks = Tasks(desk.world.documents, clock, desk.world.randomness)
    for number in range(7):
        added.append(await tasks.add(NewTask(ACCOUNT, (DRAW, EXPORT)[number % 2])))
        await tasks.add(NewTask(ACCOUNT, HIDDEN))
        clock.seconds += number % 3 == 2
    found, after, has_more = [], None, True
    while has_more:
        page = await desk.list(page_size=2, after=after)
        found.append(ids(page))
        has_more = page.has_more
        last = page.tasks[-1]
        after = tasks_pb2.TaskPosition(created_at_ms=last.created_at_ms, task_id=last.id)

    assert found == list(pages(added, 2))


async def test_a_list_can_be_of_one_state_or_kind(desk: Desk) -> None:
    drawn, exported = await desk.world.add(kind=DRAW), await desk.world.add(kind=EXPORT)
    await desk.cancel(drawn)

    assert ids(await desk.list(kind=EXPORT)) == [exported.task_id]
    assert ids(await desk.list(state=tasks_pb2.TASK_STATE_CANCELLED)) == [drawn.task_id]
    assert ids(await desk.list(state=tasks_pb2.TASK_STATE_DEAD)) == []


@pytest.mark.parametrize("more", [{"page_size": 101}, {"page_size": -1}, {"state": 77}])
async def test_what_a_list_cant_be_is_refused(desk: Desk, more: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        await desk.list(**more)


async def test_a_task_that_is_cancelled_is_let_go_by_its_kind(desk: Desk) -> None:
    task = await desk.world.add(kind=DRAW)

    assert (await desk.cancel(task)).state == tasks_pb2.TASK_STATE_CANCELLED
    assert desk.let_go == [task.task_id]


async def test_a_cancelled_task_can_be_run_again_unless_what_it_is_about_is_gone(desk: Desk) -> None:
    again, gone = await desk.world.add(kind=DRAW), await desk.world.add(kind=DRAW)
    desk.gone.add(gone.task_id)
    await desk.cancel(again)
    await desk.cancel(gone)

    assert (await desk.retry(again)).state == tasks_pb2.TASK_STATE_WAITING
    with pytest.raises(FailedPrecondition, match="begin it anew"):
        await desk.retry(gone)


async def test_how_far_it_is_and_why_it_failed_is_told(desk: Desk) -> None:

    jobs = Jobs(Fail("the code is gone"))

    async def tell(_task: Task, tell: Tell) -> None:
        tell(Progress(3, 10, "drawing"))

    jobs.during = tell
    task = await desk.world.add(kind=DRAW)
    async with desk.world.running(desk.world.worker({DRAW: Kind(jobs)})):
        await desk.world.until(task)

    shown = await desk.get(task)
    assert (shown.state, shown.error, shown.attempts) == (tasks_pb2.TASK_STATE_DEAD, "the code is gone", 1)
    assert (shown.progress.done, shown.progress.total, shown.progress.note) == (3, 10, "drawing")
