import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import pytest

from simulation.chance import Chance
from simulation.loop import Deadlock, Livelock, SimulatedLoop
from simulation.process import Gone, Process, ProcessDead
from simulation.runtime import InlineExecutor, ProcessClock


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    loop = SimulatedLoop(Chance("test"))
    yield loop
    if not loop.is_closed():
        loop.finish()


def play(seed: str, main: Callable[[SimulatedLoop], Coroutine[Any, Any, None]], **options: int) -> SimulatedLoop:
    loop = SimulatedLoop(Chance(seed), **options)
    try:
        loop.run_until_complete(main(loop))
    finally:
        loop.finish()
    return loop


def test_an_hour_of_sleep_takes_an_hour_of_virtual_time(loop: SimulatedLoop) -> None:
    loop.run_until_complete(asyncio.sleep(3600))

    assert 3600 <= loop.time() < 3601


def order_of_three(seed: str) -> str:
    said: list[str] = []

    async def say(word: str) -> None:
        await asyncio.sleep(1)
        said.append(word)

    async def main(_: SimulatedLoop) -> None:
        async with asyncio.TaskGroup() as group:
            for word in "abc":
                group.create_task(say(word))

    play(seed, main)
    return "".join(said)


def test_timers_of_the_same_moment_fire_in_every_order_over_the_seeds() -> None:
    assert len({order_of_three(str(seed)) for seed in range(60)}) == 6


def test_the_same_seed_gives_the_same_order() -> None:
    assert [order_of_three(str(seed)) for seed in range(20)] == [order_of_three(str(seed)) for seed in range(20)]


@pytest.mark.parametrize("seed", range(20))
def test_what_one_callback_queues_runs_in_the_order_in_which_it_was_queued(seed: int) -> None:
    ran: list[int] = []

    async def main(loop: SimulatedLoop) -> None:
        loop.call_later(0, lambda: None)
        for number in range(10):
            loop.call_soon(ran.append, number)
        await asyncio.sleep(1)

    play(str(seed), main)

    assert ran == list(range(10))


def test_a_history_that_spins_fails_instead_of_hanging() -> None:
    async def main(_: SimulatedLoop) -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Livelock):
        play("spin", main, max_steps=1000)


def test_a_history_in_which_nothing_can_run_fails() -> None:
    async def main(loop: SimulatedLoop) -> None:
        await loop.create_future()

    with pytest.raises(Deadlock):
        play("stuck", main)


def test_a_thread_is_refused() -> None:
    async def main(_: SimulatedLoop) -> None:
        await asyncio.to_thread(int)

    with pytest.raises(AssertionError, match="Executor"):
        play("thread", main)


def test_a_killed_process_runs_no_finally(loop: SimulatedLoop) -> None:
    effects: list[str] = []
    process = Process(loop, "victim")

    async def body() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            effects.append("finally")

    async def main() -> None:
        process.start(body)
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(20)

    loop.run_until_complete(main())

    assert effects == []


def test_tasks_that_a_killed_process_started_die_with_it(loop: SimulatedLoop) -> None:
    beats: list[float] = []
    process = Process(loop, "victim")

    async def beat() -> None:
        while True:
            beats.append(loop.time())
            await asyncio.sleep(1)

    async def body() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(beat())
            group.create_task(beat())

    async def main() -> None:
        process.start(body)
        await asyncio.sleep(3.5)
        process.kill()
        await asyncio.sleep(10)

    loop.run_until_complete(main())

    assert len(beats) == 8


def test_a_paused_process_goes_on_where_it_stood(loop: SimulatedLoop) -> None:
    seen: list[float] = []
    process = Process(loop, "sleeper")

    async def body() -> None:
        await asyncio.sleep(1)
        seen.append(loop.time())

    async def main() -> None:
        process.start(body)
        process.pause()
        await asyncio.sleep(5)
        process.resume()
        await process.ended

    loop.run_until_complete(main())

    assert seen
    assert seen[0] >= 5


def test_others_go_on_while_a_call_blocks_and_the_caller_does_not(loop: SimulatedLoop) -> None:
    ticks: dict[str, list[float]] = {"slow": [], "other": []}
    slow, other = Process(loop, "slow"), Process(loop, "other")

    async def tick(name: str) -> None:
        for _ in range(10):
            ticks[name].append(loop.time())
            await asyncio.sleep(0.1)

    async def call() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(tick("slow"))
            await asyncio.sleep(0.25)
            loop.block(slow, 0.5)

    async def main() -> None:
        slow.start(call)
        other.start(partial(tick, "other"))
        await asyncio.sleep(3)

    loop.run_until_complete(main())

    during = {name: sum(0.26 < moment < 0.74 for moment in moments) for name, moments in ticks.items()}
    assert during == {"slow": 0, "other": 5}
    assert len(ticks["slow"]) == 10


