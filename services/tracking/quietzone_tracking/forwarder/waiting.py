"""How many accepted scans of a spool the bus doesn't have yet: what a volume still holds when its edge is to go."""

from collections.abc import Callable

from quietzone_kit.files import Files
from quietzone_tracking.forwarder.source import Source
from quietzone_tracking.spool import Numbers, read_numbers, sources

LOOKED_MS = 1_000
"""For how long it holds that a source had nothing more: what comes later stands in the edge's own numbers by then."""


def waiting(files: Files, source_of: Callable[[str], Source | None], now_ms: int) -> int:
    """Scans of all sources, by the edges' own count. It lacks the last ones of an edge that was killed, and those of the last second:
    so it is at least 1 for a source of which we don't know that its edge runs and has nothing more.

    `source_of` knows what the bus has of a source; all of it waits where that isn't known.

    Raises:
        OSError: the disk doesn't answer.
    """
    return sum(_of(read_numbers(files, each) or Numbers(), source_of(each), now_ms) for each in sources(files))


def _of(numbers: Numbers, source: Source | None, now_ms: int) -> int:
    if source is None:
        return max(1, numbers.accepted)
    runs_dry = source.dry_ms is not None and now_ms - source.dry_ms < LOOKED_MS
    return max(0 if runs_dry else 1, numbers.accepted - source.progress.forwarded - source.progress.lost)
