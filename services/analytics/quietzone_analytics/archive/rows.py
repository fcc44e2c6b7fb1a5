"""Records as rows of files, and back, exactly.

On the way to a file each record is a line of JSON, its scans in columns; DuckDB makes rows of them. A record that rows don't give back
byte for byte (not ours, of a newer release, damaged) is kept whole beside them.
"""

import base64
from collections.abc import Sequence
from operator import attrgetter

import msgspec
from google.protobuf.message import DecodeError, Message

from quietzone.tracking.v1 import scan_pb2
from quietzone_analytics.archive.domain import Kind
from quietzone_kit.bus import Record
from quietzone_kit.events import NotAnEvent, event_type
from quietzone_topics import TYPE_TRACKING_SCANS, TYPE_TRACKING_SCANS_LOST, TYPE_TRACKING_SOURCE_CLOSED

MAX_SCANS = 10_000  # of a batch, as the contract has it; more are kept whole only, since a line must stay below DuckDB's 16 MB
MAX_TIME_MS = 253_402_300_800_000  # the year 10000

_CLASSES = {scan_pb2.SCAN_CLASS_PERSON: "person", scan_pb2.SCAN_CLASS_BOT: "bot", scan_pb2.SCAN_CLASS_PREVIEW: "preview"}
_CLASS_NUMBERS = {name: number for number, name in _CLASSES.items()}
_COLUMNS = tuple(attrgetter(name) for name in ("seq", "code", "traits", "time_offset_ms", "visitor"))

_LINE = """{
"offset": 'BIGINT', log_time_ms: 'BIGINT', kind: 'VARCHAR', source_id: 'VARCHAR', prev_seq: 'UBIGINT', first_seq: 'UBIGINT',
last_seq: 'UBIGINT', reason: 'VARCHAR[]', "key": 'VARCHAR[]', headers: 'STRUCT(name VARCHAR, "value" VARCHAR)[][]',
"value": 'VARCHAR[]', base_time_ms: 'BIGINT[]', codes: 'STRUCT(code_id VARCHAR, account_id VARCHAR)[]',
traits: 'STRUCT(scan_class VARCHAR, country VARCHAR, device VARCHAR, browser VARCHAR, os VARCHAR, referrer VARCHAR, "language" VARCHAR)[]',
seq: 'UBIGINT[]', code: 'INTEGER[]', trait: 'INTEGER[]', time_offset_ms: 'BIGINT[]', visitor: 'UBIGINT[]'}"""

TO_ROWS = f"""
SELECT "offset", log_time_ms, kind, source_id, prev_seq, first_seq, last_seq,
    seq, codes[code + 1].code_id AS code_id, codes[code + 1].account_id AS account_id,
    epoch_ms(base + time_offset_ms)::TIMESTAMP AS "time",
    traits[trait + 1].scan_class AS scan_class, traits[trait + 1].country AS country, traits[trait + 1].device AS device,
    traits[trait + 1].browser AS browser, traits[trait + 1].os AS os, traits[trait + 1].referrer AS referrer,
    traits[trait + 1]."language" AS "language", visitor,
    reason, "key", list_transform(headers, lambda one: {{'name': one.name, 'value': from_base64(one."value")}}) AS headers,
    base_time_ms, from_base64("value") AS "value"
FROM (
    SELECT * EXCLUDE (reason, "key", headers, "value", base_time_ms, seq, code, trait, time_offset_ms, visitor),
        base_time_ms[1] AS base, unnest(reason) AS reason, unnest("key") AS "key", unnest(headers) AS headers,
        unnest("value") AS "value", unnest(base_time_ms) AS base_time_ms, unnest(seq) AS seq, unnest(code) AS code,
        unnest(trait) AS trait, unnest(time_offset_ms) AS time_offset_ms, unnest(visitor) AS visitor
    FROM read_json({{source}}, format = 'newline_delimited', columns = {_LINE})
)"""  # noqa: S608 - a constant text
"""Lists of a line become rows, side by side: what belongs to the record as a whole (`reason` to `value`) is in its first row alone."""

COLUMNS = """
SELECT column_name AS name FROM (DESCRIBE SELECT * FROM read_parquet({source}))"""

KNOWN_COLUMNS = {
    *("offset", "log_time_ms", "kind", "source_id", "prev_seq", "first_seq", "last_seq", "seq", "code_id", "account_id", "time"),
    *("scan_class", "country", "device", "browser", "os", "referrer", "language", "visitor"),
    *("reason", "key", "headers", "base_time_ms", "value"),
}
"""Of TO_ROWS."""

COUNTED = """
SELECT "offset", count(*) AS "rows" FROM read_parquet({source}) GROUP BY "offset" ORDER BY "offset" """

