"""The two clients are one: the same methods with the same arguments; and what is particular to each."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from unit.client.scripted import CODE, CODE_ID, Server, ok, page

import quietzone_client
from quietzone_client import AsyncClient, Client
from quietzone_client._transports import run

ONLY_ON_LOOPS = {"live"}
FEATURES = ["Codes", "Exports", "Keys", "Assets", "Operations", "Events", "Buses", "Rules", "Topics", "Webhooks", "Deliveries", "Devices"]
PAIRS = [(Client, AsyncClient)] + [(getattr(quietzone_client, name), getattr(quietzone_client, f"Async{name}")) for name in FEATURES]


def methods(kind: type) -> dict[str, Callable[..., Any]]:
    return {name: value for name, value in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize(("blocking", "on_loop"), PAIRS)
def test_both_clients_have_the_same_methods_with_the_same_arguments_and_words(blocking: type, on_loop: type) -> None:
    assert methods(blocking).keys() == methods(on_loop).keys() - ONLY_ON_LOOPS
    for name, method in methods(blocking).items():
        other = methods(on_loop)[name]
        assert list(inspect.signature(method).parameters.values()) == list(inspect.signature(other).parameters.values()), name
        assert method.__doc__ == other.__doc__, name


def test_everything_public_is_named() -> None:
    assert all(hasattr(quietzone_client, name) for name in quietzone_client.__all__)


async def test_the_blocking_client_works_in_a_program_that_has_a_loop() -> None:
    server = Server.of(page(CODE, cursor="next"), page(CODE))

    with server.client() as client:
        assert [code.id for code in client.codes.list()] == [CODE_ID] * 2


def test_threads_may_share_a_client() -> None:
    server = Server.of(ok())
    found: list[str] = []

    with server.client() as client:
        threads = [threading.Thread(target=lambda: found.append(client.codes.get(CODE_ID).id)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert found == [CODE_ID] * 8


def test_a_blocking_call_that_would_wait_for_a_loop_says_so() -> None:
    with pytest.raises(RuntimeError, match="waited for an event loop"):
        run(asyncio.sleep(0))


async def test_a_task_that_is_cancelled_gives_its_connection_back() -> None:
    begun = asyncio.Event()

    async def hang(request: httpx.Request) -> httpx.Response:  # noqa: ARG001 - never answered
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with AsyncClient("https://api.test", "qz_key", transport=httpx.MockTransport(hang)) as client, asyncio.TaskGroup() as group:
        task = group.create_task(client.codes.get(CODE_ID))
        await begun.wait()
        task.cancel()

    assert task.cancelled()
