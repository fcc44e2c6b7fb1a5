"""Reading a source's spool: frames in order, and every accepted number that is missing said as a gap.

Bytes that are no frame are looked through for the next one. They cost nothing when it follows what was read (the torn end of an append
that failed); when it doesn't, the scans between are lost, and the bytes are set aside for people to look at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from quietzone_kit.files import Files
from quietzone_tracking.spool.frames import MAX_FRAME, BadFrame, ForeignFrame, Frame, TornFrame, decode_frame, find_frame, segment_seed
from quietzone_tracking.spool.layout import QUARANTINE, Position, lock_path, read_numbers, segment_path, segments

MAX_QUARANTINE_BYTES = 256 * 1024 * 1024
"""Corrupt bytes that are kept for people to look at; beyond it only the reasons are, since a broken disk must not fill itself."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames in order, no accepted scan missing between or before them; `end` is where to read on, also when there are none."""

    frames: tuple[Frame, ...]
    end: Position


@dataclass(frozen=True, slots=True)
class Gap:
    """Scans `from_seq` to `to_seq` can't be had; `reason` is for people; `end` is where to read on."""

    from_seq: int
    to_seq: int
    reason: str
    end: Position


@dataclass(frozen=True, slots=True)
class NothingYet:
    """All was read that the source has written; it still runs. `end` is where to read on."""

    end: Position


