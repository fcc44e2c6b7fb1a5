"""Tasks whose worker stops, is killed or held up, on every adapter of the documents."""

import asyncio
import itertools

import pytest
from contract.tasks.world import KIND, TWO_HOURS_MS, Jobs, Mortal, World
from ports import MovableClock
from prometheus_client import REGISTRY

from quietzone_kit.tasks import TASKS, Done, State, Task
from quietzone_kit.tasks._run import LEASE_S
from quietzone_kit.tasks._worker import MAX_LOST, SKEW_S

LEASE_ENDED_S = LEASE_S + SKEW_S + 0.1


async def test_a_worker_that_stops_gives_its_tasks_back(world: World) -> None:
    jobs, heir = Jobs(), Jobs()
    jobs.may_end.clear()
    task = await world.add()
    async with world.running(world.worker(jobs)):
        await world.until(task, lambda task: task.state is State.RUNNING)
    found = await world.get(task)
    assert (found.state, found.attempts) == (State.WAITING, 0)

    async with world.running(world.worker(heir, "heir")):
        await world.until(task)

    assert len(heir.ended) == 1


async def begun_by_one_that_was_killed(world: World) -> Task:
    """A task whose worker is no more."""
    task, jobs = await world.add(), Jobs()
    jobs.may_end.clear()
    victim = Mortal(world.documents, at=0, after=False)
    async with victim.running(world.worker(jobs, "victim", documents=victim.port)):
        await world.until(task, lambda task: task.state is State.RUNNING)
    return task


async def test_a_killed_workers_task_is_run_again_when_its_lease_has_ended(world: World) -> None:
    task, jobs = await begun_by_one_that_was_killed(world), Jobs()
    async with world.running(world.worker(jobs, "heir")):
        await world.all_looked()
        assert jobs.begun == []

        world.clock.moved_s += LEASE_ENDED_S

        found = await world.until(task)
    assert (found.state, found.fence) == (State.DONE, 2)


async def test_a_run_that_takes_longer_than_its_lease_is_nobody_elses(world: World) -> None:
    slow, other = Jobs(), Jobs()
    slow.may_end.clear()
    task = await world.add()
    async with world.running(world.worker(slow)):
        await world.until(task, lambda task: task.state is State.RUNNING)
        async with world.running(world.worker(other, "other")):
            for _ in range(8):
                world.clock.moved_s += LEASE_S / 2
                await world.renewed(task)
                await world.all_looked()
        slow.may_end.set()
        found = await world.until(task)

    assert (found.state, found.fence, other.begun) == (State.DONE, 1, [])


def lost_runs() -> float:
    return REGISTRY.get_sample_value("quietzone_task_runs_total", {"kind": KIND, "outcome": "lost"}) or 0.0


async def test_a_worker_that_lost_its_lease_cannot_end_the_task(world: World) -> None:
    late, heir = Jobs(Done({"by": "late"})), Jobs(Done({"by": "heir"}))
    late.may_end.clear()
    heir.may_end.clear()
    paused = MovableClock()
    task = await world.add()

    async with world.running(world.worker(late, "late", clock=paused)):  # its clock stands still: it has no reason to renew
        await world.until(task, lambda task: task.state is State.RUNNING)
        async with world.running(world.worker(heir, "heir")):
            await world.all_looked()
            world.clock.moved_s += LEASE_ENDED_S
            await world.until(task, lambda task: task.fence == 2)
            refused = lost_runs()
            late.may_end.set()
            async with asyncio.timeout(20):
                while lost_runs() == refused:
                    await asyncio.sleep(0.005)
            assert (await world.get(task)).state is State.RUNNING
            heir.may_end.set()
            found = await world.until(task)

    assert (found.result, found.fence) == ({"by": "heir"}, 2)


async def test_a_run_stops_when_its_task_is_taken_over(world: World) -> None:
    late = Jobs()
    late.may_end.clear()
    paused = MovableClock()
    task = await world.add()

    async with world.running(world.worker(late, "late", clock=paused)), asyncio.timeout(20):
        await world.until(task, lambda task: task.state is State.RUNNING)
        async with world.running(world.worker(Jobs(), "heir")):
            await world.all_looked()
            world.clock.moved_s += LEASE_ENDED_S
            await world.until(task)
        paused.moved_s += LEASE_S
        while not late.stopped:
            await asyncio.sleep(0.01)


async def test_a_task_that_kills_its_workers_is_dead_in_the_end(world: World) -> None:
    task = await world.add()
    stored = await world.documents.get(TASKS, task.task_id)
    assert stored is not None
    running = {**stored.body, "state": "running", "owner": "gone", "run_at_ms": 1, "wake_at_ms": None, "set_at_ms": None}
    await world.documents.replace(TASKS, {**running, "lost": MAX_LOST - 1}, if_version=stored.version)
    jobs = Jobs()

    async with world.running(world.worker(jobs)):
        await world.all_looked()
        world.clock.moved_s += LEASE_ENDED_S
        found = await world.until(task)

    assert (found.state, jobs.begun) == (State.DEAD, [])
    assert "cut off" in str(found.error)


@pytest.mark.parametrize("off_ms", [TWO_HOURS_MS, -TWO_HOURS_MS])
async def test_workers_whose_clocks_differ_take_no_task_from_each_other(world: World, off_ms: int) -> None:
    slow, other = Jobs(), Jobs()
    slow.may_end.clear()
    wrong = MovableClock()
    wrong.off_ms = off_ms
    task = await world.add()
    async with world.running(world.worker(slow)):
        await world.until(task, lambda task: task.state is State.RUNNING)
        async with world.running(world.worker(other, "other", clock=wrong)):
            await world.all_looked()
        slow.may_end.set()
        await world.until(task)

    assert other.begun == []


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_step_loses_no_task(world: World, after: bool) -> None:
    for step in itertools.count(1):
        tasks = [await world.add({"step": step}) for _ in range(2)]
        victim = Mortal(world.documents, at=step, after=after)
        async with victim.running(world.worker(Jobs(), f"victim-{step}", documents=victim.port)), asyncio.timeout(20):
            while not victim.is_dead and not all([(await world.get(task)).is_final for task in tasks]):
                await asyncio.sleep(0.005)
        is_struck = victim.is_struck
        heir = Jobs()
        async with world.running(world.worker(heir, f"heir-{step}")):
            await world.all_looked()
            world.clock.moved_s += LEASE_ENDED_S
            found = [await world.until(task) for task in tasks]
        assert {task.state for task in found} == {State.DONE}
        if not is_struck:
            assert step > 5  # all of: three queries, a sweep, two claims, two ends
            return
