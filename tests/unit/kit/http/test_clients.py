import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_kit.http.clients import Clients

PROXIES = Clients(["10.0.0.0/8", "2001:db8:ff::/48"])


def behind(header: bytes | None, peer: str = "10.0.0.1") -> bytes:
    """The truncated address of the client that a trusted proxy names."""
    return PROXIES.forwarded(PROXIES.peer(peer), header).truncated


@given(st.ip_addresses(v=4))
def test_of_an_ipv4_address_three_bytes_may_be_stored(address: ipaddress.IPv4Address) -> None:
    assert PROXIES.peer(str(address)).truncated == address.packed[:3]


@given(st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None))
def test_of_an_ipv6_address_six_bytes_may_be_stored(address: ipaddress.IPv6Address) -> None:
    assert PROXIES.peer(str(address)).truncated == address.packed[:6]


def test_an_ipv4_address_on_an_ipv6_socket_is_the_same_client() -> None:
    assert PROXIES.peer("::ffff:192.0.2.7") == PROXIES.peer("192.0.2.7")


def test_clients_with_other_addresses_have_other_keys() -> None:
    assert PROXIES.peer("192.0.2.7").key != PROXIES.peer("192.0.2.8").key


@pytest.mark.parametrize("peer", ["", "/run/edge.sock", "unknown", "1.2.3", "a\x00b", "::1::"])
def test_what_is_no_address_is_nobody(peer: str) -> None:
    assert PROXIES.peer(peer).truncated == b""


def test_a_zone_does_not_matter() -> None:
    assert PROXIES.peer("fe80::1%eth0").truncated == bytes.fromhex("fe8000000000")


@pytest.mark.parametrize(
    ("address", "trusted"), [("10.1.2.3", True), ("11.1.2.3", False), ("2001:db8:ff::1", True), ("2001:db8::1", False)]
)
def test_proxies_are_known_by_their_networks(address: str, trusted: bool) -> None:
    assert PROXIES.peer(address).is_proxy is trusted


@pytest.mark.parametrize(
    ("header", "truncated"),
    [
        (b"192.0.2.7", b"\xc0\x00\x02"),
        (b"198.51.100.9, 192.0.2.7", b"\xc0\x00\x02"),
        (b"192.0.2.7, 10.0.0.2", b"\xc0\x00\x02"),
        (b"192.0.2.7,10.0.0.3 , 10.0.0.2", b"\xc0\x00\x02"),
        (b"10.0.0.4, 10.0.0.2", b"\x0a\x00\x00"),
        (b"192.0.2.7:41000", b"\xc0\x00\x02"),
        (b"[2001:db8::1]:443", bytes.fromhex("20010db80000")),
        (b"2001:db8::1", bytes.fromhex("20010db80000")),
        (b"198.51.100.9, unknown", b""),
        (b"", b""),
    ],
)
def test_the_client_is_the_right_most_hop_that_is_no_trusted_proxy(header: bytes, truncated: bytes) -> None:
    assert behind(header) == truncated


def test_a_proxy_that_names_nobody_is_the_client() -> None:
    assert behind(None) == b"\x0a\x00\x00"


def test_a_long_list_of_hops_is_looked_at_in_part() -> None:
    assert behind(b"192.0.2.7," + b"10.0.0.1," * 1000 + b"10.0.0.1") == b"\x0a\x00\x00"


@given(st.binary(max_size=100))
def test_no_header_makes_it_fail(header: bytes) -> None:
    assert len(behind(header)) in {0, 3, 6}


def test_a_network_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="300"):
        Clients(["10.0.0.300/8"])
