"""`quietzone events`: what is sent, what is said of the answers, and how it ends."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from unit.cli.asked import Asked
from unit.client.scripted import CODE_ID, ok, problem
from unit.client.test_events import RULE, TRIED

from quietzone_cli import events
from quietzone_cli.errors import OperationFailed
from quietzone_cli.events import BYTES_AT_ONCE, MAX_LINE_BYTES, Line, lines_of, lots_of

TAKEN = {"event_id": CODE_ID, "error_code": None, "error_message": None}
REFUSED = {"event_id": None, "error_code": "MalformedDetail", "error_message": "no JSON object"}
PAID = ("put", "shop.till", "Order Paid")
NUMBERS = {"matched": 1812, "failed": 0, "last_matched_at": "2026-11-21T10:12:00.125Z", "delivered": 1809, "given_up": 3}


def put_of(*results: Any) -> httpx.Response:
    return ok({"failed_entry_count": sum(result is REFUSED for result in results), "entries": list(results)})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(events.app, monkeypatch)


def test_an_event_is_put_as_it_is_given(asked: Asked) -> None:
    asked.answer(put_of(TAKEN))

    code, out, _ = asked.said(*PAID, '{"total": 18.50}', "--bus", "orders", "--resource", "order:17", "--idempotency-key", "o-17")

    assert (code, out) == (0, f"✓ {CODE_ID}")
    entry = {"source": "shop.till", "detail_type": "Order Paid", "detail": '{"total": 18.50}', "bus": "orders", "resources": ["order:17"]}
    assert (asked.server.body(), asked.server.keys) == ({"entries": [entry]}, ["o-17"])


def test_a_detail_may_be_in_a_file(asked: Asked, tmp_path: Path) -> None:
    asked.answer(put_of(TAKEN))
    (tmp_path / "paid.json").write_text('{"note": "grün"}', "utf-8")

    asked.said(*PAID, f"@{tmp_path}/paid.json")

    assert asked.server.body()["entries"][0]["detail"] == '{"note": "grün"}'


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "can't be read: No such file or directory"), (b'{"a": "\xff"}', "isn't in UTF-8, as JSON is (byte 8)")],
)
def test_a_file_that_cannot_be_read_is_said_before_anything_is_asked(
    asked: Asked, tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "paid.json").write_bytes(content)

    code, _, err = asked.said(*PAID, f"@{tmp_path}/paid.json")

    assert (code, said in err, asked.server.asked) == (1, True, []), err


def test_an_event_that_is_not_taken_says_why(asked: Asked) -> None:
    asked.answer(put_of(REFUSED))

    assert asked.said(*PAID, "[]") == (1, "", "✗ MalformedDetail: no JSON object")


def test_lines_are_put_ten_at_once_under_names_of_their_own(asked: Asked) -> None:
    asked.answer(put_of(*[TAKEN] * 10), put_of(*[TAKEN] * 2))
    lines = b"\n".join(b'{"n": %d}' % number for number in range(12))

    code, out, _ = asked.said(*PAID, "-", "--idempotency-key", "night", stdin=lines)

    assert (code, out) == (0, "✓ 12 events were put")
    assert [len(asked.server.body(number)["entries"]) for number in range(2)] == [10, 2]
    assert asked.server.keys == ["night-1", "night-11"]


def test_lines_that_are_not_taken_are_named_and_the_others_are_put(asked: Asked) -> None:
    asked.answer(put_of(TAKEN, REFUSED, TAKEN))

    code, out, err = asked.said(*PAID, "-", stdin=b"{}\n\nno\n{}\n")

    assert (code, out) == (1, "✓ 2 events were put")
    assert err == "✗ line 3: MalformedDetail: no JSON object ✗ 1 weren't taken"


def test_nothing_to_put_is_put(asked: Asked) -> None:
    assert asked.said(*PAID, "-") == (0, "✓ 0 events were put", "")


def test_how_far_it_came_is_said_when_the_api_refuses(asked: Asked) -> None:
    asked.answer(put_of(*[TAKEN] * 10), problem(403, "permission-denied"))

    code, _, err = asked.said(*PAID, "-", stdin=b"{}\n" * 12)

    assert code == 1
    assert err.startswith("✗ 10 events were put; what comes after line 10 wasn't, as far as is known ✗ 403")


def test_a_line_that_can_be_no_event_ends_it_and_says_which(asked: Asked) -> None:
    asked.answer(put_of(*[TAKEN] * 10))

    code, _, err = asked.said(*PAID, "-", stdin=b"{}\n" * 10 + b"\xff\n")

    assert (code, "line 11 isn't in UTF-8" in err, "10 events were put" in err) == (1, True, True), err


def test_a_line_without_end_is_not_read_to_it() -> None:
    with pytest.raises(OperationFailed, match="line 2 has more than"):
        list(lines_of(io.BytesIO(b"{}\n" + b"x" * (MAX_LINE_BYTES + 1))))


def test_what_is_sent_at_once_has_a_bound() -> None:
    large = "x" * (BYTES_AT_ONCE // 2)

    assert [[line.number for line in lot] for lot in lots_of(Line(number, large) for number in range(1, 6))] == [[1, 2], [3, 4], [5]]


def test_lines_are_sent_as_soon_as_there_are_enough() -> None:
    def endless() -> Iterator[Line]:
        yield from (Line(number, "{}") for number in range(1, 11))
        pytest.fail("more was waited for")

    assert len(next(lots_of(endless()))) == 10


@pytest.mark.parametrize(("matches", "code"), [(True, 0), (False, 1)])
def test_a_pattern_is_tried_and_explained(asked: Asked, matches: bool, code: int) -> None:
    asked.answer(ok(TRIED | {"matches": matches, "explanation": "no source: looked for [bold]"}))

    assert asked.said("test-pattern", '{"source": ["a"]}', '{"source": "b"}') == (code, "no source: looked for [bold]", "")
    assert asked.server.body() == {"pattern": '{"source": ["a"]}', "event": '{"source": "b"}'}


def test_a_pattern_that_is_none_is_said_with_its_reason(asked: Asked) -> None:
    asked.answer(problem(400, "invalid-argument", detail="pattern: source: Empty arrays are not allowed"))

    code, _, err = asked.said("test-pattern", "{}", "{}")

    assert (code, "pattern: source: Empty arrays are not allowed" in err) == (1, True), err


def test_rules_are_listed_with_what_they_matched(asked: Asked) -> None:
    asked.answer(ok({"items": [RULE], "next_cursor": None}), ok(RULE | {"numbers": NUMBERS}))

    code, out, _ = asked.said("rules", "orders")

    assert (code, asked.server.paths[1]) == (0, "/v1/event-buses/orders/rules/paid")
    assert out.endswith("paid 1,812 0 1,809 3 shop (webhook) 2026-11-21 10:12:00Z")


def test_a_rule_that_is_deleted_meanwhile_is_listed_without_numbers(asked: Asked) -> None:
    asked.answer(ok({"items": [RULE | {"enabled": False}], "next_cursor": None}), problem(404, "not-found"))

    assert asked.said("rules")[1].endswith("paid (off) shop (webhook)")


def test_a_bus_without_rules_is_said_to_have_none(asked: Asked) -> None:
    asked.answer(ok({"items": [], "next_cursor": None}))

    assert asked.said("rules", "orders") == (0, "the bus orders has no rules", "")


def test_what_is_sent_is_json(asked: Asked) -> None:
    asked.answer(put_of(TAKEN))

    asked.said(*PAID, '{"say": "\\"quoted\\""}')

    assert json.loads(asked.server.body()["entries"][0]["detail"]) == {"say": '"quoted"'}
