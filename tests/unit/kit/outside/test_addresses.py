"""Which addresses may be asked."""

import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_kit.outside import refusal
from quietzone_kit.outside._addresses import SPECIAL, Network

PUBLIC = ["93.184.215.14", "1.1.1.1", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]
PRIVATE = ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1"]
TUNNELS = ["2002:7f00:1::", "2002:5db8:d70e::", "2001::1", "64:ff9b:1::1", "::7f00:1", "::ffff:0:7f00:1", "fec0::1", "192.88.99.1"]
RESERVED = ["192.0.2.1", "198.18.0.1", "203.0.113.7", "240.0.0.1", "2001:db8::1", "3fff::1", "5f00::1", "100::1"]
NEVER = [
    *("169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1", "fe80::1%eth0", "fd00:ec2::254"),
    *("fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"),
    *("100.100.100.200", "168.63.129.16", "0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "ff02::1", "", "localhost", "127.1"),
]

V4 = [network for network, _ in SPECIAL if isinstance(network, ipaddress.IPv4Network)]
CLOTHES: dict[str, Callable[[int], str]] = {
    "mapped (RFC 4291)": lambda number: f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}",
    "mapped, dotted": lambda number: f"::ffff:{ipaddress.IPv4Address(number)}",
    "compatible (RFC 4291)": lambda number: f"::{number >> 16:x}:{number & 0xFFFF:x}",
    "translated (RFC 2765)": lambda number: f"::ffff:0:{number >> 16:x}:{number & 0xFFFF:x}",
    "NAT64 (RFC 6052)": lambda number: f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}",
    "NAT64 of a network's own (RFC 8215)": lambda number: f"64:ff9b:1::{number >> 16:x}:{number & 0xFFFF:x}",
    "6to4 (RFC 3056)": lambda number: f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
    "Teredo (RFC 4380)": lambda number: f"2001:0:4136:e378:8000:63bf:{~number >> 16 & 0xFFFF:x}:{~number & 0xFFFF:x}",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_may_be_asked(address: str) -> None:
    assert refusal(address) is None


@pytest.mark.parametrize("address", [*PRIVATE, *TUNNELS, *RESERVED, *NEVER])
def test_any_other_may_not(address: str) -> None:
    assert refusal(address) is not None


@pytest.mark.parametrize("address", [*PUBLIC, *PRIVATE])
def test_in_an_intranet_private_ones_may_too(address: str) -> None:
    assert refusal(address, private=True) is None


@pytest.mark.parametrize("address", NEVER)
def test_where_machines_look_after_themselves_nobody_is_ever_asked(address: str) -> None:
    assert refusal(address, private=True) is not None


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_no_more_welcome_in_the_clothes_of_ipv6(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(int(address) | 0xFFFF << 32)
    translated = ipaddress.IPv6Address(int(address) | 0x64FF9B << 96)

    assert refusal(str(mapped)) == refusal(str(translated)) == refusal(str(address))


@given(st.ip_addresses())
def test_no_address_that_python_takes_for_private_may_be_asked(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.is_private and getattr(address, "ipv4_mapped", None) is None:
        assert refusal(str(address)) is not None


@pytest.mark.parametrize("network", [network for network, _ in SPECIAL], ids=str)
def test_no_special_network_is_reached_at_its_ends_or_in_its_middle(network: Network) -> None:
    for address in (network[0], network[-1], network[network.num_addresses // 2]):
        assert refusal(str(address)) is not None


@pytest.mark.parametrize("clothes", CLOTHES.values(), ids=CLOTHES)
@pytest.mark.parametrize("network", V4, ids=str)
def test_no_special_ipv4_network_is_reached_in_the_clothes_of_ipv6(network: ipaddress.IPv4Network, clothes: Callable[[int], str]) -> None:
    assert refusal(clothes(int(network[0]))) is not None
    assert refusal(clothes(int(network[-1]))) is not None


@pytest.mark.parametrize(
    "clothes", ["compatible (RFC 4291)", "6to4 (RFC 3056)", "Teredo (RFC 4380)", "NAT64 of a network's own (RFC 8215)"]
)
def test_tunnels_lead_nowhere_even_to_public_addresses(clothes: str) -> None:
    assert refusal(CLOTHES[clothes](int(ipaddress.IPv4Address("8.8.8.8")))) is not None


@pytest.mark.parametrize("address", ["1::1", "4000::1", "8000::1", "e000::1", "fb00::1"])
def test_ipv6_that_nobody_was_given_is_not_reached(address: str) -> None:
    assert "nor allocated to anybody" in str(refusal(address))
