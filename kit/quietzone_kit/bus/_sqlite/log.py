"""The log in SQLite: its tables, and the operations on them. Each operation runs within a transaction of its caller's.

A record's row id is its partition's id and its offset in one number: a rowid table takes a third less time to write than one
`WITHOUT ROWID` over three columns (measured with values of 300 and 10,000 bytes), and appends to the right of its partition.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from quietzone_kit.bus import (
    Bounds,
    BusError,
    Headers,
    Message,
    OffsetGone,
    Position,
    Record,
    Topic,
    TopicMismatch,
    UnknownTopic,
    partition_of,
)

SCHEMA_VERSION = 1

OFFSET_BITS = 40
"""1.1e12 records a partition; 23 bits are left for the partitions of all topics."""

MAX_READ_BYTES = 8_000_000
"""What one read brings into memory, about; one value more may come on top."""

TRIM_RECORDS = 500
TRIM_BYTES = 8_000_000
"""What one step of retention removes, about: some 20 ms of the write lock with values of 10 kB."""

MAX_SET_BACK_MS = 24 * 60 * 60 * 1000
"""How far a clock may be set back without the log's times going back: more means that it was far off before. Going on from there would
hold retention up until then, and make every new source look too old to be counted."""

SCHEMA = """
CREATE TABLE topics (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, log_id TEXT NOT NULL, retention_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL
);
CREATE TABLE partitions (
  id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, number INTEGER NOT NULL,
  first INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, newest_ms INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, number)
);
CREATE TABLE records (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, key TEXT NOT NULL, headers BLOB NOT NULL, value BLOB NOT NULL);
CREATE TABLE groups (
  id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL, UNIQUE (topic, name)
);
CREATE TABLE members (
  grp INTEGER NOT NULL, member TEXT NOT NULL, until_ms INTEGER NOT NULL, PRIMARY KEY (grp, member)
) WITHOUT ROWID;
CREATE TABLE shares (
  grp INTEGER NOT NULL, partition INTEGER NOT NULL, member TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (grp, partition)
) WITHOUT ROWID;
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Headers).decode


@dataclass(frozen=True, slots=True)
class TopicRow:
    """A topic as it is stored."""

    id: int
    name: str
    log_id: str
    partitions: int


@dataclass(slots=True)
class _Head:
    id: int
    next: int
    newest_ms: int


def prepare(connection: sqlite3.Connection, name: str) -> None:
    """Make the tables when they aren't there.

    Raises:
        BusError: the file is another release's.
    """
    if _schema_version(connection) == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    found = _schema_version(connection)  # another process may have been first
    if found not in {0, SCHEMA_VERSION}:
        connection.rollback()
        raise BusError(f"{name} has tables of version {found}, this release knows {SCHEMA_VERSION}: run the release that made it")
    if found == 0:
        for statement in SCHEMA.strip().split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def progress(connection: sqlite3.Connection) -> int:
    """A number that grows with each record, and when members or holders of a group change; leases that are renewed leave it as it is."""
    number: int = connection.execute(
        "SELECT (SELECT coalesce(sum(next), 0) FROM partitions) + (SELECT coalesce(sum(generation), 0) FROM groups)"
    ).fetchone()[0]
    return number


