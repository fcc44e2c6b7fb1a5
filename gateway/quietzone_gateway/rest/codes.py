"""Codes: create, get, list, change, delete, draw."""

from typing import Annotated, Self

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from quietzone_gateway.rest.description import IMAGE, NOT_MODIFIED, problems
from quietzone_gateway.rest.etags import InvalidTag, MatchesNothing, expected_revision, matches_any, tag
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, Services, known_id, names_of_the_api, together
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_gateway.rpc import Code, CodeEdit, CodePage, CodeState, ImageFormat
from quietzone_gateway.rpc import NewCode as NewCodeAsked
from quietzone_kit.errors import FieldViolation, InvalidInput, RevisionMismatch

NEW_CODE: dict[str, JsonValue] = {"destination": "https://example.com/menu", "title": "Menu, table 4", "slug": "menu-4"}
CODE_CHANGE: dict[str, JsonValue] = {"destination": "https://example.com/winter-menu"}
CODE: dict[str, JsonValue] = {
    "id": CODE_ID,
    "slug": "menu-4",
    "short_url": "https://qr.example.com/menu-4",
    "destination": "https://example.com/menu",
    "title": "Menu, table 4",
    "state": "active",
    "revision": 1,
    "created_at": "2026-11-21T09:30:00.125Z",
    "updated_at": "2026-11-21T09:30:00.125Z",
}
"""Examples; tests hold them against the models."""

# Only described here: the service checks them, all at once and in its own words.
_URL: dict[str, JsonValue] = {"maxLength": 2048}
_TITLE: dict[str, JsonValue] = {"maxLength": 200}
_SLUG: dict[str, JsonValue] = {"pattern": "^[0-9A-Za-z_-]{3,64}$"}


class NewCode(Input):
    """A code to create."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW_CODE]})

    destination: Text = Field(
        description="Where scans lead: an http or https URL of at most 2,048 bytes, not on the scan host", json_schema_extra=_URL
    )
    title: Text = Field("", description="For people", json_schema_extra=_TITLE)
    slug: Text | None = Field(
        None, description="The end of the scan URL, never to be changed; drawn at random when absent", json_schema_extra=_SLUG
    )


class CodeChange(Input):
    """What to change; what is absent stays. What is printed always stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [CODE_CHANGE], "minProperties": 1})

    destination: Text | None = Field(None, description="Where scans lead from now on", json_schema_extra=_URL)
    title: Text | None = Field(None, description="For people", json_schema_extra=_TITLE)
    state: CodeState | None = Field(None, description="`paused`: scans get 404 with a page that says so")

    @field_validator("destination", "title", "state", mode="before")
    @classmethod
    def _no_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("null isn't a value for it; leave the field out to keep what it is")
        return value

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing to change: give destination, title or state")
        return self


class CodeView(BaseModel):
    """A code."""

    model_config = ConfigDict(json_schema_extra={"examples": [CODE]})

    id: str = Field(description="UUIDv7")
    slug: str = Field(description="The end of the scan URL")
    short_url: str = Field(description="What is printed in the symbol")
    destination: str = Field(description="Where scans lead now, normalised as browsers do it")
    title: str = Field(description="For people")
    state: CodeState = Field(description="Whether scans are redirected")
    revision: int = Field(description="1 when created, one more with each change; the ETag")
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, code: Code) -> Self:
        """The code as it is shown."""
        return cls(
            id=code.id,
            slug=code.slug,
            short_url=code.payload,
            destination=code.destination,
            title=code.title,
            state=code.state,
            revision=code.revision,
            created_at=rfc3339(code.created_at_ms),
            updated_at=rfc3339(code.updated_at_ms),
        )


