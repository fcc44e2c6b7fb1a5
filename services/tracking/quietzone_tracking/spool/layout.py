"""Where a spool's files are, and the numbers that a source publishes about itself.

::

    spool/<source_id>/lock                      held as long as the source's edge runs
    spool/<source_id>/numbers                   JSON: accepted, unrecorded, last_seq, at_ms, closed
    spool/<source_id>/<first_seq:020d>.seg      frames; the name is the number of the first scan
    spool/quarantine/<source_id>-<segment>-<offset>.{bin,json}     bytes that were no frames, and why
"""

from dataclasses import dataclass

import msgspec

from quietzone_kit.files import Files

SPOOL = "spool"
QUARANTINE = f"{SPOOL}/quarantine"

_LOCK = "lock"
_SUFFIX = ".seg"
_DIGITS = 20  # holds 64 bits, so that names sort as numbers


class Numbers(msgspec.Struct, frozen=True):
    """A source's own count: scans accepted, redirects served without a record, the last accepted scan's number (above `accepted` when
    an append has failed, since its numbers aren't used again), when, and whether the source has ended in good order.
    """

    accepted: int = 0
    unrecorded: int = 0
    last_seq: int = 0
    at_ms: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reader is in a source: the next frame is at `offset` of `segment` and starts with scan `next_seq`."""

    segment: int
    offset: int
    next_seq: int


START = Position(0, 0, 1)
"""Before the first segment."""


def sources(files: Files) -> list[str]:
    """The sources that have a folder, oldest first (their ids are UUIDv7)."""
    return [name for name in files.names(SPOOL) if f"{SPOOL}/{name}" != QUARANTINE]


def has_begun(files: Files, source_id: str) -> bool:
    """Whether the source's edge has had its lock, so that a free lock means its end: an edge writes here only when it has it."""
    return any(name != _LOCK for name in files.names(f"{SPOOL}/{source_id}"))


def segments(files: Files, source_id: str) -> list[int]:
    """A source's segments in order, each by the number of its first scan."""
    stems = (name.removesuffix(_SUFFIX) for name in files.names(f"{SPOOL}/{source_id}") if name.endswith(_SUFFIX))
    return [int(stem) for stem in stems if len(stem) == _DIGITS and stem.isdecimal()]


def segment_path(source_id: str, segment: int) -> str:
    """The file of a segment."""
    return f"{SPOOL}/{source_id}/{segment:0{_DIGITS}d}{_SUFFIX}"


def lock_path(source_id: str) -> str:
    """The file whose lock the source's edge holds."""
    return f"{SPOOL}/{source_id}/{_LOCK}"


def read_numbers(files: Files, source_id: str) -> Numbers | None:
    """What a source said last; None when it hasn't yet, or when what it said can't be read."""
    path = _numbers_path(source_id)
    try:
        return msgspec.json.decode(files.read(path, 0, files.size(path)), type=Numbers)
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
        return None


def write_numbers(files: Files, source_id: str, numbers: Numbers) -> None:
    """Replace what a source said; blocks until it is on disk."""
    files.replace(_numbers_path(source_id), msgspec.json.encode(numbers))


def used_bytes(files: Files) -> int:
    """What the segments of all sources take; those that vanish meanwhile count nothing."""
    return sum(_size(files, segment_path(source, segment)) for source in sources(files) for segment in segments(files, source))


def _size(files: Files, path: str) -> int:
    try:
        return files.size(path)
    except FileNotFoundError:
        return 0


def _numbers_path(source_id: str) -> str:
    return f"{SPOOL}/{source_id}/numbers"
