"""Exports: counts of one code or all, as a file that is made in the background."""

import base64
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import StreamingResponse

from quietzone_gateway.identity.domain import EXPORTS_READ, EXPORTS_WRITE
from quietzone_gateway.rest.analytics import AnalyticsQuery
from quietzone_gateway.rest.description import EXPORT_FILE, XLSX, problems, scoped
from quietzone_gateway.rest.etags import tag
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, RequestName, Services, known_id, names_of_the_api
from quietzone_gateway.rest.shapes import CODE_ID, Input, Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_gateway.rpc import Export, ExportFormat, ExportPage, ExportQuestion, ExportState, Interval
from quietzone_kit.errors import FailedPrecondition

NEW_EXPORT: dict[str, JsonValue] = {"from": "2026-11-01", "to": "2026-11-30", "interval": "day", "zone": "Europe/Berlin", "format": "csv"}
EXPORT: dict[str, JsonValue] = {
    "id": CODE_ID,
    "code_id": None,
    "from": "2026-10-31T23:00:00.000Z",
    "to": "2026-11-30T23:00:00.000Z",
    "interval": "day",
    "zone": "Europe/Berlin",
    "format": "csv",
    "state": "done",
    "codes_done": 25,
    "codes_total": 25,
    "rows": 750,
    "size": 48_213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "error": None,
    "created_at": "2026-12-01T09:30:00.125Z",
    "expires_at": "2026-12-08T09:30:02.250Z",
}
"""Examples; tests hold them against the models."""

MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8; header=present",
    ExportFormat.JSON: "application/json",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
    ExportFormat.XLSX: XLSX,
    ExportFormat.PDF: "application/pdf",
    ExportFormat.UNKNOWN: "application/octet-stream",
}

AskedFormat = Literal[ExportFormat.CSV, ExportFormat.JSON, ExportFormat.PARQUET, ExportFormat.XLSX, ExportFormat.PDF]


class NewExport(AnalyticsQuery):
    """What to export; span, interval and zone as in analytics."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW_EXPORT]})

    code_id: str | None = Field(None, description="One code; by default every code that was ever scanned", examples=[CODE_ID])
    format: AskedFormat = Field(
        ExportFormat.CSV,
        description="Kind of file; `xlsx` has at most 4,194,300 rows, in sheets of 1,048,575, `pdf` 10,000: one for each code and interval",
    )


class ExportView(BaseModel):
    """An export."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXPORT]})

    id: str
    code_id: str | None = Field(description="The code; null when it is of all")
    from_: Time = Field(alias="from", description="First moment of the span")
    to: Time = Field(description="First moment after the span")
    interval: Interval
    zone: str
    format: ExportFormat = Field(description="Kind of file; `unknown`: one that only a newer release knows")
    state: ExportState = Field(description="`done`: the file can be read; `dead`: it failed, `error` says why")
    codes_done: int = Field(description="Codes that are in the file so far")
    codes_total: int | None = Field(description="Codes in all; null while that isn't known")
    rows: int | None = Field(description="Rows in the file, once it is done")
    size: int | None = Field(description="Bytes of the file, once it is done")
    sha256: str | None = Field(description="SHA-256 of the file in hex, once it is done")
    error: str | None = Field(description="Why it failed, or why it is tried again")
    created_at: Time
    expires_at: Time | None = Field(description="When export and file are removed; null until it has ended")

    @classmethod
    def of(cls, export: Export) -> Self:
        """The export as it is shown."""
        asked = export.question
        return cls.model_validate(
            {
                "id": export.id,
                "code_id": asked.code_id,
                "from": rfc3339(asked.from_ms),
                "to": rfc3339(asked.to_ms),
                "interval": asked.interval,
                "zone": asked.zone or "UTC",
                "format": asked.format,
                "state": export.state,
                "codes_done": export.codes_done,
                "codes_total": export.codes_total,
                "rows": export.rows,
                "size": export.size,
                "sha256": export.sha256,
                "error": export.error,
                "created_at": rfc3339(export.created_at_ms),
                "expires_at": rfc3339(export.expires_at_ms) if export.expires_at_ms is not None else None,
            }
        )