@dataclass(frozen=True, slots=True)
class Ended:
    """All was read, and the source has ended with scan `last_seq` (0: it never had one)."""

    last_seq: int
    end: Position


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bytes of a segment that are no frame."""

    segment: int
    offset: int
    size: int


class _Reason(msgspec.Struct, frozen=True):
    source_id: str
    segment: int
    offset: int
    size: int
    from_seq: int
    to_seq: int
    reason: str


class SpoolReader:
    """Reads the source `source_id`. It keeps no position: whoever reads holds it, and rewinds by passing an earlier one.

    Calls block for as long as the disk does. `chunk_bytes` is how much one call reads; at least MAX_FRAME, so that any frame fits.
    """

    def __init__(self, files: Files, source_id: str, *, chunk_bytes: int = MAX_FRAME) -> None:
        self._files = files
        self._source_id = source_id
        self._chunk = max(chunk_bytes, MAX_FRAME)
        self._ended = False

    def read(self, position: Position) -> Frames | Gap | NothingYet | Ended:
        """What comes at `position`: START, or an `end` that was returned earlier.

        Raises:
            OSError: the disk doesn't answer; the same call may succeed later.
            ForeignFrame: what comes was written by another release. Nothing of it is lost, and it must not be passed over.
        """
        frames = self._frames_at(position)
        if frames:
            return _run(position, frames)
        # In this order, so that what is seen afterwards is all there is: a writer's numbers tell of what it has written, one that has
        # ended writes no more, and one that has begun a segment writes no more to those before it.
        numbers = read_numbers(self._files, self._source_id)
        running = self._is_running()
        later = [segment for segment in segments(self._files, self._source_id) if segment > position.segment]
        frames = self._frames_at(position)
        if frames:
            return _run(position, frames)
        passed: list[_Piece] = []
        for segment in (position.segment, *later):
            found = self._find(position, segment, passed)
            if found is not None:
                return self._go_on(position, passed, segment, found)
        if running and numbers is not None and numbers.last_seq >= position.next_seq:  # it was written, and isn't there
            return self._gap(position, passed, Position(position.segment, position.offset, numbers.last_seq + 1))
        return NothingYet(position) if running else self._end(position, passed)

    def discard(self, before: Position) -> None:
        """Delete the segments that lie wholly before a position."""
        for segment in segments(self._files, self._source_id):
            if segment < before.segment:
                self._files.delete(segment_path(self._source_id, segment))

    def _frames_at(self, position: Position) -> tuple[Frame, ...]:
        """The run of valid frames from `position` on, as far as one chunk holds them."""
        data = self._bytes(position.segment, position.offset, self._chunk)
        seed = segment_seed(self._source_id, position.segment)
        frames: list[Frame] = []
        at, next_seq = 0, position.next_seq
        while at < len(data):
            try:
                frame = decode_frame(seed, position.offset + at, data, at)
            except BadFrame:
                break
            except ForeignFrame:
                if frames:
                    break
                raise
            if not frame.follows(next_seq):
                break
            frames.append(frame)
            at, next_seq = frame.end - position.offset, frame.last_seq + 1
        return tuple(frames)

    def _bytes(self, segment: int, offset: int, size: int) -> bytes:
        try:
            return self._files.read(segment_path(self._source_id, segment), offset, size)
        except FileNotFoundError:
            return b""

    def _find(self, position: Position, segment: int, passed: list[_Piece]) -> Frame | None:
        """The next frame in a segment; what lies before it is added to `passed`. A segment's size bounds what is read."""
        offset = position.offset if segment == position.segment else 0
        rest = bytearray()
        while part := self._bytes(segment, offset + len(rest), self._chunk):
            rest += part
        found = find_frame(segment_seed(self._source_id, segment), offset, rest, at_least=position.next_seq)
        size = len(rest) if found is None else found.start - offset
        if size:
            passed.append(_Piece(segment, offset, size))
        return found

    def _go_on(self, position: Position, passed: Sequence[_Piece], segment: int, found: Frame) -> Gap | Frames:
        """Go on at a frame that was found, with a gap if accepted numbers are missing before it."""
        if found.follows(position.next_seq):
            return Frames((), Position(segment, found.start, position.next_seq))
        # Only a segment's first frame knows of skipped numbers: an append that fails ends its segment.
        return self._gap(position, passed, Position(segment, found.start, found.first_seq - found.skipped))

    def _end(self, position: Position, passed: Sequence[_Piece]) -> Gap | Ended:
        """The source has ended: it may know of more scans than were found."""
        numbers = read_numbers(self._files, self._source_id)
        end = Position(passed[-1].segment, passed[-1].offset + passed[-1].size, position.next_seq) if passed else position
        if numbers is not None and numbers.last_seq >= position.next_seq:
            return self._gap(position, passed, Position(end.segment, end.offset, numbers.last_seq + 1))
        for piece in passed:
            fault = self._fault(piece)
            if not isinstance(fault, TornFrame):  # whole, so no kill can have cut it: power was lost, or the disk has changed it
                self._set_aside(piece, position.next_seq, position.next_seq - 1, str(fault))
        return Ended(position.next_seq - 1, end)

    def _gap(self, position: Position, passed: Sequence[_Piece], there: Position) -> Gap:
        from_seq, to_seq = position.next_seq, there.next_seq - 1
        faults = [str(self._fault(piece)) for piece in passed]
        for piece, fault in zip(passed, faults, strict=True):
            self._set_aside(piece, from_seq, to_seq, fault)
        where = passed[0] if passed else _Piece(there.segment, there.offset, 0)
        reason = f"{faults[0]}; bytes set aside" if passed else "frames are missing before it"
        return Gap(from_seq, to_seq, f"{segment_path(self._source_id, where.segment)} at byte {where.offset}: {reason}", there)

    def _fault(self, piece: _Piece) -> BadFrame:
        """What is wrong with the bytes of a piece."""
        data = self._bytes(piece.segment, piece.offset, min(piece.size, self._chunk))
        try:
            frame = decode_frame(segment_seed(self._source_id, piece.segment), piece.offset, data, 0)
        except BadFrame as fault:
            return fault
        return BadFrame(f"a valid frame, but its number {frame.first_seq} was there before")

    def _set_aside(self, piece: _Piece, from_seq: int, to_seq: int, reason: str) -> None:
        """Keep bytes for people to look at; the names tell the place, so that doing it again after a rewind changes nothing."""
        name = f"{QUARANTINE}/{self._source_id}-{piece.segment:020d}-{piece.offset}"
        quarantined = sum(self._files.size(f"{QUARANTINE}/{other}") for other in self._files.names(QUARANTINE))
        if quarantined + piece.size <= MAX_QUARANTINE_BYTES:
            self._files.replace(f"{name}.bin", self._bytes(piece.segment, piece.offset, piece.size))
        why = _Reason(self._source_id, piece.segment, piece.offset, piece.size, from_seq, to_seq, reason)
        self._files.replace(f"{name}.json", msgspec.json.format(msgspec.json.encode(why)))

    def _is_running(self) -> bool:
        """Whether the source's edge holds its lock; a source that has ended never runs again."""
        if not self._ended:
            lock = self._files.lock(lock_path(self._source_id))
            if lock is None:
                return True
            lock.release()
            self._ended = True
        return False


def _run(position: Position, frames: tuple[Frame, ...]) -> Frames:
    return Frames(frames, Position(position.segment, frames[-1].end, frames[-1].last_seq + 1))
