"""A projection whose log isn't the one that it has read, as a task of its process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from quietzone_analytics import standstill
from quietzone_analytics.standstill import stands_still
from quietzone_kit.bus import Bounds, BusError, OffsetGone, TopicMismatch, UnknownTopic
from quietzone_kit.projection import ForeignLog
from quietzone_kit.reaction import FailsOnEverything


class Project:
    """Ends with one error after the other, then runs."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.runs = 0
        self.is_running = asyncio.Event()

    async def __call__(self) -> None:
        self.runs += 1
        if self._errors:
            raise self._errors.pop(0)
        self.is_running.set()
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AGAIN_S", "LOOK_AGAIN_S", "SETTLED_S"):
        monkeypatch.setattr(standstill, name, 0.001)
    return None


@asynccontextmanager
async def running(project: Project) -> AsyncIterator[None]:
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        task = group.create_task(stands_still("scans", project)())
        yield
        task.cancel()


def gauge() -> float | None:
    return REGISTRY.get_sample_value("quietzone_analytics_projection_stands_still", {"projection": "scans"})


@pytest.mark.parametrize(
    "error",
    [
        ForeignLog("another log"),
        TopicMismatch("3 partitions"),
        UnknownTopic("no topic"),
        OffsetGone("offset 7 is gone", Bounds("log-2", 0, 0)),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_projection_goes_on_once_its_log_is_the_right_one_again(error: Exception) -> None:
    project = Project(error, error)

    async with running(project):
        await project.is_running.wait()

    assert project.runs == 3


async def test_while_it_stands_still_a_metric_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standstill, "LOOK_AGAIN_S", 60.0)

    async with running(Project(ForeignLog("another log"))):
        while not gauge():
            await asyncio.sleep(0.001)


async def test_once_it_has_run_for_a_while_the_metric_says_so() -> None:
    project = Project(ForeignLog("another log"))

    async with running(project):
        await project.is_running.wait()
        while gauge():
            await asyncio.sleep(0.001)


async def test_what_no_log_explains_ends_the_process() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        async with running(Project(BusError("topic tracking.scan.v1: grant it to the user"))):
            await asyncio.sleep(5)

    assert raised.group_contains(BusError, match="grant")


async def test_a_reaction_that_fails_on_everything_is_not_begun_anew() -> None:
    project = Project(FailsOnEverything("twenty in a row"))

    async with running(project):
        while gauge() != 1:
            await asyncio.sleep(0)
        for _ in range(1_000):
            await asyncio.sleep(0)

    assert project.runs == 1
