from hypothesis import given, settings
from hypothesis import strategies as st

from quietzone_tracking.forwarder.progress import Progress
from quietzone_tracking.forwarder.reports import ALIVE_EVERY_MS, CHANGED_EVERY_MS, Report, last_report, report
from quietzone_tracking.spool import START, Numbers

BEFORE = Report(accepted=5, forwarded=5, unrecorded=0, lost=0, closed=False, at_ms=1_000_000)


def progress(*, forwarded: int, lost: int = 0) -> Progress:
    return Progress(START, (0,), forwarded=forwarded, lost=lost)


def changed(after_ms: int) -> Report:
    return Report(accepted=6, forwarded=5, unrecorded=0, lost=0, closed=False, at_ms=BEFORE.at_ms + after_ms)


def unchanged(after_ms: int) -> Report:
    return Report(accepted=5, forwarded=5, unrecorded=0, lost=0, closed=False, at_ms=BEFORE.at_ms + after_ms)


def test_the_first_report_is_due_at_once() -> None:
    assert BEFORE.is_due(None)


def test_changed_numbers_are_due_after_a_second() -> None:
    assert [changed(ms).is_due(BEFORE) for ms in (CHANGED_EVERY_MS - 1, CHANGED_EVERY_MS)] == [False, True]


def test_unchanged_numbers_are_due_as_a_sign_of_life() -> None:
    assert [unchanged(ms).is_due(BEFORE) for ms in (ALIVE_EVERY_MS - 1, ALIVE_EVERY_MS)] == [False, True]


def test_a_clock_that_was_set_back_doesnt_silence_a_source() -> None:
    assert unchanged(-3_600_000).is_due(BEFORE)


def test_frames_that_were_read_count_as_accepted_before_the_edge_says_so() -> None:
    assert report(progress(forwarded=7, lost=2), Numbers(accepted=4), 1).accepted == 9


def test_what_the_edge_says_counts_as_accepted_before_it_was_read() -> None:
    assert report(progress(forwarded=7), Numbers(accepted=12, unrecorded=3), 1) == Report(12, 7, 3, 0, closed=False, at_ms=1)


def test_what_a_source_accepted_and_never_came_is_lost_at_its_end() -> None:
    assert last_report(progress(forwarded=7), Numbers(accepted=12), 1) == Report(12, 7, 0, 5, closed=True, at_ms=1)


def test_numbers_that_a_gap_spans_and_nobody_accepted_arent_lost_when_the_edge_ended_in_good_order() -> None:
    assert last_report(progress(forwarded=7, lost=5), Numbers(accepted=9, closed=True), 1).lost == 2


@settings(deadline=None)
@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.booleans())
def test_the_last_report_adds_up(forwarded: int, lost: int, accepted: int, closed: bool) -> None:
    last = last_report(progress(forwarded=forwarded, lost=lost), Numbers(accepted=accepted, closed=closed), 1)

    assert last.accepted == last.forwarded + last.lost
    assert last.accepted >= accepted
