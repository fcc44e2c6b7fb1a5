"""How tasks are run, on every adapter of the documents."""

import asyncio

import pytest
from contract.tasks.world import ACCOUNT, KIND, TWO_HOURS_MS, Jobs, World
from prometheus_client import REGISTRY

from quietzone_kit.runtime import SystemRandomness
from quietzone_kit.tasks import KEPT_MS, Again, Done, Fail, Kind, Progress, Retry, State, Task, Tell, _worker
from quietzone_kit.tasks._run import LEASE_S


async def test_a_task_that_is_due_is_run_once_and_its_result_is_kept(world: World) -> None:
    jobs = Jobs(Done({"rows": 3}))
    task = await world.add({"format": "csv"})

    async with world.running(world.worker(jobs)):
        found = await world.until(task)

    assert (found.state, found.result, len(jobs.begun)) == (State.DONE, {"rows": 3}, 1)
    assert jobs.begun[0].payload == {"format": "csv"}


async def test_who_adds_a_task_wakes_the_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_worker, "POLL_S", 3_600.0)
    worker = world.worker(Jobs())
    async with world.running(worker):
        await world.all_looked(1)
        task = await world.add()
        worker.wake()

        await world.until(task)


async def test_a_task_is_not_run_before_it_is_due(world: World) -> None:
    jobs = Jobs()
    later = await world.add(after_ms=60_000)
    moment = await world.add(due_at_ms=world.clock.now_ms() + 60_000)
    async with world.running(world.worker(jobs)):
        await world.all_looked()
        assert jobs.begun == []

        world.clock.moved_s += 61

        await world.until(later)
        await world.until(moment)


async def test_a_failure_is_tried_again_as_often_as_the_task_says(world: World) -> None:
    jobs = Jobs(*[ZeroDivisionError("no luck")] * 5)
    task = await world.add(max_attempts=4)

    async with world.running(world.worker(jobs)):
        found = await world.until(task)

    assert (found.state, found.attempts, found.error, len(jobs.begun)) == (State.DEAD, 4, "ZeroDivisionError: no luck", 4)


async def test_the_last_attempt_can_succeed(world: World) -> None:
    jobs = Jobs(OSError("reset"), Retry("busy"))
    task = await world.add()

    async with world.running(world.worker(jobs)):
        found = await world.until(task)

    assert (found.state, found.attempts, found.error) == (State.DONE, 2, None)


async def test_retries_back_off_with_full_jitter(world: World) -> None:
    task = await world.add(max_attempts=6)

    async with world.running(world.worker(Jobs(*[OSError()] * 6))):
        await world.until(task)

    assert world.randomness.caps == [1_000, 2_000, 4_000, 8_000, 16_000]


async def test_a_kind_can_name_its_delays(world: World) -> None:
    jobs = Jobs(OSError("reset"), OSError("reset"))
    task = await world.add()
    kinds = {KIND: Kind(jobs, delays_ms=(0, 300_000))}
    async with world.running(world.worker(kinds)):
        found = await world.until(task, lambda task: task.attempts == 2)
        assert 240_000 < found.due_at_ms - world.clock.now_ms() <= 330_000

        world.clock.moved_s += 331

        await world.until(task)


async def test_a_retry_can_name_its_delay(world: World) -> None:
    jobs = Jobs(Retry("too many requests", after_ms=60_000))
    task = await world.add()
    async with world.running(world.worker(jobs)):
        found = await world.until(task, lambda task: task.attempts == 1)

    assert found.error == "too many requests"
    assert 50_000 < found.due_at_ms - world.clock.now_ms() <= 60_000


async def test_a_failure_for_good_is_not_tried_again(world: World) -> None:
    jobs = Jobs(Fail("no such address"))
    task = await world.add()

    async with world.running(world.worker(jobs)):
        found = await world.until(task)

    assert (found.state, found.error, len(jobs.begun)) == (State.DEAD, "no such address", 1)


async def test_a_kind_that_nobody_knows_is_a_dead_task(world: World) -> None:
    task = await world.add(kind="process-image")

    async with world.running(world.worker(Jobs())):
        found = await world.until(task)

    assert found.state is State.DEAD
    assert "process-image" in str(found.error)


