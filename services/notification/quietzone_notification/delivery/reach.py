"""Where webhooks of an installation may go: which URLs, which ports, and which networks of the house besides the internet.

Addresses themselves are judged by `quietzone_kit.outside`, each that a name has led to, whenever a connection is made.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from quietzone_kit.outside import NoAddress, NotAllowed, Resolver, refusal

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_PORTS = frozenset((80, 443, 8080, 8443))  # HTTP's own and their usual stand-ins; mail, shells and stores listen elsewhere
MAX_URL = 2_048

_HOST = re.compile(r"(?=.{1,253}$)[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?(?:\.[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?)*")
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""A host that ends in a number is an address to whoever looks it up (https://url.spec.whatwg.org/#ends-in-a-number-checker)."""
_OPENABLE = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"))
)
_DEFAULT_PORT = {"http": 80, "https": 443}


class InvalidUrl(ValueError):
    """No webhook goes there: says what would do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes: `host` is a name or an address without brackets, `target` path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def named(self) -> str:
        """What the request says its host is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reach:
    """Ports, and `private` networks of the house (or this machine's own), that its operator has opened to webhooks."""

    ports: frozenset[int] = DEFAULT_PORTS
    private: tuple[Network, ...] = ()

    def __post_init__(self) -> None:
        for network in self.private:
            if not any(_within(network, each) for each in _OPENABLE):
                raise ValueError(f"{network} isn't private: give networks within {', '.join(map(str, _OPENABLE))}")
        if not self.ports or not all(1 <= port <= 65_535 for port in self.ports):
            raise ValueError("ports are from 1 to 65535, and at least one")

    def refusal(self, address: str, port: int) -> str | None:
        """Why nobody may connect there, in words for people; None when they may. `address` is a number, as a look-up gives it."""
        if port not in self.ports:
            return f"port {port} isn't one for webhooks; they go to {', '.join(map(str, sorted(self.ports)))}"
        if "%" in address:
            return "is an address of this machine's links only"
        refused = refusal(address)
        return None if refused is not None and self._opened(address) else refused

    def _opened(self, text: str) -> bool:
        """Whether the house has opened it; where machines of a cloud look after themselves nothing can be opened."""
        if not self.private or refusal(text, private=True) is not None:
            return False
        address = ipaddress.ip_address(text)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self.private if network.version == address.version)

    async def addresses(self, resolver: Resolver, host: str, port: int) -> tuple[str, ...]:
        """Addresses of a host that may be connected to, one of each family.

        Raises:
            NoAddress: it has none.
            NotAllowed: it has none that may be asked.
        """
        try:
            found = await resolver.resolve(host, port)
        except (OSError, UnicodeError):
            found = ()
        if not found:
            raise NoAddress(f"{host} has no address")
        allowed = [address for address in found if self.refusal(address, port) is None]
        if not allowed:
            raise NotAllowed(f"{host} isn't asked: {found[0]} {self.refusal(found[0], port)}")
        one_each: dict[bool, str] = {}
        for address in allowed:
            one_each.setdefault(":" in address, address)
        return tuple(one_each.values())


def place_of(url: str, reach: Reach) -> Place:
    """The parts of a webhook's URL.

    Raises:
        InvalidUrl: it isn't one of http or https with a host, a port for webhooks and nothing that could be taken for something else.
    """
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or any(sign in url for sign in ' \\"<>^`{|}'):
        raise InvalidUrl(f"at most {MAX_URL:,} characters of ASCII that a URL may have")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidUrl("not a URL; use https://example.com/hook") from error
    if parts.scheme not in _DEFAULT_PORT or "@" in parts.netloc or "#" in url:
        raise InvalidUrl("an https or http URL without user and fragment, such as https://example.com/hook")
    host = _host_of(parts.hostname or "", is_bracketed="[" in parts.netloc)
    place = Place(parts.scheme, host, _DEFAULT_PORT[parts.scheme] if port is None else port, _target(parts.path, parts.query))
    if place.port not in reach.ports:
        raise InvalidUrl(f"port {place.port}; webhooks go to {', '.join(map(str, sorted(reach.ports)))}")
    if _NUMBER.fullmatch(host) or ":" in host:
        refused = reach.refusal(host, place.port)
        if refused is not None:
            raise InvalidUrl(f"{host} {refused}")
    return place


def _host_of(text: str, *, is_bracketed: bool) -> str:
    host = text.lower()
    if is_bracketed:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError as error:
            raise InvalidUrl("in brackets there is an address of IPv6") from error
    if not _HOST.fullmatch(host):
        raise InvalidUrl("its host has letters, digits, dots and hyphens; others are written in Punycode (xn--…)")
    if _NUMBER.fullmatch(host):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError as error:
            raise InvalidUrl("an address of IPv4 is written as 93.184.215.14") from error
    return host


def _target(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)
