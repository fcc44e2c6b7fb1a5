"""What is asked of the API, as values; the server checks them, all at once and in its own words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

When = date | datetime | str
"""A day, which the zone asked for places in time; a time with its zone; or a text as the API takes it."""

SortBy = Literal["created_at", "updated_at", "slug", "title"]
SortOrder = Literal["asc", "desc"]
ImageFormat = Literal["png", "svg"]
Interval = Literal["quarter_hour", "hour", "day", "week", "month"]
ExportFormat = Literal["csv", "json", "parquet", "xlsx", "pdf"]


@dataclass(frozen=True, slots=True)
class CodeFilter:
    """Which codes: those that fit all that is given.

    What can go together is what an index serves, and the API says what that is: one of state, folder and tag, with a span of `created`;
    a span of `updated`; or a prefix. Spans are from `…_from` to before `…_before`; days are UTC days.
    """

    state: str | None = None
    folder: str | None = None
    tag: str | None = None
    slug_prefix: str | None = None
    title_prefix: str | None = None
    created_from: When | None = None
    created_before: When | None = None
    updated_from: When | None = None
    updated_before: When | None = None

    def query(self) -> dict[str, str]:
        """As the API is asked."""
        return {name: value if isinstance(value, str) else written(value) for name, value in given(self).items()}


@dataclass(frozen=True, slots=True)
class Listing:
    """Which codes are listed, in which order, and which fields of them; the order that fits the filter when none is given."""

    where: CodeFilter
    sort_by: SortBy | None
    sort_order: SortOrder | None
    fields: Sequence[str] | None

    def query(self) -> dict[str, str]:
        """As the API is asked."""
        order = {"sort_by": self.sort_by, "sort_order": self.sort_order}
        fields = None if self.fields is None else ",".join(self.fields)
        return self.where.query() | {name: value for name, value in (order | {"fields": fields}).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Create:
    """A code to create: a row of `bulk`. Without a slug one is drawn at random."""

    destination: str
    title: str = ""
    slug: str | None = None
    tags: Sequence[str] = ()
    folder: str = ""

    def row(self) -> dict[str, Any]:
        """As the API takes it."""
        return {"op": "create"} | self.body()

    def body(self) -> dict[str, Any]:
        """As a request of its own takes it."""
        return given(self)


@dataclass(frozen=True, slots=True)
class Update:
    """A code to change: a row of `bulk`. What is None stays; with a `revision` the change is refused unless the code has it."""

    id: str
    destination: str | None = None
    title: str | None = None
    state: str | None = None
    tags: Sequence[str] | None = None
    folder: str | None = None
    revision: int | None = None

    def row(self) -> dict[str, Any]:
        """As the API takes it."""
        return {"op": "update"} | given(self)

    def body(self) -> dict[str, Any]:
        """As a request of its own takes it."""
        return {name: value for name, value in given(self).items() if name not in ("id", "revision")}


@dataclass(frozen=True, slots=True)
class Delete:
    """A code to delete: a row of `bulk`."""

    id: str
    revision: int | None = None

    def row(self) -> dict[str, Any]:
        """As the API takes it."""
        return {"op": "delete"} | given(self)


Row = Create | Update | Delete


@dataclass(frozen=True, slots=True)
class Span:
    """Which scans are counted, in which steps. By default the 30 days that end now, day by day, in UTC.

    `end` as a day is counted whole, as a time it isn't.
    """

    start: When | None = None
    end: When | None = None
    interval: Interval = "day"
    zone: str = "UTC"

    def query(self) -> dict[str, str]:
        """As the API is asked."""
        times = {name: written(value) for name, value in (("from", self.start), ("to", self.end)) if value is not None}
        return times | {"interval": self.interval, "zone": self.zone}


def written(when: When) -> str:
    """A day or a time as the API reads it.

    Raises:
        ValueError: a time without its zone.
    """
    if isinstance(when, datetime) and when.tzinfo is None:
        raise ValueError(f"{when.isoformat()} has no time zone: use datetime(…, tzinfo=UTC), or a date")
    return when if isinstance(when, str) else when.isoformat()


def given(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that aren't None."""
    found: Mapping[str, Any] = asdict(value)
    return {name: content for name, content in found.items() if content is not None}
