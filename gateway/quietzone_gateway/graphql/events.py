"""Events: put on buses, tried on patterns."""

import strawberry

from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field, mutation
from quietzone_gateway.graphql.scalars import Count
from quietzone_gateway.rest.events import EntriesInput, TrialInput, entries_of
from quietzone_gateway.rest.json_text import as_text
from quietzone_gateway.rpc.notification import Alternative, PathMatch, PutResult, Tried


@strawberry.type(description="What became of an entry")
class PutEntry:
    """An entry."""

    event_id: strawberry.ID | None = strawberry.field(description="null when it wasn't taken")
    error_code: str | None = strawberry.field(description="As PutEvents of EventBridge has it, such as `MalformedDetail`")
    error_message: str | None = strawberry.field(description="The same for people")

    @classmethod
    def of(cls, result: PutResult) -> "PutEntry":
        """As it is shown."""
        event_id = None if result.event_id is None else strawberry.ID(result.event_id)
        return cls(event_id=event_id, error_code=result.error_code, error_message=result.error_message)


@strawberry.type(description="What became of all entries")
class PutEvents:
    """A request."""

    failed_entry_count: int = strawberry.field(description="How many weren't taken")
    entries: list[PutEntry] = strawberry.field(description="In the order in which they came")


@strawberry.type(description="A path that a pattern looks at")
class PatternPath:
    """A path."""

    path: str
    wanted: list[str] = strawberry.field(description="What is looked for there, each as JSON")
    found: list[str] = strawberry.field(description="What the event has there, each as JSON, the first ten, cut to 200 characters")
    more: Count = strawberry.field(description="How many values there are besides")
    matched: bool = strawberry.field(description="Whether some of it fits")

    @classmethod
    def of(cls, path: PathMatch) -> "PatternPath":
        """As it is shown."""
        return cls(path=path.path, wanted=list(path.wanted), found=list(path.found), more=Count(path.more), matched=path.matched)


@strawberry.type(description="One way to match: `$or` makes several")
class PatternAlternative:
    """An alternative."""

    matched: bool
    apart: bool = strawberry.field(description="Each path fits, but only in different elements of an array")
    paths: list[PatternPath]

    @classmethod
    def of(cls, alternative: Alternative) -> "PatternAlternative":
        """As it is shown."""
        return cls(matched=alternative.matched, apart=alternative.apart, paths=list(map(PatternPath.of, alternative.paths)))


@strawberry.type(description="Whether an event matches a pattern, and why")
class PatternTrial:
    """A trial."""

    matches: bool
    explanation: str = strawberry.field(description="For people: a line for each path")
    alternatives: list[PatternAlternative] = strawberry.field(description="Up to the one that matched, ten at most")

    @classmethod
    def of(cls, tried: Tried) -> "PatternTrial":
        """As it is shown."""
        alternatives = list(map(PatternAlternative.of, tried.alternatives))
        return cls(matches=tried.matches, explanation=tried.explanation, alternatives=alternatives)


@strawberry.input(description="An event that is to be put")
class EventEntry:
    """As `EntryInput` of REST, which checks it."""

    source: str = strawberry.field(description="Who tells it; not `quietzone.…`, which the house's own events have")
    detail_type: str
    detail: str = strawberry.field(description="A JSON object")
    resources: list[str] = strawberry.field(default_factory=list, description="What it is about")
    bus: str = "default"
    time: str | None = strawberry.field(default=None, description="When it happened: RFC 3339, or a day in UTC; null: now")
    id: str | None = strawberry.field(default=None, description="Yours: entries with the same id are one event")


@strawberry.type
class EventQueries:
    """Part of Query."""

    @field(description="Whether an event matches a pattern, and why; both are JSON")
    async def test_event_pattern(self, info: Info, pattern: str, event: str) -> PatternTrial | None:
        """As REST's."""
        given = checked(TrialInput, {"pattern": pattern, "event": event})
        with names_of_graphql():
            tried = await info.context.parts.notification.events.try_pattern(
                info.context.caller, as_text(given.pattern, "pattern"), as_text(given.event, "event")
            )
        return PatternTrial.of(tried)


@strawberry.type
class EventMutations:
    """Part of Mutation."""

    @mutation(description="Put up to ten events on buses, each on its own: look at `failedEntryCount`. REST's takes larger ones")
    async def put_events(self, info: Info, entries: list[EventEntry]) -> PutEvents | None:
        """As REST's."""
        context = info.context
        given = checked(EntriesInput, {"entries": [vars(entry) for entry in entries]})
        with names_of_graphql():
            named = entries_of(given, context.name_of(*info.path.as_list()))
            results = await context.parts.notification.events.put(context.caller, named)
        failed = sum(each.event_id is None for each in results)
        return PutEvents(failed_entry_count=failed, entries=list(map(PutEntry.of, results)))
