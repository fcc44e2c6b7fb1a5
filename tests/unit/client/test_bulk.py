"""Many rows: requests of a size, results as they come, and what breaks off is gone on with."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from unit.client.scripted import CODE, CODE_ID, Parts, Server, problem

from quietzone_client import Create, Delete, InvalidInput, NoAnswer, NotFound, Retries, Row, UnexpectedAnswer, Update, _bulk

NEW = Create("https://example.com/menu")
CUT = httpx.ReadError("reset")
GONE = {"type": "/problems/not-found", "title": "Not found", "status": 404, "detail": "no such code", "instance": "/v1/codes/bulk"}


def line(row: int, status: int = 201, **fields: Any) -> bytes:
    return json.dumps({"row": row, "status": status, **({"code": dict(CODE)} if status in (200, 201) else {}), **fields}).encode() + b"\n"


def summary(rows: int) -> bytes:
    return json.dumps({"rows": rows, "succeeded": rows, "failed": 0}).encode() + b"\n"


def answer(*parts: bytes | Exception) -> httpx.Response:
    return httpx.Response(200, stream=Parts(*parts), headers={"content-type": "application/x-ndjson"})


def lines_of(request: httpx.Request) -> list[Mapping[str, Any] | None]:
    """The rows of a request; None for a blank line."""
    return [json.loads(row) if row else None for row in request.content.split(b"\n")]


def test_each_row_has_its_result() -> None:
    server = Server.of(answer(line(1), line(2, 200), line(3, 204), summary(3)))
    rows: list[Row] = [NEW, Update(CODE_ID, title="x", revision=2), Delete(CODE_ID)]

    results = list(server.client().codes.bulk(rows))

    assert [(result.number, result.row, result.ok) for result in results] == [(1, rows[0], True), (2, rows[1], True), (3, rows[2], True)]
    assert [result.code is None for result in results] == [False, False, True]
    assert lines_of(server.asked[0]) == [
        {"op": "create", "destination": "https://example.com/menu", "title": "", "tags": [], "folder": ""},
        {"op": "update", "id": CODE_ID, "title": "x", "revision": 2},
        {"op": "delete", "id": CODE_ID},
    ]


def test_a_row_that_fails_has_its_error_and_keeps_no_other_from_succeeding() -> None:
    wrong = {
        "type": "/problems/invalid-argument",
        "title": "Invalid request",
        "detail": "d",
        "errors": [{"field": "slug", "reason": "short"}],
    }
    server = Server.of(answer(line(1, 400, problem=wrong) + line(2), summary(2)))

    first, second = server.client().codes.bulk([NEW, NEW])

    assert isinstance(first.error, InvalidInput)
    assert first.error.errors[0].field == "slug"
    assert second.ok


def test_lines_may_come_in_any_pieces() -> None:
    whole = line(1) + line(2) + summary(2)
    server = Server.of(answer(*(bytes([byte]) for byte in whole)))

    assert [result.ok for result in server.client().codes.bulk([NEW, NEW])] == [True, True]


def test_a_last_line_needs_no_end() -> None:
    server = Server.of(answer(line(1).rstrip()))

    assert [result.ok for result in server.client().codes.bulk([NEW])] == [True]


def test_rows_are_taken_and_sent_a_thousand_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bulk, "ROWS_AT_ONCE", 2)
    server = Server.of(answer(line(1), line(2), summary(2)), answer(line(1), summary(1)))
    taken: list[int] = []

    def rows() -> Iterator[Create]:
        for number in range(3):
            taken.append(number)
            yield NEW

    results = server.client().codes.bulk(rows())

    assert (next(results).number, taken) == (1, [0, 1])
    assert [result.number for result in results] == [2, 3]
    assert server.keys == ["name-1-1", "name-1-3"]


def test_a_request_is_never_larger_than_the_api_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bulk, "BYTES_AT_ONCE", 200)

    sizes = [len(lot.body(0)) for lot in _bulk.lots([NEW] * 20)]

    assert all(size < 400 for size in sizes)
    assert len(sizes) > 1


def test_what_broke_off_is_gone_on_with_under_the_same_names() -> None:
    server = Server.of(answer(line(1), line(2), CUT), answer(line(3), line(4), summary(2)))

    results = list(server.client().codes.bulk([NEW] * 4))

    assert [result.number for result in results] == [1, 2, 3, 4]
    assert server.keys == ["name-1-1", "name-1-1"]
    assert [row is None for row in lines_of(server.asked[1])] == [True, True, False, False]


def test_an_answer_that_ends_early_is_gone_on_with() -> None:
    server = Server.of(answer(line(1)), answer(line(2), summary(1)))

    assert [result.number for result in server.client().codes.bulk([NEW] * 2)] == [1, 2]


def test_a_crowd_that_is_too_large_is_waited_for() -> None:
    server = Server.of(problem(503, "unavailable", retry_after="2"), answer(line(1), summary(1)))

    assert len(list(server.client().codes.bulk([NEW]))) == 1
    assert server.slept == [2.2]


def test_an_answer_that_never_gets_on_is_given_up() -> None:
    server = Server.of(answer(line(1), CUT), answer(CUT))

    results = server.client(Retries(attempts=3)).codes.bulk([NEW] * 2)

    assert next(results).ok
    with pytest.raises(NoAnswer):
        next(results)
    assert len(server.asked) == 3  # the one that broke off is the first


def test_a_deletion_that_is_tried_again_and_finds_nothing_was_done() -> None:
    server = Server.of(answer(line(1, 204), CUT), answer(line(2, 404, problem=GONE), summary(1)))

    assert [result.ok for result in server.client().codes.bulk([Delete("a"), Delete("b")])] == [True, True]


def test_a_deletion_of_nothing_is_not_found() -> None:
    server = Server.of(answer(line(1, 404, problem=GONE), summary(1)))

    [result] = server.client().codes.bulk([Delete("a")])

    assert isinstance(result.error, NotFound)


@pytest.mark.parametrize("said", [b"{", b"[]\n", b"null\n", line(2), line(1) + line(1), b'{"row": 1}\n' * 2, b"x" * 2_000_000])
def test_results_that_are_none_are_said_so(said: bytes) -> None:
    server = Server.of(answer(said))

    with pytest.raises(UnexpectedAnswer):
        list(server.client().codes.bulk([NEW]))
    assert len(server.asked) == 1


def test_a_request_that_is_refused_as_a_whole_is_an_error() -> None:
    server = Server.of(problem(400, "invalid-argument"))

    with pytest.raises(InvalidInput):
        list(server.client().codes.bulk([NEW]))


def test_nothing_is_sent_for_no_rows() -> None:
    server = Server.of(problem(400, "invalid-argument"))

    assert list(server.client().codes.bulk([])) == []
    assert server.asked == []


async def test_a_loop_goes_on_too() -> None:
    server = Server.of(answer(line(1), CUT), answer(line(2), summary(1)))

    async with server.on_loop() as client:
        assert [result.number async for result in client.codes.bulk([NEW] * 2)] == [1, 2]
