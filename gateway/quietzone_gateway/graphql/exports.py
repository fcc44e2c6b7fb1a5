"""Exports: counts of one code or all, as a file that is made in the background."""

import strawberry

from quietzone_gateway.graphql.code_types import Code
from quietzone_gateway.graphql.codes import After, First
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field, mutation
from quietzone_gateway.graphql.pages import Cursor, PageInfo, cursors_of, place_of
from quietzone_gateway.graphql.scalars import Count, DateTime
from quietzone_gateway.plans import MethodClass
from quietzone_gateway.rest.exports import NewExport as CheckedExport
from quietzone_gateway.rest.route import known_id
from quietzone_gateway.rpc import Export as KnownExport
from quietzone_gateway.rpc import ExportFormat, ExportPage, ExportQuestion, ExportState, Interval
from quietzone_kit.errors import NotFound

MAX_LIMIT = 100
"""Of the service's pages."""

strawberry.enum(ExportFormat, description="Kind of file; UNKNOWN: one that only a newer release knows, so that it can't be asked for")
strawberry.enum(ExportState, description="DONE: the file can be read; DEAD: it failed, `error` says why")


@strawberry.input(description="What to export; span, interval and zone as in analytics")
class NewExport:
    """As `NewExport` of REST, which checks it."""

    code_id: strawberry.ID | None = strawberry.field(default=None, description="One code; by default every code that was ever scanned")
    from_: str | None = strawberry.field(name="from", default=None)
    to: str | None = None
    interval: Interval = Interval.DAY
    zone: str = "UTC"
    format: ExportFormat = ExportFormat.CSV


@strawberry.type(description="An export")
class Export:
    """An export."""

    id: strawberry.ID
    code_id: strawberry.ID | None = strawberry.field(description="The code; null when it is of all")
    span_from: DateTime = strawberry.field(name="from", description="First moment of the span")
    span_to: DateTime = strawberry.field(name="to", description="First moment after the span")
    interval: Interval
    zone: str
    format: ExportFormat
    state: ExportState
    codes_done: Count = strawberry.field(description="Codes that are in the file so far")
    codes_total: Count | None = strawberry.field(description="Codes in all; null while that isn't known")
    rows: Count | None = strawberry.field(description="Rows in the file, once it is done")
    size: Count | None = strawberry.field(description="Bytes of the file, once it is done")
    sha256: str | None = strawberry.field(description="SHA-256 of the file in hex, once it is done")
    error: str | None = strawberry.field(description="Why it failed, or why it is tried again")
    created_at: DateTime
    expires_at: DateTime | None = strawberry.field(description="When export and file are removed; null until it has ended")
    file_url: str | None = strawberry.field(description="The address of the file, once it is done; it needs the same key")

    @classmethod
    def of(cls, export: KnownExport) -> "Export":
        """The export as it is shown."""
        asked = export.question
        return cls(
            id=strawberry.ID(export.id),
            code_id=None if asked.code_id is None else strawberry.ID(asked.code_id),
            span_from=DateTime(asked.from_ms),
            span_to=DateTime(asked.to_ms),
            interval=asked.interval,
            zone=asked.zone or "UTC",
            format=asked.format,
            state=export.state,
            codes_done=Count(export.codes_done),
            codes_total=_count(export.codes_total),
            rows=_count(export.rows),
            size=_count(export.size),
            sha256=export.sha256,
            error=export.error,
            created_at=DateTime(export.created_at_ms),
            expires_at=None if export.expires_at_ms is None else DateTime(export.expires_at_ms),
            file_url=f"/v1/exports/{export.id}/file" if export.state is ExportState.DONE else None,
        )

    @field(description="The code, unless it is of all, or the code has been deleted since")
    async def code(self, info: Info) -> Code | None:
        """Those of a page are one question."""
        found = None if self.code_id is None else await info.context.loaders.codes.load(self.code_id)
        return None if found is None else Code.of(found)


@strawberry.type(description="An export at its place in the list")
class ExportEdge:
    """An edge."""

    node: Export
    cursor: str


@strawberry.type(description="A page of exports")
class ExportConnection:
    """A page."""

    edges: list[ExportEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: ExportPage, begin: Cursor, after: str | None) -> "ExportConnection":
        """The page as it is shown."""
        cursors = cursors_of(begin, len(page.items), page.next_cursor)
        return cls(
            edges=[ExportEdge(node=Export.of(export), cursor=str(cursor)) for export, cursor in zip(page.items, cursors, strict=True)],
            page_info=PageInfo.of(cursors, after=after, has_next=page.next_cursor is not None),
        )


@strawberry.type
class ExportQueries:
    """Part of Query."""

    @field(description="One export; null when this account has none with this id")
    async def export(self, info: Info, id: strawberry.ID) -> Export | None:  # noqa: A002 - as callers know it
        """With how far it has come."""
        try:
            return Export.of(await info.context.parts.exports.get(info.context.caller, known_id(id, "export")))
        except NotFound:
            return None

    @field(description="The account's exports, newest first")
    async def exports(self, info: Info, first: First = 20, after: After = None) -> ExportConnection | None:
        """A page."""
        begin = place_of(first, after)
        limit = min(begin.skip + first, MAX_LIMIT)  # the service passes nothing over: what is asked for after a page's middle is shorter
        with names_of_graphql():
            page = await info.context.parts.exports.newest(info.context.caller, limit=limit, cursor=begin.token or None)
        return ExportConnection.of(ExportPage(page.items[begin.skip :], page.next_cursor), begin, after)


@strawberry.type
class ExportMutations:
    """Part of Mutation."""

    @mutation(
        description="Begin an export. Ask for it until it is DONE, then get its file; both are removed after 7 days",
        method_class=MethodClass.REPORT,
    )
    async def create_export(self, info: Info, input: NewExport) -> Export | None:  # noqa: A002 - as callers know it
        """As REST's."""
        context = info.context
        given = {("from" if name == "from_" else name): value for name, value in vars(input).items()}
        checked_export = checked(CheckedExport, given)
        span = checked_export.span(now_ms=context.parts.clock.now_ms())
        code_id = None if input.code_id is None else await _own_code(info, input.code_id)
        question = ExportQuestion(code_id, span.from_ms, span.to_ms, input.interval, input.zone, checked_export.format)
        with names_of_graphql():
            return Export.of(await context.parts.exports.create(context.caller, question, request_id=context.name_of(*info.path.as_list())))

    @mutation(description="Cancel an export that isn't done; answers with its id")
    async def cancel_export(self, info: Info, id: strawberry.ID) -> strawberry.ID | None:  # noqa: A002 - as callers know it
        """As REST's."""
        await info.context.parts.exports.cancel(info.context.caller, known_id(id, "export"))
        return id


async def _own_code(info: Info, given: str) -> str:
    code = await info.context.loaders.codes.load(known_id(given))
    if code is None:
        raise NotFound("there is no code with this id")
    return code.id


def _count(number: int | None) -> Count | None:
    return None if number is None else Count(number)
