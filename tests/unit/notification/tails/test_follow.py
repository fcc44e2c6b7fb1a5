"""Reading for tails: begun with the first, ended with the last, and what a break says."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import pytest
from ports import NoJitter
from unit.gateway.live_world import memory_bus, until
from unit.notification.test_matching import scans
from unit.notification.world import OURS, THEIRS, World

from quietzone_kit.bus import Bounds, Bus, OffsetGone, Topic
from quietzone_kit.errors import ResourceExhausted
from quietzone_kit.runtime import SystemClock
from quietzone_notification.tails import follow
from quietzone_notification.tails.domain import Missed, Tail
from quietzone_notification.tails.follow import MAX_TAILS, Watch
from quietzone_notification.tails.use_cases import TailDesk
from quietzone_topics import TOPICS, TRACKING_SCAN_V1


class Breaking(Watch):
    """Its reading breaks off so many times."""

    breaks = 0
    readings = 0

    async def _follow(self, topic: Topic, ends: Mapping[int, Bounds]) -> None:
        self.readings += 1
        if self.breaks:
            self.breaks -= 1
            raise OffsetGone("its records went before they were read", ends[0])
        await super()._follow(topic, ends)


@dataclass
class Running:
    """A watch at work."""

    bus: Bus
    watch: Breaking
    desk: TailDesk


@pytest.fixture
async def running(world: World) -> AsyncIterator[Running]:
    bus, kept = memory_bus()
    await bus.ensure(TOPICS)
    watch = Breaking(bus, SystemClock(), NoJitter())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch.run())
        yield Running(bus, watch, TailDesk(watch, world.buses))
        task.cancel()
    await bus.close()
    kept.close()


@asynccontextmanager
async def tailing(running: Running, account_id: str = OURS) -> AsyncIterator[AsyncIterator[object]]:
    """A tail that has begun."""
    async with aclosing(running.desk.tail(account_id, "", None)) as tail:
        assert await anext(tail) is None
        yield tail


async def test_nothing_is_read_while_nobody_tails(running: Running) -> None:
    await asyncio.sleep(0)

    assert running.watch.readings == 0


async def test_all_tails_share_one_reading(running: Running) -> None:
    async with tailing(running), tailing(running, THEIRS):
        await until(lambda: running.watch.readings > 0)
        await asyncio.sleep(0.01)  # room for a second one

        assert running.watch.readings == len(follow.HEARD)


async def test_a_reading_that_breaks_off_is_begun_anew_and_said(running: Running) -> None:
    running.watch.breaks = 1
    async with tailing(running) as tail:
        async with asyncio.timeout(5):
            told = await anext(tail)

        assert told == Missed(None)
        await until(lambda: running.watch.readings == 2 * len(follow.HEARD))


async def test_scans_of_who_does_not_tail_are_not_unpacked(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(Watch, "_tell", lambda _, event: told.append(event.account_id))
    async with tailing(running):
        both = scans(("menu", OURS), ("poster", THEIRS))
        await running.bus.publish([both.to_message(TRACKING_SCAN_V1.name, partition=0)])

        await until(lambda: told != [])

    assert told == [OURS]


async def test_everybody_together_has_only_so_many(running: Running) -> None:
    def enter(number: int) -> None:
        with running.watch.entered(Tail(f"account-{number}", "default", None, lambda: None)):
            if number:
                enter(number - 1)

    with pytest.raises(ResourceExhausted, match="all the tails that it takes"):
        enter(MAX_TAILS)
    assert len(running.watch) == 0
