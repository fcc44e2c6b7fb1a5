"""Frames: how scans lie in a spool file.

::

    frame   = length u32 LE (> 0), crc u32 LE, payload of `length` bytes
    crc     = CRC-32 of the payload, seeded with source id, segment, the frame's offset in it and its length
    payload = msgpack [first_seq, skipped, [scan, …]]
    scan    = [code_id, account_id, time_ms, visitor, address, user_agent, referrer, language, trace]

The seed makes a frame valid in one place only: neither a stale block of another file nor a frame that moved is taken for data.
A length is never 0, so that the zeros which a file system leaves after a power cut are no frame. The `skipped` numbers before
`first_seq` were given to scans whose append failed: they were never accepted, and are not missed when they aren't there.

A release may add items at a scan's end: those before it forward the scan without. A payload that they would misread is one that they
can't read: `[first_seq, skipped, anything but scans]`. They hold its source, since what its checksum vouches for isn't lost.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

MAX_SCANS = 1024
"""Scans in one frame: one turn of an edge's loop, which it cuts when more come in (512 connections by two requests)."""

MAX_PAYLOAD = 2 * 1024 * 1024
"""Bytes in one payload: MAX_SCANS of the largest scans (512 + 512 + 64 bytes of headers, ids, numbers) are 1.4 MB."""

MAX_USER_AGENT = 512
MAX_REFERRER = 512
MAX_LANGUAGE = 64
"""Bytes that are kept of a header: what is longer is padding or an attack, and its start says as much."""

HEAD = struct.Struct("<II")
MAX_FRAME = HEAD.size + MAX_PAYLOAD

_PLACE = struct.Struct("<QI")
_ARRAY_OF_THREE = b"\x93"  # how msgpack starts every payload


class SpooledScan(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One scan as the edge saw it, with the client's address already truncated.

    `visitor` is a hash of 64 bits, 0 when there was no salt. `address` is 3 bytes of IPv4 (/24), 6 of IPv6 (/48), or empty.
    Headers are bytes as they came, cut at MAX_USER_AGENT, MAX_REFERRER and MAX_LANGUAGE, empty when absent. `trace` is the traceparent
    of a scan that is traced, else empty.
    """

    code_id: str
    account_id: str
    time_ms: int
    visitor: int
    address: bytes
    user_agent: bytes
    referrer: bytes
    language: bytes
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """Scans with the numbers from `first_seq` on, one after the other; it lies from offset `start` to before offset `end`."""

    first_seq: int
    skipped: int
    scans: tuple[SpooledScan, ...]
    start: int
    end: int

    def follows(self, next_seq: int) -> bool:
        """Whether nothing that was accepted is missing between `next_seq`, the first number not seen yet, and this frame."""
        return self.first_seq - self.skipped <= next_seq <= self.first_seq

    @property
    def last_seq(self) -> int:
        """The last scan's number."""
        return self.first_seq + len(self.scans) - 1


class BadFrame(ValueError):
    """No valid frame here: the message says what is wrong with it."""


class ForeignFrame(Exception):
    """A whole frame with a payload of another release: says what to do."""


class TornFrame(BadFrame):
    """The bytes end before the frame does: more may come."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, int, tuple[SpooledScan, ...]]).decode


def segment_seed(source_id: str, segment: int) -> int:
    """What the CRCs of a segment's frames start from; `segment` is the number of its first scan."""
    return zlib.crc32(f"{source_id}/{segment}".encode())


def encode_frame(seed: int, offset: int, scans: Sequence[SpooledScan], *, first_seq: int, skipped: int = 0) -> bytes:
    """The frame at `offset` of the segment with `seed`.

    Raises:
        ValueError: no scans, or more than MAX_SCANS.
    """
    if not 0 < len(scans) <= MAX_SCANS:
        raise ValueError(f"a frame holds 1 to {MAX_SCANS} scans, not {len(scans)}; append them in parts")
    payload = _encode((first_seq, skipped, scans))
    return HEAD.pack(len(payload), _crc(seed, offset, payload)) + payload


def decode_frame(seed: int, offset: int, data: bytes | bytearray, at: int) -> Frame:
    """The frame at `offset` of the segment with `seed`, which is at `at` in `data`.

    Raises:
        TornFrame: `data` ends too early.
        BadFrame: there is no valid frame.
        ForeignFrame: there is one of another release.
    """
    start = at + HEAD.size
    if start > len(data):
        raise TornFrame(f"{len(data) - at} bytes where a frame's head of {HEAD.size} should be")
    length, crc = HEAD.unpack_from(data, at)
    if not 0 < length <= MAX_PAYLOAD:
        raise BadFrame(f"a payload of {length} bytes; 1 to {MAX_PAYLOAD} are possible")
    payload = data[start : start + length]
    if len(payload) < length:
        raise TornFrame(f"{len(payload)} of {length} bytes of a payload")
    if _crc(seed, offset, payload) != crc:
        raise BadFrame(f"the checksum of {length} bytes doesn't hold")
    try:
        first_seq, skipped, scans = _decode(payload)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise _foreign(offset, str(error)) from error
    if not 0 <= skipped < first_seq or not scans:
        raise _foreign(offset, f"{len(scans)} scans from number {first_seq} after {skipped} skipped ones")
    return Frame(first_seq, skipped, scans, offset, offset + HEAD.size + length)


def find_frame(seed: int, offset: int, data: bytes | bytearray, *, at_least: int) -> Frame | None:
    """The first valid frame with a number from `at_least` on in `data`, which starts at `offset`.

    Looks only where a payload can start, so that a search through a whole segment takes milliseconds.

    Raises:
        ForeignFrame: there is one of another release.
    """
    candidate = data.find(_ARRAY_OF_THREE, HEAD.size)
    while candidate >= 0:
        at = candidate - HEAD.size
        try:
            frame = decode_frame(seed, offset + at, data, at)
        except BadFrame:
            pass
        else:
            if frame.first_seq >= at_least:
                return frame
        candidate = data.find(_ARRAY_OF_THREE, candidate + 1)
    return None


def _foreign(offset: int, why: str) -> ForeignFrame:
    return ForeignFrame(f"a whole frame at byte {offset} can't be read ({why}): another release wrote it, let that one forward it")


def _crc(seed: int, offset: int, payload: bytes | bytearray) -> int:
    return zlib.crc32(payload, zlib.crc32(_PLACE.pack(offset, len(payload)), seed))
