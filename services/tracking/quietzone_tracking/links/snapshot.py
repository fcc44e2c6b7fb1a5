"""The snapshot: an edge's links on its local disk, so that it can start with everything else down.

::

    file    = magic, then sections
    section = length u32 LE, crc u32 LE, payload of `length` bytes: msgpack
    crc     = CRC-32 of the payload, seeded with the section's number
    first   = [[partition, log_id, next_offset], …], number of links
    others  = [[slug, code_id, account_id, destination, state, revision], …]

The positions say from where the log is to be read: what comes after them may be in the links or not. A state that a release doesn't know
makes it set the file aside and load its links from the store; `blocked` is the first that came after the format.
"""

import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from quietzone_kit.files import FileLock, Files
from quietzone_kit.telemetry import logger
from quietzone_tracking.decide import Link, LinkState
from quietzone_tracking.metrics import SNAPSHOTS_REJECTED

MAGIC = b"quietzone links 1\n"

SECTION_LINKS = 1000
"""Links encoded at a time: 0.5 ms, in which the edge answers nobody."""

MAX_SLOTS = 64
"""Edges that share a folder, each with a snapshot of its own; more keep none."""

_HEAD = struct.Struct("<II")

log = logger(__name__)

_Row = tuple[str, str, str, str, str, int]
_First = tuple[list[tuple[int, str, int]], int]

_encode = msgspec.msgpack.Encoder().encode
_decode_first = msgspec.msgpack.Decoder(_First).decode
_decode_rows = msgspec.msgpack.Decoder(list[_Row]).decode


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where to read a partition on: all below `next_offset` of the log `log_id` was taken up."""

    log_id: str
    next_offset: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Links, and by partition the positions in the log that they are at least as new as."""

    positions: dict[int, LogPosition]
    links: Sequence[Link]


class BadSnapshot(ValueError):
    """The bytes are no snapshot, or a damaged one: says what is wrong."""


def encode(snapshot: Snapshot) -> Iterator[bytes]:
    """The file, piece by piece."""
    rows = [(partition, position.log_id, position.next_offset) for partition, position in sorted(snapshot.positions.items())]
    yield MAGIC
    yield _section(0, _encode((rows, len(snapshot.links))))
    for number, first in enumerate(range(0, len(snapshot.links), SECTION_LINKS), 1):
        some = snapshot.links[first : first + SECTION_LINKS]
        yield _section(
            number,
            _encode([(link.slug, link.code_id, link.account_id, link.destination, link.state.value, link.revision) for link in some]),
        )


def decode(data: bytes) -> Snapshot:
    """What `encode` was given.

    Raises:
        BadSnapshot: it wasn't.
    """
    if not data.startswith(MAGIC):
        raise BadSnapshot(f"it starts with {data[: len(MAGIC)]!r}, not with {MAGIC!r}: another program or release wrote it")
    links: list[Link] = []
    try:
        sections = _sections(memoryview(data)[len(MAGIC) :])
        positions, count = _decode_first(next(sections))
        for payload in sections:
            links += [
                Link(slug, code, sys.intern(account), destination, LinkState(state), revision)
                for slug, code, account, destination, state, revision in _decode_rows(payload)
            ]
    except (msgspec.DecodeError, StopIteration, ValueError) as error:
        raise BadSnapshot(f"after {len(links)} links: {error or 'it ends too early'}") from error
    if len(links) != count:
        raise BadSnapshot(f"it has {len(links)} links and should have {count}")
    return Snapshot({partition: LogPosition(log_id, offset) for partition, log_id, offset in positions}, links)


class SnapshotFile:
    """One edge's file `links/<slot>.snapshot`; the slot is free as soon as its edge has ended. Calls block."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._slot: tuple[int, FileLock] | None = None

    def open(self) -> None:
        """Take the first free slot."""
        for slot in range(MAX_SLOTS):
            lock = self._files.lock(f"links/{slot}.lock")
            if lock is not None:
                self._slot = (slot, lock)
                return
        log.warning("no slot for a snapshot of links is free; this edge starts from the link store only", slots=MAX_SLOTS)

    def read(self) -> Snapshot | None:
        """The slot's snapshot; None when there is none, or when it was set aside because it can't be believed."""
        if self._slot is None:
            return None
        try:
            return decode(self._files.read(self._path, 0, self._files.size(self._path)))
        except FileNotFoundError:
            return None
        except BadSnapshot as error:
            self.set_aside(str(error))
            return None

    def write(self, pieces: Sequence[bytes]) -> None:
        """Replace the slot's snapshot."""
        if self._slot is not None:
            self._files.replace(self._path, b"".join(pieces))

    def set_aside(self, reason: str) -> None:
        """Rename the snapshot, so that nobody starts from it; one is kept for people to look at."""
        SNAPSHOTS_REJECTED.inc()
        log.error("snapshot of links set aside", file=f"{self._path}.rejected", reason=reason)
        self._files.move(self._path, f"{self._path}.rejected")

    def close(self) -> None:
        """Let others have the slot."""
        if self._slot is not None:
            self._slot[1].release()
            self._slot = None

    @property
    def _path(self) -> str:
        return f"links/{self._slot[0] if self._slot is not None else 0}.snapshot"


def _section(number: int, payload: bytes) -> bytes:
    return _HEAD.pack(len(payload), zlib.crc32(payload, number)) + payload


def _sections(data: memoryview) -> Iterator[memoryview]:
    number = at = 0
    while at < len(data):
        if at + _HEAD.size > len(data):
            raise BadSnapshot("it ends within a section's head")
        length, crc = _HEAD.unpack_from(data, at)
        payload = data[at + _HEAD.size : at + _HEAD.size + length]
        if len(payload) != length or zlib.crc32(payload, number) != crc:
            raise BadSnapshot(f"the checksum of section {number} doesn't hold")
        yield payload
        number, at = number + 1, at + _HEAD.size + length
