"""Bodies are taken where the server says so, within its bounds, and let go of when their request is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.kit.http_wire import GET, Later, Scene

from quietzone_kit.http import HttpBodies, HttpLimits, Request, response_head

BODIES = HttpBodies(lambda method, _target, _headers: 10_000 if method == b"PUT" else 0, in_all=15_000)


def put(body: bytes, *, length: int | None = None) -> bytes:
    return b"PUT /u HTTP/1.1\r\nHost: q\r\nContent-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


def mirror(request: Request) -> None:
    request.reply(response_head(200, [], date=b"now", size=len(request.body)), request.body)


@given(st.binary(max_size=9_000), st.lists(st.integers(1, 4_000), max_size=6))
def test_a_body_comes_whole_however_it_was_cut(body: bytes, cuts: list[int]) -> None:
    connection, wire = Scene(mirror, bodies=BODIES).connect()
    data = put(body)
    for cut in cuts:
        connection.data_received(data[:cut])
        data = data[cut:]
    connection.data_received(data)

    assert wire.got.partition(b"\r\n\r\n")[2] == body


def test_a_chunked_body_comes_whole() -> None:
    chunked = b"PUT /u HTTP/1.1\r\nHost: q\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

    assert Scene(mirror, bodies=BODIES).ask(chunked).got.endswith(b"\r\n\r\nabcde")


def test_a_request_after_a_body_has_none() -> None:
    wire = Scene(mirror, bodies=BODIES).ask(put(b"abc") + GET)

    assert wire.got.endswith(b"Content-Length: 0\r\n\r\n")


def test_a_body_that_is_declared_too_large_is_refused_before_it_comes() -> None:
    assert Scene(mirror, bodies=BODIES).ask(put(b"", length=10_001)).statuses == [413]


def test_what_is_refused_before_a_handler_sees_it_has_the_headers_of_refusals() -> None:
    wire = Scene(mirror, bodies=BODIES, limits=HttpLimits(refusal_headers=((b"Access-Control-Allow-Origin", b"*"),))).ask(
        put(b"", length=10_001)
    )

    assert b"\r\nAccess-Control-Allow-Origin: *\r\n" in wire.got


def test_a_chunked_body_is_refused_when_it_grows_too_large() -> None:
    chunk = b"fa0\r\n" + bytes(4_000) + b"\r\n"
    head = b"PUT /u HTTP/1.1\r\nHost: q\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert Scene(mirror, bodies=BODIES).ask(head + chunk * 3).statuses == [413]


@pytest.mark.parametrize("size", [b"99999999999999999999999", b"-1", b"1e3", b"10, 10"])
def test_a_length_that_is_none_is_refused(size: bytes) -> None:
    wire = Scene(mirror, bodies=BODIES).ask(b"PUT /u HTTP/1.1\r\nHost: q\r\nContent-Length: %b\r\n\r\n" % size)

    assert wire.statuses in ([400], [413])


def test_a_body_where_none_is_taken_is_refused() -> None:
    data = put(b"abc").replace(b"PUT", b"POST")

    assert Scene(mirror, bodies=BODIES).ask(data).statuses == [413]


def test_a_smuggled_second_length_is_refused() -> None:
    data = b"PUT /u HTTP/1.1\r\nHost: q\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"

    assert Scene(mirror, bodies=BODIES).ask(data).statuses == [400]


def test_bodies_of_all_clients_together_are_bounded() -> None:
    later = Later()
    scene = Scene(later, bodies=BODIES)
    scene.ask(put(bytes(9_000)))

    assert scene.ask(put(bytes(9_000))).statuses == [503]


def test_a_body_makes_room_when_its_request_is_answered() -> None:
    later = Later()
    scene = Scene(later, bodies=BODIES)
    scene.ask(put(bytes(9_000)))
    later.answer()

    scene.ask(put(bytes(9_000)))

    assert len(later.open) == 1


@pytest.mark.parametrize("part", [200, 9_060])
def test_a_body_makes_room_when_its_client_goes(part: int) -> None:
    scene = Scene(Later(), bodies=BODIES)
    connection, _ = scene.connect()
    connection.data_received(put(bytes(9_000))[:part])
    connection.connection_lost(None)

    assert scene.server._body_bytes == 0


def test_who_sends_a_body_too_slowly_is_given_up() -> None:
    scene = Scene(mirror, bodies=BODIES, limits=HttpLimits(body_timeout_s=20))
    connection, wire = scene.connect()
    connection.data_received(put(b"", length=100))
    scene.wait(15)
    assert wire.statuses == []

    scene.wait(10)

    assert wire.statuses == [408]
