"""What live updates tell, and how it is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from quietzone_client._models import Code, Json, OpenEnum, moment, unless_absent


class Kind(OpenEnum):
    """What can be watched; `REMOVED` comes by itself: a code that is there, and no longer what was asked for."""

    CODE_CREATED = "codeCreated"
    CODE_UPDATED = "codeUpdated"
    CODE_DELETED = "codeDeleted"
    SCANNED = "scanned"
    MILESTONE = "milestone"
    DESTINATION = "destination"
    TASK_PROGRESS = "taskProgress"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; the same `id` twice is the same event.

    Attributes:
        kind: What happened.
        id: Of the event.
        code_id: Of its code; empty when it is of no one code.
        at: When it happened.
        code: As it is now, when it was created or changed; as it was, when it was deleted.
        changed: The names of a code's fields that changed.
        fields: All that is told, such as `country` and `device` of a scan, and `threshold` of a milestone, and `task` of an export.
        cursor: Goes on after it.
        subscription: Of a `Live`, the one that it is for.
    """

    kind: Kind
    id: str
    code_id: str
    at: datetime | None
    code: Code | None
    changed: tuple[str, ...]
    fields: Json = field(repr=False)
    cursor: str
    subscription: str

    @classmethod
    def of(cls, item: Json, cursor: str, subscription: str) -> Self:
        """As the API tells it."""
        return cls(
            kind=Kind(item["kind"]),
            id=item.get("id", ""),
            code_id=item.get("code_id") or "",
            at=unless_absent(moment, item.get("at")),
            code=unless_absent(Code.of, item.get("code")),
            changed=tuple(item.get("changed", ())),
            fields=dict(item),
            cursor=cursor,
            subscription=subscription,
        )


@dataclass(frozen=True, slots=True)
class ScanCount:
    """Scans of one code that are told as a number."""

    code_id: str
    count: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """What came while this reader was too slow to be told one by one: scans by code, and each thing's changes taken together."""

    scans: tuple[ScanCount, ...]
    changes: tuple[Event, ...]
    cursor: str
    subscription: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Something was missed that can't be told any more: read again what you show; what follows is new."""

    reason: str
    cursor: str
    subscription: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What the server's operator has to say."""

    text: str


Happening = Event | Summary | Reset
Told = Happening | Notice


@dataclass(frozen=True, slots=True)
class Watch:
    """What is asked for: all that the caller may see unless `kinds` are given, of all codes and tasks unless some are.

    State, tag and folder are asked of codes; whatever leaves them is told as removed. `cursor` is where to go on.
    """

    kinds: Sequence[str] | None = None
    code_ids: Sequence[str] = ()
    task_ids: Sequence[str] = ()
    state: str | None = None
    tag: str | None = None
    folder: str | None = None
    cursor: str | None = None

    def query(self) -> Mapping[str, str]:
        """As a stream is asked for."""
        lists = {"kinds": ",".join(self.kinds or ()), "code_id": ",".join(self.code_ids), "task_id": ",".join(self.task_ids)}
        return {name: value for name, value in lists.items() if value} | self._where()

    def message(self, subscription: str, cursor: str | None) -> dict[str, Any]:
        """As a WebSocket is asked."""
        lists = {"code_ids": list(self.code_ids), "task_ids": list(self.task_ids)}
        asked: dict[str, Any] = {"id": subscription, **lists, "where": self._where()}
        more = {"kinds": None if self.kinds is None else list(self.kinds), "cursor": cursor}
        return asked | {name: value for name, value in more.items() if value is not None}

    def _where(self) -> dict[str, str]:
        given = {"state": self.state, "tag": self.tag, "folder": self.folder}
        return {name: value for name, value in given.items() if value is not None}


def told_of(item: Json, cursor: str, subscription: str = "") -> Happening:
    """What is told, by its kind; raises KeyError, TypeError or ValueError when it isn't the API's."""
    match item["kind"]:
        case "summary":
            return Summary(
                tuple(ScanCount(one["code_id"], one["count"], moment(one["from"]), moment(one["to"])) for one in item["scans"]),
                tuple(Event.of(change, cursor, subscription) for change in item["changes"]),
                cursor,
                subscription,
            )
        case "reset":
            return Reset(item["reason"], cursor, subscription)
        case _:
            return Event.of(item, cursor, subscription)
