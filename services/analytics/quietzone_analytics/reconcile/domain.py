"""Whether every accepted scan is counted once: each source's own numbers against what was applied and what is stored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from quietzone_analytics.partitions.domain import State
from quietzone_analytics.projection.domain import MAX_AGE_MS, ScanState

SILENT_MS = 30_000
"""A live source reports every 10 s: three in a row are missing."""

FIRST_REPORT_MS = 60_000
"""After this long a source that has scans must have reported."""

FORGOTTEN_MS = MAX_AGE_MS - 24 * 60 * 60 * 1000
"""A source that was closed so long ago may be forgotten in some partitions already, so it isn't compared by itself any more."""

MAX_PROBLEMS = 100  # sentences that a person may read


@dataclass(frozen=True, slots=True)
class Report:
    """A source's newest numbers; `heard_at_ms` is log time."""

    accepted: int
    forwarded: int
    unrecorded: int
    lost: int
    closed: bool
    heard_at_ms: int


@dataclass(frozen=True, slots=True)
class Sums:
    """Numbers of several sources added up."""

    sources: int = 0
    accepted: int = 0
    forwarded: int = 0
    unrecorded: int = 0
    lost: int = 0

    def merged(self, other: "Sums") -> "Sums":
        """Both together."""
        return Sums(
            self.sources + other.sources,
            self.accepted + other.accepted,
            self.forwarded + other.forwarded,
            self.unrecorded + other.unrecorded,
            self.lost + other.lost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportState(State):
    """A partition of reports: the newest of each source, and the sums of those that were closed so long ago that they are forgotten.

    `rejected` records could not be read.
    """

    rejected: int
    reports: Mapping[str, Report]
    pruned: Sums


def prune(reports: Mapping[str, Report], pruned: Sums, now_ms: int) -> tuple[dict[str, Report], Sums]:
    """The reports without those of sources that were closed more than 30 days ago, which go into the sums."""
    kept = {}
    for source_id, report in reports.items():
        if report.closed and now_ms - report.heard_at_ms > MAX_AGE_MS:
            pruned = pruned.merged(Sums(1, report.accepted, report.forwarded, report.unrecorded, report.lost))
        else:
            kept[source_id] = report
    return kept, pruned


@dataclass(frozen=True, slots=True)
class Counted:
    """What all partitions together know of a source."""

    applied: int
    lost: int
    reasons: tuple[str, ...]
    gaps: tuple[str, ...]
    closed_at_ms: int
    """When the last partition heard of its end; 0 if any hasn't."""
    last_seq: int
    """The highest number of it that any partition knows."""


@dataclass(frozen=True, slots=True)
class SourceCount:
    """The numbers of one source side by side."""

    source_id: str
    born_ms: int
    accepted: int
    forwarded: int
    applied: int
    lost: int
    unrecorded: int
    closed: bool
    silent: bool
    heard_at_ms: int

    @property
    def adds_up(self) -> bool:
        """Whether nothing is missing and nothing is under way."""
        return self.accepted == self.forwarded + self.lost and self.forwarded == self.applied


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The comparison; `sources` are those that are open or don't add up, oldest first."""

    accepted: int
    forwarded: int
    applied: int
    stored: int
    lost: int
    unrecorded: int
    sources: tuple[SourceCount, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition while it is compared: its state before and after the rollups were read, and what was found in them.

    `settled` means that nothing was written meanwhile and nothing was half-written; `behind` counts records that wait.
    """

    before: ScanState
    after: ScanState
    stored: int
    settled: bool
    behind: int


def counted(states: Sequence[ScanState]) -> dict[str, Counted]:
    """Each source that some partition knows."""
    found: dict[str, Counted] = {}
    for source_id in {source_id for state in states for source_id in state.sources}:
        known = [(state, state.sources[source_id]) for state in states if source_id in state.sources]
        ends = [source.closed_at_ms for _, source in known]
        found[source_id] = Counted(
            applied=sum(source.applied for _, source in known),
            lost=max(source.lost for _, source in known),  # a loss is told to every partition
            reasons=tuple(sorted({source.lost_reason for _, source in known if source.lost})),
            gaps=tuple(
                f"partition {state.partition}: scans after number {source.last_seq} are missing, {source.passed_over} records after them "
                f"were passed over, {state.rejected} records there could not be read (collection rejects)"
                for state, source in known
                if source.gap
            ),
            closed_at_ms=max(ends) if all(ends) else 0,
            last_seq=max(source.last_seq for _, source in known),
        )
    return found


NOTHING = Counted(0, 0, (), (), 0, 0)
SILENCE = Report(0, 0, 0, 0, closed=False, heard_at_ms=0)


def side_by_side(source_id: str, born_ms: int, report: Report, known: Counted, now_ms: int) -> SourceCount:
    """A source's numbers.

    A machine that crashed can forget the end of its spool, and that it had forwarded it: then a closed source has fewer scans by its own
    count than by the bus's, which nobody numbered twice. What was counted was forwarded, and what was forwarded isn't lost.
    """
    closed = report.closed if report is not SILENCE else known.closed_at_ms > 0
    forgot = known.applied - report.forwarded if report.closed and report.forwarded < known.applied <= known.last_seq else 0
    forwarded, lost = report.forwarded + forgot, max(report.lost, known.lost, forgot) - forgot
    return SourceCount(
        source_id=source_id,
        born_ms=born_ms,
        accepted=max(report.accepted, forwarded + lost) if forgot else report.accepted,
        forwarded=forwarded,
        applied=known.applied,
        lost=lost,
        unrecorded=report.unrecorded,
        closed=closed,
        silent=not closed and now_ms - max(report.heard_at_ms, born_ms) >= SILENT_MS,
        heard_at_ms=report.heard_at_ms,
    )


def forgotten(report: Report, known: Counted, now_ms: int) -> bool:
    """Whether a source is so long closed that some partition may have forgotten it."""
    ended_ms = report.heard_at_ms if report.closed else known.closed_at_ms if report is SILENCE else 0
    return ended_ms > 0 and now_ms - ended_ms > FORGOTTEN_MS


def source_problems(count: SourceCount, known: Counted, *, up_to_ms: int | None, now_ms: int) -> Iterator[str]:
    """What is wrong with a source. Everything that was in the log at `up_to_ms` is counted; None when more is under way."""
    name = f"source {count.source_id}"
    if not count.heard_at_ms:
        if now_ms - count.born_ms > FIRST_REPORT_MS:
            yield f"{name} has {count.applied} scans counted, and never reported its own numbers: look at its forwarder's log"
        return
    if count.silent:
        quiet_s = (now_ms - count.heard_at_ms) // 1000
        yield (
            f"{name} has not been heard of for {quiet_s} s and did not close; {count.accepted - count.forwarded - count.lost} of its "
            "scans wait in its spool: start its forwarder, or attach its volume to one that runs"
        )
    for gap in known.gaps:
        yield f"{name}, {gap}: " + (
            "it has ended, so nobody sends them again: look for records that were removed from the bus"
            if count.closed
            else "its forwarder sends again what the bus hasn't acknowledged; if this stays for a minute, restart its edge, so that a new "
            "source begins"
        )
    if count.lost:
        reasons = "; ".join(known.reasons) or "its forwarder's log says why"
        yield f"{name} lost {count.lost} {'scan' if count.lost == 1 else 'scans'}: {reasons}"
    if count.unrecorded and not count.closed:
        yield f"{name} served {count.unrecorded} redirects that it could not record: look at its disk (full? read-only?)"
    yield from _differences(name, count, up_to_ms)


def _differences(name: str, count: SourceCount, up_to_ms: int | None) -> Iterator[str]:
    if count.closed and count.accepted != count.forwarded + count.lost:
        yield (
            f"{name} is closed, accepted {count.accepted} scans, and {count.forwarded + count.lost} of them were forwarded or lost: "
            "look for segments that are left in its spool"
        )
    said_later = up_to_ms is not None and (count.closed or count.heard_at_ms > up_to_ms)
    if said_later and count.forwarded != count.applied:
        yield (
            f"{name} forwarded {count.forwarded} scans, and {count.applied} were counted: look for its id among the records passed over "
            "in analytics' log, and for records that were removed from the bus"
        )


def partition_problem(partition: Partition) -> str | None:
    """What is wrong with a partition's totals: they may not fall behind what was applied, nor differ when nothing moves."""
    applied, stored = partition.after.applied, partition.stored
    if (partition.settled and stored != applied) or stored < partition.before.applied:
        return (
            f"partition {partition.after.partition}: {applied} scans were applied, and its codes' totals hold {stored}: documents were "
            "changed or removed behind the projection's back; restore the store from a backup"
        )
    return None


def bounded(problems: Sequence[str]) -> tuple[str, ...]:
    """As many as people read, and how many more there are."""
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    return (*problems[:MAX_PROBLEMS], f"and {len(problems) - MAX_PROBLEMS} more")
