"""Groups in SQLite: who is a member, and who holds which partition. Each operation runs within a transaction of its caller's.

Over the live members in the order of their ids, partition p belongs to number p modulo their count. A partition changes hands only
when its holder has let go of it or the holder's lease has ended. Leases are of the wall clock; one that ends later than any clock of
now could have set is taken for ended, so that a clock that was set back blocks nobody.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from quietzone_kit.bus._sqlite.log import TopicRow

LEASE_MS = 3_000
"""How long a dead member keeps its partitions; a live one renews three times in it."""

RENEWAL_S = 1.0

COMMITS = """
CREATE TABLE IF NOT EXISTS commits (
  grp INTEGER NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (grp, partition)
) WITHOUT ROWID
"""
"""Made when a group is opened: a file of the release before hasn't got it, and that release reads a file that has."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands: partitions that it holds (with the generation since which it does), and those that it must let go of.

    `generation` changes whenever members or holders do.
    """

    generation: int
    held: dict[int, int]
    leaving: frozenset[int]


def open_group(connection: sqlite3.Connection, topic: TopicRow, name: str) -> int:
    """The id of a topic's group."""
    connection.execute(COMMITS)
    connection.execute("INSERT OR IGNORE INTO groups (topic, name, generation) VALUES (?, ?, 0)", (topic.id, name))
    identifier: int = connection.execute("SELECT id FROM groups WHERE topic = ? AND name = ?", (topic.id, name)).fetchone()[0]
    return identifier


def generation(connection: sqlite3.Connection, group: int) -> int:
    """The group's generation."""
    number: int = connection.execute("SELECT generation FROM groups WHERE id = ?", (group,)).fetchone()[0]
    return number


def renew(connection: sqlite3.Connection, group: int, member: str, *, partitions: int, let_go: frozenset[int], now_ms: int) -> Standing:
    """Extend a member's lease (or make it a member), give up what it lets go of, and take what is due to it and free."""
    known = dict(connection.execute("SELECT member, until_ms FROM members WHERE grp = ?", (group,)))
    live = sorted({name for name, until_ms in known.items() if now_ms < until_ms <= now_ms + 2 * LEASE_MS} | {member})
    connection.execute("INSERT OR REPLACE INTO members VALUES (?, ?, ?)", (group, member, now_ms + LEASE_MS))
    number = generation(connection, group)
    before = {
        row[0]: _Share(row[1], row[2]) for row in connection.execute("SELECT partition, member, since FROM shares WHERE grp = ?", (group,))
    }
    after = {
        partition: share
        for partition, share in before.items()
        if share.member in live and not (share.member == member and partition in let_go)
    }
    due = range(live.index(member), partitions, len(live))
    for partition in due:
        after.setdefault(partition, _Share(member, number + 1))
    if after != before or live != sorted(known):
        number += 1
        _store(connection, group, live, after, number)
    mine = {partition: share.since for partition, share in sorted(after.items()) if share.member == member}
    return Standing(
        generation=number,
        held={partition: since for partition, since in mine.items() if partition in due},
        leaving=frozenset(partition for partition in mine if partition not in due),
    )


def leave(connection: sqlite3.Connection, group: int, member: str) -> None:
    """End a membership; what it held is free for who renews next."""
    connection.execute("DELETE FROM members WHERE grp = ? AND member = ?", (group, member))
    connection.execute("UPDATE groups SET generation = generation + 1 WHERE id = ?", (group,))


def committed(connection: sqlite3.Connection, group: int, partition: int) -> int | None:
    """Where the group goes on in a partition."""
    row = connection.execute("SELECT next FROM commits WHERE grp = ? AND partition = ?", (group, partition)).fetchone()
    return None if row is None else row[0]


def commit(connection: sqlite3.Connection, group: int, member: str, offsets: Mapping[int, int], since: Mapping[int, int]) -> None:
    """Keep where the group goes on in those partitions that the member has held all the time since the given generations."""
    held = {
        (partition, generation)
        for partition, generation in connection.execute("SELECT partition, since FROM shares WHERE grp = ? AND member = ?", (group, member))
    }
    connection.executemany(
        "INSERT OR REPLACE INTO commits VALUES (?, ?, ?)",
        [(group, partition, offset) for partition, offset in offsets.items() if (partition, since.get(partition)) in held],
    )


@dataclass(frozen=True, slots=True)
class _Share:
    member: str
    since: int


def _store(connection: sqlite3.Connection, group: int, live: list[str], shares: dict[int, _Share], number: int) -> None:
    places = ", ".join("?" * len(live))
    connection.execute(f"DELETE FROM members WHERE grp = ? AND member NOT IN ({places})", (group, *live))  # noqa: S608 - question marks only
    connection.execute("DELETE FROM shares WHERE grp = ?", (group,))
    connection.executemany(
        "INSERT INTO shares VALUES (?, ?, ?, ?)", [(group, partition, share.member, share.since) for partition, share in shares.items()]
    )
    connection.execute("UPDATE groups SET generation = ? WHERE id = ?", (number, group))