FROM_ROWS = """
SELECT "offset", any_value(log_time_ms) AS log_time_ms, any_value(kind) AS kind,
    coalesce(any_value(source_id), '') AS source_id, coalesce(any_value(prev_seq), 0) AS prev_seq,
    coalesce(any_value(first_seq), 0) AS first_seq, coalesce(any_value(last_seq), 0) AS last_seq,
    coalesce(any_value(reason), '') AS reason, coalesce(any_value(base_time_ms), 0) AS base_time_ms,
    any_value("key") AS "key", to_base64(any_value("value")) AS "value",
    list_transform(any_value(headers), lambda one: {'name': one.name, 'value': to_base64(one."value")}) AS headers,
    list({'seq': seq, 'code_id': code_id, 'account_id': account_id, 'time_ms': epoch_ms("time"), 'scan_class': scan_class,
        'country': country, 'device': device, 'browser': browser, 'os': os, 'referrer': referrer, 'language': "language",
        'visitor': visitor} ORDER BY file_row_number) FILTER (seq IS NOT NULL) AS scans
FROM read_parquet({source}, file_row_number = true)
WHERE "offset" BETWEEN {first} AND {last} GROUP BY "offset" ORDER BY "offset" """


class _Header(msgspec.Struct, frozen=True):
    name: str
    value: str


class _Code(msgspec.Struct, frozen=True):
    code_id: str
    account_id: str


class _Traits(msgspec.Struct, frozen=True):
    scan_class: str
    country: str
    device: str
    browser: str
    os: str
    referrer: str
    language: str


class _Line(msgspec.Struct, omit_defaults=True):
    """A record; lists of one are for its first row."""

    offset: int
    log_time_ms: int
    kind: str
    source_id: str | None = None
    prev_seq: int | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    reason: list[str] | None = None
    key: list[str] | None = None
    headers: list[list[_Header]] | None = None
    value: list[str] | None = None
    base_time_ms: list[int] | None = None
    codes: list[_Code] | None = None
    traits: list[_Traits] | None = None
    seq: Sequence[int] | None = None
    code: Sequence[int] | None = None
    trait: Sequence[int] | None = None
    time_offset_ms: Sequence[int] | None = None
    visitor: Sequence[int] | None = None


class _Scan(msgspec.Struct):
    seq: int
    code_id: str
    account_id: str
    time_ms: int
    scan_class: str
    country: str
    device: str
    browser: str
    os: str
    referrer: str
    language: str
    visitor: int

    def traits(self) -> tuple[str, ...]:
        return (self.scan_class, self.country, self.device, self.browser, self.os, self.referrer, self.language)


class _Restored(msgspec.Struct):
    """What FROM_ROWS makes of a record's rows."""

    offset: int
    log_time_ms: int
    kind: str
    source_id: str
    prev_seq: int
    first_seq: int
    last_seq: int
    reason: str
    base_time_ms: int
    key: str
    value: str | None
    headers: list[_Header] | None
    scans: list[_Scan] | None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Restored)


def line_of(record: Record) -> tuple[bytes, int]:
    """A record as a line, and how many rows it becomes."""
    line = _read(record)
    line.key = [record.key]
    line.headers = [[_Header(name, _text(value)) for name, value in record.headers]]
    return _encoder.encode(line) + b"\n", len(line.seq or (0,))


def absent_line(offset: int, log_time_ms: int) -> bytes:
    """An offset that the log left out, before a record with this time."""
    return _encoder.encode(_Line(offset, log_time_ms, Kind.ABSENT.value, key=[""])) + b"\n"


def record_of(line: bytes, topic: str, partition: int) -> Record | None:
    """The record that a line of FROM_ROWS tells of; None for an offset that the log left out.

    Raises:
        ValueError: the file was changed since we wrote it.
    """
    found = _decoder.decode(line)
    if found.kind == Kind.ABSENT.value:
        return None
    value = base64.b64decode(found.value) if found.value is not None else _value(found)
    headers = tuple((header.name, base64.b64decode(header.value)) for header in found.headers or ())
    return Record(topic, partition, found.offset, found.log_time_ms, found.key, value, headers)


def _read(record: Record) -> _Line:
    """The record's line without what it has as a record of any kind."""
    try:
        kind = event_type(record.headers)
        if kind == TYPE_TRACKING_SCANS:
            return _scans(record, scan_pb2.ScanBatch.FromString(record.value))
        if kind == TYPE_TRACKING_SCANS_LOST:
            return _lost(record, scan_pb2.ScansLost.FromString(record.value))
        if kind == TYPE_TRACKING_SOURCE_CLOSED:
            return _closed(record, scan_pb2.SourceClosed.FromString(record.value))
    except (NotAnEvent, DecodeError):
        return _whole(record, Kind.UNREADABLE)
    return _whole(record, Kind.OTHER)


