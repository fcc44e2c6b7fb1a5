"""IP addresses in values, as AWS's engine reads them."""

import ipaddress
from typing import NamedTuple

_LONGEST = 45  # of an address in text: RFC 4291, 2.2
_HEX = frozenset("0123456789abcdefABCDEF:")


class Address(NamedTuple):
    """An address as a number. IPv4 in IPv6 (`::ffff:a00:1`) is IPv4, as Java reads it."""

    bits: int
    number: int


class Network(NamedTuple):
    """The addresses whose first `prefix` of `bits` bits are those of `number`, which has zeros behind them."""

    bits: int
    prefix: int
    number: int


def read_address(text: str) -> Address | None:
    """The address that a text is, else None. Dotted IPv4 has four decimal numbers; IPv6 has no dots and no zone."""
    if not text or len(text) > _LONGEST:
        return None
    if ":" in text:
        return _ipv6(text)
    return _ipv4(text) if text[0].isdigit() else None


def read_network(text: str) -> Network:
    """A network such as `10.0.0.0/8`; bits of the address behind the prefix don't count.

    Raises:
        ValueError: in the words of AWS's engine. As there, a prefix has to leave at least one bit.
    """
    parts = text.split("/")
    if len(parts) != 2:
        raise ValueError("Malformed CIDR, one '/' required")
    if not (parts[1].isascii() and parts[1].lstrip("+-").isdigit() and len(parts[1]) <= 4):
        raise ValueError("Malformed CIDR, mask bits must be an integer")
    prefix = int(parts[1])
    if prefix < 0:
        raise ValueError("Malformed CIDR, mask bits must not be negative")
    address = read_address(parts[0])
    if address is None:
        raise ValueError(f"Nonstandard IP address: {parts[0]}")
    if prefix >= address.bits:
        raise ValueError(f"IPv{4 if address.bits == 32 else 6} mask bits must be < {address.bits}")
    return Network(address.bits, prefix, masked(address, prefix))


def masked(address: Address, prefix: int) -> int:
    """The address with zeros behind its first `prefix` bits."""
    behind = address.bits - prefix
    return address.number >> behind << behind


def _ipv4(text: str) -> Address | None:
    parts = text.split(".")
    if len(parts) != 4 or not (text.isascii() and text.replace(".", "").isdigit()):
        return None
    try:
        return Address(32, int.from_bytes(bytes(map(int, parts)), "big"))
    except ValueError:
        return None


def _ipv6(text: str) -> Address | None:
    if not _HEX.issuperset(text):
        return None
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped
    return Address(128, int(address)) if mapped is None else Address(32, int(mapped))
