"""Adding and managing tasks, on every adapter of the documents."""

import pytest
from contract.tasks.world import ACCOUNT, KIND, Jobs, World

from quietzone_kit.errors import FailedPrecondition, NotFound
from quietzone_kit.tasks import Fail, NewTask, State


async def test_a_new_task_waits_and_is_due_now(world: World) -> None:
    task = await world.add({"to": "a@example.com"})

    found = await world.get(task)

    assert found == task
    assert (found.state, found.attempts, found.max_attempts, found.payload) == (State.WAITING, 0, 3, {"to": "a@example.com"})
    assert found.scheduled_for_ms == found.due_at_ms == found.created_at_ms


async def test_a_task_can_be_due_later(world: World) -> None:
    task = await world.add(after_ms=60_000)

    assert task.due_at_ms == task.created_at_ms + 60_000


async def test_adding_a_task_twice_is_one_task(world: World) -> None:
    first = await world.add({"n": 1}, dedup_key="e1/mail")
    second = await world.add({"n": 2}, dedup_key="e1/mail")

    assert second == first
    assert len((await world.tasks.list(ACCOUNT)).tasks) == 1


async def test_a_task_that_is_done_is_not_added_again(world: World) -> None:
    jobs = Jobs()
    task = await world.add(dedup_key="e1/mail")
    async with world.running(world.worker(jobs)):
        await world.until(task)

        again = await world.add(dedup_key="e1/mail")

    assert (again.task_id, again.state, len(jobs.ended)) == (task.task_id, State.DONE, 1)


async def test_a_task_with_a_deduplication_key_has_a_known_id(world: World) -> None:
    task = await world.add(dedup_key="e1/mail")

    assert world.tasks.id_of(NewTask(task.account_id, task.kind, dedup_key="e1/mail")) == task.task_id
    with pytest.raises(ValueError, match="dedup_key"):
        world.tasks.id_of(NewTask(task.account_id, task.kind))


async def test_a_deduplication_key_is_of_an_account_and_a_kind(world: World) -> None:
    tasks = [
        await world.add(dedup_key="e1"),
        await world.add(dedup_key="e1", kind="push"),
        await world.add(dedup_key="e1", account_id="south"),
        await world.add(dedup_key="e2"),
    ]

    assert len({task.task_id for task in tasks}) == 4


async def test_a_payload_has_a_bound(world: World) -> None:
    with pytest.raises(ValueError, match="blobs"):
        await world.add({"text": "x" * 64_000})


async def test_a_task_without_attempts_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="at least one"):
        await world.tasks.add(NewTask(ACCOUNT, KIND, max_attempts=0))


async def test_another_accounts_task_is_not_found(world: World) -> None:
    task = await world.add(account_id="south")

    for ask in (world.tasks.get, world.tasks.cancel, world.tasks.retry):
        with pytest.raises(NotFound):
            await ask(ACCOUNT, task.task_id)


async def test_an_accounts_tasks_are_listed_newest_first_page_by_page(world: World) -> None:
    added = []
    for _ in range(5):
        world.clock.moved_s += 1
        added.append(await world.add())
    await world.add(account_id="south")

    first = await world.tasks.list(ACCOUNT, limit=3)
    second = await world.tasks.list(ACCOUNT, limit=3, after=first.cursor)

    assert [*first.tasks, *second.tasks] == added[::-1]
    assert second.cursor is None


async def test_tasks_are_listed_by_state(world: World) -> None:
    jobs = Jobs(Fail("no such address"))
    dead = await world.add()
    waiting = await world.add(after_ms=60_000)
    async with world.running(world.worker(jobs)):
        await world.until(dead)

    assert [task.task_id for task in (await world.tasks.list(ACCOUNT, state=State.DEAD)).tasks] == [dead.task_id]
    assert [task.task_id for task in (await world.tasks.list(ACCOUNT, state=State.WAITING)).tasks] == [waiting.task_id]


async def test_a_cancelled_task_is_not_run(world: World) -> None:
    jobs = Jobs()
    task = await world.add()
    await world.tasks.cancel(ACCOUNT, task.task_id)

    async with world.running(world.worker(jobs)):
        await world.all_looked()

    assert (jobs.begun, (await world.get(task)).state) == ([], State.CANCELLED)


async def test_cancelling_twice_is_cancelling_once(world: World) -> None:
    task = await world.add()
    first = await world.tasks.cancel(ACCOUNT, task.task_id)

    assert await world.tasks.cancel(ACCOUNT, task.task_id) == first


async def test_what_is_done_can_neither_be_cancelled_nor_retried(world: World) -> None:
    task = await world.add()
    async with world.running(world.worker(Jobs())):
        await world.until(task)

    for ask in (world.tasks.cancel, world.tasks.retry):
        with pytest.raises(FailedPrecondition, match="done"):
            await ask(ACCOUNT, task.task_id)


async def test_a_dead_task_is_run_again_when_it_is_retried(world: World) -> None:
    jobs = Jobs(Fail("not yet"))
    task = await world.add()
    async with world.running(world.worker(jobs)):
        await world.until(task, lambda task: task.state is State.DEAD)

        await world.tasks.retry(ACCOUNT, task.task_id)

        found = await world.until(task)
    assert (found.state, found.attempts, found.error) == (State.DONE, 0, None)


async def test_a_task_that_waits_is_not_changed_by_a_retry(world: World) -> None:
    task = await world.add(after_ms=60_000)

    assert await world.tasks.retry(ACCOUNT, task.task_id) == task


async def test_what_comes_again_by_itself_is_there_once_and_alive(world: World) -> None:
    first = await world.tasks.keep("sweep", {"dry_run": False})
    await world.tasks.cancel("", first.task_id)

    again = await world.tasks.keep("sweep", {"dry_run": False})

    assert (again.task_id, again.state) == (first.task_id, State.WAITING)
    assert len((await world.tasks.list("")).tasks) == 1
