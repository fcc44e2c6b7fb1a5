"""Tails by the client and by the command, from a real replica of the gateway."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from contract.gateway.live_served import Served, serving
from receiver import Receiver
from unit.gateway.live_world import until

from quietzone_cli.errors import ApiError
from quietzone_cli.listen import _listen
from quietzone_cli.tail import follow, line_of
from quietzone_client import AsyncClient, BusEvent, Missed, Reconnects, Runtime, TailBegun, webhooks
from quietzone_gateway.rpc.notification import MissedEvents
from quietzone_kit.errors import NotFound
from quietzone_kit.runtime import SystemClock

QUICK = Runtime(sleep_async=lambda seconds: asyncio.sleep(min(seconds, 0.05)))
SECRET = "secret"  # noqa: S105 - the tests' own
OF_WEBHOOKS = webhooks.PREFIX + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
ALL = ("default", None)


def order(number: int) -> str:
    return json.dumps(
        {
            "version": "0",
            "id": f"o-{number}",
            "detail-type": "Order Paid",
            "source": "shop.till",
            "account": "first",
            "time": "2026-11-21T12:00:00.125Z",
            "resources": [],
            "detail": {"order": number},
        }
    )


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served


def address(served: Served) -> str:
    return f"http://127.0.0.1:{served.http.port}"


@asynccontextmanager
async def following(served: Served, show: Callable[[BusEvent], None]) -> AsyncIterator[None]:
    """The command at work; it has begun."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(follow(address(served), SECRET, ALL, show))
        await until(lambda: served.tails.open == 1)
        yield
        task.cancel()


async def test_the_client_tells_what_comes(served: Served) -> None:
    async with AsyncClient(address(served), SECRET, runtime=QUICK) as client:
        tail = client.tail("orders", {"source": ["shop.till"]})
        told = [await anext(tail)]
        await served.tails.told.put(MissedEvents(3))
        await served.tails.told.put(order(1))
        told += [await anext(tail), await anext(tail)]
        await tail.aclose()

    assert told[:2] == [TailBegun(), Missed(3)]
    assert isinstance(told[2], BusEvent)
    assert (told[2].id, told[2].detail, told[2].text) == ("o-1", {"order": 1}, order(1))
    assert [asked[1:] for asked in served.tails.asked] == [("orders", '{"source":["shop.till"]}')]


async def test_the_client_begins_anew_when_the_service_ends_it(served: Served) -> None:
    async with AsyncClient(address(served), SECRET, runtime=QUICK) as client:
        tail = client.tail(reconnects=Reconnects(times=0))
        first = await anext(tail)
        await served.tails.told.put(None)

        assert (first, await anext(tail)) == (TailBegun(), TailBegun())
        await tail.aclose()


async def test_the_command_shows_each_event(served: Served) -> None:
    lines: list[str] = []
    async with following(served, lambda event: lines.append(line_of(event))):
        await served.tails.told.put(order(7))

        await until(lambda: len(lines) == 1)

    assert lines == ['12:00:00.125  shop.till  Order Paid  {"order": 7}']


async def test_the_command_says_what_is_missing_beside_the_events(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[BusEvent] = []
    async with following(served, shown.append):
        for told in (MissedEvents(12), order(1)):
            await served.tails.told.put(told)
        await until(lambda: len(shown) == 1)

    said = capsys.readouterr()
    assert (said.out, "12 events are missing" in said.err) == ("", True)


async def test_the_command_says_when_it_watches_again(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    async with following(served, lambda _: None):
        await until(lambda: len(served.live) == 1)
        await served.tails.told.put(None)
        async with asyncio.timeout(10):
            said = ""
            while "watching again; what happened meanwhile isn't shown" not in said:
                await asyncio.sleep(0.01)
                said += capsys.readouterr().err

    assert len(served.tails.asked) == 2


async def test_the_command_says_what_it_is_refused_for(served: Served) -> None:
    served.tails.refusal = NotFound("no bus 'orders'")

    with pytest.raises(ApiError, match="no bus 'orders'"):
        await follow(address(served), SECRET, ("orders", None), lambda _: None)


async def test_listening_posts_each_event_with_a_signature(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    async with Receiver.serving() as receiver, asyncio.TaskGroup() as group:
        receiver.answers["/hook"] = [b"HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 204 Done\r\n\r\n"]
        hook = f"http://127.0.0.1:{receiver.port}/hook"
        task = group.create_task(_listen(address(served), SECRET, ALL, hook, OF_WEBHOOKS))
        await until(lambda: served.tails.open == 1)
        for number in (1, 2):
            await served.tails.told.put(order(number))
        await until(lambda: len(receiver.got) == 2)
        await asyncio.sleep(0.1)  # the second answer is on the way
        task.cancel()

    first = receiver.got[0]
    assert webhooks.verify(first.body, first.headers, OF_WEBHOOKS, now_s=SystemClock().now_ms() / 1_000).id == "o-1"
    assert (first.body.decode(), first.headers["content-type"]) == (order(1), "application/json")
    assert [line.split("  ")[1] for line in capsys.readouterr().out.splitlines()] == ["500", "204"]


async def test_a_receiver_that_is_not_there_ends_nothing(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    out: list[str] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_listen(address(served), SECRET, ALL, "http://127.0.0.1:9/hook", OF_WEBHOOKS))
        await until(lambda: served.tails.open == 1)
        for number in (1, 2):
            await served.tails.told.put(order(number))
        async with asyncio.timeout(5):
            while sum("not sent" in text for text in "".join(out).splitlines()) < 2:
                out.append(capsys.readouterr().out)
                await asyncio.sleep(0.01)
        task.cancel()


async def test_listening_shows_a_secret_of_its_own_that_checks_what_it_sends(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    async with Receiver.serving() as receiver, asyncio.TaskGroup() as group:
        task = group.create_task(_listen(address(served), SECRET, ALL, f"http://127.0.0.1:{receiver.port}/hook", None))
        await until(lambda: served.tails.open == 1)
        await served.tails.told.put(order(1))
        await until(lambda: len(receiver.got) == 1)
        task.cancel()
    secret = capsys.readouterr().out.partition("the secret of this run: ")[2].split()[0]

    assert webhooks.verify(receiver.got[0].body, receiver.got[0].headers, secret, now_s=SystemClock().now_ms() / 1_000).id == "o-1"


async def test_listening_ends_with_what_the_api_says(served: Served) -> None:
    served.tails.refusal = NotFound("no bus")

    with pytest.raises(ApiError, match="no bus"):
        await _listen(address(served), SECRET, ALL, "http://127.0.0.1:9/hook", OF_WEBHOOKS)
