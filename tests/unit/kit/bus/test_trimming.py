import asyncio
from typing import cast

from quietzone_kit.bus import Bus, BusUnavailable, keep_trimmed


class Old:
    """A bus of which so many steps' worth is too old; it fails once when it is asked for the first time."""

    def __init__(self, steps: int, *, fails: bool = False) -> None:
        self.steps = steps
        self.fails = fails
        self.done = asyncio.Event()

    async def trim(self) -> bool:
        if self.fails:
            self.fails = False
            raise BusUnavailable("locked")
        self.steps -= 1
        if self.steps == 0:
            self.done.set()
        return self.steps > 0


async def trim_all(old: Old, *, every_s: float) -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        keeper = group.create_task(keep_trimmed(cast("Bus", old), every_s=every_s))
        await old.done.wait()
        keeper.cancel()


async def test_all_that_is_too_old_goes_without_waiting_for_the_next_round() -> None:
    old = Old(steps=3)

    await trim_all(old, every_s=60)

    assert old.steps == 0


async def test_a_bus_that_is_away_is_trimmed_in_the_next_round() -> None:
    old = Old(steps=1, fails=True)

    await trim_all(old, every_s=0.01)

    assert old.steps == 0
