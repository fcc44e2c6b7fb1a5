"""Look-ups on threads that can't be cut off: names whose servers are silent leave threads to others."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from quietzone_kit.outside import SystemResolver, _connect
from quietzone_kit.runtime import ThreadExecutor

THREADS = 4


class NameServers:
    """What `socket.getaddrinfo` asks. Names that begin with `silent` get no answer until `over`."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.under_way: Counter[str] = Counter()
        self.begun = 0

    def getaddrinfo(self, host: bytes, port: int, **_more: object) -> list[tuple[object, ...]]:
        name = host.decode()
        self.under_way[name] += 1
        self.begun += 1
        try:
            if name.startswith("silent") and not self.over.wait(30):
                raise OSError("no answer")
        finally:
            self.under_way[name] -= 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServers]:
    servers = NameServers()
    monkeypatch.setattr(socket, "getaddrinfo", servers.getaddrinfo)
    yield servers
    servers.over.set()


@pytest.fixture
def resolver() -> Iterator[SystemResolver]:
    executor = ThreadExecutor("names", THREADS)
    yield SystemResolver(executor)
    executor.close()


async def given_up(resolver: SystemResolver, host: str) -> None:
    """Ask, and lose patience."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await resolver.resolve(host, 443)


async def test_a_name_that_never_answers_takes_one_thread_however_often_it_is_asked(resolver: SystemResolver, servers: NameServers) -> None:
    for _ in range(THREADS + 1):
        await given_up(resolver, "silent.example")

    assert await resolver.resolve("well.example", 443) == ["192.0.2.1"]
    assert servers.under_way["silent.example"] == 1
    servers.over.set()


async def test_names_that_were_slow_before_leave_threads_to_others(
    resolver: SystemResolver, servers: NameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connect, "SLOW_S", 0.0)  # whatever is asked for the first time is known as slow
    servers.over.set()
    names = [f"silent{number}.example" for number in range(THREADS + 1)]
    for name in names:
        await resolver.resolve(name, 443)
    servers.over.clear()

    for name in names:
        await given_up(resolver, name)
    monkeypatch.undo()
    monkeypatch.setattr(socket, "getaddrinfo", servers.getaddrinfo)
    async with asyncio.timeout(10):
        assert await resolver.resolve("well.example", 443) == ["192.0.2.1"]
    servers.over.set()


async def test_who_asks_for_a_name_together_asks_once(resolver: SystemResolver, servers: NameServers) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(resolver.resolve("silent.example", 443))
        while not servers.under_way["silent.example"]:
            await asyncio.sleep(0.001)
        servers.over.set()

    assert servers.begun == 1


async def test_a_name_is_looked_up_anew_when_the_answer_is_there(resolver: SystemResolver, servers: NameServers) -> None:
    for _ in range(2):
        await resolver.resolve("well.example", 443)

    assert servers.begun == 2
