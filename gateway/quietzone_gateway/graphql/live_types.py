"""What can be subscribed to, and how it is told.

The source of a subscription is what it asks of the live hub, once; the hub's deliveries are then the events that are shown.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from enum import Enum
from typing import Annotated, TypeAlias

import strawberry

from quietzone_gateway.graphql.code_types import Code
from quietzone_gateway.graphql.errors import checked
from quietzone_gateway.graphql.fields import subscription
from quietzone_gateway.graphql.scalars import Count, DateTime
from quietzone_gateway.live.domain import Change, Delivery, Event, Kind, Removed, Reset, ScanCount, Summary
from quietzone_gateway.live.protocol import Wanted
from quietzone_gateway.rest.times import start_ms, zone_named
from quietzone_gateway.rpc import CodeState

Source: TypeAlias = AsyncGenerator[Wanted, None]

_UTC = zone_named("UTC")


@strawberry.enum(description="What happened to a code")
class ChangeKind(Enum):
    """Of a code."""

    CREATED = "codeCreated"
    UPDATED = "codeUpdated"
    DELETED = "codeDeleted"
    REMOVED = strawberry.enum_value("removed", description="It is still there, and no longer what the filter asks for")


@strawberry.input(description="Which codes: those that fit all that is given, before a change or after it")
class CodeWatch:
    """As `Wanted` of live updates, which checks it."""

    state: CodeState | None = None
    tag: str | None = None
    folder: str | None = None
    code_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="At most 100")


After = Annotated[str | None, strawberry.argument(description="The `cursor` that was told last: what was missed since comes first")]
CodeIds = Annotated[list[strawberry.ID] | None, strawberry.argument(description="Only of these codes, at most 100; by default of all")]
TaskIds = Annotated[list[strawberry.ID] | None, strawberry.argument(description="Only of these tasks, at most 100; by default of all")]
Which = Annotated[CodeWatch | None, strawberry.argument(description="By default all codes")]

RESET = "Not null: events were missed that can't be told any more (why); read again what you show, what follows is new"
CURSOR = "Give it back as `after` to go on from here, at any replica"


@strawberry.type(description="A change of a code")
class CodeEvent:
    """An event."""

    id: strawberry.ID = strawberry.field(description="The same when it is told again")
    kind: ChangeKind
    code_id: strawberry.ID
    at: DateTime
    code: Code | None = strawberry.field(description="As it is now, or was when it was deleted; null when it was removed from the filter")
    changed: list[str] = strawberry.field(description="Which fields an update changed")

    @classmethod
    def of(cls, change: Change) -> "CodeEvent":
        """The change as it is shown."""
        fields: Mapping[str, object] = change.fields if isinstance(change, Event) else {}
        code, changed = fields.get("code"), fields.get("changed")
        return cls(
            id=strawberry.ID(change.id),
            kind=ChangeKind(change.kind.value if isinstance(change, Event) else "removed"),
            code_id=strawberry.ID(change.code_id),
            at=DateTime(change.at_ms),
            code=_code(code) if isinstance(code, Mapping) else None,
            changed=[str(name) for name in changed] if isinstance(changed, list) else [],
        )


@strawberry.type(description="What happened to codes")
class CodeNews:
    """A delivery."""

    cursor: str = strawberry.field(description=CURSOR)
    reset: str | None = strawberry.field(description=RESET)
    events: list[CodeEvent] = strawberry.field(description="One; several when you are slow: then each code's changes are taken together")

    @classmethod
    def of(cls, delivery: Delivery) -> "CodeNews":
        """The delivery as it is shown."""
        return cls(cursor=delivery.cursor, reset=_reset(delivery), events=list(map(CodeEvent.of, _changes(delivery))))


@strawberry.type(description="A scan by a person")
class Scan:
    """An event."""

    id: strawberry.ID
    code_id: strawberry.ID
    at: DateTime
    country: str = strawberry.field(description="ISO 3166-1; empty when it isn't known")
    device: str

    @classmethod
    def of(cls, event: Event) -> "Scan":
        """The scan as it is shown."""
        return cls(
            id=strawberry.ID(event.id),
            code_id=strawberry.ID(event.code_id),
            at=DateTime(event.at_ms),
            country=str(event.fields.get("country", "")),
            device=str(event.fields.get("device", "")),
        )


@strawberry.type(name="ScanCount", description="Scans of one code that are counted instead of told one by one")
class ScanCountView:
    """A count."""

    code_id: strawberry.ID
    scans: Count
    first_at: DateTime
    last_at: DateTime

    @classmethod
    def of(cls, code_id: str, count: ScanCount) -> "ScanCountView":
        """The count as it is shown."""
        return cls(
            code_id=strawberry.ID(code_id), scans=Count(count.count), first_at=DateTime(count.from_ms), last_at=DateTime(count.to_ms)
        )


@strawberry.type(description="What was scanned")
class ScanNews:
    """A delivery."""

    cursor: str = strawberry.field(description=CURSOR)
    reset: str | None = strawberry.field(description=RESET)
    scans: list[Scan] = strawberry.field(description="One, unless there are counts")
    counts: list[ScanCountView] = strawberry.field(description="Scans by code, when you are too slow to be told of each")

    @classmethod
    def of(cls, delivery: Delivery) -> "ScanNews":
        """The delivery as it is shown."""
        told = delivery.told
        counts = told.scans if isinstance(told, Summary) else {}
        return cls(
            cursor=delivery.cursor,
            reset=_reset(delivery),
            scans=[Scan.of(change) for change in _changes(delivery) if isinstance(change, Event)],
            counts=[ScanCountView.of(code_id, count) for code_id, count in counts.items()],
        )


@strawberry.type(description="A code was scanned 10 times, or another hundred times")
class Milestone:
    """An event."""

    id: strawberry.ID
    code_id: strawberry.ID
    at: DateTime
    threshold: Count

    @classmethod
    def of(cls, event: Event) -> "Milestone":
        """The milestone as it is shown."""
        threshold = event.fields.get("threshold")
        return cls(
            id=strawberry.ID(event.id),
            code_id=strawberry.ID(event.code_id),
            at=DateTime(event.at_ms),
            threshold=Count(threshold if isinstance(threshold, int) else 0),
        )


@strawberry.type(description="Which milestones were reached")
class MilestoneNews:
    """A delivery."""

    cursor: str = strawberry.field(description=CURSOR)
    reset: str | None = strawberry.field(description=RESET)
    milestones: list[Milestone] = strawberry.field(description="One; several when you are slow: then each code's last")

    @classmethod
    def of(cls, delivery: Delivery) -> "MilestoneNews":
        """The delivery as it is shown."""
        reached = [Milestone.of(change) for change in _changes(delivery) if isinstance(change, Event)]
        return cls(cursor=delivery.cursor, reset=_reset(delivery), milestones=reached)


@strawberry.type(description="How far a task has come")
class TaskProgress:
    """An event."""

    id: strawberry.ID = strawberry.field(description="Of the event; the same when it is told again")
    task_id: strawberry.ID = strawberry.field(description="Such as an export's id")
    kind: str = strawberry.field(description="Such as `export-data`")
    state: str = strawberry.field(description="`waiting`, `running`, `done`, `dead` or `cancelled`; the last three are its end")
    done: Count
    total: Count = strawberry.field(description="0 while it isn't known")
    error: str | None = strawberry.field(description="Why it failed, or why it is tried again")
    at: DateTime

    @classmethod
    def of(cls, event: Event) -> "TaskProgress":
        """The progress as it is shown."""
        task = event.fields["task"]
        told: Mapping[str, object] = task if isinstance(task, Mapping) else {}
        done, total, error = told.get("done"), told.get("total"), told.get("error")
        return cls(
            id=strawberry.ID(event.id),
            task_id=strawberry.ID(event.task_id),
            kind=str(told.get("kind", "")),
            state=str(told.get("state", "")),
            done=Count(done if isinstance(done, int) else 0),
            total=Count(total if isinstance(total, int) else 0),
            error=None if error is None else str(error),
            at=DateTime(event.at_ms),
        )


@strawberry.type(description="Which tasks have come on")
class TaskNews:
    """A delivery."""

    cursor: str = strawberry.field(description=CURSOR)
    reset: str | None = strawberry.field(description=RESET)
    tasks: list[TaskProgress] = strawberry.field(description="One; several when you are slow: then each task as it stands last")

    @classmethod
    def of(cls, delivery: Delivery) -> "TaskNews":
        """The delivery as it is shown."""
        tasks = [TaskProgress.of(change) for change in _changes(delivery) if isinstance(change, Event)]
        return cls(cursor=delivery.cursor, reset=_reset(delivery), tasks=tasks)


News: TypeAlias = CodeNews | ScanNews | MilestoneNews | TaskNews


def news_of(wanted: Wanted, delivery: Delivery) -> News:
    """A delivery in the form of the subscription that asked for it."""
    match wanted.kinds:
        case [Kind.SCANNED]:
            return ScanNews.of(delivery)
        case [Kind.MILESTONE]:
            return MilestoneNews.of(delivery)
        case [Kind.TASK_PROGRESS]:
            return TaskNews.of(delivery)
        case _:
            return CodeNews.of(delivery)


@strawberry.type(description="What can be told of as it happens, over a WebSocket at this address (graphql-transport-ws)")
class Subscription:
    """Each asks the hub once."""

    @subscription(description="Codes that are created", graphql_type=CodeNews)
    async def code_created(self, filter: Which = None, after: After = None) -> Source:  # noqa: A002 - as callers know it
        """Of the account."""
        yield _codes(Kind.CODE_CREATED, filter, after)

    @subscription(description="Codes that change; with a filter also those that no longer fit it", graphql_type=CodeNews)
    async def code_updated(self, filter: Which = None, after: After = None) -> Source:  # noqa: A002 - as callers know it
        """Of the account."""
        yield _codes(Kind.CODE_UPDATED, filter, after)

    @subscription(description="Codes that are deleted", graphql_type=CodeNews)
    async def code_deleted(self, filter: Which = None, after: After = None) -> Source:  # noqa: A002 - as callers know it
        """Of the account."""
        yield _codes(Kind.CODE_DELETED, filter, after)

    @subscription(description="Scans by people, as soon as the bus has them", graphql_type=ScanNews)
    async def scanned(self, code_ids: CodeIds = None, after: After = None) -> Source:
        """Of the account's codes."""
        yield _wanted(Kind.SCANNED, code_ids, after)

    @subscription(description="Totals that reach 10, or a multiple of 100", graphql_type=MilestoneNews)
    async def milestone(self, code_ids: CodeIds = None, after: After = None) -> Source:
        """Of the account's codes."""
        yield _wanted(Kind.MILESTONE, code_ids, after)

    @subscription(
        description="Tasks of the account that begin, come on and end: exports, uploads, clean-ups, reports and the like",
        graphql_type=TaskNews,
    )
    async def task_progress(self, task_ids: TaskIds = None, after: After = None) -> Source:
        """Of the account."""
        given = {"kinds": [Kind.TASK_PROGRESS], "task_ids": list(task_ids or ()), "cursor": after}
        yield checked(Wanted.model_validate, {"obj": given})


