"""The comparison of accepted, forwarded, applied and stored scans, over all accounts."""

from collections.abc import AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from quietzone_analytics.partitions import Log, States, Versioned, logs_of, misfits
from quietzone_analytics.projection import ScanState, ScanStates
from quietzone_analytics.reconcile.domain import (
    NOTHING,
    SILENCE,
    Partition,
    Reconciliation,
    ReportState,
    SourceCount,
    Sums,
    bounded,
    counted,
    forgotten,
    partition_problem,
    side_by_side,
    source_problems,
)
from quietzone_analytics.reconcile.repository import ReportStates
from quietzone_analytics.reconcile.stored import Stored, read_stored, still_differs
from quietzone_analytics.rollups import Rollups
from quietzone_kit.bus import Bus
from quietzone_kit.ids import birth_ms
from quietzone_kit.runtime import Clock
from quietzone_topics import TRACKING_SCAN_V1, TRACKING_SOURCE_V1

MAX_SOURCES = 1_000  # as in the contract


async def reconcile(
    rollups: Rollups, scans: ScanStates, reports: ReportStates, bus: Bus, clock: Clock, *, archived: States[Any] | None = None
) -> Reconciliation:
    """Read every rollup and every state, about 25,000 rollups a second, and say what differs; writes nothing.

    What may be under way is no problem: it is said once nothing moves. `archived` is how far the archive has come, if there is one.
    """
    before = {one.state.partition: one for one in await scans.all()}
    stored = await read_stored(rollups)
    after, said = await scans.all(), await reports.all()
    kept = await archived.all() if archived is not None else []
    logs = await logs_of(bus, TRACKING_SCAN_V1.name, {one.state.partition for one in (*after, *kept)})
    told = await logs_of(bus, TRACKING_SOURCE_V1.name, [one.state.partition for one in said])
    foreign = misfits(scans, after, TRACKING_SCAN_V1.name, logs) + misfits(reports, said, TRACKING_SOURCE_V1.name, told)
    if archived is not None:
        foreign += misfits(archived, kept, TRACKING_SCAN_V1.name, logs)
    partitions = [_partition(before.get(now.state.partition, now), now, stored, logs.get(now.state.partition)) for now in after]
    found = await _compare(rollups, partitions, [one.state for one in said], stored, clock.now_ms())
    return replace(found, problems=bounded([*dict.fromkeys(foreign), *found.problems]))


def _partition(was: Versioned[ScanState], now: Versioned[ScanState], stored: Stored, log: Log | None) -> Partition:
    """A partition side by side; of a log that isn't the one that was counted, all records wait."""
    state = now.state
    return Partition(
        before=was.state,
        after=state,
        stored=stored.scans.get(state.partition, 0),
        settled=was.version == now.version and stored.newest.get(state.partition, (0, 0)) < (state.epoch, state.next_offset),
        behind=0 if log is None else log.next - (state.next_offset if log.log_id == state.log_id else log.first),
    )


async def _compare(
    rollups: Rollups, partitions: Sequence[Partition], said: Sequence[ReportState], stored: Stored, now_ms: int
) -> Reconciliation:
    sources, listed, problems = _sources(partitions, said, now_ms)
    settled = {partition.after.partition for partition in partitions if partition.settled}
    in_rollups = [problem async for problem in _rollup_problems(rollups, stored, settled)]
    in_partitions = [problem for problem in map(partition_problem, partitions) if problem is not None]
    known = {partition.after.partition for partition in partitions}
    in_partitions.extend(
        f"partition {number}: its codes' totals hold {scans} scans, and its state is gone; restore the store from a backup"
        for number, scans in sorted(stored.scans.items())
        if number not in known
    )
    return Reconciliation(
        accepted=sources.accepted,
        forwarded=sources.forwarded,
        applied=sum(partition.after.applied for partition in partitions),
        stored=sum(stored.scans.values()),
        lost=sources.lost,
        unrecorded=sources.unrecorded,
        sources=tuple(listed[:MAX_SOURCES]),
        problems=(*in_partitions, *in_rollups, *problems),
    )


def _sources(partitions: Sequence[Partition], said: Sequence[ReportState], now_ms: int) -> tuple[Sums, list[SourceCount], list[str]]:
    """All sources added up, those to list, and what is wrong with them."""
    known = counted([partition.after for partition in partitions])
    reported = {source_id: report for state in said for source_id, report in state.reports.items()}
    idle = all(partition.settled and partition.behind <= 0 for partition in partitions)
    up_to_ms = max((partition.after.counted_until_ms for partition in partitions), default=0) if idle else None
    sums = Sums()
    for state in said:
        sums = sums.merged(state.pruned)
    listed: list[SourceCount] = []
    problems: list[str] = []
    for source_id in sorted(known.keys() | reported.keys()):
        report, source = reported.get(source_id, SILENCE), known.get(source_id, NOTHING)
        count = side_by_side(source_id, birth_ms(source_id), report, source, now_ms)
        sums = sums.merged(Sums(1, count.accepted, count.forwarded, count.unrecorded, count.lost))
        if forgotten(report, source, now_ms):
            continue
        problems.extend(source_problems(count, source, up_to_ms=up_to_ms, now_ms=now_ms))
        if not (count.closed and count.adds_up):
            listed.append(count)
    return sums, listed, problems


async def _rollup_problems(rollups: Rollups, stored: Stored, settled: AbstractSet[int]) -> AsyncIterator[str]:
    """What of the differences isn't just being written."""
    advice = "documents were changed or removed behind the projection's back; restore the store from a backup"
    for one in stored.codes:
        if one.partition in settled or await still_differs(rollups, one):
            yield (
                f"code {one.key.code_id} of account {one.key.account_id}: its total holds {one.in_totals} scans, its days {one.in_parts}: "
                + advice
            )
    for one in stored.accounts:
        if one.partition in settled:
            yield (
                f"account {one.key.account_id}, partition {one.partition}: its codes' totals hold {one.in_totals} scans, its months "
                f"{one.in_parts}: {advice}"
            )
    if stored.unlisted and settled:
        yield f"{stored.unlisted} more codes and accounts may differ"
