"""How many attempts are fresh at once."""

from hypothesis import given
from hypothesis import strategies as st

from quietzone_notification.delivery.sender.window import AGE_S, FEWEST, MOST, Window


def fill(window: Window, now_s: float, name: str = "") -> int:
    """How many attempts begin now."""
    begun = 0
    while window.has_room(now_s):
        window.ask(f"{name}{now_s}-{begun}", now_s)
        begun += 1
    return begun


def test_quick_receivers_share_a_small_window() -> None:
    window = Window()

    assert fill(window, 0.0) == FEWEST


def test_what_is_stored_makes_room() -> None:
    window = Window()
    fill(window, 0.0)
    window.answer("0.0-0")
    assert not window.has_room(0.001)

    window.end("0.0-0")

    assert window.has_room(0.001)


def test_what_waits_for_the_store_never_leaves_by_its_age() -> None:
    window = Window()
    fill(window, 0.0)
    for number in range(FEWEST):
        window.answer(f"0.0-{number}")

    assert not window.has_room(3_600.0)


def test_slow_receivers_leave_room_for_others_and_the_window_grows() -> None:
    window = Window()
    fill(window, 0.0)

    assert fill(window, AGE_S) == 2 * FEWEST


def test_when_it_is_us_who_are_late_the_window_does_not_grow() -> None:
    window = Window()
    fill(window, 0.0)

    assert fill(window, 3 * AGE_S) == FEWEST


def test_a_window_that_has_grown_shrinks_when_receivers_are_quick_again() -> None:
    window = Window()
    for second in range(5):
        fill(window, second * AGE_S)
    for number in range(1_000):
        window.ask(f"{number}", 1.0)
        window.answer(f"{number}")
        window.end(f"{number}")

    assert fill(window, 10.0) == FEWEST


@given(st.lists(st.tuples(st.sampled_from(["ask", "answer", "end", "wait"]), st.integers(0, 200)), max_size=400))
def test_whatever_happens_the_window_stays_within_its_bounds(steps: list[tuple[str, int]]) -> None:
    window, now_s = Window(), 0.0
    for step, number in steps:
        if step == "wait":
            now_s += number / 5_000
        elif step == "ask":
            if window.has_room(now_s):
                window.ask(f"{number}", now_s)
        elif step == "end":
            window.end(f"{number}")

        assert FEWEST <= window._size <= MOST
