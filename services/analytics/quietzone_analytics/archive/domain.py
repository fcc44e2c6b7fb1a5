"""The archive: every record of the log of scans in files, none missing, none twice.

A file holds records from one offset to another, both in its name, and a row for each scan. Which records a file holds is decided, and
stored, before it is written: so whoever writes it, and however often, it has the same name and the same content.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from quietzone_analytics.partitions.domain import State

MAX_ABSENT = 10_000
"""Offsets that a log may have left out between two records: a row each. No log of ours leaves any out."""

FOLDER = "scans"

_NAME = re.compile(rf"{FOLDER}/log=([^/]+)/partition=(\d+)/(\d{{20}})-(\d{{20}})\.parquet")


class Kind(Enum):
    """What a record is: three types of event that we know, one that we don't, what can't be read, and an offset that the log left out."""

    SCANS = "scans"
    LOST = "lost"
    CLOSED = "closed"
    OTHER = "other"
    UNREADABLE = "unreadable"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveState(State):
    """How far a partition was archived. Records from `next_offset` to below `cut` are the next file; of another epoch it says nothing."""

    cut: int
    cut_epoch: int

    @property
    def decided(self) -> int | None:
        """Where the next file ends; None when that isn't decided yet."""
        return self.cut if self.cut_epoch == self.epoch and self.cut > self.next_offset else None


@dataclass(frozen=True, slots=True)
class File:
    """The file of a partition's records from `first` to `last`."""

    log_id: str
    partition: int
    first: int
    last: int

    @property
    def key(self) -> str:
        """Its name, which tools read as columns `log` and `partition` (Hive's form)."""
        return f"{folder_of(self.log_id, self.partition)}{self.first:020d}-{self.last:020d}.parquet"


class Missing(ValueError):
    """Records are in no file: says which."""


def folder_of(log_id: str, partition: int) -> str:
    """Where a partition's files are."""
    return f"{FOLDER}/log={log_id}/partition={partition:02d}/"


def file_of(key: str) -> File | None:
    """The file with this name; None when it is none of the archive."""
    found = _NAME.fullmatch(key)
    return File(found[1], int(found[2]), int(found[3]), int(found[4])) if found is not None else None


def in_order(files: Iterable[File]) -> list[File]:
    """A partition's files such that each holds something that those before it don't, from offset 0 on.

    Files overlap where somebody adopted a log that had been archived before: what comes again is skipped.

    Raises:
        Missing: offsets before a file are in none.
    """
    chosen: list[File] = []
    end = 0
    for file in sorted(files, key=lambda file: (file.first, file.last)):
        if file.first > end:
            raise Missing(f"partition {file.partition}: offsets {end} to {file.first - 1} are in no file")
        if file.last >= end:
            chosen.append(file)
            end = file.last + 1
    return chosen


def check_gapless(file: File, offsets: Sequence[int]) -> None:
    """Whether a file has all offsets that its name says, in order; raises Missing."""
    expected = range(file.first, file.last + 1)
    if len(offsets) == len(expected) and all(map(int.__eq__, offsets, expected)):
        return
    gone = sorted(set(expected) - set(offsets))
    what = f"{_listed(gone)} isn't in it" if gone else "others are in it too"
    raise Missing(f"{file.key}: its name says offsets {file.first} to {file.last}, and {what}")


def _listed(offsets: Sequence[int]) -> str:
    return ", ".join(map(str, offsets[:5])) + (f" and {len(offsets) - 5} more" if len(offsets) > 5 else "")