def find_topic(connection: sqlite3.Connection, name: str) -> TopicRow:
    """The topic with this name; raises UnknownTopic."""
    row = connection.execute(
        "SELECT id, log_id, (SELECT count(*) FROM partitions WHERE topic = topics.id) FROM topics WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        raise UnknownTopic(f"the bus has no topic {name!r}: `quietzone topics apply` makes all that there are")
    return TopicRow(row[0], name, row[1], row[2])


def retention_ms(connection: sqlite3.Connection, topic: TopicRow) -> int:
    """How long a topic keeps its records."""
    retention: int = connection.execute("SELECT retention_ms FROM topics WHERE id = ?", (topic.id,)).fetchone()[0]
    return retention


def ensure(connection: sqlite3.Connection, topics: Sequence[tuple[Topic, str]], now_ms: int) -> None:
    """Create the topics that aren't there, each with the log id given for it; raises TopicMismatch."""
    for topic, log_id in topics:
        try:
            found = find_topic(connection, topic.name)
        except UnknownTopic:
            _create(connection, topic, log_id, now_ms)
            continue
        if found.partitions != topic.partitions:
            raise TopicMismatch(
                f"topic {topic.name} has {found.partitions} partitions and is declared with {topic.partitions}: "
                "declare what is there, or make a topic with a new name; moving keys between partitions would break their order"
            )
        connection.execute("UPDATE topics SET retention_ms = ? WHERE id = ?", (topic.retention_ms, found.id))


def bounds(connection: sqlite3.Connection, topic: str, partition: int) -> Bounds:
    """What a partition holds; raises UnknownTopic."""
    found = find_topic(connection, topic)
    row = connection.execute("SELECT first, next FROM partitions WHERE topic = ? AND number = ?", (found.id, partition)).fetchone()
    if row is None:
        raise UnknownTopic(f"topic {topic} has partitions 0 to {found.partitions - 1}, not {partition}")
    return Bounds(found.log_id, row[0], row[1])


def append(connection: sqlite3.Connection, messages: Sequence[Message], now_ms: int) -> list[Position]:
    """Put messages at the ends of their partitions; times go back only by more than MAX_SET_BACK_MS. Raises UnknownTopic."""
    topics: dict[str, TopicRow] = {}
    heads: dict[tuple[int, int], _Head] = {}
    rows, positions = [], []
    for message in messages:
        topic = topics.get(message.topic) or topics.setdefault(message.topic, find_topic(connection, message.topic))
        partition = partition_of(message.key, topic.partitions) if message.partition is None else message.partition
        head = heads.get((topic.id, partition)) or heads.setdefault((topic.id, partition), _head(connection, topic, partition, now_ms))
        rows.append((head.id << OFFSET_BITS | head.next, head.newest_ms, message.key, _encode(message.headers), message.value))
        positions.append(Position(message.topic, partition, head.next))
        head.next += 1
    connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
    connection.executemany(
        "UPDATE partitions SET next = ?, newest_ms = ? WHERE id = ?", [(head.next, head.newest_ms, head.id) for head in heads.values()]
    )
    return positions


def read(connection: sqlite3.Connection, topic: TopicRow, offsets: Mapping[int, int], limit: int) -> dict[int, Sequence[Record]]:
    """Records from `offsets` on (by partition), at most `limit` in all, shared out evenly; of too many partitions, the first go first.

    Raises:
        OffsetGone: the first partition that is asked for an offset it hasn't.
    """
    heads = {number: (identifier, first, end) for number, identifier, first, end in _heads(connection, topic)}
    for partition, offset in offsets.items():
        _check(topic, partition, offset, Bounds(topic.log_id, heads[partition][1], heads[partition][2]))
    waiting = {partition: heads[partition][2] - offset for partition, offset in offsets.items() if offset < heads[partition][2]}
    found: dict[int, Sequence[Record]] = {}
    room = MAX_READ_BYTES
    for partition, share in _shares(waiting, limit).items():
        records, size = _read_partition(connection, topic.name, partition, heads[partition][0], offsets[partition], limit=share, room=room)
        found[partition] = records
        room -= size
        if room <= 0:
            break
    return found


def has_expired(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Whether any record is older than its topic's retention."""
    return bool(_expired_partitions(connection, now_ms))


def trim(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Remove up to TRIM_RECORDS records that are older than their topic's retention; True when more may wait."""
    left, room = TRIM_RECORDS, TRIM_BYTES
    for identifier, first, end, cutoff_ms in _expired_partitions(connection, now_ms):
        low = identifier << OFFSET_BITS | first
        count, size = _expired_records(connection, low, cutoff_ms, limit=min(left, end - first), room=room)
        connection.execute("DELETE FROM records WHERE id >= ? AND id < ?", (low, low + count))
        connection.execute("UPDATE partitions SET first = ? WHERE id = ?", (first + count, identifier))
        left, room = left - count, room - size
        if left <= 0 or room <= 0:
            return True
    return False


def _schema_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _create(connection: sqlite3.Connection, topic: Topic, log_id: str, now_ms: int) -> None:
    row = connection.execute(
        "INSERT INTO topics (name, log_id, retention_ms, created_ms) VALUES (?, ?, ?, ?)", (topic.name, log_id, topic.retention_ms, now_ms)
    )
    connection.executemany(
        "INSERT INTO partitions (topic, number) VALUES (?, ?)", [(row.lastrowid, number) for number in range(topic.partitions)]
    )


def _head(connection: sqlite3.Connection, topic: TopicRow, partition: int, now_ms: int) -> _Head:
    row = connection.execute("SELECT id, next, newest_ms FROM partitions WHERE topic = ? AND number = ?", (topic.id, partition)).fetchone()
    if row is None:
        raise UnknownTopic(f"topic {topic.name} has partitions 0 to {topic.partitions - 1}, not {partition}")
    return _Head(row[0], row[1], now_ms if row[2] - now_ms > MAX_SET_BACK_MS else max(row[2], now_ms))


def _heads(connection: sqlite3.Connection, topic: TopicRow) -> list[tuple[int, int, int, int]]:
    return connection.execute("SELECT number, id, first, next FROM partitions WHERE topic = ?", (topic.id,)).fetchall()


def _check(topic: TopicRow, partition: int, offset: int, held: Bounds) -> None:
    if held.first <= offset <= held.next:
        return
    why = "retention removed it" if offset < held.first else "the log ends before it"
    message = f"topic {topic.name}, partition {partition}: no offset {offset}, {why}; the log holds {held.first} to below {held.next}"
    raise OffsetGone(message, held)


def _shares(waiting: Mapping[int, int], limit: int) -> dict[int, int]:
    """How many records of each partition to read: what those with few leave goes to those with many."""
    shares = dict(list(waiting.items())[:limit])
    left = limit
    for index, partition in enumerate(sorted(shares, key=lambda partition: shares[partition])):
        shares[partition] = min(shares[partition], left // (len(shares) - index))
        left -= shares[partition]
    return shares


def _read_partition(
    connection: sqlite3.Connection, topic: str, partition: int, identifier: int, offset: int, *, limit: int, room: int
) -> tuple[list[Record], int]:
    low = identifier << OFFSET_BITS
    cursor = connection.execute(
        "SELECT id, time_ms, key, headers, value FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (low | offset, (identifier + 1) << OFFSET_BITS, limit),
    )
    records: list[Record] = []
    size = 0
    for row_id, time_ms, key, headers, value in cursor:
        records.append(Record(topic, partition, row_id - low, time_ms, key, value, _decode(headers)))
        size += len(value)
        if size >= room:
            break
    cursor.close()
    return records, size


def _expired_partitions(connection: sqlite3.Connection, now_ms: int) -> list[tuple[int, int, int, int]]:
    """Id, first, next and cut-off time of the partitions whose first record is too old."""
    return connection.execute(
        "SELECT partitions.id, first, next, ? - retention_ms FROM partitions JOIN topics ON topics.id = topic"
        " JOIN records ON records.id = (partitions.id << ?) + first WHERE first < next AND time_ms < ? - retention_ms",
        (now_ms, OFFSET_BITS, now_ms),
    ).fetchall()


def _expired_records(connection: sqlite3.Connection, low: int, cutoff_ms: int, *, limit: int, room: int) -> tuple[int, int]:
    """How many records from row `low` on are too old, and the bytes of their values; stops at `limit` records or `room` bytes."""
    count = size = 0
    cursor = connection.execute("SELECT time_ms, length(value) FROM records WHERE id >= ? ORDER BY id LIMIT ?", (low, limit))
    for time_ms, length in cursor:
        if time_ms >= cutoff_ms or size >= room:
            break
        count, size = count + 1, size + length
    cursor.close()
    return count, size