async def test_an_error_is_short_and_tells_no_secret(world: World) -> None:
    task = await world.add()

    async with world.running(world.worker(Jobs(Fail("https://me:hunter2@example.com " + "x" * 1_000)))):
        found = await world.until(task)

    assert "hunter2" not in str(found.error)
    assert len(str(found.error)) == 500


async def test_a_run_that_takes_too_long_has_failed(world: World) -> None:
    jobs = Jobs()
    jobs.may_end.clear()
    task = await world.add(max_attempts=1)

    async with world.running(world.worker({KIND: Kind(jobs, within_s=0.05)})):
        found = await world.until(task)

    assert (found.state, found.error) == (State.DEAD, "TimeoutError: no end within 0.05 s")


async def test_a_result_that_is_too_large_is_a_failure(world: World) -> None:
    task = await world.add(max_attempts=1)

    async with world.running(world.worker(Jobs(Done({"text": "x" * 64_000})))):
        found = await world.until(task)

    assert (found.state, found.result) == (State.DEAD, None)
    assert "blobs" in str(found.error)


async def test_progress_is_seen_while_the_task_runs(world: World) -> None:
    jobs = Jobs()
    jobs.may_end.clear()
    jobs.during = lambda _, tell: tell(Progress(3, 10, "rows of May"))
    task = await world.add()

    async with world.running(world.worker(jobs)):
        found = await world.until(task, lambda task: task.progress.done == 3)
        assert (found.state, found.progress) == (State.RUNNING, Progress(3, 10, "rows of May"))
        jobs.may_end.set()
        assert (await world.until(task)).state is State.DONE


async def test_the_last_progress_is_kept_with_the_task(world: World) -> None:
    jobs = Jobs()
    jobs.during = lambda _, tell: tell(Progress(10, 10))
    task = await world.add()

    async with world.running(world.worker(jobs)):
        found = await world.until(task)

    assert found.progress == Progress(10, 10)


async def test_a_task_can_ask_to_be_run_again(world: World) -> None:
    jobs = Jobs(Again(after_ms=60_000, result={"seen": 1}), OSError("reset"), Again(due_at_ms=0))
    task = await world.add()
    async with world.running(world.worker(jobs)):
        found = await world.until(task, lambda task: task.result == {"seen": 1})
        assert (found.state, found.due_at_ms - world.clock.now_ms() > 50_000) == (State.WAITING, True)
        world.clock.moved_s += 61

        found = await world.until(task)

    assert (found.state, found.attempts, len(jobs.begun)) == (State.DONE, 0, 4)


async def test_no_more_tasks_run_at_once_than_the_worker_may(world: World) -> None:
    jobs, three = Jobs(), asyncio.Barrier(3)

    async def meet(_task: Task, _tell: Tell) -> None:
        async with asyncio.timeout(20):
            await three.wait()

    jobs.during = meet
    tasks = [await world.add() for _ in range(12)]

    async with world.running(world.worker(jobs, concurrency=3)):
        for task in tasks:
            await world.until(task)

    assert jobs.most_at_once == 3


async def test_accounts_take_turns(world: World) -> None:
    jobs = Jobs()
    for _ in range(20):
        await world.add(account_id="north")
    last = await world.add(account_id="south")

    async with world.running(world.worker(jobs, concurrency=1)):
        await world.until(last)

    assert [task.account_id for task in jobs.begun].index("south") <= 2


async def test_who_has_more_due_than_a_look_brings_hides_nobody_elses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_worker, "PAGE", 5)
    jobs = Jobs()
    for account in ("", "east", "north"):
        for _ in range(20):
            await world.add(account_id=account)
    last = [await world.add(account_id=account) for account in ("a", "south", "west")]

    async with world.running(world.worker(jobs, concurrency=1)):
        for task in last:
            await world.until(task)

    assert len(jobs.begun) <= 30


