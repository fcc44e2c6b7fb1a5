"""From a host's name to a connection with an address that was checked."""

import contextlib
import socket
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

import httpcore

from quietzone_kit.outside._addresses import refusal
from quietzone_kit.runtime import Executor

CONNECT_S = 5.0
"""For all addresses that are tried, unless the asker says otherwise."""

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
    """The machine's own, on threads: a look-up can't be cut off."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """A host's addresses; raises OSError."""
        name = host.encode("ascii")  # as bytes it isn't put through IDNA a second time
        found = await self._executor.run(lambda: socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
        return list(dict.fromkeys(str(place[0]) for *_, place in found))


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
