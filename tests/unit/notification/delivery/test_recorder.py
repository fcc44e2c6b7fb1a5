"""Outcomes are written together, and none waits for long."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest
from ports import NoJitter
from unit.notification.delivery.test_lanes import held

from quietzone_notification.delivery.deliveries.repository import Deliveries, Held
from quietzone_notification.delivery.domain import Delivery
from quietzone_notification.delivery.sender import recorder as module
from quietzone_notification.delivery.sender.recorder import Recorder


class Store:
    """Takes down what is written together."""

    def __init__(self) -> None:
        self.writes: list[int] = []

    async def put(self, changes: Sequence[tuple[Held, Delivery]]) -> list[bool]:
        self.writes.append(len(changes))
        return [True] * len(changes)


class Receivers:
    """Those that haven't answered yet."""

    def __init__(self) -> None:
        self.left = 0

    def are_there(self) -> bool:
        return self.left > 0


@asynccontextmanager
async def recording(store: Store, receivers: Receivers) -> AsyncIterator[Recorder]:
    recorder = Recorder(cast("Deliveries", store), NoJitter(), others=receivers.are_there)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(recorder.run())
        yield recorder
        task.cancel()


async def end(recorder: Recorder, receivers: Receivers, name: str) -> bool:
    receivers.left -= 1
    one = held(name)
    return await recorder.record(one, one.delivery.dropped("gone", 1))


async def test_those_that_are_about_to_come_are_written_with_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER_S", 30.0)
    store, receivers = Store(), Receivers()
    receivers.left = 5

    async with recording(store, receivers) as recorder, asyncio.TaskGroup() as group:
        for name in "abcde":
            group.create_task(end(recorder, receivers, name))
            await asyncio.sleep(0.001)

    assert store.writes == [5]


async def test_who_does_not_come_keeps_nobody_waiting_for_long() -> None:
    store, receivers = Store(), Receivers()
    receivers.left = 2

    async with recording(store, receivers) as recorder, asyncio.timeout(10):
        assert await end(recorder, receivers, "a")

    assert store.writes == [1]
