"""Many codes in one request: rows of NDJSON in, a result for each row out as soon as there is one.

The rows are read whole before the first result is sent: a client that sends all before it reads would wait for us, and we for it.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.responses import StreamingResponse

from quietzone_gateway.identity.domain import CODES_WRITE
from quietzone_gateway.issuing import issue_many
from quietzone_gateway.plans import Admission
from quietzone_gateway.rest.bounds import MAX_BULK_ROWS
from quietzone_gateway.rest.code_shapes import CodeChange, CodeView, NewCode
from quietzone_gateway.rest.description import BULK_RESULTS, BULK_ROWS, problems, scoped
from quietzone_gateway.rest.problems import UNSUPPORTED_MEDIA_TYPE, Refused, internal, problem_of, violation_of
from quietzone_gateway.rest.repeats import check_repeated
from quietzone_gateway.rest.route import (
    DESCRIBED_SECURITY,
    AdmissionNow,
    ApiRoute,
    CallerNow,
    Parts,
    PrincipalNow,
    RequestName,
    Services,
    known_id,
    names_of_the_api,
)
from quietzone_gateway.rest.shapes import CODE_ID, Input
from quietzone_gateway.rpc import MAX_BATCH, Code
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound, QuietzoneError, Unavailable
from quietzone_kit.rpc import Caller

MEDIA_TYPE = "application/x-ndjson"

MAX_ROW_BYTES = 64 * 1024
"""As of a request for one code."""

MAX_UNDER_WAY = 4
"""Bulk requests at once in a process: each may hold 16 MB of rows."""


class Create(NewCode):
    """A row that creates a code."""

    op: Literal["create"] = "create"


class Update(CodeChange):
    """A row that changes a code."""

    op: Literal["update"]
    id: str = Field(examples=[CODE_ID])
    revision: int | None = Field(None, description="Refuse the change unless the code has this revision", ge=1)


class Delete(Input):
    """A row that deletes a code."""

    op: Literal["delete"]
    id: str = Field(examples=[CODE_ID])
    revision: int | None = Field(None, description="Refuse it unless the code has this revision", ge=1)


Row = Annotated[Create | Update | Delete, Field(discriminator="op")]
_ROW: TypeAdapter[Create | Update | Delete] = TypeAdapter(Row)


class RowResult(BaseModel):
    """What became of one row."""

    row: int = Field(description="Its number, from 1 on; blank lines count")
    status: int = Field(description="As of a request for it alone")
    code: CodeView | None = Field(default=None, description="As it is now; absent when it was deleted, or the row failed")
    problem: dict[str, Any] | None = Field(default=None, description="Why it failed (RFC 9457); absent when it didn't")


class Summary(BaseModel):
    """The last line."""

    rows: int
    succeeded: int
    failed: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """A row and its number; an error in place of one that can't be read."""

    number: int
    row: Create | Update | Delete | QuietzoneError


Outcome = Code | QuietzoneError | None
"""A code as it is now, why it failed, or None: deleted."""


class BulkRoute(ApiRoute):
    """Its answers are too large to be kept: rows are told apart by names instead."""

    only_names = True


router = APIRouter(prefix="/v1/codes", route_class=BulkRoute, dependencies=DESCRIBED_SECURITY, tags=["codes"])

_NAMES = {"expected_revision": "revision", "code_id": "id"}


async def _turn(request: Request) -> AsyncIterator[None]:
    state = request.app.state
    if state.bulk_under_way >= MAX_UNDER_WAY:
        raise Unavailable(f"{MAX_UNDER_WAY} bulk requests are under way here already; try again in a moment")
    state.bulk_under_way += 1
    try:
        yield
    finally:
        state.bulk_under_way -= 1


async def _ndjson(request: Request, parts: Services, principal: PrincipalNow) -> list[bytes]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in (MEDIA_TYPE, "application/jsonl", "application/json-lines"):
        raise Refused(UNSUPPORTED_MEDIA_TYPE, f"the body is {media_type or 'of no type'}; send rows of JSON as {MEDIA_TYPE}")
    await check_repeated(request, parts.repeats, parts.clock, principal)
    lines = (await request.body()).split(b"\n")
    rows = sum(1 for line in lines if line.strip())
    if not 1 <= rows <= MAX_BULK_ROWS:
        raise InvalidInput(FieldViolation("body", f"{rows:,} rows; send 1 to {MAX_BULK_ROWS:,}"))
    return lines


