"""Events in: records of topics as what watchers are told."""

from collections.abc import Container, Iterator
from typing import Protocol

from quietzone.analytics.v1 import analytics_pb2, exports_pb2
from quietzone.qr.v1 import code_pb2, health_pb2
from quietzone.tasks.v1 import tasks_pb2
from quietzone.tracking.v1 import scan_pb2
from quietzone_gateway.live.domain import CODE_KINDS, CODES_READ, EXPORTS_READ, Event, Fields, Kind
from quietzone_gateway.live.ring import Entry
from quietzone_gateway.rest.code_shapes import CodeView
from quietzone_gateway.rpc import code_of
from quietzone_kit.bus import Record, Topic
from quietzone_kit.words import Words
from quietzone_topics import (
    ANALYTICS_EXPORT_V1,
    ANALYTICS_MILESTONE_V1,
    NOTIFICATION_TASK_V1,
    QR_CODE_V1,
    QR_DESTINATION_V1,
    STORAGE_TASK_V1,
    TRACKING_SCAN_V1,
    TYPE_ANALYTICS_EXPORT,
    TYPE_ANALYTICS_MILESTONE,
    TYPE_NOTIFICATION_TASK,
    TYPE_QR_CODE,
    TYPE_QR_DESTINATION,
    TYPE_STORAGE_TASK,
    TYPE_TRACKING_SCANS,
)

_CHANGES = {
    code_pb2.CHANGE_KIND_CREATED: Kind.CODE_CREATED,
    code_pb2.CHANGE_KIND_CHANGED: Kind.CODE_UPDATED,
    code_pb2.CHANGE_KIND_DELETED: Kind.CODE_DELETED,
}

_TASK_STATES = Words(tasks_pb2.TaskState.items())
_EXPORT_STATES = Words(exports_pb2.ExportState.items())
_DESTINATIONS = Words(health_pb2.DestinationState.items())

EXPORT = "export-data"
"""The kind of task that an export is."""

MAX_TIME_MS = 253_402_300_800_000
"""The year 10000, after which dates have no ISO form."""


class Unreadable(ValueError):
    """A record that breaks its contract: says how."""


class Source(Protocol):
    """A topic that is watched. `number` stands in cursors, for ever; `many`: a record can hold several events."""

    topic: Topic
    type: str
    number: int
    kinds: frozenset[Kind]
    many: bool

    def accounts(self, value: bytes) -> tuple[str, ...]:
        """Whom a record is about.

        Raises:
            DecodeError: nobody knows.
        """

    def events(self, entry: Entry, accounts: Container[str]) -> Iterator[tuple[int, Event]]:
        """The record's events for these accounts, each with its place among all that the record holds.

        Raises:
            Unreadable, DecodeError: it isn't what it says to be.
        """


class CodeSource:
    """Changes of codes."""

    topic, type, number, many = QR_CODE_V1, TYPE_QR_CODE, 1, False
    kinds = CODE_KINDS

    def accounts(self, value: bytes) -> tuple[str, ...]:
        """The code's."""
        return (code_pb2.CodeEvent.FromString(value).after.account_id,)

    def events(self, entry: Entry, accounts: Container[str]) -> Iterator[tuple[int, Event]]:
        """One."""
        change = code_pb2.CodeEvent.FromString(entry.value)
        after = change.after
        entry.accounts = (after.account_id,)
        if after.account_id not in accounts:
            return
        kind = _CHANGES.get(change.kind)
        if kind is None:
            raise Unreadable(f"a change of kind {change.kind}, which this release doesn't know")
        then = _fields(change.before) if change.HasField("before") else None
        now = None if kind is Kind.CODE_DELETED else _fields(after)
        shown: dict[str, object] = {"code": then if now is None else now}
        if kind is Kind.CODE_UPDATED:
            shown["changed"] = list(change.changed)
        yield 0, Event(kind, entry.id, after.account_id, after.id, _time(after.updated_at_ms), shown, then, now)


class ScanSource:
    """Scans of people; those of bots and previews aren't in the totals either. A record is unpacked only for accounts that watch."""

    topic, type, number, many = TRACKING_SCAN_V1, TYPE_TRACKING_SCANS, 2, True
    kinds = frozenset({Kind.SCANNED})

    def accounts(self, value: bytes) -> tuple[str, ...]:
        """All whose codes are in the batch."""
        return tuple({code.account_id for code in scan_pb2.ScanBatch.FromString(value).codes})

    def events(self, entry: Entry, accounts: Container[str]) -> Iterator[tuple[int, Event]]:
        """One for each scan of a person; never an address, nor what stands for a visitor."""
        batch = scan_pb2.ScanBatch.FromString(entry.value)
        entry.accounts = tuple({code.account_id for code in batch.codes})
        codes = {at: code for at, code in enumerate(batch.codes) if code.account_id in accounts}
        if not codes:
            return
        traits = [_traits(one) for one in batch.traits]
        for at, scan in enumerate(batch.scans):
            code = codes.get(scan.code)
            if code is None:
                continue
            if scan.traits >= len(traits):
                raise Unreadable("a scan has traits that the batch doesn't name")
            fields = traits[scan.traits]
            if fields is not None:
                at_ms = _time(batch.base_time_ms + scan.time_offset_ms)
                yield at, Event(Kind.SCANNED, f"{batch.source_id}:{scan.seq}", code.account_id, code.code_id, at_ms, fields)


