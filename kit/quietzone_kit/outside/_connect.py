"""From a host's name to a connection with an address that was checked."""

import asyncio
import contextlib
import socket
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

import httpcore

from quietzone_kit.outside._addresses import refusal
from quietzone_kit.runtime import Executor

CONNECT_S = 5.0
"""For all addresses that are tried, unless the asker says otherwise."""

SLOW_S = 2.0
"""A look-up that takes longer waits for name servers that don't answer: theirs is the first repeat after five seconds, as a rule."""
SLOW_AT_ONCE = 2
"""Of the eight threads that those have who resolve."""
MOST_SLOW = 10_000
"""Names that are remembered as slow, at some 100 bytes; then all are forgotten."""

_SOCKET_OPTION: TypeAlias = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]  # httpcore's


class NoAddress(Exception):
    """The host's name leads nowhere."""


class NotAllowed(Exception):
    """The host's name leads only to where nobody may be asked: says where."""


class Resolver(Protocol):
    """Where addresses come from."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """A host's addresses, the preferred first; an address's own when `host` is one. Raises OSError."""


class SystemResolver:
    """The machine's own, on threads: a look-up can't be cut off, and one whose name servers are silent takes half a minute.

    So a name has one look-up at a time, which outlives those who wait for it, and names that were slow before have few at once: whoever has
    a zone that never answers, or many names in it, leaves threads to others.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._under_way: dict[tuple[str, int], asyncio.Task[Sequence[str]]] = {}
        self._slow: set[str] = set()
        self._slow_turns = asyncio.Semaphore(SLOW_AT_ONCE)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """A host's addresses; raises OSError."""
        key = (host, port)
        look_up = self._under_way.get(key)
        if look_up is None:
            look_up = asyncio.create_task(self._look_up(host, port))  # noqa: TID251 - ends by itself; a thread can't be cut off
            self._under_way[key] = look_up
            look_up.add_done_callback(lambda ended: self._ended(key, ended))
        return await asyncio.shield(look_up)

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        name = host.encode("ascii")  # as bytes it isn't put through IDNA a second time
        monotonic = asyncio.get_running_loop().time
        took_s = 0.0

        def look_up() -> list[str]:
            nonlocal took_s
            began_s = monotonic()
            try:
                found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            finally:
                took_s = monotonic() - began_s  # without its wait for a thread, which others may be to blame for
            return list(dict.fromkeys(str(place[0]) for *_, place in found))

        async with self._slow_turns if host in self._slow else contextlib.nullcontext():
            try:
                return await self._executor.run(look_up)
            finally:
                self._note(host, took_s)

    def _note(self, host: str, took_s: float) -> None:
        if took_s < SLOW_S:
            self._slow.discard(host)
            return
        if len(self._slow) >= MOST_SLOW:
            self._slow.clear()
        self._slow.add(host)

    def _ended(self, key: tuple[str, int], look_up: asyncio.Task[Sequence[str]]) -> None:
        del self._under_way[key]
        if not look_up.cancelled():
            look_up.exception()  # seen, also when nobody waits for it any more


async def allowed_addresses(resolver: Resolver, host: str, port: int, *, private: bool = False) -> Sequence[str]:
    """Addresses of a host that may be asked, one of each family; with `private` those of an intranet may be too.

    Raises:
        NoAddress: it has none.
        NotAllowed: it has none that may be asked.
    """
    try:
        found = await resolver.resolve(host, port)
    except OSError:
        found = ()
    if not found:
        raise NoAddress(f"{host} has no address")
    refusals = {address: refusal(address, private=private) for address in found}
    allowed = [address for address in found if refusals[address] is None]
    if not allowed:
        raise NotAllowed(f"{host} isn't asked: {found[0]} {refusals[found[0]]}")
    one_each: dict[bool, str] = {}
    for address in allowed:
        one_each.setdefault(":" in address, address)
    return list(one_each.values())


class Pinned(httpcore.AsyncNetworkBackend):
    """Connects to these addresses, whatever name it is told."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - it was looked up and checked
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[_SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first that lets us; each gets its part of the time."""
        each_s = (timeout or CONNECT_S) / len(self._addresses)
        for address in self._addresses[:-1]:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._backend.connect_tcp(address, port, each_s, local_address, socket_options)
        return await self._backend.connect_tcp(self._addresses[-1], port, each_s, local_address, socket_options)
