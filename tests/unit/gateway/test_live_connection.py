"""One connection: what it says first, and what becomes of a client that takes nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from unit.gateway.live_world import event, until

from quietzone_gateway.live import connection
from quietzone_gateway.live.connection import MAX_SAID, LiveConnection
from quietzone_gateway.live.domain import Delivery, Filter, Kind, Watcher
from quietzone_gateway.live.endings import EXPIRED, STUCK, Ending
from quietzone_gateway.live.subscription import Subscription


class Wire:
    """Takes messages while it is open."""

    transport = "test"

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.aborted = False
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, text: str) -> None:
        await self.open.wait()
        self.sent.append(text)

    async def close(self, ending: Ending, after_ms: int) -> None:
        await self.send(f"closed: {ending.name} {after_ms}")

    def abort(self) -> None:
        self.aborted = True

    def delivery(self, subscription_id: str, delivery: Delivery) -> str:
        return f"{subscription_id}: {delivery.cursor}"

    def notice(self, text: str) -> str:
        return f"notice: {text}"

    def ping(self, cursors: Mapping[str, str]) -> str:
        return f"ping: {dict(cursors)}"


class Line:
    """A connection at work, and its client's end."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.gone = asyncio.Event()
        watcher = Watcher("first", "key:1", frozenset())
        self.connection = LiveConnection(watcher, self.wire, lambda _: "here", self.again, since_ms=0, ends_at_ms=1)

    async def again(self) -> Watcher:
        return self.connection.watcher

    def subscribe(self, name: str) -> Subscription:
        subscription = Subscription("first", Filter(frozenset(Kind)), (1,), lambda _: None, self.connection.wake)
        self.connection.subscriptions[name] = subscription
        subscription.open([])
        return subscription

    async def listen(self) -> None:
        await self.gone.wait()

    async def says(self, *messages: str) -> None:
        await until(lambda: len(self.wire.sent) >= len(messages))
        assert self.wire.sent == list(messages)


@asynccontextmanager
async def connected() -> AsyncIterator[Line]:
    line = Line()
    async with asyncio.TaskGroup() as group:
        group.create_task(line.connection.run(line.listen))
        await asyncio.sleep(0)
        yield line
        line.gone.set()


def delivery(number: int) -> Delivery:
    return Delivery(event(number=number), "{}", f"cursor-{number}")


async def test_an_answer_goes_before_events_that_wait() -> None:
    async with connected() as line:
        line.subscribe("a").put(delivery(1))
        line.connection.say("answer")

        await line.says("answer", "a: cursor-1")


async def test_a_busy_subscription_does_not_keep_another_waiting() -> None:
    async with connected() as line:
        busy, quiet = line.subscribe("busy"), line.subscribe("quiet")
        for number in range(3):
            busy.put(delivery(number))
        quiet.put(delivery(9))

        await line.says("busy: cursor-0", "quiet: cursor-9", "busy: cursor-1", "busy: cursor-2")


async def test_a_ping_has_cursors_only_of_subscriptions_for_which_nothing_waits() -> None:
    async with connected() as line:
        line.subscribe("idle")
        line.connection.subscriptions["opening"] = Subscription("first", Filter(frozenset(Kind)), (1,), lambda _: None, None)
        line.connection.ping()

        await line.says("ping: {'idle': 'here'}")


async def test_at_the_end_notices_are_sent_and_events_are_not() -> None:
    async with connected() as line:
        line.subscribe("a").put(delivery(1))
        line.connection.notice("good-bye")
        line.connection.end(EXPIRED)

        await line.says("notice: good-bye", "closed: expired 0")


async def test_a_client_that_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STUCK_S", 0.01)
    async with connected() as line:
        line.wire.open.clear()
        line.connection.say("something")

        await until(lambda: line.wire.aborted)
        assert line.connection.ending is STUCK


async def test_a_client_that_is_told_to_go_and_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STUCK_S", 0.01)
    async with connected() as line:
        line.wire.open.clear()
        line.connection.end(EXPIRED)

        await until(lambda: line.wire.aborted)


async def test_answers_that_nobody_takes_end_the_connection() -> None:
    async with connected() as line:
        line.wire.open.clear()
        for number in range(MAX_SAID + 2):
            line.connection.say(str(number))
            await asyncio.sleep(0)

        assert line.wire.aborted


async def test_a_client_that_is_gone_frees_its_subscriptions() -> None:
    left: list[Subscription] = []
    async with connected() as line:
        subscription = Subscription("first", Filter(frozenset(Kind)), (1,), left.append, line.connection.wake)
        line.connection.subscriptions["a"] = subscription

    assert left == [subscription]


async def test_an_idle_connection_is_one_task() -> None:
    async with connected() as line:
        line.subscribe("a").put(delivery(1))
        await line.says("a: cursor-1")

        assert line.connection._saying is None