class MilestoneSource:
    """Totals that crossed a milestone."""

    topic, type, number, many = ANALYTICS_MILESTONE_V1, TYPE_ANALYTICS_MILESTONE, 3, False
    kinds = frozenset({Kind.MILESTONE})

    def accounts(self, value: bytes) -> tuple[str, ...]:
        """The code's."""
        return (analytics_pb2.MilestoneReached.FromString(value).account_id,)

    def events(self, entry: Entry, accounts: Container[str]) -> Iterator[tuple[int, Event]]:
        """One."""
        reached = analytics_pb2.MilestoneReached.FromString(entry.value)
        entry.accounts = (reached.account_id,)
        if reached.account_id in accounts:
            fields: Fields = {"threshold": reached.threshold}
            yield 0, Event(Kind.MILESTONE, entry.id, reached.account_id, reached.code_id, _time(reached.reached_at_ms), fields)


class DestinationSource:
    """Destinations that died or came back."""

    topic, type, number, many = QR_DESTINATION_V1, TYPE_QR_DESTINATION, 4, False
    kinds = frozenset({Kind.DESTINATION})

    def accounts(self, value: bytes) -> tuple[str, ...]:
        """The code's."""
        return (health_pb2.DestinationChanged.FromString(value).account_id,)

    def events(self, entry: Entry, accounts: Container[str]) -> Iterator[tuple[int, Event]]:
        """One."""
        change = health_pb2.DestinationChanged.FromString(entry.value)
        entry.accounts = (change.account_id,)
        if change.account_id in accounts:
            fields: Fields = {
                "destination": change.destination,
                "before": _state(change.before),
                "after": _state(change.after),
                "reason": change.reason,
                "failures": change.failures,
            }
            at_ms = _time(change.checked_at_ms or entry.time_ms)
            yield 0, Event(Kind.DESTINATION, entry.id, change.account_id, change.code_id, at_ms, fields)


class ExportSource:
    """Exports that come on."""

    topic, type, number, many = ANALYTICS_EXPORT_V1, TYPE_ANALYTICS_EXPORT, 5, False
    kinds = frozenset({Kind.TASK_PROGRESS})

    def accounts(self, value: bytes) -> tuple[str, ...]:
        """Who asked for it."""
        return (exports_pb2.ExportChanged.FromString(value).account_id,)

    def events(self, entry: Entry, accounts: Container[str]) -> Iterator[tuple[int, Event]]:
        """One."""
        changed = exports_pb2.ExportChanged.FromString(entry.value)
        entry.accounts = (changed.account_id,)
        if changed.account_id not in accounts:
            return
        export = changed.export
        task: Fields = {
            "id": export.export_id,
            "kind": EXPORT,
            "state": _EXPORT_STATES[export.state],
            "done": export.codes_done,
            "total": export.codes_total,
            "error": export.error or None,
        }
        code_id, at_ms = export.question.code_id, _time(changed.changed_at_ms)
        yield 0, _progress(entry, changed.account_id, code_id, at_ms, task, scope=EXPORTS_READ)


class TaskSource:
    """Tasks of a part that come on."""

    kinds = frozenset({Kind.TASK_PROGRESS})
    many = False

    def __init__(self, topic: Topic, event_type: str, number: int) -> None:
        self.topic = topic
        self.type = event_type
        self.number = number

    def accounts(self, value: bytes) -> tuple[str, ...]:
        """Whose it is."""
        return (tasks_pb2.TaskChanged.FromString(value).account_id,)

    def events(self, entry: Entry, accounts: Container[str]) -> Iterator[tuple[int, Event]]:
        """One."""
        changed = tasks_pb2.TaskChanged.FromString(entry.value)
        entry.accounts = (changed.account_id,)
        if changed.account_id not in accounts:
            return
        told = changed.task
        task: Fields = {
            "id": told.id,
            "kind": told.kind,
            "state": _TASK_STATES[told.state],
            "done": told.progress.done,
            "total": told.progress.total,
            "error": told.error or None,
        }
        yield 0, _progress(entry, changed.account_id, "", _time(changed.changed_at_ms), task, scope=CODES_READ)


def entry_of(record: Record, kind: str) -> Entry | None:
    """What is kept of a record; None when it is no event of type `kind`. Its headers are all that is looked at."""
    found = event_id = b""
    for name, value in record.headers:
        if name == "ce_type":
            found = value
        elif name == "ce_id":
            event_id = value
    if found != kind.encode():
        return None
    return Entry(record.offset, record.time_ms, event_id.decode("utf-8", "replace"), record.value)


def _progress(entry: Entry, account_id: str, code_id: str, at_ms: int, task: Fields, *, scope: str) -> Event:
    """That a task has come on; `scope` is what reading it asks for."""
    return Event(Kind.TASK_PROGRESS, entry.id, account_id, code_id, at_ms, {"task": task}, task_id=str(task["id"]), scope=scope)


def _fields(code: code_pb2.Code) -> Fields:
    try:
        return CodeView.of(code_of(code)).model_dump(mode="json")
    except KeyError as error:
        raise Unreadable(f"code {code.id!r:.80} is in a state that this release doesn't know") from error


def _traits(traits: scan_pb2.Traits) -> Fields | None:
    """What is told of a scan; None for those that aren't people's."""
    return {"country": traits.country, "device": traits.device} if traits.scan_class == scan_pb2.SCAN_CLASS_PERSON else None


def _state(state: int) -> str:
    return _DESTINATIONS[state]


def _time(at_ms: int) -> int:
    if not 0 <= at_ms < MAX_TIME_MS:
        raise Unreadable(f"a time of {at_ms} ms, which is before 1970 or after 9999")
    return at_ms


SOURCES: tuple[Source, ...] = (
    CodeSource(),
    ScanSource(),
    MilestoneSource(),
    DestinationSource(),
    ExportSource(),
    TaskSource(STORAGE_TASK_V1, TYPE_STORAGE_TASK, 6),
    TaskSource(NOTIFICATION_TASK_V1, TYPE_NOTIFICATION_TASK, 7),
)
"""All that can be watched."""
