"""The attacks by which a webhook's URL would lead into the house, as far as the URL itself shows them."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_kit.outside import NoAddress, NotAllowed, refusal
from quietzone_notification.delivery.reach import InvalidUrl, Place, Reach, place_of

REACH = Reach()
HOUSE = Reach(private=(ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd12:3456::/32")))


class Names:
    """A resolver that knows these addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int) -> Sequence[str]:  # noqa: ARG002
        return self._addresses


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://Example.com/hook?a=1", Place("https", "example.com", 443, "/hook?a=1")),
        ("http://example.com:8080", Place("http", "example.com", 8080, "/")),
        ("https://93.184.215.14/", Place("https", "93.184.215.14", 443, "/")),
        ("https://[2606:2800:21f:CB07::1]/", Place("https", "2606:2800:21f:cb07::1", 443, "/")),
    ],
)
def test_a_url_is_taken_apart(url: str, place: Place) -> None:
    assert place_of(url, REACH) == place


def test_an_address_of_ipv6_is_named_in_brackets() -> None:
    assert place_of("https://[2606:2800:21f:cb07::1]:8443/", REACH).named == "[2606:2800:21f:cb07::1]:8443"


OTHER_FORMS = [
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "127.0.0.1.",
    "1.2.3",
    "127.0.0.1.0x7f",
    "①27.0.0.1",
    "4294967295",
]
HIDDEN = ["user@10.0.0.1", "example.com@10.0.0.1", "example.com:443@127.0.0.1", "example.com\\@127.0.0.1", "@example.com", ":@example.com"]
NOT_A_HOST = [
    "",
    "exa mple.com",
    "example..com",
    "-a.com",
    "[::1",
    "::1]",
    "[fe80::1%25eth0]",
    "[v1.a]",
    "a_b.com",
    "%31%32%37.0.0.1",
    "a,b",
]
INSIDE = [
    "127.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[fd00:ec2::254]",
    "[2002:7f00:1::]",
]


@pytest.mark.parametrize("host", [*OTHER_FORMS, *HIDDEN, *NOT_A_HOST, *INSIDE])
def test_a_host_that_is_or_hides_an_address_of_the_house_is_refused(host: str) -> None:
    with pytest.raises(InvalidUrl):
        place_of(f"https://{host}/hook", REACH)


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/", "https:example.com", "hook"]
)
def test_only_http_is_spoken(url: str) -> None:
    with pytest.raises(InvalidUrl):
        place_of(url, REACH)


@pytest.mark.parametrize("sign", ["\r\nX: 1", "\n", "\t", " ", "\0", "#fragment", "é"])
def test_a_url_can_not_end_the_request_line(sign: str) -> None:
    with pytest.raises(InvalidUrl):
        place_of(f"https://example.com/{sign}", REACH)


@pytest.mark.parametrize("port", [0, 22, 25, 3306, 6379, 9092, 27017, 65_536, 99_999_999])
def test_ports_of_other_services_are_refused(port: int) -> None:
    with pytest.raises(InvalidUrl):
        place_of(f"https://example.com:{port}/", REACH)


def test_a_house_may_open_private_networks_of_its_own() -> None:
    assert HOUSE.refusal("10.1.2.3", 443) is None
    assert HOUSE.refusal("::ffff:10.1.2.3", 443) is None
    assert HOUSE.refusal("fd12:3456::1", 443) is None
    assert HOUSE.refusal("10.2.0.1", 443) is not None
    assert HOUSE.refusal("127.0.0.1", 443) is not None


def test_where_clouds_hand_out_credentials_can_not_be_opened() -> None:
    house = Reach(private=(ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("fc00::/7")))

    assert house.refusal("100.100.100.200", 443) is not None
    assert house.refusal("fd00:ec2::254", 443) is not None


@pytest.mark.parametrize("network", ["169.254.0.0/16", "0.0.0.0/0", "10.0.0.0/7", "::/0", "fe80::/10"])
def test_what_is_not_private_can_not_be_opened(network: str) -> None:
    with pytest.raises(ValueError, match="isn't private"):
        Reach(private=(ipaddress.ip_network(network),))


@given(st.ip_addresses())
def test_without_networks_of_its_own_a_house_reaches_what_the_kit_allows(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    number = str(address).partition("%")[0]

    assert REACH.refusal(number, 443) == refusal(number)


async def test_of_a_name_s_addresses_only_those_are_used_that_may_be() -> None:
    assert await REACH.addresses(Names("10.0.0.1", "93.184.215.14", "::1"), "example.com", 443) == ("93.184.215.14",)


async def test_a_name_that_leads_into_the_house_only_is_not_asked() -> None:
    with pytest.raises(NotAllowed, match="isn't asked"):
        await REACH.addresses(Names("10.0.0.1", "::1"), "example.com", 443)


async def test_a_name_that_leads_nowhere_has_no_address() -> None:
    with pytest.raises(NoAddress):
        await REACH.addresses(Names(), "example.com", 443)
