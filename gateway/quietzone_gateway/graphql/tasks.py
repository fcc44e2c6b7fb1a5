"""What is done for an account in the background, by whichever part."""

import strawberry
from strawberry.scalars import JSON

from quietzone_gateway.graphql.codes import After, First
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import names_of_graphql
from quietzone_gateway.graphql.fields import field, mutation
from quietzone_gateway.graphql.pages import Cursor, PageInfo, place_of
from quietzone_gateway.graphql.scalars import Count, DateTime
from quietzone_gateway.rest.route import known_id
from quietzone_gateway.rpc import Task as KnownTask
from quietzone_gateway.rpc import TaskPage, TasksOf, TaskState
from quietzone_kit.errors import NotFound

strawberry.enum(TaskState, description="DONE, DEAD (it failed, `error` says why) and CANCELLED are final")


@strawberry.type(description="Something that is done in the background")
class Task:
    """A task."""

    id: strawberry.ID
    type: str = strawberry.field(description="`export-data`, `process-image`, `clean-up`, `generate-report` and the like")
    state: TaskState
    payload: JSON = strawberry.field(description="What it is about; what is in it follows from its type")
    attempts: Count = strawberry.field(description="How often it has failed")
    max_attempts: Count = strawberry.field(description="After how many failures it is dead")
    created_at: DateTime
    scheduled_for: DateTime = strawberry.field(description="When it was to be done first")
    due_at: DateTime = strawberry.field(description="When it is to be done next; of one that has ended, when it was last")
    done: Count = strawberry.field(description="How much is done so far")
    total: Count | None = strawberry.field(description="Of how much, if that is known")
    note: str | None = strawberry.field(description="Where it is, for people")
    error: str | None = strawberry.field(description="Why it failed, or fails for now")
    finished_at: DateTime | None

    @classmethod
    def of(cls, task: KnownTask) -> "Task":
        """As it is shown."""
        return cls(
            id=strawberry.ID(task.id),
            type=task.kind,
            state=task.state,
            payload=JSON(task.payload),
            attempts=Count(task.attempts),
            max_attempts=Count(task.max_attempts),
            created_at=DateTime(task.created_at_ms),
            scheduled_for=DateTime(task.scheduled_for_ms),
            due_at=DateTime(task.due_at_ms),
            done=Count(task.done),
            total=None if task.total is None else Count(task.total),
            note=task.note,
            error=task.error,
            finished_at=None if task.finished_at_ms is None else DateTime(task.finished_at_ms),
        )


@strawberry.type(description="A task at its place in the list")
class TaskEdge:
    """An edge."""

    node: Task
    cursor: str


@strawberry.type(description="A page of tasks; also one with few of them, or none, may have a next")
class TaskConnection:
    """A page."""

    edges: list[TaskEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: TaskPage, after: str | None) -> "TaskConnection":
        """As it is shown; each item's place is known, so that no cursor passes any over."""
        cursors = [Cursor(task.cursor) for task in page.items]
        return cls(
            edges=[TaskEdge(node=Task.of(task), cursor=str(cursor)) for task, cursor in zip(page.items, cursors, strict=True)],
            page_info=PageInfo.of(
                cursors, after=after, has_next=page.next_cursor is not None, end=Cursor(page.next_cursor) if page.next_cursor else None
            ),
        )


@strawberry.type
class TaskQueries:
    """Part of Query."""

    @field(description="One task; null when this account has none with this id")
    async def task(self, info: Info, id: strawberry.ID) -> Task | None:  # noqa: A002 - as callers know it
        """With how far it is."""
        try:
            return Task.of(await info.context.parts.tasks.get(info.context.caller, known_id(id, "task")))
        except NotFound:
            return None

    @field(description="What is done for the account in the background, newest first; for 7 days after its end")
    async def tasks(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        state: TaskState | None = None,
        type: str | None = None,  # noqa: A002 - as callers know it
    ) -> TaskConnection | None:
        """A page."""
        begin = place_of(first, after)
        with names_of_graphql({"cursor": "after"}):
            wanted = TasksOf(state, type)
            page = await info.context.parts.tasks.newest(info.context.caller, wanted, limit=first, cursor=begin.token or None)
        return TaskConnection.of(page, after)


@strawberry.type
class TaskMutations:
    """Part of Mutation."""

    @mutation(description="End a task that waits or runs; what it has done stays done")
    async def cancel_task(self, info: Info, id: strawberry.ID) -> Task | None:  # noqa: A002 - as callers know it
        """As REST's."""
        return Task.of(await info.context.parts.tasks.cancel(info.context.caller, known_id(id, "task")))

    @mutation(description="Run a dead or cancelled task again, at once and with all its attempts")
    async def redrive_task(self, info: Info, id: strawberry.ID) -> Task | None:  # noqa: A002 - as callers know it
        """As REST's."""
        return Task.of(await info.context.parts.tasks.retry(info.context.caller, known_id(id, "task")))
