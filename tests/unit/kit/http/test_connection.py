import pytest
from unit.kit.http_wire import GET, Later, Scene, sent

from quietzone_kit.http import Request, response_head

OK = response_head(200, [], date=b"now", size=0)


def test_a_request_is_answered_with_what_the_handler_says() -> None:
    assert sent(GET).got == b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 4\r\n\r\n/abc"


def test_a_connection_takes_one_request_after_the_other(scene: Scene) -> None:
    connection, wire = scene.connect()
    for _ in range(3):
        connection.data_received(GET)

    assert (wire.statuses, wire.over) == ([200, 200, 200], False)


@pytest.mark.parametrize("cut", range(1, len(GET)))
def test_a_request_may_come_in_two_parts(scene: Scene, cut: int) -> None:
    connection, wire = scene.connect()
    connection.data_received(GET[:cut])
    early = wire.got
    connection.data_received(GET[cut:])

    assert (early, wire.got[-4:], wire.over) == (b"", b"/abc", False)


def test_a_request_may_come_byte_by_byte(scene: Scene) -> None:
    connection, wire = scene.connect()
    for byte in GET + GET:
        connection.data_received(bytes([byte]))

    assert wire.statuses == [200, 200]


def test_a_head_request_gets_no_body() -> None:
    assert sent(b"HEAD /abc HTTP/1.1\r\nHost: q\r\n\r\n").got.endswith(b"Content-Length: 4\r\n\r\n")


# Requests sent ahead


def test_requests_sent_ahead_are_answered_in_order() -> None:
    ahead = b"".join(b"GET /%d HTTP/1.1\r\nHost: q\r\n\r\n" % number for number in range(5))

    assert [part[-2:] for part in sent(ahead).got.split(b"HTTP/1.1")[1:]] == [b"/0", b"/1", b"/2", b"/3", b"/4"]


def test_a_request_is_handed_out_when_the_one_before_is_answered() -> None:
    later = Later()
    connection, _ = Scene(later).connect()
    connection.data_received(GET + GET.replace(b"abc", b"def"))
    at_first = list(later.seen)
    later.answer()

    assert (at_first, later.seen) == ([b"/abc"], [b"/abc", b"/def"])


def test_nothing_more_is_read_from_a_client_with_requests_ahead() -> None:
    later = Later()
    connection, wire = Scene(later).connect()
    connection.data_received(GET * 2)
    while_waiting = wire.reading
    later.answer()

    assert (while_waiting, wire.reading) == (False, True)


def test_a_client_that_sends_too_many_requests_ahead_gets_what_it_may_and_is_refused() -> None:
    later = Later()
    connection, wire = Scene(later).connect()
    connection.data_received(GET * 100)
    while later.open:
        later.answer()

    assert (wire.statuses, wire.over) == ([200] * 65 + [429], True)


def test_a_malformed_request_is_refused_after_those_before_it_are_answered() -> None:
    later = Later()
    connection, wire = Scene(later).connect()
    connection.data_received(GET + b"nonsense\r\n\r\n")
    before = wire.got
    later.answer()

    assert (before, wire.statuses, wire.over) == (b"", [200, 400], True)


# The end of a connection


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET / HTTP/1.1\r\nHost: q\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ],
    ids=["close", "1.0", "1.0 keep-alive"],
)
def test_a_client_that_wants_one_answer_gets_one(request_head: bytes) -> None:
    wire = sent(request_head + GET)

    assert (wire.statuses, wire.closed) == ([200], True)
    assert b"\r\nConnection: close\r\n" in wire.got


def test_a_request_to_upgrade_is_answered_as_if_it_had_not_asked() -> None:
    wire = sent(b"GET / HTTP/1.1\r\nHost: q\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAA\r\n\r\n")

    assert (wire.statuses, wire.over) == ([200], True)


def test_a_client_that_has_ended_its_sending_gets_its_answer() -> None:
    later = Later()
    connection, wire = Scene(later).connect()
    connection.data_received(GET)
    kept = connection.eof_received()
    later.answer()

    assert (kept, wire.statuses, wire.closed) == (True, [200], True)


def test_a_client_that_has_ended_its_sending_gets_all_its_answers() -> None:
    later = Later()
    connection, wire = Scene(later).connect()
    connection.data_received(GET * 2)
    connection.eof_received()
    later.answer()
    later.answer()

    assert (wire.statuses, wire.closed) == ([200, 200], True)


def test_a_client_that_asked_nothing_and_ends_its_sending_is_left(scene: Scene) -> None:
    connection, _ = scene.connect()

    assert not connection.eof_received()


def test_an_answer_to_a_client_that_has_gone_goes_nowhere() -> None:
    later = Later()
    connection, wire = Scene(later).connect()
    connection.data_received(GET)
    connection.connection_lost(None)
    later.answer()

    assert wire.got == b""


def test_a_request_is_answered_once() -> None:
    def twice(request: Request) -> None:
        request.reply(OK)
        request.reply(OK)

    assert sent(GET, Scene(twice)).statuses == [200]


# Headers


def kept(data: bytes, *names: str) -> dict[bytes, bytes]:
    found: list[dict[bytes, bytes]] = []

    def note(request: Request) -> None:
        found.append(request.headers)
        request.reply(OK)

    sent(data, Scene(note, keep=names))
    return found[-1]


@pytest.mark.parametrize("spelling", [b"User-Agent", b"user-agent", b"USER-AGENT", b"uSeR-aGeNt"])
def test_headers_are_kept_however_they_are_spelt(spelling: bytes) -> None:
    assert kept(b"GET / HTTP/1.1\r\nHost: q\r\n" + spelling + b": x\r\n\r\n", "User-Agent")[b"user-agent"] == b"x"


def test_headers_that_nobody_reads_are_not_kept() -> None:
    assert kept(b"GET / HTTP/1.1\r\nHost: q\r\nX: y\r\n\r\n") == {b"host": b"q"}


def test_a_header_that_came_twice_is_joined() -> None:
    assert kept(b"GET / HTTP/1.1\r\nHost: q\r\nVia: a\r\nVia: b\r\n\r\n", "via")[b"via"] == b"a, b"


def test_a_request_does_not_have_the_headers_of_the_one_before() -> None:
    assert b"via" not in kept(GET.replace(b"\r\n\r\n", b"\r\nVia: a\r\n\r\n") + GET, "via")


def test_spellings_that_are_remembered_have_a_bound(scene: Scene) -> None:
    connection, _ = scene.connect()
    for start in range(0, 2000, 50):
        lines = b"".join(b"X-%d: y\r\n" % number for number in range(start, start + 50))
        connection.data_received(b"GET / HTTP/1.1\r\nHost: q\r\n" + lines + b"\r\n")

    assert len(scene.server.names) <= 1024


def test_a_handler_learns_the_address_of_the_other_end() -> None:
    found: list[str] = []
    sent(GET, Scene(lambda request: found.append(request.peer)))

    assert found == ["192.0.2.7"]
