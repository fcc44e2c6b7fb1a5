"""Codes: create, get, list, change, delete, draw."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import Field

from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE
from quietzone_gateway.issuing import issue
from quietzone_gateway.rest.answers import answer, digest
from quietzone_gateway.rest.code_shapes import CodeChange, CodeListQuery, CodePagePart, CodePageView, CodePart, CodeQuery, CodeView, NewCode
from quietzone_gateway.rest.description import IMAGE, NOT_MODIFIED, problems, scoped
from quietzone_gateway.rest.etags import InvalidTag, MatchesNothing, expected_revision, tag
from quietzone_gateway.rest.reads import LARGEST_LIMIT, Kept
from quietzone_gateway.rest.route import (
    DESCRIBED_SECURITY,
    AdmissionNow,
    ApiRoute,
    CallerNow,
    RequestName,
    Services,
    known_id,
    names_of_the_api,
    together,
)
from quietzone_gateway.rest.selection import selected
from quietzone_gateway.rest.shapes import CODE_ID, Input
from quietzone_gateway.rpc import Codes, ImageFormat
from quietzone_kit.errors import FieldViolation, InvalidInput, RevisionMismatch
from quietzone_kit.rpc import Caller


class ImageQuery(Input):
    """How to draw."""

    format: ImageFormat = Field(ImageFormat.PNG, description="`png`: 1 bit a pixel; `svg`: one path")
    size: int = Field(1036, description="Width and height with the quiet zone, in pixels", ge=64, le=4096)


router = APIRouter(prefix="/v1/codes", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["codes"])

CodeId = Annotated[str, Path(description="The code's id", examples=[CODE_ID])]
IfMatch = Annotated[str | None, Header(description="Refuse the change unless this is the code's ETag", examples=['"1"'])]
IfNoneMatch = Annotated[str | None, Header(description="Answer 304 if this is still the ETag")]

# The service's fields by the names that callers of the API know.
_NAMES = {
    "page_size": "limit",
    "page_token": "cursor",
    "skip": "page",
    "order_by": "sort_by",
    "filter": "query",
    "created_from_ms": "created_from",
    "created_before_ms": "created_before",
    "updated_from_ms": "updated_from",
    "updated_before_ms": "updated_before",
    "size_px": "size",
    "expected_revision": "If-Match",
}


@router.post("", status_code=201, responses=problems(400, 401, 403, 409, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def create_code(
    body: NewCode, parts: Services, admission: AdmissionNow, caller: CallerNow, *, name: RequestName, response: Response
) -> CodeView:
    """Issue a code. Its symbol was read back by two decoders before this answers; it redirects within a second."""
    with names_of_the_api(_NAMES):
        code = await issue(parts.codes, parts.plans, admission, caller, body.asked(request_id=name))
    response.headers["Location"] = f"/v1/codes/{code.id}"
    response.headers["ETag"] = tag(code.revision)
    return CodeView.of(code)


@router.get(
    "", response_model=CodePageView | CodePagePart, responses=NOT_MODIFIED | problems(400, 401, 403), openapi_extra=scoped(CODES_READ)
)
async def list_codes(
    request: Request, query: Annotated[CodeListQuery, Query()], parts: Services, caller: CallerNow, *, if_none_match: IfNoneMatch = None
) -> Response:
    """The account's codes. What can be asked for together is what an index serves; anything else is refused, and says what is."""

    async def make() -> Kept:
        return await _page(parts.codes, caller, query)

    with names_of_the_api(_NAMES):
        if query.limit > LARGEST_LIMIT:
            kept = await make()
        else:
            request.state.question = query.model_dump_json(exclude_unset=True)
            kept = await parts.reads.answer(caller, request.state.question, make)
    return answer(kept.body, tag_of=kept.tag, if_none_match=if_none_match, headers={"Link": kept.link})


