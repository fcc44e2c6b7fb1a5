"""From a place to a connection: addresses that were looked up and checked, by number, through the house's proxy if it has one."""

import asyncio
import ssl
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import httpcore

from quietzone_kit.outside import NotAllowed, Resolver
from quietzone_kit.runtime import Clock
from quietzone_notification.delivery.client._wire import MAX_EXCERPT_BYTES, NoAnswer, Wire
from quietzone_notification.delivery.reach import Place, Reach

CONNECT_S = 5.0
"""For one address: a second of another family gets its own."""
LOOK_UP_HOLDS_S = 30.0
"""A name is looked up again after that, for new connections; those that are kept end by then too."""
MAX_LOOK_UPS = 10_000
"""Remembered, at some 200 bytes; then all are forgotten."""
MAX_PROXY_ANSWER = 8_192
HUNG_UP = "the proxy for webhooks has closed the connection"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that takes CONNECT."""

    host: str
    port: int


def proxy_of(url: str) -> Proxy | None:
    """The proxy at `http://host:port`; None for an empty text.

    Raises:
        ValueError: it is written otherwise.
    """
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.port is None or parts.path not in ("", "/") or "@" in parts.netloc:
        raise ValueError("a proxy is written as http://egress.internal:3128")
    return Proxy(parts.hostname, parts.port)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a look-up gave, until when (monotonic)."""

    addresses: tuple[str, ...]
    until_s: float


class Connector:
    """Makes connections. `reach` says where they may go; `tls` takes the place of the certificates that browsers trust; `excerpt_bytes` of
    an answer's body are kept.
    """

    def __init__(
        self,
        resolver: Resolver,
        reach: Reach,
        clock: Clock,
        *,
        proxy: Proxy | None = None,
        tls: ssl.SSLContext | None = None,
        excerpt_bytes: int = MAX_EXCERPT_BYTES,
    ) -> None:
        self._resolver = resolver
        self._reach = reach
        self._clock = clock
        self._proxy = proxy
        self._tls = tls
        self._wire = partial(Wire, excerpt_bytes)
        self._found: dict[tuple[str, int], _Found] = {}
        self._looking: dict[tuple[str, int], asyncio.Lock] = {}

    async def connect(self, place: Place) -> tuple[Wire, float]:
        """A connection, and until when it may be used (monotonic).

        Raises:
            NoAddress: the host's name leads nowhere.
            NotAllowed: it leads only to where nobody may be asked.
            NoAnswer: nobody takes the connection, or not one that we trust.
        """
        found = await self._look_up(place)
        reason = ""
        for address in found.addresses:
            refused = self._reach.refusal(address, place.port)
            if refused is not None:
                raise NotAllowed(f"{place.host} isn't asked: {address} {refused}")
            try:
                async with asyncio.timeout(CONNECT_S):
                    return await self._open(place, address), found.until_s
            except TimeoutError:
                reason = f"no connection within {CONNECT_S:g} s"
            except ssl.SSLError as error:
                reason = f"no connection that we trust: {getattr(error, 'verify_message', '') or error.reason or error}"
            except (OSError, UnicodeError) as error:
                reason = f"no connection: {getattr(error, 'strerror', None) or type(error).__name__}"
        raise NoAnswer(reason)

    async def _look_up(self, place: Place) -> _Found:
        """Addresses that may be asked. Those who come together ask once: a look-up that hangs takes one thread, not all."""
        key = (place.host, place.port)
        async with self._looking.setdefault(key, asyncio.Lock()):
            found = self._found.get(key)
            if found is None or found.until_s <= self._clock.monotonic():
                began_s = self._clock.monotonic()
                addresses = await self._reach.addresses(self._resolver, place.host, place.port)
                if len(self._found) >= MAX_LOOK_UPS:
                    self._found.clear()
                found = self._found[key] = _Found(addresses, began_s + LOOK_UP_HOLDS_S)
        if len(self._looking) > MAX_LOOK_UPS:
            self._looking = {key: lock for key, lock in self._looking.items() if lock.locked()}
        return found

    async def _open(self, place: Place, address: str) -> Wire:
        if self._proxy is not None:
            return await self._through(self._proxy, place, address)
        loop, (tls, name) = asyncio.get_running_loop(), self._tls_for(place)
        _, wire = await loop.create_connection(self._wire, address, place.port, ssl=tls, server_hostname=name)
        return wire

    async def _through(self, proxy: Proxy, place: Place, address: str) -> Wire:
        """Through the proxy, which is told the address that was checked: it looks nothing up."""
        loop, (tls, name) = asyncio.get_running_loop(), self._tls_for(place)
        transport, tunnel = await loop.create_connection(_Tunnel, proxy.host, proxy.port)
        try:
            to = f"[{address}]:{place.port}" if ":" in address else f"{address}:{place.port}"
            transport.write(f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n".encode())
            await tunnel.opened
            wire = self._wire()
            if tls is None:
                transport.set_protocol(wire)
                wire.connection_made(transport)
            else:
                wire.connection_made(_still_there(await loop.start_tls(transport, wire, tls, server_hostname=name)))  # nobody else tells it
        except BaseException:
            transport.abort()
            raise
        return wire

    def _tls_for(self, place: Place) -> tuple[ssl.SSLContext | None, str | None]:
        if place.scheme == "http":
            return None, None
        if self._tls is None:
            self._tls = httpcore.default_ssl_context()  # 20 ms, once
        return self._tls, place.host


def _still_there(transport: asyncio.Transport | None) -> asyncio.Transport:
    """What asyncio gives when the other side has gone while it was greeted: nothing."""
    if transport is None:
        raise OSError(0, HUNG_UP)
    return transport


class _Tunnel(asyncio.Protocol):
    """Until a proxy has said that it is connected."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._head = b""

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self.opened.done() or (b"\r\n\r\n" not in self._head and len(self._head) <= MAX_PROXY_ANSWER):
            return
        if self._head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")) and self._head.endswith(b"\r\n\r\n"):
            self.opened.set_result(None)
        else:
            status = self._head.split(b"\r\n", 1)[0][:40].decode("latin-1")
            self.opened.set_exception(OSError(0, f"the proxy for webhooks answers {status!r}"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        if not self.opened.done():
            self.opened.set_exception(OSError(0, HUNG_UP))