async def test_what_is_not_due_is_nobodys_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_worker, "PAGE", 5)
    jobs = Jobs()
    for _ in range(5):
        await world.add(account_id="north")
    later = await world.add(account_id="south", after_ms=TWO_HOURS_MS)
    all_due = await world.add(account_id="north")

    async with world.running(world.worker(jobs, concurrency=1)):  # its second look is past north, where south's task is
        await world.until(all_due)

    assert later.task_id not in {task.task_id for task in jobs.begun}


async def test_several_workers_run_each_task_once(world: World) -> None:
    jobs = Jobs()
    tasks = [await world.add() for _ in range(40)]

    async with world.running(*(world.worker(jobs, f"worker-{number}") for number in range(4))):
        for task in tasks:
            await world.until(task)

    assert sorted(task.task_id for task in jobs.begun) == sorted(task.task_id for task in tasks)


async def test_a_cancelled_task_is_stopped_while_it_runs(world: World) -> None:
    jobs = Jobs()
    jobs.may_end.clear()
    task = await world.add()
    async with world.running(world.worker(jobs)), asyncio.timeout(20):
        await world.until(task, lambda task: task.state is State.RUNNING)
        await world.tasks.cancel(ACCOUNT, task.task_id)
        world.clock.moved_s += LEASE_S / 2  # a renewal is due
        while not jobs.stopped:
            await asyncio.sleep(0.01)

    assert (await world.get(task)).state is State.CANCELLED


async def test_a_task_is_not_stuck_when_the_clock_that_it_was_added_by_was_ahead(world: World) -> None:
    world.clock.off_ms = TWO_HOURS_MS
    task = await world.add()
    world.clock.off_ms = 0

    async with world.running(world.worker(Jobs())):
        await world.until(task)


async def test_a_retry_is_not_stuck_when_the_clock_is_set_back(world: World) -> None:
    jobs = Jobs(Retry("busy", after_ms=5_000))
    task = await world.add()
    async with world.running(world.worker(jobs)):
        await world.until(task, lambda task: task.attempts == 1)
        world.clock.off_ms = -TWO_HOURS_MS

        await world.until(task)


async def test_a_moment_is_a_matter_of_the_clock(world: World) -> None:
    jobs = Jobs()
    await world.add(due_at_ms=world.clock.now_ms() + 60_000)
    world.clock.off_ms = -TWO_HOURS_MS

    async with world.running(world.worker(jobs)):
        await world.all_looked()

    assert jobs.begun == []


async def test_what_ended_long_ago_is_removed(world: World) -> None:
    tasks = [await world.add() for _ in range(3)]
    waiting = await world.add(after_ms=2 * KEPT_MS)
    async with world.running(world.worker(Jobs())):
        for task in tasks:
            await world.until(task)
        world.clock.moved_s += KEPT_MS / 1000 + 1
        async with asyncio.timeout(20):
            while len((await world.tasks.list(ACCOUNT)).tasks) > 1:
                await asyncio.sleep(0.01)

    assert [task.task_id for task in (await world.tasks.list(ACCOUNT)).tasks] == [waiting.task_id]


async def until_measured(metric: str, kind: str, outcome: str) -> float:
    """What the metric says, once it knows the outcome: a run is measured after it is written down."""
    async with asyncio.timeout(20):
        while (value := REGISTRY.get_sample_value(metric, {"kind": kind, "outcome": outcome})) is None:
            await asyncio.sleep(0.01)
    return value


async def test_runs_are_counted_by_outcome(world: World) -> None:
    kind = f"counted_{SystemRandomness().token(4).hex()}"  # the registry outlives a test
    task = await world.add(kind=kind)

    async with world.running(world.worker({kind: Kind(Jobs(OSError("reset")))})):
        await world.until(task)
        counts = [await until_measured("quietzone_task_runs_total", kind, outcome) for outcome in ("retried", "done")]

    assert counts == [1, 1]


async def test_runs_are_timed(world: World) -> None:
    kind = f"timed_{SystemRandomness().token(4).hex()}"
    task = await world.add(kind=kind)

    async with world.running(world.worker({kind: Kind(Jobs())})):
        await world.until(task)

        assert await until_measured("quietzone_task_seconds_count", kind, "done") == 1
