"""Which scans are counted: the rules for a source's numbers."""

from dataclasses import replace

import pytest

from quietzone_analytics.projection.domain import MAX_AGE_MS, Closed, Draft, Lost, PassedOver, Pruned, ScanState, Source
from quietzone_analytics.rollups import Batch, CodeKey

NOW_MS = 1_772_452_800_000
EDGE = "edge"
FRESH = ScanState(
    partition=0,
    log_id="log",
    epoch=0,
    owner="",
    next_offset=0,
    adopted_at_ms=0,
    counted_until_ms=0,
    rejected=0,
    sources={},
    pruned=Pruned(),
)


def batch(seqs: range, *, prev_seq: int, born_ms: int = NOW_MS) -> Batch:
    nothing: list[int] = []
    return Batch(EDGE, born_ms, prev_seq, 0, [CodeKey("acme", "menu")], seqs, nothing, [], nothing, nothing)


def lost(from_seq: int, to_seq: int, *, prev_seq: int) -> Lost:
    return Lost(EDGE, NOW_MS, prev_seq, from_seq, to_seq, "CRC differs")


def draft(state: ScanState = FRESH, *, now_ms: int = NOW_MS) -> Draft:
    begun = Draft(state)
    begun.see(now_ms)
    return begun


def source(begun: Draft) -> Source:
    return begun.finish(1).sources[EDGE]


def test_batches_that_follow_each_other_are_applied() -> None:
    begun = draft()

    assert [begun.batch(batch(range(1, 4), prev_seq=0)), begun.batch(batch(range(7, 9), prev_seq=3))] == [0, 0]
    assert (source(begun).last_seq, source(begun).applied) == (8, 5)


def test_a_batch_that_comes_again_is_skipped() -> None:
    begun = draft()
    begun.batch(batch(range(1, 4), prev_seq=0))

    assert begun.batch(batch(range(1, 4), prev_seq=0)) == 3
    assert source(begun).applied == 3


def test_scans_that_were_applied_are_skipped_one_by_one() -> None:
    begun = draft()
    begun.batch(batch(range(1, 4), prev_seq=0))

    assert begun.batch(batch(range(2, 7), prev_seq=1)) == 2
    assert (source(begun).last_seq, source(begun).applied) == (6, 6)


def test_a_batch_after_a_gap_is_passed_over_and_changes_no_numbers() -> None:
    begun = draft()
    begun.batch(batch(range(1, 4), prev_seq=0))

    with pytest.raises(PassedOver, match="follows number 5, and the last that came is 3"):
        begun.batch(batch(range(6, 9), prev_seq=5))
    assert (source(begun).last_seq, source(begun).applied, source(begun).gap) == (3, 3, True)


def test_a_gap_closes_when_the_missing_scans_come() -> None:
    begun = draft()
    with pytest.raises(PassedOver):
        begun.batch(batch(range(6, 9), prev_seq=5))

    begun.batch(batch(range(1, 6), prev_seq=0))

    assert not source(begun).gap


def test_only_a_loss_that_is_said_moves_across_a_gap() -> None:
    begun = draft()
    begun.batch(batch(range(1, 4), prev_seq=0))

    assert begun.lost(lost(4, 9, prev_seq=3)) == 6
    assert begun.batch(batch(range(10, 12), prev_seq=9)) == 0
    assert (source(begun).lost, source(begun).lost_reason) == (6, "CRC differs")


def test_a_loss_that_is_said_again_counts_once() -> None:
    begun = draft()
    begun.lost(lost(1, 5, prev_seq=0))

    assert begun.lost(lost(1, 5, prev_seq=0)) == 0
    assert source(begun).lost == 5


def test_a_loss_after_a_gap_is_passed_over() -> None:
    with pytest.raises(PassedOver):
        draft().lost(lost(6, 9, prev_seq=5))


def test_an_end_after_a_gap_is_passed_over() -> None:
    begun = draft()

    with pytest.raises(PassedOver):
        begun.close(Closed(EDGE, NOW_MS, 3))
    assert not source(begun).closed_at_ms


def test_an_unknown_source_that_is_older_than_30_days_is_refused() -> None:
    begun = draft()

    with pytest.raises(PassedOver) as passed:
        begun.batch(batch(range(1, 2), prev_seq=0, born_ms=NOW_MS - MAX_AGE_MS - 1))
    assert passed.value.kind == "too_old"
    assert begun.finish(1).sources == {}


def test_a_known_source_may_grow_old() -> None:
    begun = draft()
    begun.batch(batch(range(1, 2), prev_seq=0))
    begun.see(NOW_MS + 2 * MAX_AGE_MS)

    assert begun.batch(batch(range(2, 3), prev_seq=1)) == 0


def test_a_closed_source_is_forgotten_after_30_days_and_its_scans_stay_in_the_sum() -> None:
    begun = draft()
    begun.batch(batch(range(1, 4), prev_seq=0))
    begun.close(Closed(EDGE, NOW_MS, 3))
    begun.see(NOW_MS + MAX_AGE_MS)
    kept = begun.finish(1)
    begun.see(NOW_MS + MAX_AGE_MS + 1)
    pruned = begun.finish(1)

    assert (len(kept.sources), kept.applied) == (1, 3)
    assert (len(pruned.sources), pruned.applied, pruned.pruned) == (0, 3, Pruned(1, 3))


def test_what_comes_again_of_a_forgotten_source_is_refused() -> None:
    begun = draft()
    begun.batch(batch(range(1, 4), prev_seq=0))
    begun.close(Closed(EDGE, NOW_MS, 3))
    begun.see(NOW_MS + MAX_AGE_MS + 1)

    with pytest.raises(PassedOver):
        begun.batch(batch(range(1, 4), prev_seq=0))


ADOPTED = replace(FRESH, epoch=1, adopted_at_ms=NOW_MS, sources={EDGE: Source(last_seq=3, applied=3, epoch=0)})


def test_in_an_adopted_log_a_source_may_go_on_after_a_gap_once() -> None:
    begun = draft(ADOPTED)

    assert begun.batch(batch(range(9, 11), prev_seq=8)) == 0
    with pytest.raises(PassedOver):
        begun.batch(batch(range(20, 21), prev_seq=19))


def test_a_source_that_started_after_the_adoption_may_not() -> None:
    with pytest.raises(PassedOver):
        draft(replace(ADOPTED, sources={})).batch(batch(range(9, 11), prev_seq=8, born_ms=NOW_MS + 1))