def _whole(record: Record, kind: Kind) -> _Line:
    return _Line(record.offset, record.time_ms, kind.value, value=[_text(record.value)])


def _scans(record: Record, message: scan_pb2.ScanBatch) -> _Line:
    scans = list(message.scans)
    seqs, codes, traits, offsets_ms, visitors = (list(map(column, scans)) for column in _COLUMNS)
    in_range = 1 <= len(scans) <= MAX_SCANS and (
        message.base_time_ms + min(offsets_ms) >= 0 and message.base_time_ms + max(offsets_ms) < MAX_TIME_MS
    )
    known = [
        _Traits(_CLASSES.get(one.scan_class, ""), one.country, one.device, one.browser, one.os, one.referrer, one.language)
        for one in message.traits
    ]
    named = [_Code(one.code_id, one.account_id) for one in message.codes]
    if not in_range or max(codes) >= len(named) or max(traits) >= len(known) or not all(one.scan_class for one in known):
        return _whole(record, Kind.UNREADABLE)
    line = _Line(
        record.offset,
        record.time_ms,
        Kind.SCANS.value,
        source_id=message.source_id,
        prev_seq=message.prev_seq,
        first_seq=message.first_seq,
        last_seq=message.last_seq,
        base_time_ms=[message.base_time_ms],
        codes=named,
        traits=known,
        seq=seqs,
        code=codes,
        trait=traits,
        time_offset_ms=offsets_ms,
        visitor=visitors,
    )
    # What rows can't say: names that no scan uses, or that are there twice, or in another order than they come up in.
    sayable = (
        list(dict.fromkeys(codes)) == list(range(len(named)))
        and list(dict.fromkeys(traits)) == list(range(len(known)))
        and len(set(named)) == len(named)
        and len(set(known)) == len(known)
    )
    line.value = _more_than(message, record) if sayable else [_text(record.value)]
    return line


def _lost(record: Record, message: scan_pb2.ScansLost) -> _Line:
    return _Line(
        record.offset,
        record.time_ms,
        Kind.LOST.value,
        source_id=message.source_id,
        prev_seq=message.prev_seq,
        first_seq=message.from_seq,
        last_seq=message.to_seq,
        reason=[message.reason],
        value=_more_than(message, record),
    )


def _closed(record: Record, message: scan_pb2.SourceClosed) -> _Line:
    return _Line(
        record.offset,
        record.time_ms,
        Kind.CLOSED.value,
        source_id=message.source_id,
        prev_seq=message.prev_seq,
        last_seq=message.last_seq,
        value=_more_than(message, record),
    )


def _more_than(message: Message, record: Record) -> list[str] | None:
    """The record's value, if that is more than the message as this release knows it, or says it in other bytes."""
    message.DiscardUnknownFields()
    return None if message.SerializeToString() == record.value else [_text(record.value)]


def _value(found: _Restored) -> bytes:
    match found.kind:
        case Kind.SCANS.value:
            return _batch(found).SerializeToString()
        case Kind.LOST.value:
            return scan_pb2.ScansLost(
                source_id=found.source_id, prev_seq=found.prev_seq, from_seq=found.first_seq, to_seq=found.last_seq, reason=found.reason
            ).SerializeToString()
        case Kind.CLOSED.value:
            return scan_pb2.SourceClosed(source_id=found.source_id, prev_seq=found.prev_seq, last_seq=found.last_seq).SerializeToString()
        case _:
            raise ValueError(f"the record at offset {found.offset} is {found.kind!r} and has no value: the file was changed")


def _batch(found: _Restored) -> scan_pb2.ScanBatch:
    base_ms = found.base_time_ms
    codes: dict[tuple[str, str], int] = {}
    traits: dict[tuple[str, ...], int] = {}
    batch = scan_pb2.ScanBatch(
        source_id=found.source_id, prev_seq=found.prev_seq, first_seq=found.first_seq, last_seq=found.last_seq, base_time_ms=base_ms
    )
    add = batch.scans.add
    for one in found.scans or ():
        scan = add()
        scan.seq = one.seq
        scan.code = codes.setdefault((one.code_id, one.account_id), len(codes))
        scan.traits = traits.setdefault(one.traits(), len(traits))
        scan.time_offset_ms = one.time_ms - base_ms
        scan.visitor = one.visitor
    batch.codes.extend(scan_pb2.CodeRef(code_id=code_id, account_id=account_id) for code_id, account_id in codes)
    for scan_class, country, device, browser, os, referrer, language in traits:
        number = _CLASS_NUMBERS[scan_class]
        batch.traits.add(scan_class=number, country=country, device=device, browser=browser, os=os, referrer=referrer, language=language)
    return batch


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
