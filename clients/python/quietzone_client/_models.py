"""What the API answers, as values. Fields that a newer server adds are passed over; those of a state keep values that aren't known yet."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")
Json = Mapping[str, Any]


class OpenEnum(StrEnum):
    """Known values by name; one that a newer server has is kept as it is, and equal to its text."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown


class CodeState(OpenEnum):
    """Whether scans of a code are redirected; only the server's operator blocks."""

    ACTIVE = "active"
    PAUSED = "paused"
    BLOCKED = "blocked"


class DestinationState(OpenEnum):
    """What is known of a destination."""

    UNKNOWN = "unknown"
    ALIVE = "alive"
    DEAD = "dead"


class ExportState(OpenEnum):
    """Where an export stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Code:
    """A code: what is printed (`short_url`), and where it leads now (`destination`). `revision` grows with each change."""

    id: str
    slug: str
    short_url: str
    destination: str
    title: str
    state: CodeState
    tags: tuple[str, ...]
    folder: str
    revision: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            id=item["id"],
            slug=item["slug"],
            short_url=item["short_url"],
            destination=item["destination"],
            title=item["title"],
            state=CodeState(item["state"]),
            tags=tuple(item.get("tags", ())),
            folder=item.get("folder", ""),
            revision=item["revision"],
            created_at=moment(item["created_at"]),
            updated_at=moment(item["updated_at"]),
        )


@dataclass(frozen=True, slots=True)
class CodePart:
    """The fields of a code that were asked for; others are None."""

    id: str
    slug: str | None = None
    short_url: str | None = None
    destination: str | None = None
    title: str | None = None
    state: CodeState | None = None
    tags: tuple[str, ...] | None = None
    folder: str | None = None
    revision: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            id=item["id"],
            slug=item.get("slug"),
            short_url=item.get("short_url"),
            destination=item.get("destination"),
            title=item.get("title"),
            state=unless_absent(CodeState, item.get("state")),
            tags=unless_absent(tuple, item.get("tags")),
            folder=item.get("folder"),
            revision=item.get("revision"),
            created_at=unless_absent(moment, item.get("created_at")),
            updated_at=unless_absent(moment, item.get("updated_at")),
        )


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. `total` is None where nothing counts what was asked for, `number` where a cursor led here."""

    items: tuple[T, ...]
    next_cursor: str | None
    total: int | None = None
    number: int | None = None
    total_pages: int | None = None
    has_prev: bool = False

    @property
    def has_next(self) -> bool:
        """Whether more follow."""
        return self.next_cursor is not None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def page_of(read: Callable[[Json], T], answer: Json) -> Page[T]:
    """A page whose items `read` reads; lists without meta have none."""
    meta = answer.get("meta") or {}
    return Page(
        items=tuple(read(item) for item in answer["items"]),
        next_cursor=answer["next_cursor"],
        total=meta.get("total"),
        number=meta.get("page"),
        total_pages=meta.get("total_pages"),
        has_prev=meta.get("has_prev", False),
    )


@dataclass(frozen=True, slots=True)
class Image:
    """A code's symbol as a file."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class DestinationHealth:
    """Whether a code's destination answered when it was last asked."""

    code_id: str
    destination: str
    state: DestinationState
    reason: str
    failures: int
    checked_at: datetime | None
    next_check_at: datetime | None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            code_id=item["code_id"],
            destination=item["destination"],
            state=DestinationState(item["state"]),
            reason=item["reason"],
            failures=item["failures"],
            checked_at=unless_absent(moment, item["checked_at"]),
            next_check_at=unless_absent(moment, item["next_check_at"]),
        )


@dataclass(frozen=True, slots=True)
class Point:
    """One interval of a series."""

    start: datetime
    scans: int


@dataclass(frozen=True, slots=True)
class Share:
    """The count of one value."""

    value: str
    scans: int


