"""Events of your own, and patterns tried on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from quietzone_client._inputs import When, written
from quietzone_client._models import Json
from quietzone_client._requests import KEY, Call, Request, as_json, dumped

JSON = {"content-type": "application/json"}

JsonObject = Mapping[str, Any] | str
"""A JSON object; or a text that holds one, which goes letter by letter, with every digit and repeated key."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event to put.

    Attributes:
        source: Who tells it, such as `shop.till`; sources that begin with `quietzone.` are the house's own.
        detail_type: What kind of event it is.
        detail: What it tells.
        resources: What it is about.
        bus: Where it comes to.
        time: When it happened; None: now.
        id: Yours: entries with the same id are one event, however often they are put.
    """

    source: str
    detail_type: str
    detail: JsonObject
    resources: Sequence[str] = ()
    bus: str = "default"
    time: When | None = None
    id: str | None = None

    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        body = {"source": self.source, "detail_type": self.detail_type, "detail": as_taken(self.detail), "bus": self.bus}
        optional = {"time": None if self.time is None else written(self.time), "id": self.id}
        return body | {"resources": list(self.resources)} | {name: value for name, value in optional.items() if value is not None}


@dataclass(frozen=True, slots=True)
class PutResult:
    """What became of an entry: the id of its event, or why it wasn't taken.

    `error_code` is `InvalidArgument`, `MalformedDetail`, `NotAuthorizedForSource`, `ResourceNotFound` (no such bus) or
    `ServiceUnavailable`: then put it again, best with an id, since it may have been taken.
    """

    event_id: str | None
    error_code: str | None
    error_message: str | None

    @property
    def ok(self) -> bool:
        """Whether it was taken."""
        return self.event_id is not None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(event_id=item["event_id"], error_code=item["error_code"], error_message=item["error_message"])


@dataclass(frozen=True, slots=True)
class PathMatch:
    """A path that a pattern looks at: what is looked for there and what was found, each as JSON, and how many values there are besides."""

    path: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    more: int
    matched: bool

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(path=item["path"], wanted=tuple(item["wanted"]), found=tuple(item["found"]), more=item["more"], matched=item["matched"])


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to match: `$or` makes several. `apart`: each path fits, but only in different elements of an array."""

    matched: bool
    apart: bool
    paths: tuple[PathMatch, ...]

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(matched=item["matched"], apart=item["apart"], paths=tuple(map(PathMatch.of, item["paths"])))


@dataclass(frozen=True, slots=True)
class Tried:
    """Whether an event matches a pattern; `explanation` says why, a line for each path."""

    matches: bool
    explanation: str
    alternatives: tuple[Alternative, ...]

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(matches=item["matches"], explanation=item["explanation"], alternatives=tuple(map(Alternative.of, item["alternatives"])))


def put_events(entries: Sequence[Entry], *, idempotency_key: str | None) -> Call[tuple[PutResult, ...]]:
    """Put events; a result for each."""

    def read(item: Json) -> tuple[PutResult, ...]:
        results = tuple(map(PutResult.of, item["entries"]))
        if len(results) != len(entries):
            raise ValueError(f"{len(results)} results of {len(entries)} entries")
        return results

    headers = JSON | ({} if idempotency_key is None else {KEY: idempotency_key})
    request = Request("POST", "/v1/events", headers=headers, content=dumped({"entries": [entry.body() for entry in entries]}))
    return Call(request, as_json(read))


def try_pattern(pattern: JsonObject, event: JsonObject) -> Call[Tried]:
    """Try a pattern on an event; changes nothing."""
    body = dumped({"pattern": as_taken(pattern), "event": as_taken(event)})
    request = Request("POST", "/v1/events/test-pattern", headers=JSON, content=body, takes_name=False, is_idempotent=True)
    return Call(request, as_json(Tried.of))


def as_taken(given: JsonObject) -> dict[str, Any] | str:
    """An object or its text as the API takes it."""
    return given if isinstance(given, str) else dict(given)
