import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.tracking.links_world import SteppedClock, link

from quietzone_tracking.links.bucket import TokenBucket
from quietzone_tracking.links.memory import MAX_UNKNOWN, REMEMBER_S, UNKNOWN_S, LinkMemory

SLUGS = ("a", "b", "c", "d")

steps = st.lists(st.tuples(st.sampled_from(SLUGS), st.integers(1, 9), st.floats(0, 1)), max_size=50)


def memory(clock: SteppedClock, capacity: int = 100) -> LinkMemory:
    return LinkMemory(clock.monotonic, capacity=capacity)


@settings(deadline=None)
@given(steps, st.integers(1, 5))
def test_an_old_revision_never_replaces_a_newer_one_whatever_the_order(history: list[tuple[str, int, float]], capacity: int) -> None:
    clock = SteppedClock()
    links = memory(clock, capacity)
    newest: dict[str, int] = {}
    for slug, revision, passing_s in history:
        clock.seconds += passing_s  # at most 50 s in all: nothing is forgotten
        newest[slug] = max(revision, newest.get(slug, 0))

        assert links.admit(link(slug, revision)).revision == newest[slug]
        assert all(held.revision == newest[held.slug] for held in links.all())
        assert len(links) <= capacity


def test_a_link_that_was_pushed_out_is_remembered_for_a_minute() -> None:
    clock = SteppedClock()
    links = memory(clock, capacity=1)
    links.admit(link("a", 5))
    links.admit(link("b", 1))
    clock.seconds += REMEMBER_S - 1
    within = links.admit(link("a", 4)).revision
    links.admit(link("b", 1))
    clock.seconds += REMEMBER_S

    assert (within, links.admit(link("a", 4)).revision) == (5, 4)


def test_the_link_that_was_taken_up_first_is_pushed_out_first() -> None:
    links = memory(SteppedClock(), capacity=3)
    for slug in "abcd":
        links.admit(link(slug))

    assert [slug for slug in "abcd" if links.get(slug) is not None] == ["b", "c", "d"]


def test_a_slug_that_belongs_to_another_code_is_refused() -> None:
    links = memory(SteppedClock())
    links.admit(link("a", 1))

    with pytest.raises(ValueError, match="slug a belongs to code code-a and not to other"):
        links.admit(link("a", 2, code_id="other"))


def test_an_unknown_slug_is_remembered_for_two_seconds() -> None:
    clock = SteppedClock()
    links = memory(clock)
    links.note_unknown("x")
    at_once = links.is_unknown("x")
    clock.seconds += UNKNOWN_S

    assert (at_once, links.is_unknown("x")) == (True, False)


def test_a_slug_that_becomes_known_is_not_unknown_any_more() -> None:
    links = memory(SteppedClock())
    links.note_unknown("a")

    links.admit(link("a"))

    assert not links.is_unknown("a")


def test_unknown_slugs_are_bounded_and_the_oldest_go_first() -> None:
    links = memory(SteppedClock())
    for number in range(MAX_UNKNOWN + 10):
        links.note_unknown(str(number))

    assert [links.is_unknown(str(number)) for number in (9, 10)] == [False, True]


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = SteppedClock()
    bucket = TokenBucket(clock.monotonic, rate=2, burst=3)
    at_once = [bucket.take() for _ in range(4)]
    clock.seconds += 1

    assert (at_once, [bucket.take() for _ in range(3)]) == ([True, True, True, False], [True, True, False])


@settings(deadline=None)
@given(st.lists(st.floats(0, 10), max_size=60))
def test_a_bucket_never_gives_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    clock = SteppedClock()
    bucket = TokenBucket(clock.monotonic, rate=1, burst=2)
    began, taken = clock.seconds, 0
    for pause in pauses:
        clock.seconds += pause
        taken += bucket.take()

        assert taken <= 2 + (clock.seconds - began) + 1e-6
