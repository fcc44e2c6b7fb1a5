"""The event bus: topics of partitions of records, read by offset.

Three kinds of consumer stand on it: a *projection* keeps its offsets beside its data (`quietzone_kit.projection`), a *follower* reads
every partition from offsets that it was given (`Bus.follow`, `quietzone_kit.projection.run_follower`), a *reaction* has effects
elsewhere and keeps its offsets on the bus (`Consumer.commit`, `quietzone_kit.reaction`). `open_bus` chooses the adapter by the URL's
scheme; all adapters pass one contract suite (tests/contract/bus).
"""

import asyncio
import contextlib
import sqlite3
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeAlias

from quietzone_kit.runtime import Clock, Executor, Randomness
from quietzone_kit.urls import wrong_scheme

Headers: TypeAlias = tuple[tuple[str, bytes], ...]
Connect: TypeAlias = Callable[[], sqlite3.Connection]

MAX_VALUE_BYTES = 1_000_000
"""What Kafka's default `message.max.bytes` (1,048,588) leaves after key and headers."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as its file in proto/topics declares it."""

    name: str
    partitions: int
    retention_ms: int


@dataclass(frozen=True, slots=True)
class Message:
    """What is published; `partition` None means: chosen by `key` (`partition_of`)."""

    topic: str
    key: str
    value: bytes
    headers: Headers = ()
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a message came to stand."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Record:
    """A message in the log; `time_ms` is the log's own clock (Unix, milliseconds)."""

    topic: str
    partition: int
    offset: int
    time_ms: int
    key: str
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a partition holds: offsets from `first` to below `next`. `log_id` changes when the topic is made anew."""

    log_id: str
    first: int
    next: int


@dataclass(frozen=True, slots=True)
class Polled:
    """What one `Consumer.poll` brought. A newly assigned partition gives no records until `seek` was called for it.

    Let go of `revoked` before you take up `assigned`: a partition in both was another member's in between. The next `poll` tells the
    group that what was revoked is free.
    """

    assigned: frozenset[int]
    revoked: frozenset[int]
    records: dict[int, Sequence[Record]]


class BusError(Exception):
    """The bus could not do what was asked."""


class BusUnavailable(BusError):
    """Not now: the same call may well succeed later. After a failed `publish` any part of the messages may be in the log."""


class UnknownTopic(BusError):
    """No such topic or partition: says how to create it."""


class TopicMismatch(BusError):
    """A topic is there with another number of partitions: it is refused, never repaired."""


class OffsetGone(BusError):
    """The record asked for was removed by retention, or lies beyond the log's end; `bounds` says what is there."""

    def __init__(self, message: str, bounds: Bounds) -> None:
        super().__init__(message)
        self.bounds = bounds


class Consumer(Protocol):
    """A reader of one topic: all its partitions (`Bus.follow`), or a group's share of them (`Bus.join`)."""

    async def poll(self, *, max_records: int, wait_s: float) -> Polled:
        """What is there now, or comes within `wait_s`; at most `max_records` in all, each partition's in order of offsets.

        Raises:
            OffsetGone: a partition was sought to an offset that the log hasn't.
            BusUnavailable: try again.
        """

    def seek(self, partition: int, offset: int) -> None:
        """Read `partition` from `offset` on; also how a partition is read again, and how a paused one goes on.

        Raises:
            ValueError: the partition isn't assigned to this consumer.
        """

    def pause(self, partition: int) -> None:
        """Give no records of `partition` until the next `seek`; it stays assigned."""

    async def committed(self, partition: int) -> int | None:
        """Where the group goes on in a partition; None when nobody has committed yet. For reactions; projections keep their own.

        Raises:
            BusUnavailable: try again.
            ValueError: a follower belongs to no group.
        """

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Keep where the group goes on. What isn't this member's any more is left out: its new owner does those records again.

        Several tasks may call it at once, and while a `poll` waits. What was revoked, and not assigned again,
        can be committed until the next `poll`.

        Raises:
            BusUnavailable: try again; it may have been done.
            ValueError: a follower belongs to no group.
        """

    async def close(self) -> None:
        """Leave the group, so that others needn't wait for a lease to end."""


