"""Which addresses a server that somebody else has chosen may have. Pure.

A URL of a stranger can name any host, and its name can lead to any address: one of the network that we stand in, too, where services
trust whoever reaches them, and where clouds hand out credentials. So only what is allocated for the public internet is asked
(https://owasp.org/www-community/attacks/Server_Side_Request_Forgery). The tables follow IANA's registries of special addresses, as of
October 2025: https://www.iana.org/assignments/iana-ipv4-special-registry and, on the same site, iana-ipv6-special-registry. What is there
and reachable worldwide is refused too, because none of it is a stranger's server. Python's `ipaddress` isn't asked: what it calls global
changes with its releases.
"""

import ipaddress
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_V4 = {
    "0.0.0.0/8": "this network (RFC 791)",
    "10.0.0.0/8": "private (RFC 1918)",
    "100.64.0.0/10": "shared by a provider's customers (RFC 6598)",
    "127.0.0.0/8": "this machine (RFC 1122)",
    "169.254.0.0/16": "link-local, where clouds hand out credentials (RFC 3927)",
    "172.16.0.0/12": "private (RFC 1918)",
    "192.0.0.0/24": "protocol assignments (RFC 6890)",
    "192.0.2.0/24": "documentation (RFC 5737)",
    "192.31.196.0/24": "AS112 (RFC 7535)",
    "192.52.193.0/24": "AMT (RFC 7450)",
    "192.88.99.0/24": "6to4 relays, given up (RFC 7526)",
    "192.168.0.0/16": "private (RFC 1918)",
    "192.175.48.0/24": "AS112 (RFC 7534)",
    "198.18.0.0/15": "benchmarks (RFC 2544)",
    "198.51.100.0/24": "documentation (RFC 5737)",
    "203.0.113.0/24": "documentation (RFC 5737)",
    "224.0.0.0/4": "multicast (RFC 5771)",
    "240.0.0.0/4": "reserved (RFC 1112) and broadcast (RFC 919)",
    "168.63.129.16/32": "a cloud's own services (Azure)",
}

_V6 = {
    "::/128": "no address (RFC 4291)",
    "::1/128": "this machine (RFC 4291)",
    "::/96": "IPv4 in IPv6, given up (RFC 4291)",
    "::ffff:0:0:0/96": "IPv4 translated (RFC 2765)",
    "64:ff9b:1::/48": "a network's own translation of IPv4 (RFC 8215)",
    "100::/64": "discarded (RFC 6666)",
    "100:0:0:1::/64": "a dummy (RFC 9780)",
    "2001::/23": "protocol assignments, among them Teredo, benchmarks and ORCHID (RFC 2928)",
    "2001:db8::/32": "documentation (RFC 3849)",
    "2002::/16": "6to4 (RFC 3056)",
    "2620:4f:8000::/48": "AS112 (RFC 7534)",
    "3fff::/20": "documentation (RFC 9637)",
    "5f00::/16": "segment routing (RFC 9602)",
    "fc00::/7": "private (RFC 4193)",
    "fe80::/10": "link-local (RFC 4291)",
    "fec0::/10": "site-local, given up (RFC 3879)",
    "ff00::/8": "multicast (RFC 4291)",
}

SPECIAL: tuple[tuple[Network, str], ...] = tuple((ipaddress.ip_network(text), name) for text, name in {**_V4, **_V6}.items())
"""Every network that isn't the public internet's, and what it is for."""

_ALLOCATED = ipaddress.IPv6Network("2000::/3")  # all that IANA has ever given out of IPv6's public addresses (RFC 4291, 2.4)
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # NAT64 (RFC 6052): in an IPv6-only cluster every IPv4 host is called so

_METADATA: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::/32", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"),
    )
)
"""Where clouds tell a machine its secrets, besides 169.254.169.254: Alibaba, Azure, Oracle, AWS (EKS's pods at another address than its
machines), Google, Oracle and Scaleway.
"""


def refusal(text: str, *, private: bool = False) -> str | None:
    """Why nobody may be asked at this address, in words for people; None when it may be. `private`: those of an intranet may be too."""
    try:
        address = _inner(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return "is no address"
    if any(address in network for network in _METADATA if network.version == address.version) or address.is_link_local:
        return "is an address by which machines of a cloud or a network look after themselves"
    if address.is_multicast or address.is_unspecified or address == ipaddress.IPv4Address("255.255.255.255"):
        return "isn't one machine's address"
    return None if private else _special_use(address)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _special_use(address: Address) -> str | None:
    """What an address is for, if not for the public internet."""
    for network, name in SPECIAL:
        if network.version == address.version and address in network:
            return f"isn't an address of the public internet, but for {name}"
    if isinstance(address, ipaddress.IPv6Address) and address not in _ALLOCATED:
        return "isn't an address of the public internet, nor allocated to anybody"
    return None
