"""Events: put on a bus, tried on a pattern."""

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.json_text import ObjectOrText, as_text
from quietzone_gateway.rest.named import SAME_AGAIN, NamedRoute
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, CallerNow, RequestName, Services
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, moment_ms
from quietzone_gateway.rpc.notification import Alternative, Entry, PathMatch, PutResult, Tried

MAX_ENTRIES = 10
MAX_RESOURCES = 100

ENTRY: dict[str, JsonValue] = {"source": "shop.till", "detail_type": "Order Paid", "detail": {"order": "o-17", "total": 18.5}}
PUT: dict[str, JsonValue] = {"failed_entry_count": 0, "entries": [{"event_id": CODE_ID, "error_code": None, "error_message": None}]}
PATTERN: dict[str, JsonValue] = {"source": ["shop.till"], "detail": {"total": [{"numeric": [">", 10]}]}}
TRIAL: dict[str, JsonValue] = {"pattern": PATTERN, "event": {"source": "shop.till", "detail": {"total": 18.5}}}
TRIED: dict[str, JsonValue] = {
    "matches": True,
    "explanation": 'matches\n  yes detail.total: looked for {"numeric": [">", 10]}; found 18.5\n  yes source: looked for "shop.till"; '
    'found "shop.till"',
    "alternatives": [
        {
            "matched": True,
            "apart": False,
            "paths": [
                {"path": "detail.total", "wanted": ['{"numeric": [">", 10]}'], "found": ["18.5"], "more": 0, "matched": True},
                {"path": "source", "wanted": ['"shop.till"'], "found": ['"shop.till"'], "more": 0, "matched": True},
            ],
        }
    ],
}
"""Examples; tests hold them against the models."""


class EntryInput(Input):
    """An event that is to be put."""

    model_config = ConfigDict(json_schema_extra={"examples": [ENTRY]})

    source: Text = Field(description="Who tells it, 1 to 256 characters; not `quietzone.…`, which the house's own events have")
    detail_type: Text = Field(description="What kind of event it is, 1 to 128 characters")
    detail: ObjectOrText
    resources: list[Text] = Field([], description="What it is about", json_schema_extra={"maxItems": MAX_RESOURCES})
    bus: Text = Field("default", description="The bus that it comes to")
    time: Text | None = Field(None, description="When it happened: RFC 3339, or a day in UTC; null: now", max_length=64)
    id: Text | None = Field(None, description="Yours, 1 to 128 characters: entries with the same id are one event")


class EntriesInput(Input):
    """Events that are to be put, each on its own."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"entries": [ENTRY]}]})

    entries: list[EntryInput] = Field(description="Each of at most 256 KB, all of at most 1 MB", min_length=1, max_length=MAX_ENTRIES)


class PutResultView(BaseModel):
    """What became of an entry."""

    event_id: str | None = Field(description="Null when it wasn't taken")
    error_code: str | None = Field(
        description="`InvalidArgument`, `MalformedDetail`, `NotAuthorizedForSource`, `ResourceNotFound` (no such bus) or "
        "`ServiceUnavailable` (put it again, best with an id: it may have been taken)"
    )
    error_message: str | None = Field(description="The same for people")

    @classmethod
    def of(cls, result: PutResult) -> Self:
        """As it is shown."""
        return cls(event_id=result.event_id, error_code=result.error_code, error_message=result.error_message)


class PutView(BaseModel):
    """What became of all."""

    model_config = ConfigDict(json_schema_extra={"examples": [PUT]})

    failed_entry_count: int = Field(description="How many weren't taken: 200 doesn't say that all were")
    entries: list[PutResultView] = Field(description="In the order in which they came")


class TrialInput(Input):
    """A pattern, and an event to try it on."""

    model_config = ConfigDict(json_schema_extra={"examples": [TRIAL]})

    pattern: ObjectOrText
    event: ObjectOrText


class PathView(BaseModel):
    """A path that the pattern looks at."""

    path: str
    wanted: list[str] = Field(description="What is looked for there, each as JSON")
    found: list[str] = Field(description="What the event has there, each as JSON, the first ten, cut to 200 characters")
    more: int = Field(description="How many values there are besides")
    matched: bool = Field(description="Whether some of it fits")

    @classmethod
    def of(cls, path: PathMatch) -> Self:
        """As it is shown."""
        return cls(path=path.path, wanted=list(path.wanted), found=list(path.found), more=path.more, matched=path.matched)


class AlternativeView(BaseModel):
    """One way to match: `$or` makes several."""

    matched: bool
    apart: bool = Field(description="Each path fits, but only in different elements of an array")
    paths: list[PathView]

    @classmethod
    def of(cls, alternative: Alternative) -> Self:
        """As it is shown."""
        return cls(matched=alternative.matched, apart=alternative.apart, paths=list(map(PathView.of, alternative.paths)))


class TriedView(BaseModel):
    """Whether an event matches, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [TRIED]})

    matches: bool
    explanation: str = Field(description="For people: a line for each path")
    alternatives: list[AlternativeView] = Field(description="Up to the one that matched, ten at most")

    @classmethod
    def of(cls, tried: Tried) -> Self:
        """As it is shown."""
        alternatives = list(map(AlternativeView.of, tried.alternatives))
        return cls(matches=tried.matches, explanation=tried.explanation, alternatives=alternatives)


router = APIRouter(prefix="/v1/events", route_class=NamedRoute, dependencies=DESCRIBED_SECURITY, tags=["events"])


@router.post("", dependencies=[SAME_AGAIN], responses=problems(400, 401, 403, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def put_events(body: EntriesInput, parts: Services, caller: CallerNow, name: RequestName) -> PutView:
    """Put events on buses. Each is taken or not on its own: look at `failed_entry_count`. With an Idempotency-Key the same request again
    puts what wasn't taken, and nothing twice.
    """
    results = await parts.notification.events.put(caller, entries_of(body, name))
    return PutView(failed_entry_count=sum(each.event_id is None for each in results), entries=list(map(PutResultView.of, results)))


@router.post("/test-pattern", responses=problems(400, 401, 403, 413, 415), openapi_extra=scoped(CODES_READ))
async def test_pattern(body: TrialInput, parts: Services, caller: CallerNow) -> TriedView:
    """Whether an event matches a pattern, and why. The event needn't have anything that isn't looked at."""
    pattern, event = as_text(body.pattern, "pattern"), as_text(body.event, "event")
    return TriedView.of(await parts.notification.events.try_pattern(caller, pattern, event))


def entries_of(body: EntriesInput, name: str | None) -> list[Entry]:
    """The entries as the service takes them; what names the request names those that have no id of their own.

    Raises:
        InvalidInput: a time is none, or a detail can't be passed on.
    """
    return [_entry(each, at, each.id if each.id is not None or name is None else f"{name}-{at}") for at, each in enumerate(body.entries)]


def _entry(given: EntryInput, at: int, entry_id: str | None) -> Entry:
    return Entry(
        given.source,
        given.detail_type,
        as_text(given.detail, f"entries.{at}.detail"),
        tuple(given.resources),
        given.bus,
        moment_ms(f"entries.{at}.time", given.time),
        entry_id,
    )
