"""What waits for a tail: in order, bounded, and with what was missed where it was missed."""

import pytest

from quietzone_notification.patterns import compile_pattern
from quietzone_notification.tails.domain import MAX_WAITING, MAX_WAITING_CHARACTERS, Missed, Tail, Told


def tail(pattern: str | None = None, bus: str = "default") -> Tail:
    return Tail("ours", bus, None if pattern is None else compile_pattern(pattern), lambda: None)


def taken(one: Tail) -> list[Told]:
    found: list[Told] = []
    while (told := one.take()) is not None:
        found.append(told)
    return found


def test_events_are_told_in_order() -> None:
    one = tail()
    one.put("a")
    one.put("b")

    assert taken(one) == ["a", "b"]


def test_too_many_drop_the_oldest_and_say_how_many() -> None:
    one = tail()
    for number in range(MAX_WAITING + 3):
        one.put(str(number))

    told = taken(one)

    assert (told[0], told[1], len(told)) == (Missed(3), "3", MAX_WAITING + 1)


def test_too_large_ones_drop_the_oldest_too() -> None:
    one = tail()
    for name in "abc":
        one.put(name * (MAX_WAITING_CHARACTERS // 2))

    told = taken(one)

    assert (told[0], [text[0] for text in told if isinstance(text, str)]) == (Missed(1), ["b", "c"])


def test_what_was_missed_is_told_once() -> None:
    one = tail()
    for number in range(MAX_WAITING + 1):
        one.put(str(number))
    taken(one)
    one.put("next")

    assert taken(one) == ["next"]


def test_a_break_stands_between_what_was_before_and_what_came_after() -> None:
    one = tail()
    one.put("before")
    one.interrupt()
    one.interrupt()
    one.put("after")

    assert taken(one) == ["before", Missed(None), "after"]


def test_a_break_that_is_dropped_makes_the_number_unknown() -> None:
    one = tail()
    one.put("before")
    one.interrupt()
    for number in range(MAX_WAITING):
        one.put(str(number))

    assert taken(one)[0] == Missed(None)


def test_whoever_sleeps_is_woken_by_each_event() -> None:
    woken: list[None] = []
    one = Tail("ours", "default", None, lambda: woken.append(None))

    one.put("a")

    assert woken == [None]


@pytest.mark.parametrize(
    ("pattern", "bus", "wanted"),
    [
        (None, "default", True),
        (None, "orders", False),
        ('{"source": ["shop"]}', "default", False),
        ('{"source": ["quietzone.tracking"], "detail": {"country": ["DE"]}}', "default", True),
        ('{"detail": {"qrId": ["poster"]}}', "default", False),
        ('{"detail": {"qrId": ["menu"]}}', "default", True),
    ],
)
def test_scans_are_wanted_only_where_some_can_match(pattern: str | None, bus: str, wanted: bool) -> None:
    assert tail(pattern, bus).may_want_scans("menu") is wanted