def test_the_other_threads_of_a_process_go_on_while_one_of_them_blocks(loop: SimulatedLoop) -> None:
    ticks: list[float] = []
    process = Process(loop, "p")

    async def body() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(InlineExecutor(process, Chance("1")).run(partial(loop.block, process, 0.5)))
            for _ in range(5):
                ticks.append(loop.time())
                await asyncio.sleep(0.1)

    async def main() -> None:
        process.start(body)
        await asyncio.sleep(3)

    loop.run_until_complete(main())

    assert len([moment for moment in ticks if moment < 0.45]) == 5


def test_a_process_that_is_killed_while_its_call_blocks_dies_in_it(loop: SimulatedLoop) -> None:
    after: list[str] = []
    process = Process(loop, "p")

    async def body() -> None:
        loop.block(process, 1.0)
        process.check()
        after.append("went on")

    async def main() -> None:
        process.start(body)
        loop.call_later(0.5, process.kill)
        await process.ended
        await asyncio.sleep(1)

    loop.run_until_complete(main())

    assert after == []


def test_asking_a_process_that_dies_ends_in_gone(loop: SimulatedLoop) -> None:
    process = Process(loop, "server")

    async def answer() -> None:
        await asyncio.sleep(10)

    async def main() -> None:
        loop.call_later(1, process.kill)
        with pytest.raises(Gone):
            await process.ask(answer)

    loop.run_until_complete(main())

    assert loop.time() < 2


def test_a_fuse_kills_a_process_in_the_middle_of_its_code(loop: SimulatedLoop) -> None:
    process = Process(loop, "victim")
    done: list[int] = []

    async def body() -> None:
        for number in range(10):
            process.touch()
            done.append(number)

    async def main() -> None:
        process.fuse = 4
        process.start(body)
        await process.ended

    loop.run_until_complete(main())

    assert done == [0, 1, 2]
    assert loop.complaints == []


def test_a_main_function_that_fails_ends_its_process_with_the_reason(loop: SimulatedLoop) -> None:
    process = Process(loop, "failing")

    async def body() -> None:
        raise RuntimeError("reason")

    async def main() -> BaseException | None:
        process.start(body)
        return await process.ended

    assert str(loop.run_until_complete(main())) == "reason"


def test_an_error_that_nobody_sees_is_a_complaint(loop: SimulatedLoop) -> None:
    def fail() -> None:
        raise RuntimeError("reason")

    async def main() -> None:
        loop.call_soon(fail)
        await asyncio.sleep(1)

    loop.run_until_complete(main())

    assert any("reason" in complaint for complaint in loop.complaints)


@pytest.mark.parametrize("seed", range(20))
def test_an_executor_with_one_thread_keeps_order(seed: int) -> None:
    done: list[int] = []
    answered: list[int] = []

    async def main(loop: SimulatedLoop) -> None:
        process = Process(loop, "p")
        executor = InlineExecutor(process, Chance(str(seed)))

        async def one(number: int) -> None:
            await executor.run(lambda: done.append(number))
            answered.append(number)

        for number in range(5):
            loop.create_task(one(number))
            await asyncio.sleep(0)
        await asyncio.sleep(1)

    play(str(seed), main)

    assert done == list(range(5))
    assert sorted(answered) == done


def test_an_executor_with_two_threads_changes_the_order() -> None:
    def orders(seed: int) -> list[int]:
        done: list[int] = []

        async def main(loop: SimulatedLoop) -> None:
            executor = InlineExecutor(Process(loop, "p"), Chance(str(seed)), threads=2)
            async with asyncio.TaskGroup() as group:
                for number in range(4):
                    group.create_task(executor.run(partial(done.append, number)))

        play(str(seed), main)
        return done

    assert len({tuple(orders(seed)) for seed in range(40)}) > 1


def test_work_that_nobody_waits_for_any_more_is_done_all_the_same(loop: SimulatedLoop) -> None:
    done: list[str] = []

    async def main() -> None:
        executor = InlineExecutor(Process(loop, "p"), Chance("1"))
        task = loop.create_task(executor.run(lambda: done.append("work")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(1)

    loop.run_until_complete(main())

    assert done == ["work"]


def test_an_executor_hands_errors_to_the_caller(loop: SimulatedLoop) -> None:
    def fail() -> None:
        raise OSError("disk")

    async def main() -> None:
        with pytest.raises(OSError, match="disk"):
            await InlineExecutor(Process(loop, "p"), Chance("1")).run(fail)

    loop.run_until_complete(main())


def test_a_clock_that_jumps_leaves_the_monotonic_one_alone(loop: SimulatedLoop) -> None:
    process = Process(loop, "p")
    clock = ProcessClock(process)
    before = clock.now_ms(), clock.monotonic()

    process.skew_ms -= 60_000

    assert (clock.now_ms(), clock.monotonic()) == (before[0] - 60_000, before[1])


def test_a_dead_process_cannot_use_its_ports(loop: SimulatedLoop) -> None:
    process = Process(loop, "p")
    process.kill()

    with pytest.raises(ProcessDead):
        process.touch()
