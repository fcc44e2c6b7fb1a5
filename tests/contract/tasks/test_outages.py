"""Workers while something that they need is away, on every adapter of the documents."""

import pytest
from contract.tasks.world import Jobs, World

from quietzone_kit.bus import BusUnavailable
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.errors import Unavailable
from quietzone_kit.tasks import Done, State, Task, Tell


@pytest.mark.parametrize(
    "error", [BusUnavailable("down"), DocumentsUnavailable("down"), Unavailable("down")], ids=lambda error: type(error).__name__
)
async def test_an_outage_uses_up_no_attempt(world: World, error: Exception) -> None:
    jobs = Jobs(*[error] * 10)
    task = await world.add()

    async with world.running(world.worker(jobs)):
        found = await world.until(task)

    assert (found.state, found.attempts, len(jobs.begun)) == (State.DONE, 0, 11)


class Moody:
    """A store that refuses its next calls, or does them and says that it hasn't."""

    def __init__(self, world: World, *, after: bool) -> None:
        self._documents = world.documents
        self._after = after
        self.refusals = 0

    def __getattr__(self, name: str) -> object:
        method = getattr(self._documents, name)

        async def call(*args: object, **named: object) -> object:
            if not self.refusals:
                return await method(*args, **named)
            self.refusals -= 1
            if self._after:
                await method(*args, **named)
            raise DocumentsUnavailable("not now")

        return call


@pytest.mark.parametrize("after", [False, True])
async def test_the_end_of_a_run_survives_an_outage_of_the_store(world: World, after: bool) -> None:
    jobs, moody = Jobs(Done({"rows": 1})), Moody(world, after=after)

    async def refuse(_task: Task, _tell: Tell) -> None:
        moody.refusals = 5

    jobs.during = refuse
    task = await world.add()

    async with world.running(world.worker(jobs, documents=moody)):  # type: ignore[arg-type]
        found = await world.until(task)

    assert (found.state, found.result, len(jobs.begun)) == (State.DONE, {"rows": 1}, 1)


async def test_a_worker_outlives_an_outage_of_its_store(world: World) -> None:
    moody = Moody(world, after=False)
    moody.refusals = 20
    task = await world.add()

    async with world.running(world.worker(Jobs(), documents=moody)):  # type: ignore[arg-type]
        assert (await world.until(task)).state is State.DONE
