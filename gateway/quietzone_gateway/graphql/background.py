"""What storage does in the background: prints, clean-ups, moves between tiers; and copies at a CDN."""

import strawberry

from quietzone_gateway.graphql.assets import Asset
from quietzone_gateway.graphql.codes import After, First
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field, mutation
from quietzone_gateway.graphql.pages import Cursor, PageInfo, cursors_of, place_of
from quietzone_gateway.graphql.scalars import Count, DateTime
from quietzone_gateway.plans import MethodClass
from quietzone_gateway.rest.operations import Caption, CleanUpInput, CopiesInput, PrintInput, WarmUpInput, new_print
from quietzone_gateway.rest.route import known_id
from quietzone_gateway.rpc import CleanUpReport as KnownReport
from quietzone_gateway.rpc import Operation as KnownOperation
from quietzone_gateway.rpc import OperationPage, OperationState, Paper, PrintForm, StorageTier
from quietzone_gateway.rpc import Warmed as KnownWarmed
from quietzone_kit.errors import NotFound

MAX_LIMIT = 1_000
"""Of the service's pages."""

strawberry.enum(OperationState, description="DONE, DEAD (it failed, `error` says why) and CANCELLED are final")
strawberry.enum(PrintForm, description="SHEETS: labels as PDF; ARCHIVE: each code as PNG and SVG, in a ZIP")
strawberry.enum(Paper, description="A size of sheets")
strawberry.enum(Caption, name="LabelCaption", description="What stands below a code on a sheet")


@strawberry.type(description="What a clean-up has done, or would do; `processed` is the sum of the next four")
class CleanUpReport:
    """A report."""

    processed: Count
    warmed: Count
    archived: Count
    deleted: Count
    kept: Count
    bytes: Count = strawberry.field(description="That were moved or deleted")

    @classmethod
    def of(cls, report: KnownReport) -> "CleanUpReport":
        """As it is shown."""
        return cls(
            processed=Count(report.processed),
            warmed=Count(report.warmed),
            archived=Count(report.archived),
            deleted=Count(report.deleted),
            kept=Count(report.kept),
            bytes=Count(report.bytes),
        )


@strawberry.type(description="Something that takes longer than a request")
class Operation:
    """An operation."""

    id: strawberry.ID
    kind: str = strawberry.field(description="`clean-up`, `move-asset`, `process-image`, `make-print` or `draw-code`")
    state: OperationState
    asset_id: strawberry.ID | None = strawberry.field(description="What it is about")
    done: Count = strawberry.field(description="How many things were done so far")
    error: str | None = strawberry.field(description="Why it failed, or fails for now")
    report: CleanUpReport | None = strawberry.field(description="Of a clean-up that is done")
    created_at: DateTime
    finished_at: DateTime | None

    @classmethod
    def of(cls, operation: KnownOperation) -> "Operation":
        """As it is shown."""
        return cls(
            id=strawberry.ID(operation.id),
            kind=operation.kind,
            state=operation.state,
            asset_id=None if operation.asset_id is None else strawberry.ID(operation.asset_id),
            done=Count(operation.done),
            error=operation.error,
            report=None if operation.report is None else CleanUpReport.of(operation.report),
            created_at=DateTime(operation.created_at_ms),
            finished_at=None if operation.finished_at_ms is None else DateTime(operation.finished_at_ms),
        )


@strawberry.type(description="An operation at its place in the list")
class OperationEdge:
    """An edge."""

    node: Operation
    cursor: str


@strawberry.type(description="A page of operations")
class OperationConnection:
    """A page."""

    edges: list[OperationEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: OperationPage, begin: Cursor, after: str | None) -> "OperationConnection":
        """As it is shown."""
        cursors = cursors_of(begin, len(page.items), page.next_cursor)
        return cls(
            edges=[OperationEdge(node=Operation.of(each), cursor=str(cursor)) for each, cursor in zip(page.items, cursors, strict=True)],
            page_info=PageInfo.of(cursors, after=after, has_next=page.next_cursor is not None),
        )


@strawberry.type(description="A print that was begun")
class Print:
    """A print."""

    asset: Asset = strawberry.field(description="Ask for it until it is READY with one file; it is deleted after 7 days")
    operation: Operation


@strawberry.type(description="A file of which a copy was asked for")
class WarmedFile:
    """A file."""

    name: str
    url: str | None = strawberry.field(
        description="Give this one to readers: copies are kept by the whole URL. Null where the file isn't to be had"
    )
    expires_at: DateTime | None
    failure: str | None = strawberry.field(description="Why it didn't come")

    @classmethod
    def of(cls, warmed: KnownWarmed) -> "WarmedFile":
        """As it is shown."""
        until = DateTime(warmed.expires_at_ms) if warmed.url else None
        return cls(name=warmed.name, url=warmed.url or None, expires_at=until, failure=warmed.failure)


