import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.kit.http_wire import Scene, Wire, echo

from quietzone_kit.http import HttpLimits, Request, response_head

GET = b"GET /abc HTTP/1.1\r\nHost: q.example\r\n\r\n"
OK = response_head(200, [], date=b"now", size=0)


def sent(data: bytes, scene: Scene | None = None) -> Wire:
    """What becomes of a connection on which `data` is sent at once."""
    return (scene or Scene()).ask(data)


class Later:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.open: list[Request] = []

    def __call__(self, request: Request) -> None:
        self.seen.append(request.target)
        self.open.append(request)

    def answer(self) -> None:
        echo(self.open.pop(0))


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


# What is refused


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


# Time


def test_a_request_that_does_not_end_gets_408(scene: Scene) -> None:
    connection, wire = scene.connect()
    connection.data_received(GET[:20])
    scene.wait(11)

    assert (wire.statuses, wire.over) == ([408], True)


def test_a_request_that_comes_drop_by_drop_gets_408(scene: Scene) -> None:
    connection, wire = scene.connect()
    for byte in GET[:12]:
        connection.data_received(bytes([byte]))
        scene.wait(1)

    assert wire.statuses == [408]


def test_a_connection_without_requests_is_closed_after_the_idle_time(scene: Scene) -> None:
    _, wire = scene.connect()
    scene.wait(75)
    until_then = wire.over
    scene.wait(1)

    assert (until_then, wire.closed) == (False, True)


def test_a_used_connection_is_idle_from_its_last_request_on(scene: Scene) -> None:
    connection, wire = scene.connect()
    scene.wait(50)
    connection.data_received(GET)
    scene.wait(50)

    assert not wire.over


def test_a_handler_may_take_its_time_but_not_for_ever() -> None:
    scene = Scene(Later())
    connection, wire = scene.connect()
    connection.data_received(GET)
    scene.wait(60)
    until_then = wire.over
    scene.wait(1)

    assert (until_then, wire.aborted) == (False, True)


def test_each_request_sent_ahead_has_its_own_time() -> None:
    later = Later()
    scene = Scene(later)
    connection, wire = scene.connect()
    connection.data_received(GET * 2)
    scene.wait(40)
    later.answer()
    scene.wait(40)

    assert not wire.over


def test_a_client_that_does_not_read_is_cut_off(scene: Scene) -> None:
    connection, wire = scene.connect()
    connection.data_received(GET)
    connection.pause_writing()
    scene.wait(31)

    assert wire.aborted


def test_a_client_that_does_not_read_is_not_read_from(scene: Scene) -> None:
    connection, wire = scene.connect()
    connection.pause_writing()
    paused = wire.reading
    connection.resume_writing()

    assert (paused, wire.reading) == (False, True)


def test_requests_ahead_wait_until_the_client_reads() -> None:
    later = Later()
    connection, _ = Scene(later).connect()
    connection.data_received(GET * 2)
    connection.pause_writing()
    later.answer()
    meanwhile = len(later.seen)
    connection.resume_writing()

    assert (meanwhile, len(later.seen)) == (1, 2)


def test_a_refused_client_that_stays_is_cut_off(scene: Scene) -> None:
    connection, wire = scene.connect()
    connection.data_received(b"nonsense\r\n\r\n")
    scene.wait(3)

    assert wire.aborted


def test_a_client_that_still_reads_its_last_answer_is_not_cut_off_early(scene: Scene) -> None:
    connection, wire = scene.connect()
    connection.data_received(b"GET / HTTP/1.0\r\n\r\n")
    wire.unsent = 1000
    scene.wait(20)

    assert not wire.aborted


# Room


def test_more_connections_than_allowed_get_503() -> None:
    scene = Scene(limits=HttpLimits(connections=2))
    wires = [scene.connect()[1] for _ in range(3)]

    assert [(wire.statuses, wire.closed) for wire in wires] == [([], False), ([], False), ([503], True)]


def test_a_connection_that_has_gone_makes_room() -> None:
    scene = Scene(limits=HttpLimits(connections=1))
    scene.connect()[0].connection_lost(None)

    assert scene.connect()[1].statuses == []
