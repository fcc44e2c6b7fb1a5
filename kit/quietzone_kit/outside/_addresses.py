"""Which addresses a server that somebody else has chosen may have. Pure.

A URL of a stranger can name any host, and its name can lead to any address: one of the network that we stand in, too, where services
trust whoever reaches them, and where clouds hand out credentials. So only addresses of the public internet are asked
(https://owasp.org/www-community/attacks/Server_Side_Request_Forgery).
"""

import ipaddress
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits; what hosts are called in a DNS64 network

_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.88.99.0/24",  # 6to4 relays, given up (RFC 7526)
            "::/96",  # IPv4 in IPv6, given up (RFC 4291, 2.5.5.1)
            "::ffff:0:0:0/96",  # IPv4 translated (RFC 2765)
            "64:ff9b:1::/48",  # NAT64 of a network's own (RFC 8215)
            "2001::/32",  # Teredo tunnels (RFC 4380)
            "2002::/16",  # 6to4 tunnels (RFC 3056)
            "3fff::/20",  # for documents (RFC 9637)
            "5f00::/16",  # segment routing within a network (RFC 9602)
            "fec0::/10",  # site-local, given up (RFC 3879)
        ),
    )
)
"""What `ipaddress` takes for public, in one of the releases that we run on, and isn't."""

_METADATA = tuple(map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")))
"""Where clouds tell a machine its secrets, besides 169.254.169.254: Alibaba, Azure, Oracle, AWS."""


def refusal(text: str, *, private: bool = False) -> str | None:
    """Why nobody may be asked at this address, in words for people; None when it may be. `private`: those of an intranet may be too."""
    try:
        address = _inner(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return "is no address"
    if address in _METADATA or address.is_link_local:
        return "is an address by which machines of a cloud or a network look after themselves"
    if address.is_multicast or address.is_unspecified or address == ipaddress.IPv4Address("255.255.255.255"):
        return "isn't one machine's address"
    if private or (address.is_global and not _is_listed(address)):
        return None
    return "isn't an address of the public internet"


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_listed(address: Address) -> bool:
    return any(address.version == network.version and address in network for network in _NOT_PUBLIC)