Shares = tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Analytics:
    """Scans of one code. Totals and series follow the span asked for, exactly; shares, bots, previews and visitors its UTC days.

    Shares come with most scans first; `others` has, by the name of the field, the scans whose value isn't listed. `unique_visitors` adds
    up each day's. `counted_until` is when the newest scan was sent that these numbers know.
    """

    code_id: str
    start: datetime
    end: datetime
    interval: str
    zone: str
    total_scans: int
    all_time_scans: int
    unique_visitors: int
    bot_scans: int
    preview_scans: int
    series: tuple[Point, ...]
    countries: Shares
    devices: Shares
    browsers: Shares
    operating_systems: Shares
    referrers: Shares
    languages: Shares
    others: Mapping[str, int]
    days_start: datetime
    days_end: datetime
    counted_until: datetime | None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            code_id=item["code_id"],
            start=moment(item["from"]),
            end=moment(item["to"]),
            interval=item["interval"],
            zone=item["zone"],
            total_scans=item["total_scans"],
            all_time_scans=item["all_time_scans"],
            unique_visitors=item["unique_visitors"],
            bot_scans=item["bot_scans"],
            preview_scans=item["preview_scans"],
            series=tuple(Point(moment(point["start"]), point["scans"]) for point in item["series"]),
            countries=_shares(item["countries"]),
            devices=_shares(item["devices"]),
            browsers=_shares(item["browsers"]),
            operating_systems=_shares(item["operating_systems"]),
            referrers=_shares(item["referrers"]),
            languages=_shares(item["languages"]),
            others=dict(item["others"]),
            days_start=moment(item["days_from"]),
            days_end=moment(item["days_to"]),
            counted_until=unless_absent(moment, item["counted_until"]),
        )


@dataclass(frozen=True, slots=True)
class Export:
    """Counts of one code, or of all when `code_id` is None, as a file that is made in the background.

    `rows`, `size` in bytes and `sha256` in hex are known once it is done; file and export are removed at `expires_at`.
    """

    id: str
    code_id: str | None
    start: datetime
    end: datetime
    interval: str
    zone: str
    format: str
    state: ExportState
    codes_done: int
    codes_total: int | None
    rows: int | None
    size: int | None
    sha256: str | None
    error: str | None
    created_at: datetime
    expires_at: datetime | None

    @property
    def has_ended(self) -> bool:
        """Whether it is done, or never will be."""
        return self.state in (ExportState.DONE, ExportState.DEAD, ExportState.CANCELLED)

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            id=item["id"],
            code_id=item["code_id"],
            start=moment(item["from"]),
            end=moment(item["to"]),
            interval=item["interval"],
            zone=item["zone"],
            format=item["format"],
            state=ExportState(item["state"]),
            codes_done=item["codes_done"],
            codes_total=item["codes_total"],
            rows=item["rows"],
            size=item["size"],
            sha256=item["sha256"],
            error=item["error"],
            created_at=moment(item["created_at"]),
            expires_at=unless_absent(moment, item["expires_at"]),
        )


@dataclass(frozen=True, slots=True)
class Source:
    """One run of one scan edge, in a reconciliation."""

    source_id: str
    accepted: int
    forwarded: int
    applied: int
    lost: int
    unrecorded: int
    closed: bool
    silent: bool
    reported_at: datetime

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            source_id=item["source_id"],
            accepted=item["accepted"],
            forwarded=item["forwarded"],
            applied=item["applied"],
            lost=item["lost"],
            unrecorded=item["unrecorded"],
            closed=item["closed"],
            silent=item["silent"],
            reported_at=moment(item["reported_at"]),
        )


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Scans of all accounts on their way; `problems` says in sentences what doesn't add up, and is empty when all is well."""

    accepted: int
    forwarded: int
    applied: int
    stored: int
    lost: int
    unrecorded: int
    sources: tuple[Source, ...]
    problems: tuple[str, ...]

    @property
    def settled(self) -> bool:
        """Whether nothing is under way."""
        return self.accepted == self.forwarded + self.lost and self.forwarded == self.stored

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            accepted=item["accepted"],
            forwarded=item["forwarded"],
            applied=item["applied"],
            stored=item["stored"],
            lost=item["lost"],
            unrecorded=item["unrecorded"],
            sources=tuple(map(Source.of, item["sources"])),
            problems=tuple(item["problems"]),
        )


def moment(text: str) -> datetime:
    """A time with its zone."""
    return datetime.fromisoformat(text)


def _shares(items: list[Json]) -> Shares:
    return tuple(Share(item["value"], item["scans"]) for item in items)


def unless_absent(read: Callable[[Any], T], value: Any) -> T | None:
    """What `read` reads, unless there is nothing to be read."""
    return None if value is None else read(value)
