"""Who sent a request: the client's address, as far as it is needed and may be kept."""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

MAX_HOPS = 20
"""Addresses of X-Forwarded-For that are looked at, from the right; nobody has more proxies of his own."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client: `key` goes into the visitor hash and nowhere else, `truncated` may be stored (IPv4 /24: 3 bytes, IPv6 /48: 6 bytes, or
    empty when unknown). `is_proxy` when it is one of the trusted proxies.
    """

    key: bytes
    truncated: bytes
    is_proxy: bool

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The whole address, for decisions that are made now (is it allowed, is it too often?): it is never stored or logged."""
        return ipaddress.ip_address(self.key[1:-1]) if self.key else None


UNKNOWN = Client(b"", b"", is_proxy=False)


class Clients:
    """Finds the client behind trusted proxies.

    Args:
        trusted_proxies: networks in CIDR notation; X-Forwarded-For is believed only from them.

    Raises:
        ValueError: names the network that is none.
    """

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        networks = [ipaddress.ip_network(text) for text in trusted_proxies]
        self._trusted = [(len(net.network_address.packed), int(net.network_address), int(net.netmask)) for net in networks]

    def peer(self, address: str) -> Client:
        """Whoever is at the connection's other end."""
        packed = _packed(address)
        if packed is None:
            return UNKNOWN
        return Client(b"\x00" + packed + b"\x00", packed[:3] if len(packed) == 4 else packed[:6], self._is_trusted(packed))

    def forwarded(self, proxy: Client, header: bytes | None) -> Client:
        """The right-most hop of X-Forwarded-For that is no trusted proxy; the left-most one when all are; unknown when it is no address."""
        if header is None:
            return proxy
        client = proxy
        for hop in reversed(header.decode("latin-1").split(",")[-MAX_HOPS:]):
            client = self.peer(_without_port(hop.strip()))
            if not client.is_proxy:
                break
        return client

    def _is_trusted(self, packed: bytes) -> bool:
        number = int.from_bytes(packed, "big")
        return any(size == len(packed) and number & mask == network for size, network, mask in self._trusted)


def _packed(address: str) -> bytes | None:
    try:
        if ":" not in address:
            return socket.inet_pton(socket.AF_INET, address)
        packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    except (OSError, ValueError):  # ValueError: a NUL or a surrogate in it
        return None
    return packed[12:] if packed.startswith(b"\x00" * 10 + b"\xff\xff") else packed  # IPv4 through an IPv6 socket


def _without_port(hop: str) -> str:
    """Some load balancers write 192.0.2.1:443 and [2001:db8::1]:443."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
