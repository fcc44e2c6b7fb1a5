import pytest
from ada_url import URL
from hypothesis import given
from hypothesis import strategies as st
from unit.qr.codes import SCAN

from quietzone_qr.codes.domain import MAX_DESTINATION_BYTES, InvalidDestination, ScanBase, parse_destination

HOSTS = st.sampled_from(
    ["example.com", "EXAMPLE.com.", "bücher.example", "例え.テスト", "[::1]", "0x7f.1", "a_b.example", "faß.de", "%65xample.com"]
)
PORTS = st.sampled_from(["", ":", ":80", ":443", ":8080", ":08080"])
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)
URLS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["http://", "HTTPS://", "https:", "http:\\\\", "https:///", " https://"]),
    HOSTS,
    PORTS,
    st.just("/"),
    TEXTS,
)


@given(URLS | TEXTS)
def test_an_accepted_destination_is_a_fixed_point(text: str) -> None:
    try:
        destination = parse_destination(text, SCAN)
    except InvalidDestination:
        return

    assert parse_destination(destination, SCAN) == destination


@given(URLS)
def test_an_accepted_destination_is_printable_ascii_of_at_most_2048_bytes(text: str) -> None:
    try:
        destination = parse_destination(text, SCAN)
    except InvalidDestination:
        return

    assert destination.isascii()
    assert destination.isprintable()
    assert len(destination) <= MAX_DESTINATION_BYTES


@given(URLS)
def test_an_accepted_destination_leads_where_a_browser_would_go(text: str) -> None:
    try:
        destination = parse_destination(text, SCAN)
    except InvalidDestination:
        return

    assert destination == URL(text).href


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "127.0.0.1", "127.1.2.3", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "a.localhost"]
)
@pytest.mark.parametrize("scan", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"])
def test_this_machine_is_one_scan_host_by_whatever_name(host: str, scan: str) -> None:
    with pytest.raises(InvalidDestination, match="a scan would go in a circle"):
        parse_destination(f"http://{host}:8080/menu", ScanBase.parse(scan))


def test_another_port_of_this_machine_is_another_host() -> None:
    assert parse_destination("http://127.0.0.1:9000/", ScanBase.parse("http://localhost:8080")) == "http://127.0.0.1:9000/"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTP://Example.COM:80/a/../b", "http://example.com/b"),
        ("https://bücher.example/ä?ö#ü", "https://xn--bcher-kva.example/%C3%A4?%C3%B6#%C3%BC"),
        ("  https://example.com/a b \n", "https://example.com/a%20b"),
        ("http://0x7f.1", "http://127.0.0.1/"),
        ("https://example.com/%zz", "https://example.com/%zz"),
        ("https://@example.com/", "https://example.com/"),
        ("http://localhost:8000/", "http://localhost:8000/"),
    ],
)
def test_a_destination_is_normalised_as_browsers_do(text: str, normal: str) -> None:
    assert parse_destination(text, SCAN) == normal


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a URL; write it in full, such as https://example.com/menu"),
        ("example.com", "not a URL"),
        ("/menu", "not a URL"),
        ("https://", "not a URL"),
        ("https://a b.example/", "not a URL"),
        ("https://example.com:99999/", "not a URL"),
        ("https://exa\ud800mple.com/", "not a URL"),
        ("https://.../", "names no host"),
        ("javascript:alert(1)", "javascript: isn't for browsers on the web; use https: or http:"),
        ("data:text/html,x", "data: isn't"),
        ("ftp://example.com/", "ftp: isn't"),
        ("https://user@example.com/", "user name or password"),
        ("https://:secret@example.com/", "user name or password"),
        ("https://example.com/a\tb", r"control character '\\t' at place 22; remove it"),
        ("https://example.com/a\r\nSet-Cookie: x", "control character"),
        ("https://example.com/\x00", "control character"),
        ("https://example.com/\x85", "control character"),
    ],
)
def test_what_is_no_destination_is_refused_with_what_would_do(text: str, reason: str) -> None:
    with pytest.raises(InvalidDestination, match=reason):
        parse_destination(text, SCAN)


def test_the_longest_destination_is_accepted() -> None:
    text = "https://example.com/".ljust(MAX_DESTINATION_BYTES, "a")

    assert parse_destination(text, SCAN) == text


def test_a_destination_is_measured_as_browsers_write_it() -> None:
    with pytest.raises(InvalidDestination, match="at most 2048 bytes, this one has 2420 as browsers write it"):
        parse_destination("https://example.com/" + "ä" * 400, SCAN)


def test_a_destination_that_is_too_long_is_not_even_parsed() -> None:
    with pytest.raises(InvalidDestination, match="at most 2048 bytes, this one has more"):
        parse_destination("https://example.com/" + "./" * 5000, SCAN)


@pytest.mark.parametrize(
    ("base", "text"),
    [
        ("https://q.example", "https://q.example/menu"),
        ("https://q.example", "https://Q.EXAMPLE:443/"),
        ("https://q.example", "https://q.example./"),
        ("https://q.example", "http://q.example/"),
        ("https://q.example", "http://q.example:443/"),
        ("https://q.example", "https://%71.example/"),
        ("http://q.example:80", "https://q.example/"),
        ("http://localhost:8080", "http://localhost:8080/menu"),
        ("http://localhost:8080", "https://LOCALHOST.:8080/"),
        ("http://127.0.0.1:8080", "http://0x7f.1:8080/"),
        ("https://bücher.example", "https://xn--bcher-kva.example/"),
    ],
)
def test_the_scan_host_itself_is_refused_however_it_is_written(base: str, text: str) -> None:
    with pytest.raises(InvalidDestination, match="a scan would go in a circle"):
        parse_destination(text, ScanBase.parse(base))


@pytest.mark.parametrize(
    ("base", "text"),
    [
        ("https://q.example", "https://www.q.example/"),
        ("https://q.example", "https://q.example:8443/"),
        ("http://localhost:8080", "http://localhost/"),
        ("http://localhost:8080", "http://localhost:8000/"),
        ("https://q.example", "https://example/?next=https://q.example/"),
    ],
)
def test_neighbours_of_the_scan_host_are_accepted(base: str, text: str) -> None:
    assert parse_destination(text, ScanBase.parse(base)) == text
