"""Parts of a file (RFC 9110, 14), and whether somebody has it already (RFC 9110, 13). Pure."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


class Unsatisfiable(ValueError):
    """No byte of the file is asked for."""


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` to before `end`."""

    start: int
    end: int


def part_of(header: str, size: int) -> Part | None:
    """The part that a Range header asks for; None means the whole: no header, several ranges, or one in another unit or form.

    Raises:
        Unsatisfiable: it begins behind the end.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), size if not last else min(int(last) + 1, size)
        if last and int(last) < start:
            return None  # not a range at all, says the RFC
    if start >= end:
        raise Unsatisfiable(f"the file has {size} bytes")
    return Part(start, end)


def is_known(if_none_match: str, etag: str) -> bool:
    """Whether a client has this version: `etag` with its quotes. Weak comparison, as the RFC wants it here."""
    candidates = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return "*" in candidates or etag in candidates