@router.get(
    "/{code_id}",
    response_model=CodeView | CodePart,
    responses=NOT_MODIFIED | problems(400, 401, 403, 404),
    openapi_extra=scoped(CODES_READ),
)
async def get_code(
    request: Request,
    code_id: CodeId,
    query: Annotated[CodeQuery, Query()],
    *,
    parts: Services,
    caller: CallerNow,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One code."""
    fields, known = selected(query.fields, CodeView), known_id(code_id)

    async def make() -> Kept:
        code = await parts.codes.get(caller, known)
        return Kept.of(CodeView.of(code).model_dump_json(include=fields).encode(), str(code.revision))

    request.state.question = f"{known} {sorted(fields or ())}"
    kept = await parts.reads.answer(caller, request.state.question, make)
    return answer(kept.body, tag_of=kept.tag, if_none_match=if_none_match)


@router.patch("/{code_id}", responses=problems(400, 401, 403, 404, 412, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def change_code(
    code_id: CodeId, body: CodeChange, parts: Services, caller: CallerNow, *, response: Response, if_match: IfMatch = None
) -> CodeView:
    """Change where a code leads, its title or its state; scans follow within a second. What is printed stays as it is."""
    with names_of_the_api(_NAMES):
        code = await parts.codes.change(caller, known_id(code_id), body.asked(expected_revision=revision_of(if_match)))
    response.headers["ETag"] = tag(code.revision)
    return CodeView.of(code)


@router.delete("/{code_id}", status_code=204, responses=problems(400, 401, 403, 404, 412), openapi_extra=scoped(CODES_WRITE))
async def delete_code(code_id: CodeId, parts: Services, caller: CallerNow, if_match: IfMatch = None) -> None:
    """Delete a code for good: scans get 410, and its slug is never given out again."""
    await parts.codes.delete(caller, known_id(code_id), expected_revision=revision_of(if_match))


@router.get(
    "/{code_id}/image",
    response_class=Response,
    responses=IMAGE | NOT_MODIFIED | problems(400, 401, 403, 404, 422),
    openapi_extra=scoped(CODES_READ),
)
async def get_image(
    code_id: CodeId, query: Annotated[ImageQuery, Query()], parts: Services, caller: CallerNow, if_none_match: IfNoneMatch = None
) -> Response:
    """The code's symbol as a file that two independent decoders have read back."""
    known = known_id(code_id)
    with names_of_the_api(_NAMES):
        async with together() as group:
            code = group.create_task(parts.codes.get(caller, known))
            drawn = group.create_task(parts.codes.image(caller, known, image_format=query.format, size_px=query.size))
    image = drawn.result()
    headers = {"Content-Disposition": f'inline; filename="{code.result().slug}.{query.format}"'}
    return answer(image.data, tag_of=image.etag, if_none_match=if_none_match, headers=headers, media_type=image.media_type)


async def _page(codes: Codes, caller: Caller, query: CodeListQuery) -> Kept:
    fields = selected(query.fields, CodeView)
    page = await codes.page(caller, limit=query.limit, cursor=query.cursor, chosen=query.chosen(), order=query.order(), skip=query.skip)
    view = CodePageView.of("/v1/codes", query, page)
    body = view.model_dump_json(include=None if fields is None else _page_with(fields)).encode()
    return Kept.of(body, digest(body), view.links.header)


def _page_with(fields: set[str]) -> dict[str, Any]:
    """What pydantic is to show of a page."""
    return {"items": {"__all__": fields}, "meta": True, "links": True, "next_cursor": True}


def revision_of(if_match: str | None) -> int | None:
    """What If-Match demands.

    Raises:
        InvalidInput, RevisionMismatch: as `expected_revision` has it.
    """
    try:
        return expected_revision(if_match)
    except InvalidTag as error:
        raise InvalidInput(FieldViolation("If-Match", str(error))) from error
    except MatchesNothing as error:
        raise RevisionMismatch(str(error)) from error