@strawberry.input(description="Which codes are printed, by one of codeIds, tag and folder (1,000 at most), and how")
class NewPrintInput:
    """As `PrintInput` of REST, which checks it."""

    title: str = ""
    form: PrintForm = PrintForm.SHEETS
    code_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="In their order; a code may be there several times")
    tag: str | None = None
    folder: str | None = None
    caption: Caption = Caption.TITLE
    paper: Paper = Paper.A4
    columns: int = strawberry.field(default=4, description="Labels beside each other on a sheet, 1 to 10")
    rows: int = strawberry.field(default=6, description="Labels one below the other, 1 to 20")
    cut_marks: bool = True


@strawberry.type
class OperationQueries:
    """Part of Query."""

    @field(description="One operation; null when this account has none with this id")
    async def operation(self, info: Info, id: strawberry.ID) -> Operation | None:  # noqa: A002 - as callers know it
        """With how far it is."""
        try:
            return Operation.of(await info.context.parts.operations.get(info.context.caller, known_id(id, "operation")))
        except NotFound:
            return None

    @field(description="What is done in the background for the account's files, newest first; for 7 days after its end")
    async def operations(self, info: Info, first: First = 20, after: After = None) -> OperationConnection | None:
        """A page."""
        begin, context = place_of(first, after), info.context
        limit = min(begin.skip + first, MAX_LIMIT)  # the service passes nothing over: what is asked for after a page's middle is read again
        with names_of_graphql():
            page = await context.parts.operations.newest(context.caller, limit=limit, cursor=begin.token or None)
        return OperationConnection.of(OperationPage(page.items[begin.skip :], page.next_cursor), begin, after)


@strawberry.type
class OperationMutations:
    """Part of Mutation."""

    @mutation(description="Have labels of codes put on sheets to print, or their files into an archive", method_class=MethodClass.REPORT)
    async def create_print(self, info: Info, input: NewPrintInput) -> Print | None:  # noqa: A002 - as callers know it
        """As REST's."""
        context, given = info.context, checked(PrintInput, vars(input))
        with names_of_graphql(_NAMES):
            new = await new_print(context.parts.codes, context.caller, given)
            most = context.parts.plans.known.of(context.principal.plan).plan.stored_bytes
            asset, operation = await context.parts.operations.print(context.caller, new, most=most)
        return Print(asset=Asset.of(asset), operation=Operation.of(operation))

    @mutation(description="Have an upload's files moved to a tier; HOT brings back what is archived")
    async def move_asset(self, info: Info, id: strawberry.ID, tier: StorageTier) -> Operation | None:  # noqa: A002 - as callers know it
        """As REST's."""
        with names_of_graphql():
            return Operation.of(await info.context.parts.operations.move(info.context.caller, known_id(id, "asset"), tier))

    @mutation(description="Have files that weren't used for long moved where they cost less, or deleted; never the master of a live code")
    async def clean_up_assets(self, info: Info, prefix: str = "", dry_run: bool = False) -> Operation | None:
        """As REST's."""
        context, given = info.context, checked(CleanUpInput, {"prefix": prefix, "dry_run": dry_run})
        name = context.name_of(*info.path.as_list())
        with names_of_graphql():
            return Operation.of(
                await context.parts.operations.clean_up(context.caller, given.prefix, dry_run=given.dry_run, request_id=name)
            )

    @mutation(description="Have copies of files forgotten at the CDN, of 20 assets at most; answers with their ids")
    async def purge_copies(self, info: Info, ids: list[strawberry.ID]) -> list[strawberry.ID] | None:
        """As REST's."""
        given = checked(CopiesInput, {"ids": ids})
        with names_of_graphql(_NAMES):
            await info.context.parts.operations.purge(info.context.caller, [known_id(each, "asset") for each in given.ids])
        return ids

    @mutation(description="Have copies of files made at the CDN, of 20 assets at most, within the 5 s of a request; REST's has longer")
    async def warm_up_copies(self, info: Info, ids: list[strawberry.ID], expires_s: int = 3600) -> list[WarmedFile] | None:
        """As REST's."""
        given, context = checked(WarmUpInput, {"ids": ids, "expires_s": expires_s}), info.context
        with names_of_graphql(_NAMES):
            asset_ids = [known_id(each, "asset") for each in given.ids]
            found = await context.parts.operations.warm_up(context.caller, asset_ids, expires_s=given.expires_s)
        return list(map(WarmedFile.of, found))

    @mutation(description="End an operation, what it has done stays done; answers with its id")
    async def cancel_operation(self, info: Info, id: strawberry.ID) -> strawberry.ID | None:  # noqa: A002 - as callers know it
        """As REST's."""
        await info.context.parts.operations.cancel(info.context.caller, known_id(id, "operation"))
        return id


_NAMES = {"labels": "code_ids", "asset_ids": "ids"}
"""The service's fields that are called otherwise here."""