def _codes(kind: Kind, asked: CodeWatch | None, after: str | None) -> Wanted:
    if asked is None:
        return _wanted(kind, None, after)
    where = {"state": None if asked.state is None else asked.state.value, "tag": asked.tag, "folder": asked.folder}
    return _wanted(kind, asked.code_ids, after, {name: value for name, value in where.items() if value is not None})


def _wanted(kind: Kind, code_ids: Iterable[str] | None, after: str | None, where: Mapping[str, str] | None = None) -> Wanted:
    given = {"kinds": [kind], "code_ids": list(code_ids or ()), "where": dict(where or {}), "cursor": after}
    return checked(Wanted.model_validate, {"obj": given})


def _reset(delivery: Delivery) -> str | None:
    return delivery.told.reason if isinstance(delivery.told, Reset) else None


def _changes(delivery: Delivery) -> tuple[Change, ...]:
    match delivery.told:
        case Summary(changes=changes):
            return changes
        case Event() | Removed() as change:
            return (change,)
        case _:
            return ()


def _code(fields: Mapping[str, object]) -> Code:
    """The code in an event, which has it as REST shows it."""
    tags, revision = fields["tags"], fields["revision"]
    return Code(
        id=strawberry.ID(str(fields["id"])),
        slug=str(fields["slug"]),
        short_url=str(fields["short_url"]),
        destination=str(fields["destination"]),
        title=str(fields["title"]),
        state=CodeState(str(fields["state"])),
        tags=[str(tag) for tag in tags] if isinstance(tags, list) else [],
        folder=str(fields["folder"]),
        revision=Count(revision if isinstance(revision, int) else 0),
        created_at=DateTime(start_ms(str(fields["created_at"]), _UTC)),
        updated_at=DateTime(start_ms(str(fields["updated_at"]), _UTC)),
    )
