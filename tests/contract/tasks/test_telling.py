"""What is told of tasks as they go, on every adapter of the documents."""

import asyncio

from contract.tasks.world import ACCOUNT, KIND, Jobs, World

from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event
from quietzone_kit.outbox import Outgoing, waiting
from quietzone_kit.tasks import KEPT_MS, TASKS, Done, Fail, NewTask, Progress, Retry, Task, Tasks, Tell, Telling, Worker
from quietzone_kit.tasks._telling import MOST_PROGRESS


def event(task: Task, event_id: str) -> Outgoing | None:
    """State and progress; nothing of tasks called quiet."""
    if task.kind == "quiet":
        return None
    told = f"{task.state.value} {task.progress.done}"
    return Outgoing("tests.task.v1", Event(event_id, "/tests", "tests.task", task.task_id, 1, told.encode()))


TELLING = Telling(event)


def desk(world: World) -> Tasks:
    return Tasks(world.documents, world.clock, world.randomness, telling=TELLING)


def worker(world: World, jobs: Jobs) -> Worker:
    told = world.worker(jobs)
    told._telling = TELLING
    return told


async def events(world: World, task: Task) -> list[Event]:
    stored = await world.documents.get(TASKS, task.task_id)
    assert stored is not None
    return [outgoing.event for outgoing in waiting(stored.body)]


async def told(world: World, task: Task) -> list[str]:
    return [event.data.decode() for event in await events(world, task)]


async def test_each_step_is_told_once_under_an_id_of_its_own(world: World) -> None:
    task = await desk(world).add(NewTask(ACCOUNT, KIND))
    async with world.running(worker(world, Jobs(Retry("once more", after_ms=0), Done()))):
        await world.until(task)
    found = await events(world, task)

    assert [event.data for event in found] == [b"waiting 0", b"running 0", b"waiting 0", b"running 0", b"done 0"]
    assert len({event.id for event in found}) == len(found)


async def test_how_far_it_has_come_is_told_and_a_lease_that_is_renewed_is_not(world: World) -> None:
    jobs = Jobs()
    jobs.may_end.clear()

    def half(_task: Task, tell: Tell) -> None:
        tell(Progress(1, 2))

    jobs.during = half
    task = await desk(world).add(NewTask(ACCOUNT, KIND))
    async with world.running(worker(world, jobs)):
        await world.until(task, lambda found: found.progress.done == 1)
        world.clock.moved_s += 5
        await world.renewed(task)
        jobs.may_end.set()
        await world.until(task)

    assert await told(world, task) == ["waiting 0", "running 0", "running 1", "done 1"]


async def test_a_failure_and_somebodys_cancelling_are_told(world: World) -> None:
    failed, cancelled = [await desk(world).add(NewTask(ACCOUNT, KIND)) for _ in range(2)]
    await desk(world).cancel(ACCOUNT, cancelled.task_id)
    async with world.running(worker(world, Jobs(Fail("no"), Fail("no")))):
        await world.until(failed)
    await desk(world).retry(ACCOUNT, failed.task_id)

    assert await told(world, failed) == ["waiting 0", "running 0", "dead 0", "waiting 0"]
    assert await told(world, cancelled) == ["waiting 0", "cancelled 0"]


async def test_of_other_kinds_nothing_is_told(world: World) -> None:
    task = await desk(world).add(NewTask(ACCOUNT, "quiet"))

    assert await events(world, task) == []


async def test_while_the_bus_is_away_a_task_goes_on_and_its_end_is_kept(world: World) -> None:
    jobs = Jobs(*[Unavailable("away")] * 2 * MOST_PROGRESS)
    task = await desk(world).add(NewTask(ACCOUNT, KIND))
    async with world.running(worker(world, jobs)), asyncio.timeout(30):
        while jobs.answers:
            world.clock.moved_s += 60
            await world.all_looked(1)
        await world.until(task)
    found = await told(world, task)

    assert (len(found), found[-1]) == (MOST_PROGRESS + 1, "done 0")


async def test_what_was_not_told_yet_is_not_swept(world: World) -> None:
    silent, loud = await world.add(kind="quiet"), await desk(world).add(NewTask(ACCOUNT, KIND))
    async with world.running(worker(world, Jobs())):
        await world.until(silent)
        await world.until(loud)
        world.clock.moved_s += KEPT_MS / 1000 + 3_600
        async with asyncio.timeout(20):
            while await world.documents.get(TASKS, silent.task_id) is not None:
                await asyncio.sleep(0.005)
        await world.all_looked()

    assert (await told(world, loud))[-1] == "done 0"
