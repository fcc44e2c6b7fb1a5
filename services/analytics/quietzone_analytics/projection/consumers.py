"""Records of `tracking.scan.v1` as values: checked whole, so that nothing half-read is ever counted."""

import re
from collections.abc import Callable, Sequence
from itertools import islice
from operator import attrgetter, lt
from typing import Generic, TypeVar
from uuid import UUID

from google.protobuf.message import DecodeError

from quietzone.tracking.v1 import scan_pb2
from quietzone_analytics.projection.domain import Closed, Lost
from quietzone_analytics.rollups import Batch, CodeKey, ScanClass, Traits
from quietzone_kit.bus import Record, partition_of
from quietzone_kit.events import NotAnEvent, event_type
from quietzone_kit.ids import birth_ms
from quietzone_topics import TYPE_TRACKING_SCANS, TYPE_TRACKING_SCANS_LOST, TYPE_TRACKING_SOURCE_CLOSED

MAX_SCANS = 10_000
MAX_VALUE = 253  # characters: the longest that the contract allows, a host's name
MAX_TIME_MS = 253_402_300_800_000  # the year 10000, after which dates have no ISO form
MAX_SEQ = 2**63  # stores keep signed 64-bit numbers

MEMORY = 20_000
"""Traits and codes that are remembered as they came, so that each is checked once and not with each batch; about 10 MB."""

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")

_CLASSES = {
    scan_pb2.SCAN_CLASS_PERSON: ScanClass.PERSON,
    scan_pb2.SCAN_CLASS_BOT: ScanClass.BOT,
    scan_pb2.SCAN_CLASS_PREVIEW: ScanClass.PREVIEW,
}

_COLUMNS: tuple[Callable[[scan_pb2.Scan], int], ...] = tuple(
    attrgetter(name) for name in ("seq", "code", "traits", "time_offset_ms", "visitor")
)

K = TypeVar("K", scan_pb2.CodeRef, scan_pb2.Traits)
V = TypeVar("V")


class Unreadable(ValueError):
    """A record that breaks its contract: says how."""


class Decoder:
    """Reads records of one topic with `partitions` partitions."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._traits = _Memory[scan_pb2.Traits, Traits](_traits)
        self._keys = _Memory[scan_pb2.CodeRef, tuple[CodeKey, int]](self._key)

    def decode(self, record: Record) -> Batch | Lost | Closed | None:
        """What a record says; None for a type that this release doesn't know.

        Raises:
            Unreadable: it isn't what it says to be.
        """
        try:
            kind = event_type(record.headers)
            if kind == TYPE_TRACKING_SCANS:
                return self._batch(record)
            if kind == TYPE_TRACKING_SCANS_LOST:
                return _lost(scan_pb2.ScansLost.FromString(record.value))
            if kind == TYPE_TRACKING_SOURCE_CLOSED:
                return _closed(scan_pb2.SourceClosed.FromString(record.value))
        except (NotAnEvent, DecodeError) as error:
            raise Unreadable(str(error)) from error
        return None

    def _batch(self, record: Record) -> Batch:
        message = scan_pb2.ScanBatch.FromString(record.value)
        if not 1 <= len(message.scans) <= MAX_SCANS:
            raise Unreadable(f"{len(message.scans)} scans; a batch has 1 to {MAX_SCANS}")
        scans = list(message.scans)
        seqs, codes, traits, offsets_ms, visitors = (list(map(column, scans)) for column in _COLUMNS)
        _check_seqs(message, seqs)
        homes = [self._keys.of(code) for code in message.codes]
        for key, home in homes:
            if home != record.partition:
                raise Unreadable(f"code {key.code_id} belongs to partition {home}, not to {record.partition}")
        known = [self._traits.of(one) for one in message.traits]
        if max(codes) >= len(homes) or max(traits) >= len(known):
            raise Unreadable("a scan has a code or traits that the batch doesn't name")
        base_ms = message.base_time_ms
        if not (base_ms + min(offsets_ms) >= 0 and base_ms + max(offsets_ms) < MAX_TIME_MS):
            raise Unreadable("a scan was made before 1970 or after 9999")
        return Batch(
            source_id=message.source_id,
            born_ms=source_born_ms(message.source_id),
            prev_seq=message.prev_seq,
            offset=record.offset,
            keys=[key for key, _ in homes],
            seqs=seqs,
            codes=codes,
            traits=list(map(known.__getitem__, traits)),
            times_ms=[base_ms + offset_ms for offset_ms in offsets_ms],
            visitors=visitors,
        )

    def _key(self, code: scan_pb2.CodeRef) -> tuple[CodeKey, int]:
        """Whose code it is, and the one partition that its scans come in."""
        if not _ID.fullmatch(code.code_id) or not _ID.fullmatch(code.account_id):
            raise Unreadable("the id of a code or account isn't 1 to 64 characters of 0-9 A-Z a-z _ -")
        return CodeKey(code.account_id, code.code_id), partition_of(code.code_id, self._partitions)


class _Memory(Generic[K, V]):
    """What messages mean, by their bytes; starts anew when it is full, since what matters comes again."""

    def __init__(self, read: Callable[[K], V]) -> None:
        self._read: Callable[[K], V] = read
        self._known: dict[bytes, V] = {}

    def of(self, message: K) -> V:
        data = message.SerializeToString()
        known = self._known.get(data)
        if known is None:
            if len(self._known) >= MEMORY:
                self._known.clear()
            known = self._known[data] = self._read(message)
        return known


def _check_seqs(message: scan_pb2.ScanBatch, seqs: Sequence[int]) -> None:
    if (message.first_seq, message.last_seq) != (seqs[0], seqs[-1]):
        raise Unreadable(f"its scans are {seqs[0]} to {seqs[-1]}, it says {message.first_seq} to {message.last_seq}")
    if not message.prev_seq < seqs[0] or seqs[-1] >= MAX_SEQ or not all(map(lt, seqs, islice(seqs, 1, None))):
        raise Unreadable("the numbers of its scans don't rise")


def _traits(traits: scan_pb2.Traits) -> Traits:
    scan_class = _CLASSES.get(traits.scan_class)
    if scan_class is None:
        raise Unreadable(f"scan class {traits.scan_class} is unknown")
    values = (traits.country, traits.device, traits.browser, traits.os, traits.referrer or "direct", traits.language)
    return Traits(scan_class, tuple(value[:MAX_VALUE] or "unknown" for value in values))


def _lost(message: scan_pb2.ScansLost) -> Lost:
    if not message.prev_seq < message.from_seq <= message.to_seq < MAX_SEQ:
        raise Unreadable(f"lost numbers {message.from_seq} to {message.to_seq} after {message.prev_seq} are no range")
    return Lost(message.source_id, source_born_ms(message.source_id), message.prev_seq, message.from_seq, message.to_seq, message.reason)


def _closed(message: scan_pb2.SourceClosed) -> Closed:
    return Closed(message.source_id, source_born_ms(message.source_id), message.prev_seq)


def source_born_ms(source_id: str) -> int:
    """When a source was started; raises Unreadable if its id doesn't say."""
    try:
        born_ms = birth_ms(source_id)
    except ValueError as error:
        raise Unreadable(f"source_id {source_id!r:.50} is no UUIDv7") from error
    if source_id != str(UUID(source_id)):
        raise Unreadable(f"source_id {source_id!r:.50} isn't in its 36-character form")
    return born_ms
