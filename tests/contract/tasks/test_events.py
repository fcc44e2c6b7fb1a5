"""How tasks come on is told on a part's own topic: of the kinds that accounts see, and without what is in them."""

from contract.tasks.world import ACCOUNT, World

from quietzone.tasks.v1 import tasks_pb2
from quietzone_kit.tasks import NewTask, Task, Tasks
from quietzone_kit.tasks.events import TellTasks
from quietzone_topics import STORAGE_TASK_V1, TYPE_STORAGE_TASK

SHOWN = frozenset({"draw"})


async def added(world: World, kind: str = "draw", account_id: str = ACCOUNT) -> Task:
    return await Tasks(world.documents, world.clock, world.randomness).add(NewTask(account_id, kind, {"secret": "x"}))


async def test_a_task_is_told_with_its_state_and_without_its_payload(world: World) -> None:
    task = await added(world)

    told = TellTasks("storage", STORAGE_TASK_V1, TYPE_STORAGE_TASK, SHOWN, world.clock)(task, "e1")

    assert told is not None
    changed = tasks_pb2.TaskChanged.FromString(told.event.data)
    assert (told.topic, told.event.id, told.event.subject) == ("storage.task.v1", "e1", task.task_id)
    assert (changed.account_id, changed.task.kind, changed.task.state) == (ACCOUNT, "draw", tasks_pb2.TASK_STATE_WAITING)
    assert not changed.task.HasField("payload")


async def test_of_what_accounts_dont_see_and_of_what_is_nobodys_nothing_is_told(world: World) -> None:
    tell = TellTasks("storage", STORAGE_TASK_V1, TYPE_STORAGE_TASK, SHOWN, world.clock)

    assert [tell(await added(world, kind="sweep"), "e1"), tell(await added(world, account_id=""), "e2")] == [None, None]
