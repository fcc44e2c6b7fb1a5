"""Cursors: how far a subscriber has come, by topic and partition, in a text that every replica understands. Pure.

A cursor says which records of each partition are done (all below its offset), and of the one record that is half done, how many of its
events. It names the log it counts in, because offsets mean nothing in another. It gives no rights: a forged one shows its holder what
its own account may see anyway, so it is checked and not signed.

Layout, base64url without padding: version; per topic its number, 4 bytes of CRC-32 of the log's id, how many partitions, their offsets;
then 0, or 128 + the topic's number, partition and count of the record that is half done; CRC-32 of all that. Numbers are varints.
"""

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

VERSION = 1
MAX_CHARACTERS = 1_024
"""All topics with offsets in the millions have 300."""

MAX_PARTITIONS = 256
MAX_TOPICS = 16
MAX_NUMBER = 2**63 - 1


class InvalidCursor(ValueError):
    """The text is no cursor of ours."""


class ForeignCursor(Exception):
    """A cursor as another release writes them: it can't be gone on from."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far one topic is done: `log` is the CRC-32 of its log's id, `offsets` what is next of each partition."""

    log: int
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """The record that is half done, which is the next of its partition: its first `count` events are done."""

    topic: int
    partition: int
    count: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """Places by the topics' numbers, 1 to 127."""

    places: Mapping[int, Place]
    within: Within | None = None


def log_number(log_id: str) -> int:
    """What a cursor keeps of a log's id."""
    return zlib.crc32(log_id.encode())


def place_bytes(topic: int, log: int, offsets: Sequence[int]) -> bytes:
    """A topic's part of a cursor, for whoever makes many that differ in little."""
    parts = bytearray((topic,))
    parts += log.to_bytes(4, "big")
    _put(parts, len(offsets))
    for offset in offsets:
        _put(parts, offset)
    return bytes(parts)


def cursor_text(places: bytes, within: Within | None = None) -> str:
    """The cursor with these parts, one behind the other in the order of their topics' numbers."""
    data = bytearray((VERSION,))
    data += places
    if within is None:
        data.append(0)
    else:
        data.append(0x80 | within.topic)
        _put(data, within.partition)
        _put(data, within.count)
    data += zlib.crc32(data).to_bytes(4, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode(cursor: Cursor) -> str:
    """The cursor as text."""
    return cursor_text(
        b"".join(place_bytes(topic, place.log, place.offsets) for topic, place in sorted(cursor.places.items())), cursor.within
    )


def decode(text: str) -> Cursor:
    """The cursor in `text`.

    Raises:
        InvalidCursor: nobody of us wrote it.
        ForeignCursor: another release did.
    """
    if not 1 <= len(text) <= MAX_CHARACTERS:
        raise InvalidCursor(f"a cursor has 1 to {MAX_CHARACTERS} characters, this one has {len(text)}")
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise InvalidCursor("not a cursor: give back one that you were given") from error
    if len(data) < 6 or zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "big"):
        raise InvalidCursor("not a cursor, or not all of it: give back one that you were given")
    if data[0] != VERSION:
        raise ForeignCursor(f"a cursor of version {data[0]}; this release writes {VERSION}")
    return _Reader(data[1:-4]).cursor()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def cursor(self) -> Cursor:
        places: dict[int, Place] = {}
        while (topic := self._byte()) and not topic & 0x80:
            if topic in places or len(places) >= MAX_TOPICS:
                raise InvalidCursor("a cursor names each topic once")
            places[topic] = self._place()
        within = Within(topic & 0x7F, self._number(), self._number()) if topic else None
        if self._at != len(self._data) or (
            within and (within.topic not in places or within.partition >= len(places[within.topic].offsets))
        ):
            raise InvalidCursor("a cursor that contradicts itself")
        return Cursor(places, within)

    def _place(self) -> Place:
        log = int.from_bytes(bytes(self._byte() for _ in range(4)), "big")
        partitions = self._number()
        if partitions > MAX_PARTITIONS:
            raise InvalidCursor(f"a topic of {partitions} partitions; there are at most {MAX_PARTITIONS}")
        return Place(log, tuple(self._number() for _ in range(partitions)))

    def _byte(self) -> int:
        if self._at >= len(self._data):
            raise InvalidCursor("not all of a cursor")
        self._at += 1
        return self._data[self._at - 1]

    def _number(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 63:
                raise InvalidCursor("a number that is too large")
        if number > MAX_NUMBER:
            raise InvalidCursor("a number that is too large")
        return number


def _put(data: bytearray, number: int) -> None:
    while number >= 0x80:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