@router.post(
    "/bulk",
    dependencies=[Depends(_turn)],
    response_class=StreamingResponse,
    openapi_extra=BULK_ROWS | scoped(CODES_WRITE),
    responses=BULK_RESULTS | problems(400, 401, 403, 413, 415, 422),
)
async def change_many(
    parts: Services, admission: AdmissionNow, caller: CallerNow, *, name: RequestName, lines: Annotated[list[bytes], Depends(_ndjson)]
) -> StreamingResponse:
    """Create, change and delete up to 10,000 codes. Each row stands for itself: one that fails keeps no other from succeeding.

    With an `Idempotency-Key` rows that create make each code once, however often the same request is sent; other rows are made again.
    """
    return StreamingResponse(_results(_Desk(parts, admission, caller, name), lines), media_type=MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What the rows of a request are made with."""

    parts: Parts
    admission: Admission
    caller: Caller
    name: str | None


async def _results(desk: _Desk, lines: list[bytes]) -> AsyncIterator[bytes]:
    rows = succeeded = 0
    for batch in _batches(_parsed(lines)):
        for numbered, outcome in zip(batch, await _outcomes(desk, batch), strict=True):
            rows += 1
            result = _shown(numbered, outcome)
            succeeded += result.problem is None
            yield result.model_dump_json(exclude_none=True).encode() + b"\n"
    yield Summary(rows=rows, succeeded=succeeded, failed=rows - succeeded).model_dump_json().encode() + b"\n"


def _parsed(lines: list[bytes]) -> Iterator[Numbered]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield Numbered(number, _row(line))


def _row(line: bytes) -> Create | Update | Delete | QuietzoneError:
    if len(line) > MAX_ROW_BYTES:
        return InvalidInput(FieldViolation("row", f"{len(line):,} bytes; a row has at most {MAX_ROW_BYTES:,}"))
    try:
        content = json.loads(line)
        return _ROW.validate_python({"op": "create"} | content if isinstance(content, dict) else content)
    except ValidationError as error:
        return InvalidInput(*(violation_of(_placed(details)) for details in error.errors(include_url=False)))
    except (ValueError, RecursionError):
        return InvalidInput(FieldViolation("row", "not JSON in UTF-8, or nested too deeply"))


def _placed(details: Any) -> dict[str, Any]:
    """What is wrong with a row, from where it begins; pydantic begins with what it is to do."""
    return {**details, "loc": ("row", *details["loc"][1:])}


def _batches(rows: Iterator[Numbered]) -> Iterator[list[Numbered]]:
    """Rows one after the other in lots that one call takes: of one kind, no code twice."""
    batch: list[Numbered] = []
    kind: object = None
    seen: set[str] = set()
    for each in rows:
        code_id = "" if isinstance(each.row, (Create, QuietzoneError)) else _id(each.row.id)
        if batch and (type(each.row) is not kind or len(batch) == MAX_BATCH or code_id in seen):
            yield batch
            batch, seen = [], set()
        kind = type(each.row)
        batch.append(each)
        if code_id:
            seen.add(code_id)
    if batch:
        yield batch


async def _outcomes(desk: _Desk, batch: list[Numbered]) -> list[Outcome]:
    """What became of rows of one kind. When the call as a whole fails, each of them has failed so."""
    try:
        return await _made(desk, batch)
    except QuietzoneError as error:
        return [error] * len(batch)


async def _made(desk: _Desk, batch: list[Numbered]) -> list[Outcome]:
    rows, parts, caller = [each.row for each in batch], desk.parts, desk.caller
    match rows[0]:
        case Create():
            new = [
                row.asked(request_id=_row_name(desk.name, each.number))
                for row, each in zip(rows, batch, strict=True)
                if isinstance(row, Create)
            ]
            return list(await issue_many(parts.codes, parts.plans, desk.admission, caller, new))
        case Update():
            edits = [(_id(row.id), row.asked(expected_revision=row.revision)) for row in rows if isinstance(row, Update)]
            return list(await parts.codes.change_many(caller, edits))
        case Delete():
            wanted = [(_id(row.id), row.revision) for row in rows if isinstance(row, Delete)]
            return list(await parts.codes.delete_many(caller, wanted))
        case _:
            return [row for row in rows if isinstance(row, QuietzoneError)]


def _id(given: str) -> str:
    """What the service is asked for: one that no code can have is passed on, so that its row alone fails."""
    try:
        return known_id(given)
    except NotFound:
        return given[:36]


def _row_name(name: str | None, number: int) -> str | None:
    return None if name is None else hashlib.sha256(f"{name} {number}".encode()).hexdigest()


def _shown(numbered: Numbered, outcome: Outcome) -> RowResult:
    if isinstance(outcome, QuietzoneError):
        problem = problem_of(_in_our_words(outcome)) or internal()
        shown = json.loads(problem.body(instance="/v1/codes/bulk", request_id=""))
        return RowResult(row=numbered.number, status=problem.kind.status, problem={k: v for k, v in shown.items() if k != "request_id"})
    status = 204 if outcome is None else 201 if isinstance(numbered.row, Create) else 200
    return RowResult(row=numbered.number, status=status, code=None if outcome is None else CodeView.of(outcome))


def _in_our_words(error: QuietzoneError) -> QuietzoneError:
    try:
        with names_of_the_api(_NAMES):
            raise error
    except QuietzoneError as named:
        return named
