"""What waits for a reader who is slow."""

import json

from hypothesis import given
from hypothesis import strategies as st
from unit.gateway.live_world import event

from quietzone_gateway.live.backlog import MAX_CHANGES, MAX_CODES, MAX_WAITING, Backlog
from quietzone_gateway.live.domain import Delivery, Event, Kind, ScanCount, Summary
from quietzone_gateway.live.forms import text_of


def delivery(number: int, kind: Kind = Kind.SCANNED, code: int = 0) -> Delivery:
    return Delivery(event(kind, number, code_id=f"code-{code}"), "", f"cursor-{number}")


def taken(backlog: Backlog) -> list[Delivery]:
    return list(iter(backlog.take, None))


def test_what_waits_comes_in_order() -> None:
    backlog = Backlog(text_of)
    for number in range(MAX_WAITING):
        backlog.put(delivery(number))

    assert [one.cursor for one in taken(backlog)] == [f"cursor-{number}" for number in range(MAX_WAITING)]


def test_scans_beyond_what_may_wait_are_counted_by_code() -> None:
    backlog = Backlog(text_of)
    for number in range(MAX_WAITING + 10):
        backlog.put(delivery(number, code=number % 2))

    (summary,) = taken(backlog)

    assert isinstance(summary.told, Summary)
    assert {code: count.count for code, count in summary.told.scans.items()} == {"code-0": 133, "code-1": 133}
    assert summary.cursor == f"cursor-{MAX_WAITING + 9}"


def test_changes_beyond_what_may_wait_are_the_last_of_each_code() -> None:
    backlog = Backlog(text_of)
    for number in range(MAX_WAITING + 1):
        backlog.put(delivery(number, Kind.CODE_UPDATED, code=number % 3))

    (summary,) = taken(backlog)

    assert isinstance(summary.told, Summary)
    assert [change.id for change in summary.told.changes] == ["event-254", "event-255", "event-256"]


def test_a_milestone_does_not_take_the_place_of_a_change_of_the_same_code() -> None:
    backlog = Backlog(text_of)
    for number in range(MAX_WAITING + 1):
        backlog.put(delivery(number, Kind.MILESTONE if number % 2 else Kind.CODE_UPDATED))

    (summary,) = taken(backlog)

    assert isinstance(summary.told, Summary)
    assert {change.kind for change in summary.told.changes if isinstance(change, Event)} == {Kind.MILESTONE, Kind.CODE_UPDATED}


def test_more_changes_than_a_summary_holds_are_dropped_and_said_so() -> None:
    backlog = Backlog(text_of)

    put = [backlog.put(delivery(number, Kind.CODE_UPDATED, code=number)) for number in range(MAX_WAITING + 1)]

    assert MAX_CHANGES < MAX_WAITING
    assert (put[-1], taken(backlog)) == (False, [])


def test_more_codes_with_scans_than_a_summary_counts_are_dropped_and_said_so() -> None:
    backlog = Backlog(text_of)

    put = [backlog.put(delivery(number, code=number)) for number in range(MAX_CODES + 1)]

    assert put.index(False) == MAX_CODES


def test_after_a_summary_was_taken_events_come_one_by_one_again() -> None:
    backlog = Backlog(text_of)
    for number in range(MAX_WAITING + 1):
        backlog.put(delivery(number))
    backlog.take()

    backlog.put(delivery(999))

    assert [one.cursor for one in taken(backlog)] == ["cursor-999"]


@given(st.lists(st.one_of(st.integers(0, 5), st.none()), max_size=900))
def test_no_scan_is_lost_and_none_counted_twice(codes_and_takes: list[int | None]) -> None:
    """Numbers are scans of that code, None is a turn of the reader's."""
    backlog, told, put = Backlog(text_of), 0, 0
    for number, code in enumerate([*codes_and_takes, *[None] * 1_000]):
        if code is not None:
            backlog.put(delivery(number, code=code))
            put += 1
        elif (one := backlog.take()) is not None:
            told += sum(count.count for count in one.told.scans.values()) if isinstance(one.told, Summary) else 1

    assert told == put


def test_a_summary_says_how_many_scans_and_when() -> None:
    text = text_of(Summary({"code-1": ScanCount(3, 0, 1_500)}, ()))

    assert json.loads(text) == {
        "kind": "summary",
        "scans": [{"code_id": "code-1", "count": 3, "from": "1970-01-01T00:00:00.000Z", "to": "1970-01-01T00:00:01.500Z"}],
        "changes": [],
    }
