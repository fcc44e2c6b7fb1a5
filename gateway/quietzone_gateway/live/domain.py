"""What can be watched: events, filters, and what a filter makes of an event. Pure.

A code has `Fields` before and after each change, by the names that the API shows. A filter asks for fields that are equal to a value; a
code whose change takes it out of the filter is told as removed, so that whoever keeps a list of what is active learns what no longer is.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from typing import TypeAlias

Fields: TypeAlias = Mapping[str, object]
"""What is told of a thing, as JSON has it."""

MAX_CODE_IDS = MAX_TASK_IDS = 100
"""Of one filter: more is a list, which tags and folders are for; each costs 100 bytes of every connection's memory."""


class Kind(StrEnum):
    """What can be subscribed to."""

    CODE_CREATED = "codeCreated"
    CODE_UPDATED = "codeUpdated"
    CODE_DELETED = "codeDeleted"
    SCANNED = "scanned"
    MILESTONE = "milestone"
    DESTINATION = "destination"
    TASK_PROGRESS = "taskProgress"


CODE_KINDS = frozenset({Kind.CODE_CREATED, Kind.CODE_UPDATED, Kind.CODE_DELETED})
"""Those that tell of a code's fields, so that a filter can ask for them."""

CODES_READ, ANALYTICS_READ, EXPORTS_READ = "codes:read", "analytics:read", "exports:read"

SCOPES: Mapping[Kind, tuple[str, ...]] = {
    Kind.CODE_CREATED: (CODES_READ,),
    Kind.CODE_UPDATED: (CODES_READ,),
    Kind.CODE_DELETED: (CODES_READ,),
    Kind.SCANNED: (ANALYTICS_READ,),
    Kind.MILESTONE: (ANALYTICS_READ,),
    Kind.DESTINATION: (CODES_READ,),
    Kind.TASK_PROGRESS: (CODES_READ, EXPORTS_READ),
}
"""Of what a watcher must hold one; of tasks, each event says which (`Event.scope`)."""

FILTERS: Mapping[str, str] = {"state": "state", "tag": "tags", "folder": "folder"}
"""What a filter can ask for, and the field of a code that it is held against; of a list, one item must be equal."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who watches. `subject` is the user or key, `session_id` the session that its token belongs to ("" for keys)."""

    account_id: str
    subject: str
    scopes: frozenset[str]
    session_id: str = ""
    expires_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in an account; the same `id` twice is the same event, brought again by the bus.

    `fields` is what is told beyond id, code and time; `before` and `after` are the code's fields around a change of it. What is of no one
    code has an empty `code_id`; `task_id` is empty but for a task, and so is `scope`: what must be held to
    hear of it.
    """

    kind: Kind
    id: str
    account_id: str
    code_id: str
    at_ms: int
    fields: Fields
    before: Fields | None = None
    after: Fields | None = None
    task_id: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Removed:
    """A code that is still there and no longer what the filter asks for; `id` is that of the event that made it so."""

    id: str
    code_id: str
    at_ms: int


Change: TypeAlias = Event | Removed


@dataclass(frozen=True, slots=True)
class ScanCount:
    """Scans of one code that were counted instead of told one by one."""

    count: int
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a reader who was too slow is told at once: scans by code, and each code's changes taken together."""

    scans: Mapping[str, ScanCount]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Reset:
    """Events were missed that can't be told any more: read again what you show, what follows is new."""

    reason: str


Told: TypeAlias = Change | Summary | Reset


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a subscriber gets: `text` is `told` as JSON, `cursor` what resumes after it."""

    told: Told
    text: str
    cursor: str


class Seen(Enum):
    """What a filter makes of an event."""

    NOT = "not"
    EVENT = "event"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for: kinds, codes and tasks (none: all), and `where`, pairs of a name in FILTERS and the value that it must have.

    `scopes` are held by whoever asks.
    """

    kinds: frozenset[Kind]
    code_ids: frozenset[str] = frozenset()
    where: tuple[tuple[str, str], ...] = field(default=())
    task_ids: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()

    def seen(self, event: Event) -> Seen:
        """What a subscriber with this filter is told of `event`, which is of its own account."""
        if event.kind not in self.kinds or (self.code_ids and event.code_id not in self.code_ids):
            return Seen.NOT
        if event.task_id and not self._has_task(event):
            return Seen.NOT
        if not self.where:
            return Seen.EVENT
        if event.kind is Kind.CODE_DELETED:
            return Seen.EVENT if self._holds(event.before) else Seen.NOT
        if self._holds(event.after):
            return Seen.EVENT
        return Seen.REMOVED if self._holds(event.before) else Seen.NOT

    def _has_task(self, event: Event) -> bool:
        return event.scope in self.scopes and (not self.task_ids or event.task_id in self.task_ids)

    def _holds(self, fields: Fields | None) -> bool:
        return fields is not None and all(_is(fields.get(FILTERS[name]), value) for name, value in self.where)


def _is(found: object, value: str) -> bool:
    return value in found if isinstance(found, (list, tuple, frozenset)) else found == value


def kinds_allowed(scopes: Collection[str]) -> frozenset[Kind]:
    """What a holder of `scopes` may watch."""
    return frozenset(kind for kind, one_of in SCOPES.items() if not frozenset(one_of).isdisjoint(scopes))


def missing_scopes(kinds: Collection[Kind], scopes: Collection[str]) -> Sequence[str]:
    """The scopes that watching `kinds` asks for and `scopes` hasn't, in order."""
    return sorted({SCOPES[kind][0] for kind in frozenset(kinds) - kinds_allowed(scopes)})


def told_of(event: Event, seen: Seen) -> Change:
    """The event, or the removal that it is to this subscriber."""
    return Removed(event.id, event.code_id, event.at_ms) if seen is Seen.REMOVED else event


def folded(first: Change, then: Change) -> Change:
    """Two changes of one thing as one: the later, but what was created and then changed is new to whoever has heard of neither."""
    if not (isinstance(first, Event) and isinstance(then, Event) and then.kind is Kind.CODE_UPDATED):
        return then
    if first.kind is Kind.CODE_CREATED:
        return replace(then, kind=Kind.CODE_CREATED, fields={name: value for name, value in then.fields.items() if name != "changed"})
    if first.kind is Kind.CODE_UPDATED:
        names = (*_changed(first), *_changed(then))
        return replace(then, fields={**then.fields, "changed": list(dict.fromkeys(names))})
    return then


def _changed(event: Event) -> Sequence[str]:
    names = event.fields.get("changed")
    return [str(name) for name in names] if isinstance(names, list) else []