class Bus(Protocol):
    """A bus, as producers and consumers see it. One instance serves one process."""

    async def ensure(self, topics: Sequence[Topic]) -> None:
        """Create the topics that aren't there.

        Raises:
            TopicMismatch: one is there with another number of partitions.
        """

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has; raises UnknownTopic."""

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """What a partition holds now; raises UnknownTopic."""

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        """Append messages; when this returns they are durable. Those of one partition keep their order.

        Raises:
            BusUnavailable: some, all or none of them are in the log; publish all again in the same order.
            UnknownTopic: a topic or partition isn't there; none of the messages is in the log.
            ValueError: a value is larger than MAX_VALUE_BYTES; none of the messages is in the log.
        """

    async def follow(self, topic: str) -> Consumer:
        """A reader of every partition that belongs to no group; all are assigned at its first poll."""

    async def join(self, topic: str, group: str) -> Consumer:
        """A member of `group`: each partition is assigned to one live member at a time (best effort: fence what you write)."""

    async def trim(self) -> bool:
        """Remove a bounded number of records that are older than their topic's retention; True when more wait.

        Brokers do that by themselves and answer False. `keep_trimmed` calls it; it locks other writers out for some 20 ms at most.
        """

    async def close(self) -> None:
        """Let go of everything, consumers first."""


def open_bus(url: str, *, clock: Clock, executor: Executor, randomness: Randomness, connect: Connect | None = None) -> Bus:
    """The bus at `url`; nothing is opened before the first call.

    `sqlite:///bus.db` is relative to the working folder, `sqlite:////var/lib/bus.db` absolute; the folder must be there. Give the
    executor two threads, so that readers don't wait for writers.

    `kafka://[user[:password]@]host:9092[,host2:9092]` takes the options `tls=true` (with `ca_file`, `cert_file`, `key_file`),
    `mechanism=PLAIN|SCRAM-SHA-256|SCRAM-SHA-512`, `password_file` (files are read again when brokers turn us away), `replication=3` (of
    the topics that `ensure` makes; min.insync.replicas is one less) and `prefix=abc.` (stands before all names of topics and groups on the
    brokers, so that several installations share them). One thread will do.

    `connect` takes the place of the path: a simulation opens `file:/name?vfs=memdb` in autocommit mode, keeps one connection of its own
    as the disk that survives, and crashes a process by closing the connections that it handed out: what wasn't committed is gone.

    Raises:
        ValueError: says which URLs there are.
    """
    scheme, _, place = url.partition("://")
    if scheme == "kafka":
        from quietzone_kit.bus._kafka import KafkaBus  # noqa: PLC0415 - a process loads only the adapter that it uses

        return KafkaBus(url, clock=clock, executor=executor)
    if scheme != "sqlite":
        raise ValueError(wrong_scheme(url, "kafka://host:9092 or sqlite:///path"))
    if not place.strip("/").strip() or not place.startswith("/"):
        raise ValueError(f"{url!r} has no path; use sqlite:///relative/path.db or sqlite:////absolute/path.db")
    from quietzone_kit.bus._sqlite import SqliteBus  # noqa: PLC0415 - a process loads only the adapter that it uses

    return SqliteBus(place[1:], connect, clock=clock, executor=executor, randomness=randomness)


async def keep_trimmed(bus: Bus, *, every_s: float = 60.0) -> NoReturn:
    """Keep the log within its topics' retention, until cancelled; one process of a machine does it, more do no harm."""
    while True:
        more = False
        with contextlib.suppress(BusUnavailable):  # what is too old now will be too old in a minute
            more = await bus.trim()
        await asyncio.sleep(0.05 if more else every_s)  # between steps, publishers go first


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: CRC-32 of its UTF-8 bytes modulo their number, the same on every adapter and in every release."""
    return zlib.crc32(key.encode()) % partitions
