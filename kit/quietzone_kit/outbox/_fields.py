"""Events in a document's body, as values."""

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import cast

from quietzone_kit.bus import MAX_VALUE_BYTES
from quietzone_kit.documents import Body, Index, Value
from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event

MAX_WAITING = 100
"""Events that may wait in one document; then changes are refused with Unavailable until the bus takes some."""

SHARDS = 16
"""Shards of documents that relays share out among themselves; one relay at a time works on a shard."""

OUTBOX_INDEX = Index("by_outbox", ("outbox_shard", "outbox_at"), sparse=True)
"""Every collection with an outbox declares this index."""

OUTBOX_FIELDS = ("outbox", "outbox_at", "outbox_shard")
"""What a repository leaves to the outbox."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event and the topic that it goes to."""

    topic: str
    event: Event


def shard_of(key: str) -> int:
    """The shard of a document: CRC-32 of its key's UTF-8 bytes modulo SHARDS."""
    return zlib.crc32(key.encode()) % SHARDS


def with_event(body: Body, key: str, outgoing: Outgoing) -> Body:
    """The body of the document `key` with one more event at the end of its outbox.

    Raises:
        Unavailable: MAX_WAITING events wait there already.
        ValueError: the event is larger than a bus takes, so that it would wait for ever.
    """
    queue = _queue(body)
    if len(queue) >= MAX_WAITING:
        raise Unavailable(
            f"{MAX_WAITING} events of {key} wait for the bus already: try again later (operators: is the bus up, a relay running?)"
        )
    if len(outgoing.event.data) > MAX_VALUE_BYTES:
        raise ValueError(f"the event has {len(outgoing.event.data):,} bytes, {MAX_VALUE_BYTES:,} are the most: make it smaller")
    return _with_queue(body, key, [*queue, _entry(outgoing)])


def keeping_outbox(before: Body, after: Body) -> Body:
    """`after` with the outbox of `before`, whatever outbox it had itself."""
    kept = {name: before[name] for name in OUTBOX_FIELDS if name in before}
    return without_outbox(after) | kept


def without_outbox(body: Body) -> dict[str, Value]:
    """What of a body is the service's own."""
    return {name: value for name, value in body.items() if name not in OUTBOX_FIELDS}


def waiting(body: Body) -> list[Outgoing]:
    """Events that wait in a document, oldest first."""
    return [_outgoing(entry) for entry in _queue(body)]


def without_events(body: Body, key: str, ids: Collection[str]) -> Body:
    """The body without the events that have these ids."""
    return _with_queue(body, key, [entry for entry in _queue(body) if entry["id"] not in ids])


def _with_queue(body: Body, key: str, queue: list[dict[str, Value]]) -> Body:
    rest = without_outbox(body)
    if not queue:
        return rest
    return rest | {"outbox": cast("list[Value]", queue), "outbox_at": queue[0]["time_ms"], "outbox_shard": shard_of(key)}


def _queue(body: Body) -> list[dict[str, Value]]:
    return cast("list[dict[str, Value]]", body.get("outbox", []))


def _entry(outgoing: Outgoing) -> dict[str, Value]:
    event = outgoing.event
    entry: dict[str, Value] = {
        "topic": outgoing.topic,
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time_ms": event.time_ms,
        "data": event.data,
    }
    if event.traceparent is not None:
        entry["traceparent"] = event.traceparent
    return entry


def _outgoing(entry: Mapping[str, Value]) -> Outgoing:
    texts = {name: cast("str", entry[name]) for name in ("id", "source", "type", "subject")}
    event = Event(
        **texts,
        time_ms=cast("int", entry["time_ms"]),
        data=cast("bytes", entry["data"]),
        traceparent=cast("str | None", entry.get("traceparent")),
    )
    return Outgoing(cast("str", entry["topic"]), event)
