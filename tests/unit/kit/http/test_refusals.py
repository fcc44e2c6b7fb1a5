"""What a client may not send, and how much."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.kit.http_wire import GET, Scene, sent

from quietzone_kit.http import HttpLimits


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: q\r\n\r\n",
        b"GET / HTTP/1.1\nHost: q\n\n",
        b"GET / HTTP/1.1\r\nHost: q\r\nX : y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: q\r\nX: y\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: q\r\nX\xff: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: q\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: q\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: q\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: q\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: q\r\nHost: r\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_malformed_requests_get_400_and_the_end(data: bytes) -> None:
    wire = sent(data)

    assert (wire.statuses, wire.over) == ([400], True)


def test_a_refusal_says_that_the_connection_ends() -> None:
    assert b"\r\nConnection: close\r\n" in sent(b"nonsense\r\n\r\n").got


def test_what_comes_after_a_refusal_is_thrown_away(scene: Scene) -> None:
    connection, wire = scene.connect()
    connection.data_received(b"nonsense\r\n\r\n")
    connection.data_received(GET)

    assert wire.statuses == [400]


@pytest.mark.parametrize(("size", "status"), [(8 * 1024, 200), (8 * 1024 + 1, 414)])
def test_a_target_has_at_most_8_kib(size: int, status: int) -> None:
    target = b"/" * size

    assert sent(b"GET " + target + b" HTTP/1.1\r\nHost: q\r\n\r\n").statuses == [status]


@pytest.mark.parametrize(("count", "status"), [(99, 200), (100, 431)])
def test_a_request_has_at_most_100_headers(count: int, status: int) -> None:
    assert sent(b"GET / HTTP/1.1\r\nHost: q\r\n" + b"a: b\r\n" * count + b"\r\n").statuses == [status]


@pytest.mark.parametrize(("size", "status"), [(20_000, 200), (32_000, 431)])
@pytest.mark.parametrize("part", [100, 4096, 100_000])
def test_headers_are_bounded_however_they_come(scene: Scene, size: int, status: int, part: int) -> None:
    connection, wire = scene.connect()
    data = b"GET / HTTP/1.1\r\nHost: q\r\nX: " + b"y" * size + b"\r\n\r\n"
    for start in range(0, len(data), part):
        connection.data_received(data[start : start + part])

    assert wire.statuses == [status]


def test_many_small_requests_sent_at_once_are_no_large_head() -> None:
    assert sent(GET * 60 + b"X" * 4096).statuses[:60] == [200] * 60


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 3\r\n\r\nabc",
        b"Content-Length: 3\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    ],
    ids=["sent", "announced", "chunked", "expect"],
)
def test_a_body_is_refused(framing: bytes) -> None:
    wire = sent(b"POST /abc HTTP/1.1\r\nHost: q\r\n" + framing)

    assert (wire.statuses, wire.over) == ([413], True)


def test_a_body_of_no_bytes_is_none() -> None:
    assert sent(b"POST /abc HTTP/1.1\r\nHost: q\r\nContent-Length: 0\r\n\r\n").statuses == [200]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([GET, b"nonsense", b"\r\n", b"Host: q\r\n", b"GET / HTTP/1.1\r\n", b"\x00", b"Content-Length: 5\r\n"]), max_size=8
    ),
    st.data(),
)
def test_no_bytes_make_a_connection_fail(parts: list[bytes], data: st.DataObject) -> None:
    connection, wire = Scene().connect()
    for part in parts:
        place = data.draw(st.integers(0, len(part)))
        connection.data_received(part[:place] + data.draw(st.binary(max_size=3)) + part[place:])

    assert all(status in {200, 400, 413, 414, 431} for status in wire.statuses)


# Room
def test_more_connections_than_allowed_get_503() -> None:
    scene = Scene(limits=HttpLimits(connections=2))
    wires = [scene.connect()[1] for _ in range(3)]

    assert [(wire.statuses, wire.closed) for wire in wires] == [([], False), ([], False), ([503], True)]


def test_a_connection_that_has_gone_makes_room() -> None:
    scene = Scene(limits=HttpLimits(connections=1))
    scene.connect()[0].connection_lost(None)

    assert scene.connect()[1].statuses == []
