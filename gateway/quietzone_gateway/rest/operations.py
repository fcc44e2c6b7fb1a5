"""What storage does in the background: clean-ups, moves between tiers, prints; and copies at a CDN."""

from enum import StrEnum
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE, EXPORTS_WRITE
from quietzone_gateway.rest.assets import ASSET, MAX_EXPIRES_S, AssetId, AssetView
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.route import (
    DESCRIBED_SECURITY,
    ApiRoute,
    CallerNow,
    PrincipalNow,
    RequestName,
    SecretRoute,
    Services,
    known_id,
    names_of_the_api,
)
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_gateway.rpc import (
    MAX_BATCH,
    Code,
    CodeFilter,
    Codes,
    Label,
    NewPrint,
    Operation,
    OperationPage,
    OperationState,
    Paper,
    PrintForm,
    StorageTier,
    Warmed,
)
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound
from quietzone_kit.rpc import Caller

MAX_LABELS = 1_000
MAX_CAPTION = 100
MAX_WARM = 20

OPERATION: dict[str, JsonValue] = {
    "id": CODE_ID,
    "kind": "clean-up",
    "state": "done",
    "asset_id": None,
    "done": 812,
    "error": None,
    "report": {"processed": 812, "warmed": 500, "archived": 80, "deleted": 32, "kept": 200, "bytes": 48_000_000},
    "created_at": "2026-11-21T09:30:00.125Z",
    "finished_at": "2026-11-21T09:30:09.250Z",
}
NEW_PRINT: dict[str, JsonValue] = {"title": "Tables", "form": "sheets", "tag": "menu", "caption": "title", "paper": "a4"}
PRINT: dict[str, JsonValue] = {
    "asset": {
        **ASSET,
        "kind": "print",
        "state": "pending",
        "name": "Tables",
        "files": [],
        "bytes": 0,
        "uploaded_at": None,
        "used_at": None,
    },
    "operation": {
        **OPERATION,
        "kind": "make-print",
        "state": "waiting",
        "asset_id": CODE_ID,
        "done": 0,
        "report": None,
        "finished_at": None,
    },
}
"""Examples; tests hold them against the models."""


class Caption(StrEnum):
    """What stands below a code on a sheet."""

    TITLE = "title"
    SLUG = "slug"
    SHORT_URL = "short_url"
    NONE = "none"


class TierInput(Input):
    """Where an upload's files shall be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tier": "hot"}]})

    tier: StorageTier = Field(description="`hot` brings back what is archived, within hours where the store needs them")


class CleanUpInput(Input):
    """What is cleaned up."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"dry_run": True}]})

    prefix: Text = Field(
        "", description="Only these: `codes/`, `uploads/` or `prints/`, or one of them with the beginning of an id", max_length=50
    )
    dry_run: bool = Field(False, description="Only say what would be done")


class CopiesInput(Input):
    """Whose copies."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": [CODE_ID]}]})

    ids: list[str] = Field(description="Assets", min_length=1, max_length=MAX_WARM)


class WarmUpInput(CopiesInput):
    """Of which assets copies are made before anybody asks."""

    expires_s: int = Field(3600, description="How long the URLs hold, in seconds", ge=1, le=MAX_EXPIRES_S)


class PrintInput(Input):
    """Which codes, and how: by their ids, or all with a tag or in a folder."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW_PRINT]})

    title: Text = Field("", description="What the file is called", max_length=120)
    form: PrintForm = Field(PrintForm.SHEETS, description="`sheets`: labels as PDF; `archive`: each code as PNG and SVG, in a ZIP")
    code_ids: list[str] | None = Field(
        None, description="In their order; a code may be there several times", min_length=1, max_length=MAX_LABELS
    )
    tag: Text | None = Field(None, description="All codes with it, newest first, 1,000 at most", max_length=50)
    folder: Text | None = Field(None, description="All codes in it, newest first, 1,000 at most", max_length=200)
    caption: Caption = Field(Caption.TITLE, description="What stands below a code on a sheet")
    paper: Paper = Field(Paper.A4, description="Of sheets")
    columns: int = Field(4, description="Labels beside each other on a sheet", ge=1, le=10)
    rows: int = Field(6, description="Labels one below the other", ge=1, le=20)
    cut_marks: bool = Field(True, description="Marks at the edges of the paper show where labels are cut")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.code_ids, self.tag, self.folder)) != 1:
            raise ValueError("give one of code_ids, tag and folder")
        return self

    def label(self, code: Code) -> Label:
        """A code as it is to be printed."""
        captions = {Caption.TITLE: code.title, Caption.SLUG: code.slug, Caption.SHORT_URL: code.payload, Caption.NONE: ""}
        return Label(code.id, captions[self.caption][:MAX_CAPTION], code.slug[:MAX_CAPTION])


