"""What is said of a source for `quietzone reconcile`: the edge's own count beside what became of it."""

from dataclasses import dataclass, replace

from quietzone_tracking.forwarder.progress import Progress
from quietzone_tracking.spool import Numbers

CHANGED_EVERY_MS = 1_000
"""Between two reports while numbers change: `reconcile` is at most this much behind."""

ALIVE_EVERY_MS = 10_000
"""Between two reports while nothing changes; a third of the silence after which analytics raises an alarm."""


@dataclass(frozen=True, slots=True)
class Report:
    """A source's numbers, all counted in scans but `at_ms`, Unix time in milliseconds."""

    accepted: int
    forwarded: int
    unrecorded: int
    lost: int
    closed: bool
    at_ms: int

    def is_due(self, before: "Report | None") -> bool:
        """Whether it is worth sending after the one before."""
        if before is None:
            return True
        age_ms = self.at_ms - before.at_ms
        changed = replace(before, at_ms=self.at_ms) != self
        return not 0 <= age_ms < (CHANGED_EVERY_MS if changed else ALIVE_EVERY_MS)  # below 0: somebody has set the clock back


def report(progress: Progress, numbers: Numbers, at_ms: int) -> Report:
    """The numbers of a source that runs, or has not been drained yet.

    The edge writes its numbers once a second, so that the frames which were read can be ahead of them.
    """
    accepted = max(numbers.accepted, progress.forwarded + progress.lost)
    return Report(accepted, progress.forwarded, numbers.unrecorded, progress.lost, closed=False, at_ms=at_ms)


def last_report(progress: Progress, numbers: Numbers, at_ms: int) -> Report:
    """The numbers of a source that has ended and was drained: what it accepted and couldn't be forwarded is lost.

    When it ended in good order its own count is exact, while a gap may span numbers that were never accepted.
    """
    counted = progress.forwarded + progress.lost
    accepted = max(numbers.accepted, progress.forwarded) if numbers.closed else max(numbers.accepted, counted)
    return Report(accepted, progress.forwarded, numbers.unrecorded, accepted - progress.forwarded, closed=True, at_ms=at_ms)