class ExportPageView(BaseModel):
    """One page of exports."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXPORT], "next_cursor": None}]})

    items: list[ExportView] = Field(description="Newest first")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")

    @classmethod
    def of(cls, page: ExportPage) -> Self:
        """The page as it is shown."""
        return cls(items=[ExportView.of(export) for export in page.items], next_cursor=page.next_cursor)


class ListQuery(Input):
    """Which page."""

    limit: int = Field(50, description="How many at most", ge=1, le=100)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=2000)


router = APIRouter(prefix="/v1/exports", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["exports"])

# The service's fields by the names that callers of the API know.
_NAMES = {"from_ms": "from", "to_ms": "to", "page_token": "cursor", "page_size": "limit"}

ExportId = Annotated[str, Path(description="The export's id")]


@router.post("", status_code=202, responses=problems(400, 401, 403, 404, 413, 415, 422), openapi_extra=scoped(EXPORTS_WRITE))
async def create_export(body: NewExport, parts: Services, caller: CallerNow, name: RequestName, response: Response) -> ExportView:
    """Begin an export. Look at the address in `Location` until it is `done`, then get its file; both are removed after 7 days."""
    span = body.span(now_ms=parts.clock.now_ms())
    code_id = None if body.code_id is None else (await parts.codes.get(caller, known_id(body.code_id))).id
    question = ExportQuestion(code_id, span.from_ms, span.to_ms, body.interval, body.zone, body.format)
    with names_of_the_api(_NAMES):
        export = await parts.exports.create(caller, question, request_id=name)
    response.headers["Location"] = f"{router.prefix}/{export.id}"
    return ExportView.of(export)


@router.get("", responses=problems(400, 401, 403), openapi_extra=scoped(EXPORTS_READ))
async def list_exports(query: Annotated[ListQuery, Query()], parts: Services, caller: CallerNow) -> ExportPageView:
    """The account's exports, newest first."""
    with names_of_the_api(_NAMES):
        return ExportPageView.of(await parts.exports.newest(caller, limit=query.limit, cursor=query.cursor))


@router.get("/{export_id}", responses=problems(401, 403, 404), openapi_extra=scoped(EXPORTS_READ))
async def get_export(export_id: ExportId, parts: Services, caller: CallerNow) -> ExportView:
    """One export, with how far it has come."""
    return ExportView.of(await parts.exports.get(caller, known_id(export_id, "export")))


@router.delete("/{export_id}", status_code=204, responses=problems(401, 403, 404, 422), openapi_extra=scoped(EXPORTS_WRITE))
async def cancel_export(export_id: ExportId, parts: Services, caller: CallerNow) -> None:
    """Cancel an export that isn't done."""
    await parts.exports.cancel(caller, known_id(export_id, "export"))


@router.get(
    "/{export_id}/file", response_class=Response, responses=EXPORT_FILE | problems(401, 403, 404, 422), openapi_extra=scoped(EXPORTS_READ)
)
async def get_file(export_id: ExportId, parts: Services, caller: CallerNow) -> StreamingResponse:
    """The file of an export that is done."""
    export = await parts.exports.get(caller, known_id(export_id, "export"))
    first = await parts.exports.part(caller, export.id, 0)  # raises what is wrong while the answer can still say so
    if export.size is None or export.sha256 is None:
        raise FailedPrecondition("the export was just done: ask again")
    form = export.question.format
    ending = "" if form is ExportFormat.UNKNOWN else f".{form}"
    headers = {
        "Content-Length": str(export.size),
        "Content-Disposition": f'attachment; filename="scans-{export.id}{ending}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(export.sha256)).decode()}:",  # RFC 9530
        "ETag": tag(export.sha256),
    }
    return StreamingResponse(parts.exports.file(caller, export, first), media_type=MEDIA_TYPES[form], headers=headers)
