"""`verify`: whether a release can work with what is there, asked before it takes over. Everything is read, nothing is written.

A part's role `verify` makes its checks one after the other, each with a line that says what was seen::

    checks = Checks(say)
    await checks.see("store", partial(store_is_ready, documents, COLLECTIONS, MIGRATIONS))
    await checks.see("codes", partial(documents_are_readable, documents, CODES, code_of))
    await checks.see("bus", partial(topics_are_there, bus, TOPICS))
    await checks.see("events of qr.code.v1", partial(last_events, bus, QR_CODE_V1, link_of_record))
    checks.end()
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from quietzone_kit.bus import Bounds, Bus, BusError, Record, Topic
from quietzone_kit.documents import Collection, Documents, DocumentsError, Stored
from quietzone_kit.documents.migrations import Migration, declare, missing
from quietzone_kit.errors import QuietzoneError
from quietzone_kit.lifecycle import NotDone

EVENTS = 1000
"""The newest of a topic that are decoded: what the release before writes is among them, and it takes a second."""

DOCUMENTS = 1000
"""Of a collection, decoded: some MB."""

WITHIN_S = 60.0
"""For one check: a log on a slow line gives 1,000 events of 1 MB in that time."""

POLL_S = 0.5
"""For one poll of the log, which answers at once when something is there."""

EXPLAINED = (BusError, DocumentsError, QuietzoneError, NotDone)
"""Errors whose words say it all."""


class Undecodable(Exception):
    """A record, or a document, that this release can't read: says which, and why."""


class Checks:
    """Makes checks and says what each has seen; `end` says whether all is well."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._made = 0
        self._failed: list[str] = []

    async def see(self, name: str, look: Callable[[], Awaitable[str]]) -> bool:
        """Whether all is well with `name`: `look` says in a few words what it has seen, or raises why it isn't."""
        self._made += 1
        try:
            async with asyncio.timeout(WITHIN_S):
                said = await look()
        except Exception as error:  # noqa: BLE001 - `end` raises, when the other checks are made too
            self._failed.append(name)
            self._say(f"FAILED  {name}: {_reason(error)}")
            return False
        self._say(f"ok      {name}: {said}")
        return True

    def end(self) -> None:
        """See that no check has failed.

        Raises:
            NotDone: some have, with their names.
        """
        if self._failed:
            raise NotDone(f"{len(self._failed)} of {self._made} checks failed: {', '.join(self._failed)}")


async def store_is_ready(documents: Documents, collections: Sequence[Collection], migrations: Sequence[Migration]) -> str:
    """See that nothing is left to migrate, and that no newer release has contracted the store.

    Raises:
        NotDone: says what `migrate` has to do first.
        DocumentsError: the store doesn't answer, or isn't for this release.
    """
    if lacking := await missing(documents, collections, migrations):
        raise NotDone(f"the store lacks {', '.join(lacking)}: run the role `migrate` first")
    await declare(documents, collections, migrations)  # as all is there, this writes nothing
    return f"answers, and has all {len(collections)} collections and {len(migrations)} migrations"


async def documents_are_readable(documents: Documents, collection: Collection, read: Callable[[Stored], object]) -> str:
    """Decode the first 1,000 documents of a collection that was declared.

    Raises:
        Undecodable: one can't be read.
    """
    page = await documents.scan(collection, limit=DOCUMENTS)
    for stored in page.items:
        try:
            read(stored)
        except Exception as error:
            raise Undecodable(f"document {stored.body.get(collection.key)!r} of {collection.name}: {_reason(error)}") from error
    return f"{len(page.items):,} {'and more' if page.cursor else 'documents'} can be read"


async def topics_are_there(bus: Bus, topics: Sequence[Topic]) -> str:
    """See that topics have the partitions that they are declared with.

    Raises:
        NotDone: one has others.
        BusError: one isn't there, or the bus doesn't answer.
    """
    for topic in topics:
        found = await bus.partitions(topic.name)
        if found != topic.partitions:
            raise NotDone(f"{topic.name} has {found} partitions, not {topic.partitions}: it can't be used, nor repaired")
    return f"answers, and has {', '.join(topic.name for topic in topics)}"


async def last_events(bus: Bus, topic: Topic, read: Callable[[Record], object]) -> str:
    """Decode the last 1,000 records of a topic, evenly of all partitions; None from `read` says that this release doesn't know the type.

    Raises:
        Undecodable: one can't be read: topic, partition, offset and why.
        BusError: the topic isn't there, or the bus doesn't answer.
    """
    held = [await bus.bounds(topic.name, partition) for partition in range(await bus.partitions(topic.name))]
    at = _starts(held)
    decoded, unknown = 0, 0
    consumer = await bus.follow(topic.name)
    try:
        while any(offset < held[partition].next for partition, offset in at.items()):
            polled = await consumer.poll(max_records=EVENTS, wait_s=POLL_S)
            for partition in polled.assigned & at.keys():
                consumer.seek(partition, at[partition])
            for partition, records in polled.records.items():
                for record in records:
                    unknown += _decoded(record, read) is None
                decoded += len(records)
                at[partition] = records[-1].offset + 1
    finally:
        await consumer.close()
    return f"the last {decoded:,} can be read" + (f", {unknown:,} of them of types that this release passes over" if unknown else "")


def _decoded(record: Record, read: Callable[[Record], object]) -> object:
    try:
        return read(record)
    except Exception as error:
        raise Undecodable(f"{record.topic} partition {record.partition} offset {record.offset}: {_reason(error)}") from error


def _starts(held: Sequence[Bounds]) -> dict[int, int]:
    """Where to begin in each partition that has records; what a short one leaves is for the longer ones."""
    left, starts = EVENTS, {}
    sizes = sorted((bounds.next - bounds.first, partition) for partition, bounds in enumerate(held))
    for before, (size, partition) in enumerate(sizes):
        taken = min(size, left // (len(sizes) - before))
        left -= taken
        if taken:
            starts[partition] = held[partition].next - taken
    return starts


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {WITHIN_S:g} s"
    return str(error) if isinstance(error, (*EXPLAINED, Undecodable, ValueError)) else f"{type(error).__name__}: {error}"