class ReportView(BaseModel):
    """What a clean-up has done, or would do."""

    processed: int = Field(description="Assets that weren't used for long; the sum of the next four")
    warmed: int
    archived: int
    deleted: int
    kept: int
    bytes: int = Field(description="That were moved or deleted")


class OperationView(BaseModel):
    """Something that takes longer than a request."""

    model_config = ConfigDict(json_schema_extra={"examples": [OPERATION]})

    id: str
    kind: str = Field(description="`clean-up`, `move-asset`, `process-image`, `make-print` or `draw-code`")
    state: OperationState
    asset_id: str | None = Field(description="What it is about")
    done: int = Field(description="How many things were done so far")
    error: str | None = Field(description="Why it failed, or fails for now")
    report: ReportView | None = Field(description="Of a clean-up that is done")
    created_at: Time
    finished_at: Time | None

    @classmethod
    def of(cls, operation: Operation) -> Self:
        """As it is shown."""
        report = operation.report
        return cls(
            id=operation.id,
            kind=operation.kind,
            state=operation.state,
            asset_id=operation.asset_id,
            done=operation.done,
            error=operation.error,
            report=None
            if report is None
            else ReportView(
                processed=report.processed,
                warmed=report.warmed,
                archived=report.archived,
                deleted=report.deleted,
                kept=report.kept,
                bytes=report.bytes,
            ),
            created_at=rfc3339(operation.created_at_ms),
            finished_at=None if operation.finished_at_ms is None else rfc3339(operation.finished_at_ms),
        )


class OperationPageView(BaseModel):
    """One page of operations."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [OPERATION], "next_cursor": None}]})

    items: list[OperationView] = Field(description="Newest first")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")

    @classmethod
    def of(cls, page: OperationPage) -> Self:
        """As it is shown."""
        return cls(items=list(map(OperationView.of, page.items)), next_cursor=page.next_cursor)


class PrintView(BaseModel):
    """A print that was begun."""

    model_config = ConfigDict(json_schema_extra={"examples": [PRINT]})

    asset: AssetView = Field(description="Will have one file; it is deleted after 7 days")
    operation: OperationView


class WarmedView(BaseModel):
    """A file whose copy was asked for."""

    name: str
    url: str | None = Field(description="Give this one to readers: copies are kept by the whole URL. Null where the file isn't to be had")
    expires_at: Time | None
    failure: str | None = Field(description="Why it didn't come")

    @classmethod
    def of(cls, warmed: Warmed) -> Self:
        """As it is shown."""
        until = rfc3339(warmed.expires_at_ms) if warmed.url else None
        return cls(name=warmed.name, url=warmed.url or None, expires_at=until, failure=warmed.failure)


class WarmedPageView(BaseModel):
    """Each file of each asset."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": []}]})

    items: list[WarmedView]


class OperationListQuery(Input):
    """Which page."""

    limit: int = Field(50, description="How many at most", ge=1, le=1000)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=2000)


tending = APIRouter(prefix="/v1/assets", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["assets"])
warming = APIRouter(prefix="/v1/assets", route_class=SecretRoute, dependencies=DESCRIBED_SECURITY, tags=["assets"])
prints = APIRouter(prefix="/v1/prints", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["assets"])
router = APIRouter(prefix="/v1/operations", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["assets"])

ROUTERS = (tending, warming, prints, router)

OperationId = Annotated[str, Path(description="The operation's id", examples=[CODE_ID])]

_NAMES = {"page_size": "limit", "page_token": "cursor", "labels": "code_ids", "asset_ids": "ids"}


