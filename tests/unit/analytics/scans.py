"""Builders: records of scans as forwarders write them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quietzone.tracking.v1 import scan_pb2
from quietzone_kit.bus import Record
from quietzone_kit.events import Event
from quietzone_topics import TRACKING_SCAN_V1, TYPE_TRACKING_SCANS, TYPE_TRACKING_SCANS_LOST, TYPE_TRACKING_SOURCE_CLOSED

NOON_MS = 1_772_452_800_000  # 2026-03-02T12:00:00Z
DAY_MS = 86_400_000

PERSON, BOT, PREVIEW = scan_pb2.SCAN_CLASS_PERSON, scan_pb2.SCAN_CLASS_BOT, scan_pb2.SCAN_CLASS_PREVIEW


@dataclass(frozen=True, slots=True)
class Seen:
    """One scan; `code` and `country` stand for the rest."""

    seq: int
    code: str = "menu"
    account: str = "acme"
    scan_class: scan_pb2.ScanClass.ValueType = PERSON
    country: str = "DE"
    time_ms: int = NOON_MS
    visitor: int = 1


def source_id(number: int, *, born_ms: int = NOON_MS) -> str:
    """A UUIDv7."""
    text = f"{born_ms:012x}7{number:03x}8{number:015x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


EDGE = source_id(1)


def seen(seqs: Iterable[int], **fields: object) -> list[Seen]:
    """Scans that differ in their number only."""
    return [Seen(seq, **fields) for seq in seqs]  # type: ignore[arg-type]


def batch(scans: Sequence[Seen], *, prev_seq: int, source: str = EDGE) -> scan_pb2.ScanBatch:
    """A batch as the contract has it."""
    keys = list(dict.fromkeys((one.code, one.account) for one in scans))
    traits = list(dict.fromkeys((one.scan_class, one.country) for one in scans))
    return scan_pb2.ScanBatch(
        source_id=source,
        prev_seq=prev_seq,
        first_seq=scans[0].seq,
        last_seq=scans[-1].seq,
        base_time_ms=NOON_MS,
        codes=[scan_pb2.CodeRef(code_id=code, account_id=account) for code, account in keys],
        traits=[
            scan_pb2.Traits(scan_class=scan_class, country=country, device="phone", browser="Chrome", os="iOS", language="de")
            for scan_class, country in traits
        ],
        scans=[
            scan_pb2.Scan(
                seq=one.seq,
                code=keys.index((one.code, one.account)),
                traits=traits.index((one.scan_class, one.country)),
                time_offset_ms=one.time_ms - NOON_MS,
                visitor=one.visitor,
            )
            for one in scans
        ],
    )


def record(
    value: scan_pb2.ScanBatch | scan_pb2.ScansLost | scan_pb2.SourceClosed | bytes,
    offset: int,
    *,
    time_ms: int = NOON_MS,
    kind: str | None = None,
    partition: int = 0,
) -> Record:
    """A record of partition 0 of one, which every code hashes to."""
    if isinstance(value, bytes):
        data, found = value, TYPE_TRACKING_SCANS
    else:
        data = value.SerializeToString()
        found = {
            scan_pb2.ScanBatch: TYPE_TRACKING_SCANS,
            scan_pb2.ScansLost: TYPE_TRACKING_SCANS_LOST,
            scan_pb2.SourceClosed: TYPE_TRACKING_SOURCE_CLOSED,
        }[type(value)]
    message = Event(f"event-{offset}", "/tracking", kind or found, "edge", time_ms, data).to_message(TRACKING_SCAN_V1.name)
    return Record(message.topic, partition, offset, time_ms, message.key, message.value, message.headers)


def lost(from_seq: int, to_seq: int, *, prev_seq: int, source: str = EDGE) -> scan_pb2.ScansLost:
    """Numbers that will never come."""
    return scan_pb2.ScansLost(source_id=source, prev_seq=prev_seq, from_seq=from_seq, to_seq=to_seq, reason="CRC differs")


def closed(last_seq: int, *, prev_seq: int, source: str = EDGE) -> scan_pb2.SourceClosed:
    """A source's end."""
    return scan_pb2.SourceClosed(source_id=source, prev_seq=prev_seq, last_seq=last_seq)
