"""How long a connection may stay as it is."""

from unit.kit.http_wire import GET, Later, Scene

from quietzone_kit.http import HttpLimits, Request, response_head


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


def test_a_server_that_stops_closes_what_was_idle_for_a_second_and_nothing_that_was_used_just_now(scene: Scene) -> None:
    connection, wire = scene.connect()
    scene.wait(10)
    connection.data_received(GET)
    scene.server.draining = True

    scene.wait(1)  # this tick may come a moment after the request
    until_then = wire.over
    scene.wait(1)

    assert (until_then, wire.closed) == (False, True)


def test_a_server_that_stops_answers_whoever_asks_again_in_time(scene: Scene) -> None:
    connection, wire = scene.connect()
    connection.data_received(GET)
    scene.server.draining = True
    scene.wait(1)
    connection.data_received(GET)

    assert (wire.statuses, wire.closed) == ([200, 200], True)


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


def test_a_client_that_reads_slowly_but_steadily_gets_all_of_a_large_answer(scene: Scene) -> None:
    connection, wire = scene.connect()
    connection.data_received(GET)
    wire.unsent = 17_000_000
    connection.pause_writing()
    while wire.unsent > 300_000:
        scene.wait(1)
        wire.unsent -= 10_000
    still_there = not wire.over
    scene.wait(62)

    assert (still_there, wire.aborted) == (True, True)


def test_a_last_answer_is_read_to_its_end_however_long_that_takes(scene: Scene) -> None:
    connection, wire = scene.connect()
    wire.unsent = 17_000_000
    connection.data_received(b"GET / HTTP/1.0\r\n\r\n")
    connection.pause_writing()
    for _ in range(100):
        scene.wait(1)
        wire.unsent -= 10_000

    assert not wire.aborted


def test_a_client_that_reads_drop_by_drop_is_cut_off(scene: Scene) -> None:
    connection, wire = scene.connect()
    connection.data_received(GET)
    wire.unsent = 17_000_000
    connection.pause_writing()
    for _ in range(31):
        scene.wait(1)
        wire.unsent -= 1_000

    assert wire.aborted


def test_answers_that_wait_for_slow_readers_have_a_bound_together() -> None:
    def large(request: Request) -> None:
        request.reply(response_head(200, [], date=b"now", size=200_000), bytes(200_000))

    scene = Scene(large, limits=HttpLimits(unread_bytes=500_000))
    slow, statuses = [scene.connect() for _ in range(3)], []
    for connection, wire in slow:
        connection.data_received(GET)
        statuses += wire.statuses
        wire.unsent = 200_000
        connection.pause_writing()
    slow[0][0].connection_lost(None)
    slow[1][0].resume_writing()
    connection, wire = scene.connect()
    connection.data_received(GET)

    assert (statuses, wire.statuses) == ([200, 200, 503], [200])


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


def test_an_old_connection_ends_with_its_next_answer(scene: Scene) -> None:
    connection, wire = scene.connect()
    connection.data_received(GET)
    scene.wait(60)
    until_then = wire.over
    connection.data_received(GET)

    assert (until_then, wire.statuses, wire.closed) == (False, [200, 200], True)
    assert wire.got.count(b"Connection: close") == 1


def test_an_old_connection_ends_when_all_that_was_sent_ahead_is_answered(scene: Scene) -> None:
    connection, wire = scene.connect()
    scene.wait(60)
    connection.data_received(GET * 3)

    assert (wire.statuses, wire.closed) == ([200, 200, 200], True)
