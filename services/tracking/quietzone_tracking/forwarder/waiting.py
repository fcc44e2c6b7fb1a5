"""How many accepted scans of a spool the bus doesn't have yet: what a volume still holds when its edge is to go."""

from collections.abc import Callable

from quietzone_kit.files import Files
from quietzone_tracking.forwarder.progress import Progress
from quietzone_tracking.spool import Numbers, read_numbers, sources

RUNS_MS = 5_000
"""An edge writes its numbers once a second; one that hasn't for so long has ended, and its last scans may be in no number."""


def waiting(files: Files, progress_of: Callable[[str], Progress | None], now_ms: int) -> int:
    """Scans of all sources, by the edges' own count; at least 1 for a source that has ended and whose folder is still there.

    `progress_of` knows what the bus has of a source; all of it waits where that isn't known.

    Raises:
        OSError: the disk doesn't answer.
    """
    return sum(_of(read_numbers(files, each) or Numbers(), progress_of(each), now_ms) for each in sources(files))


def _of(numbers: Numbers, progress: Progress | None, now_ms: int) -> int:
    known = 0 if progress is None else progress.forwarded + progress.lost
    runs = not numbers.closed and now_ms - numbers.at_ms < RUNS_MS
    return max(0 if runs else 1, numbers.accepted - known)