@tending.post("/{asset_id}/tier", status_code=202, responses=problems(400, 401, 403, 404, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def move_asset(asset_id: AssetId, body: TierInput, parts: Services, caller: CallerNow) -> OperationView:
    """Have an upload's files moved to a tier; codes' images needn't be: what isn't at hand of them is drawn."""
    with names_of_the_api(_NAMES):
        return OperationView.of(await parts.operations.move(caller, known_id(asset_id, "asset"), body.tier))


@tending.post("/clean-up", status_code=202, responses=problems(400, 401, 403, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def clean_up(body: CleanUpInput, parts: Services, caller: CallerNow, name: RequestName) -> OperationView:
    """Have files that weren't used for long moved where they cost less, or deleted, by their age; never the master of a live code."""
    with names_of_the_api(_NAMES):
        return OperationView.of(await parts.operations.clean_up(caller, body.prefix, dry_run=body.dry_run, request_id=name))


@tending.post("/purge", status_code=204, responses=problems(400, 401, 403, 404, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def purge_copies(body: CopiesInput, parts: Services, caller: CallerNow) -> None:
    """Have copies of files forgotten at the CDN; what changes or goes is purged without that."""
    with names_of_the_api(_NAMES):
        await parts.operations.purge(caller, [known_id(each, "asset") for each in body.ids])


@warming.post("/warm-up", responses=problems(400, 401, 403, 404, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def warm_up(body: WarmUpInput, parts: Services, caller: CallerNow) -> WarmedPageView:
    """Have copies of files made at the CDN before anybody asks; those that fail are only told."""
    with names_of_the_api(_NAMES):
        found = await parts.operations.warm_up(caller, [known_id(each, "asset") for each in body.ids], expires_s=body.expires_s)
    return WarmedPageView(items=list(map(WarmedView.of, found)))


@prints.post("", status_code=202, responses=problems(400, 401, 403, 404, 413, 415, 422), openapi_extra=scoped(CODES_READ, EXPORTS_WRITE))
async def create_print(body: PrintInput, parts: Services, caller: CallerNow, principal: PrincipalNow, response: Response) -> PrintView:
    """Have labels of codes put on sheets to print, or their files into an archive. Look at the asset until it is `ready`."""
    most = parts.plans.known.of(principal.plan).plan.stored_bytes
    with names_of_the_api(_NAMES):
        asset, operation = await parts.operations.print(caller, await new_print(parts.codes, caller, body), most=most)
    response.headers["Location"] = f"/v1/assets/{asset.id}"
    return PrintView(asset=AssetView.of(asset), operation=OperationView.of(operation))


@router.get("", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def list_operations(query: Annotated[OperationListQuery, Query()], parts: Services, caller: CallerNow) -> OperationPageView:
    """What is done in the background for the account's files, newest first; for 7 days after its end."""
    with names_of_the_api(_NAMES):
        return OperationPageView.of(await parts.operations.newest(caller, limit=query.limit, cursor=query.cursor))


@router.get("/{operation_id}", responses=problems(401, 403, 404), openapi_extra=scoped(CODES_READ))
async def get_operation(operation_id: OperationId, parts: Services, caller: CallerNow) -> OperationView:
    """One operation, with how far it is."""
    return OperationView.of(await parts.operations.get(caller, known_id(operation_id, "operation")))


@router.delete("/{operation_id}", status_code=204, responses=problems(401, 403, 404, 422), openapi_extra=scoped(CODES_WRITE))
async def cancel_operation(operation_id: OperationId, parts: Services, caller: CallerNow) -> None:
    """End an operation; what it has done stays done."""
    await parts.operations.cancel(caller, known_id(operation_id, "operation"))


async def new_print(codes: Codes, caller: Caller, body: PrintInput) -> NewPrint:
    """The order, with the codes that it is about.

    Raises:
        NotFound: one of them isn't there.
        InvalidInput: there are none, or too many.
    """
    labels = tuple(map(body.label, await _codes(codes, caller, body)))
    return NewPrint(body.title, body.form, labels, body.paper, body.columns, body.rows, body.cut_marks)


async def _codes(codes: Codes, caller: Caller, body: PrintInput) -> list[Code]:
    if body.code_ids is not None:
        return await _named(codes, caller, [known_id(each) for each in body.code_ids])
    page = await codes.page(caller, limit=MAX_LABELS, chosen=CodeFilter(tag=body.tag, folder=body.folder))
    field = "folder" if body.tag is None else "tag"
    if not page.items:
        raise InvalidInput(FieldViolation(field, "no code has it" if field == "tag" else "no code is in it"))
    if page.next_cursor is not None:
        raise InvalidInput(FieldViolation(field, f"it brings more than {MAX_LABELS:,} codes: name them by code_ids, in several prints"))
    return list(page.items)


async def _named(codes: Codes, caller: Caller, code_ids: list[str]) -> list[Code]:
    wanted = list(dict.fromkeys(code_ids))
    found: dict[str, Code] = {}
    for start in range(0, len(wanted), MAX_BATCH):
        part = wanted[start : start + MAX_BATCH]
        found |= {code_id: code for code_id, code in zip(part, await codes.get_many(caller, part), strict=True) if code is not None}
    missing = next((code_id for code_id in wanted if code_id not in found), None)
    if missing is not None:
        raise NotFound(f"there is no code with the id {missing}")
    return [found[code_id] for code_id in code_ids]
