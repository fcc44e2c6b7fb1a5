"""Where one event is: in a spool, on the bus, in what was made from it."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from quietzone.tracking.v1 import scan_pb2
from quietzone_analytics.projection import ScanStates
from quietzone_analytics.rollups import CodeKey, Rollups
from quietzone_kit.bus import Bus, Record, partition_of
from quietzone_kit.events import event_of
from quietzone_kit.files import posix_files
from quietzone_kit.ids import birth_ms
from quietzone_kit.outbox import waiting
from quietzone_qr.codes.repository import CODES
from quietzone_standalone.operations.search import searching
from quietzone_standalone.operations.stores import Stores
from quietzone_topics import (
    ANALYTICS_MILESTONE_V1,
    QR_CODE_V1,
    TRACKING_SCAN_V1,
    TYPE_TRACKING_SCANS,
    TYPE_TRACKING_SCANS_LOST,
)
from quietzone_tracking.forwarder import progress
from quietzone_tracking.links import LinkStore

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
_SCAN = re.compile(rf"({_UUID}):([1-9]\d*)")
_CHANGE = re.compile(rf"({_UUID})\.([1-9]\d*)")
_MILESTONE = re.compile(rf"milestone:({_UUID}):([1-9]\d*)")

STORE_WITHIN_S = 5.0


class UnknownEvent(ValueError):
    """No id of ours: says how they look."""


@dataclass(frozen=True, slots=True)
class Step:
    """One place on an event's way; `reached` is False while it isn't there."""

    place: str
    reached: bool
    said: str


async def follow_event(stores: Stores, event_id: str) -> list[Step]:
    """The event's way as far as it can be seen now; reads the bus from the birth of what the id names, and writes nothing.

    Raises:
        UnknownEvent: the id is none of ours.
        BusError, DocumentsError: the bus or a store doesn't answer.
    """
    if match := _SCAN.fullmatch(event_id):
        return [step async for step in _scan(stores, match[1], int(match[2]))]
    if match := _CHANGE.fullmatch(event_id):
        return [step async for step in _change(stores, match[1], int(match[2]))]
    if match := _MILESTONE.fullmatch(event_id):
        found = await _by_id(stores.bus, ANALYTICS_MILESTONE_V1.name, match[1], event_id)
        return [_on_the_bus(found, ANALYTICS_MILESTONE_V1.name)]
    raise UnknownEvent(
        f"{event_id!r} is no event's id: a scan is <source>:<number>, a change of a code <code id>.<revision>, a milestone "
        "milestone:<code id>:<threshold>"
    )


async def _scan(stores: Stores, source_id: str, seq: int) -> AsyncIterator[Step]:
    if stores.spool is not None:
        yield _spooled(stores.spool, source_id, seq, await stores.bus.partitions(TRACKING_SCAN_V1.name))
    found = await _batch_with(stores.bus, source_id, seq)
    if found is None:
        yield Step("bus", reached=False, said=f"no batch in {TRACKING_SCAN_V1.name} holds it, nor was it given up")
        return
    record, code = found
    yield _on_the_bus(record, TRACKING_SCAN_V1.name)
    if code is None:
        lost = scan_pb2.ScansLost.FromString(record.value)
        yield Step("count", reached=False, said=f"given up with numbers {lost.from_seq} to {lost.to_seq}: {lost.reason}")
        return
    yield await _counted(stores, source_id, seq, record, code)


def _spooled(spool: Path, source_id: str, seq: int, partitions: int) -> Step:
    next_seq = progress.load(posix_files(spool), source_id, partitions).position.next_seq
    if next_seq > seq:
        return Step("spool", reached=True, said=f"forwarded: the bus has acknowledged all before number {next_seq}")
    return Step("spool", reached=False, said=f"the forwarder of this machine has come to number {next_seq} of its source")


async def _batch_with(bus: Bus, source_id: str, seq: int) -> tuple[Record, scan_pb2.CodeRef | None] | None:
    """The record that holds a scan, with the scan's code; with None when the record gives the number up."""
    async with searching(bus, TRACKING_SCAN_V1.name) as search:
        for partition in range(await bus.partitions(TRACKING_SCAN_V1.name)):
            async for record in search.since(partition, birth_ms(source_id)):
                if record.key == source_id and (told := _tells_of(record, seq)):
                    return record, told[0]
    return None


def _tells_of(record: Record, seq: int) -> tuple[scan_pb2.CodeRef | None] | None:
    kind = event_of(record).type
    if kind == TYPE_TRACKING_SCANS:
        batch = scan_pb2.ScanBatch.FromString(record.value)
        codes = [batch.codes[scan.code] for scan in batch.scans if scan.seq == seq]
        return (codes[0],) if codes else None
    if kind == TYPE_TRACKING_SCANS_LOST:
        lost = scan_pb2.ScansLost.FromString(record.value)
        return (None,) if lost.from_seq <= seq <= lost.to_seq else None
    return None


async def _counted(stores: Stores, source_id: str, seq: int, record: Record, code: scan_pb2.CodeRef) -> Step:
    states = {one.state.partition: one.state for one in await ScanStates(stores.analytics).all()}
    state = states.get(record.partition)
    known = state.sources.get(source_id) if state is not None else None
    if state is None or state.next_offset <= record.offset:
        at = state.next_offset if state is not None else 0
        return Step("count", reached=False, said=f"waits: analytics has read partition {record.partition} to offset {at}")
    if known is not None and known.last_seq < seq:
        return Step("count", reached=False, said=f"passed over: scans of its source after number {known.last_seq} are missing")
    total = await Rollups(stores.analytics).total(CodeKey(code.account_id, code.code_id))
    scans = total.rollup.scans if total is not None else 0
    return Step("count", reached=True, said=f"in the total of code {code.code_id} of account {code.account_id}, which has {scans} scans")


async def _change(stores: Stores, code_id: str, revision: int) -> AsyncIterator[Step]:
    event_id = f"{code_id}.{revision}"
    stored = await stores.qr.get(CODES, code_id)
    if stored is None:
        yield Step("code", reached=False, said="there is no such code")
        return
    now = stored.body["revision"]
    waits = any(outgoing.event.id == event_id for outgoing in waiting(stored.body))
    if not isinstance(now, int) or now < revision:
        yield Step("code", reached=False, said=f"its revision is {now!r}: there was no such change")
        return
    yield Step("code", reached=True, said=f"its revision is {now}; the event {'waits in the outbox' if waits else 'was published'}")
    found = await _by_id(stores.bus, QR_CODE_V1.name, code_id, event_id)
    yield _on_the_bus(found, QR_CODE_V1.name)
    link = await LinkStore(stores.tracking).get(str(stored.body["slug"]), within_s=STORE_WITHIN_S)
    if link is None:
        yield Step("link", reached=False, said="tracking knows no such link yet")
    else:
        yield Step("link", reached=link.revision >= revision, said=f"tracking has revision {link.revision} of it")


async def _by_id(bus: Bus, topic: str, key: str, event_id: str) -> Record | None:
    async with searching(bus, topic) as search:
        partition = partition_of(key, await bus.partitions(topic))
        async for record in search.since(partition, birth_ms(key)):
            if record.key == key and event_of(record).id == event_id:
                return record
    return None


def _on_the_bus(record: Record | None, topic: str) -> Step:
    if record is None:
        return Step("bus", reached=False, said=f"not in {topic}: not published yet, or older than the topic keeps")
    return Step("bus", reached=True, said=f"{topic}, partition {record.partition}, offset {record.offset}, event {event_of(record).id}")