class CodePageView(BaseModel):
    """One page of codes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [CODE], "next_cursor": None}]})

    items: list[CodeView] = Field(description="Newest first")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")

    @classmethod
    def of(cls, page: CodePage) -> Self:
        """The page as it is shown."""
        return cls(items=[CodeView.of(code) for code in page.items], next_cursor=page.next_cursor)


class ListQuery(Input):
    """Which page."""

    limit: int = Field(50, description="How many at most", ge=1, le=1000)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=1000)


class ImageQuery(Input):
    """How to draw."""

    format: ImageFormat = Field(ImageFormat.PNG, description="`png`: 1 bit a pixel; `svg`: one path")
    size: int = Field(1036, description="Width and height with the quiet zone, in pixels", ge=64, le=4096)


router = APIRouter(prefix="/v1/codes", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["codes"])

CodeId = Annotated[str, Path(description="The code's id", examples=[CODE_ID])]
IfMatch = Annotated[str | None, Header(description="Refuse the change unless this is the code's ETag", examples=['"1"'])]
IfNoneMatch = Annotated[str | None, Header(description="Answer 304 if this is still the ETag")]

# The service's fields by the names that callers of the API know.
_NAMES = {"page_size": "limit", "page_token": "cursor", "size_px": "size", "expected_revision": "If-Match"}


@router.post("", status_code=201, responses=problems(400, 401, 409, 413, 415, 422, 503, 504))
async def create_code(body: NewCode, parts: Services, caller: CallerNow, response: Response) -> CodeView:
    """Issue a code. Its symbol was read back by two decoders before this answers; it redirects within a second."""
    with names_of_the_api(_NAMES):
        code = await parts.codes.create(caller, NewCodeAsked(body.destination, body.title, body.slug))
    response.headers["Location"] = f"/v1/codes/{code.id}"
    response.headers["ETag"] = tag(code.revision)
    return CodeView.of(code)


@router.get("", responses=problems(400, 401, 503, 504))
async def list_codes(query: Annotated[ListQuery, Query()], parts: Services, caller: CallerNow) -> CodePageView:
    """The account's codes, newest first."""
    with names_of_the_api(_NAMES):
        return CodePageView.of(await parts.codes.page(caller, limit=query.limit, cursor=query.cursor))


@router.get("/{code_id}", response_model=CodeView, responses=NOT_MODIFIED | problems(401, 404, 503, 504))
async def get_code(code_id: CodeId, parts: Services, caller: CallerNow, if_none_match: IfNoneMatch = None) -> Response:
    """One code."""
    code = await parts.codes.get(caller, known_id(code_id))
    headers = {"ETag": tag(code.revision), "Cache-Control": "private, no-cache"}
    if matches_any(if_none_match, str(code.revision)):
        return Response(status_code=304, headers=headers)
    return Response(CodeView.of(code).model_dump_json(), media_type="application/json", headers=headers)


@router.patch("/{code_id}", responses=problems(400, 401, 404, 412, 413, 415, 503, 504))
async def change_code(
    code_id: CodeId, body: CodeChange, parts: Services, caller: CallerNow, *, response: Response, if_match: IfMatch = None
) -> CodeView:
    """Change where a code leads, its title or its state; scans follow within a second. What is printed stays as it is."""
    with names_of_the_api(_NAMES):
        edit = CodeEdit(body.destination, body.title, body.state, expected_revision=_revision(if_match))
        code = await parts.codes.change(caller, known_id(code_id), edit)
    response.headers["ETag"] = tag(code.revision)
    return CodeView.of(code)


@router.delete("/{code_id}", status_code=204, responses=problems(400, 401, 404, 412, 503, 504))
async def delete_code(code_id: CodeId, parts: Services, caller: CallerNow, if_match: IfMatch = None) -> None:
    """Delete a code for good: scans get 410, and its slug is never given out again."""
    await parts.codes.delete(caller, known_id(code_id), expected_revision=_revision(if_match))


@router.get("/{code_id}/image", response_class=Response, responses=IMAGE | NOT_MODIFIED | problems(400, 401, 404, 422, 503, 504))
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
    headers = {
        "ETag": tag(image.etag),
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'inline; filename="{code.result().slug}.{query.format}"',
    }
    if matches_any(if_none_match, image.etag):
        return Response(status_code=304, headers=headers)
    return Response(image.data, media_type=image.media_type, headers=headers)


def _revision(if_match: str | None) -> int | None:
    try:
        return expected_revision(if_match)
    except InvalidTag as error:
        raise InvalidInput(FieldViolation("If-Match", str(error))) from error
    except MatchesNothing as error:
        raise RevisionMismatch(str(error)) from error
