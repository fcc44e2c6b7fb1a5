import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from quietzone_gateway.warm_up import PATIENCE_S, READY_AT_LATEST_S, WarmUp
from quietzone_kit.errors import Unavailable


class Service:
    """A peer that is ready after some questions; None: never."""

    def __init__(self, name: str, ready_after: int | None = 0) -> None:
        self.name = name
        self.ready_after = ready_after
        self.asked = 0

    async def check(self) -> str:
        self.asked += 1
        await asyncio.sleep(0)
        if self.ready_after is None or self.asked <= self.ready_after:
            raise Unavailable(f"{self.name} gives no answer")
        return "answers"


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def now_ms(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.seconds


@asynccontextmanager
async def warming(*services: Service, clock: Clock | None = None) -> AsyncIterator[WarmUp]:
    peers: Any = services
    warm_up = WarmUp(peers, clock or Clock())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(warm_up.run())
        yield warm_up
        running.cancel()


async def ready(warm_up: WarmUp) -> None:
    async with asyncio.timeout(5):
        while warm_up.not_ready():
            await asyncio.sleep(0)


async def test_it_is_ready_when_all_peers_have_answered() -> None:
    qr, analytics = Service("qr", 2), Service("analytics")

    async with warming(qr, analytics) as warm_up:
        before = warm_up.not_ready()
        await ready(warm_up)

    assert (before, qr.asked) == ("waiting for analytics and qr", 3)


async def test_those_that_are_waited_for_are_named() -> None:
    async with warming(Service("qr", None), Service("analytics")) as warm_up:
        for _ in range(5):
            await asyncio.sleep(0)

        assert warm_up.not_ready() == "waiting for qr"


async def test_a_peer_that_stays_away_does_not_keep_it_from_serving_for_ever() -> None:
    clock, analytics = Clock(), Service("analytics", None)

    async with warming(Service("qr"), analytics, clock=clock) as warm_up:
        clock.seconds += READY_AT_LATEST_S

        assert warm_up.not_ready() is None


async def test_a_peer_that_goes_away_later_does_not_make_it_unready() -> None:
    qr = Service("qr")
    async with warming(qr) as warm_up:
        await ready(warm_up)
        qr.ready_after = None

        assert warm_up.not_ready() is None


@pytest.mark.parametrize(("waited_s", "said"), [(0.0, 0), (PATIENCE_S, 1)])
async def test_a_peer_that_is_slow_is_told_of_once_and_not_at_a_usual_start(
    waited_s: float, said: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quietzone_gateway.warm_up.RETRY_S", 0)
    clock, qr = Clock(), Service("qr", None)

    with capture_logs() as logs:
        async with asyncio.timeout(5), warming(qr, clock=clock):
            clock.seconds += waited_s
            while qr.asked < 5:
                await asyncio.sleep(0)

    assert len(logs) == said
