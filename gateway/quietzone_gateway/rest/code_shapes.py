"""Codes as requests and answers have them."""

from typing import Annotated, Any, Literal, Self

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model, field_validator, model_validator

from quietzone_gateway.rest.pages import Links, Meta, PageQuery
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339, start_ms, zone_named
from quietzone_gateway.rpc import Code, CodeEdit, CodeFilter, CodeOrder, CodePage, CodeState
from quietzone_gateway.rpc import NewCode as NewCodeAsked
from quietzone_kit.errors import Violations

NEW_CODE: dict[str, JsonValue] = {
    "destination": "https://example.com/menu",
    "title": "Menu, table 4",
    "slug": "menu-4",
    "tags": ["menu", "summer"],
    "folder": "restaurant/tables",
}
CODE_CHANGE: dict[str, JsonValue] = {"destination": "https://example.com/winter-menu"}
CODE: dict[str, JsonValue] = {
    "id": CODE_ID,
    "slug": "menu-4",
    "short_url": "https://qr.example.com/menu-4",
    "destination": "https://example.com/menu",
    "title": "Menu, table 4",
    "state": "active",
    "tags": ["menu", "summer"],
    "folder": "restaurant/tables",
    "revision": 1,
    "created_at": "2026-11-21T09:30:00.125Z",
    "updated_at": "2026-11-21T09:30:00.125Z",
}
PAGE: dict[str, JsonValue] = {
    "items": [CODE],
    "meta": {"limit": 50, "total": 1, "page": 1, "total_pages": 1, "has_next": False, "has_prev": False},
    "links": {"self": "/v1/codes", "first": "/v1/codes", "next": None, "prev": None},
    "next_cursor": None,
}
"""Examples; tests hold them against the models."""

# Only described here: the service checks them, all at once and in its own words.
_URL: dict[str, JsonValue] = {"maxLength": 2048}
_TITLE: dict[str, JsonValue] = {"maxLength": 200}
_SLUG: dict[str, JsonValue] = {"pattern": "^[0-9A-Za-z_-]{3,64}$"}
_TAGS: dict[str, JsonValue] = {"maxItems": 20}
_FOLDER: dict[str, JsonValue] = {"maxLength": 200}

MAX_GIVEN_TAGS = 100
"""In a request; how many a code may have is the service's to say."""
Tags = Annotated[list[Text], Field(max_length=MAX_GIVEN_TAGS)]


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
    tags: Tags = Field(
        [], description="To find it by: 1 to 50 characters each; kept in lower case, in order, and once", json_schema_extra=_TAGS
    )
    folder: Text = Field("", description="Where it is kept; slashes cut it into parts", json_schema_extra=_FOLDER)

    def asked(self, *, request_id: str | None) -> NewCodeAsked:
        """What the service is asked for."""
        return NewCodeAsked(self.destination, self.title, self.slug, tuple(self.tags), self.folder, request_id=request_id)


class CodeChange(Input):
    """What to change; what is absent stays. What is printed always stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [CODE_CHANGE], "minProperties": 1})

    destination: Text | None = Field(None, description="Where scans lead from now on", json_schema_extra=_URL)
    title: Text | None = Field(None, description="For people", json_schema_extra=_TITLE)
    state: Literal[CodeState.ACTIVE, CodeState.PAUSED] | None = Field(None, description="`paused`: scans get 404 with a page that says so")
    tags: Tags | None = Field(None, description="In the place of those that it has", json_schema_extra=_TAGS)
    folder: Text | None = Field(None, description="In the place of the one that it has; empty: in none", json_schema_extra=_FOLDER)

    @field_validator("destination", "title", "state", "tags", "folder", mode="before")
    @classmethod
    def _no_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("null isn't a value for it; leave the field out to keep what it is")
        return value

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing to change: give destination, title, state, tags or folder")
        return self

    def asked(self, *, expected_revision: int | None) -> CodeEdit:
        """What the service is asked for."""
        tags = None if self.tags is None else tuple(self.tags)
        return CodeEdit(self.destination, self.title, self.state, tags, self.folder, expected_revision=expected_revision)


class CodeView(BaseModel):
    """A code."""

    model_config = ConfigDict(json_schema_extra={"examples": [CODE]})

    id: str = Field(description="UUIDv7")
    slug: str = Field(description="The end of the scan URL")
    short_url: str = Field(description="What is printed in the symbol")
    destination: str = Field(description="Where scans lead now, normalised as browsers do it")
    title: str = Field(description="For people")
    state: CodeState = Field(description="Whether scans are redirected; `blocked` by the operator: they get 451")
    tags: list[str] = Field(description="In order")
    folder: str = Field(description="Empty: in none")
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
            tags=list(code.tags),
            folder=code.folder,
            revision=code.revision,
            created_at=rfc3339(code.created_at_ms),
            updated_at=rfc3339(code.updated_at_ms),
        )


class CodePageView(BaseModel):
    """One page of codes."""

    model_config = ConfigDict(json_schema_extra={"examples": [PAGE]})

    items: list[CodeView] = Field(description="In the order asked for, newest first without one")
    meta: Meta
    links: Links
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")

    @classmethod
    def of(cls, path: str, query: PageQuery, page: CodePage) -> Self:
        """The page as it is shown."""
        return cls(
            items=[CodeView.of(code) for code in page.items],
            meta=Meta.of(query, total=page.total, has_next=page.next_cursor is not None),
            links=Links.of(path, query, next_cursor=page.next_cursor),
            next_cursor=page.next_cursor,
        )


def _part(name: str) -> Any:
    """A field of `CodePart`: as in `CodeView`, and it may be left out."""
    field = CodeView.model_fields[name]
    return (field.annotation, Field(default=..., description=field.description)) if name == "id" else (field.annotation, Field(None))


CodePart: type[BaseModel] = create_model(
    "CodePart", __doc__="The fields of a code that `fields` chose.", **{n: _part(n) for n in CodeView.model_fields}
)


class CodePagePart(BaseModel):
    """One page of codes, with the fields that `fields` chose."""

    items: list[CodePart]  # type: ignore[valid-type] # made of CodeView above
    meta: Meta
    links: Links
    next_cursor: str | None


FIELDS = Query(None, description="Only these fields, such as `slug,title`, and `id`; all when absent", max_length=200)


class CodeQuery(Input):
    """How a code is shown."""

    fields: str | None = FIELDS


class CodeListQuery(PageQuery):
    """Which codes, in which order: one of state, folder and tag, and a span of `created`; or a span of `updated`; or a prefix."""

    sort_by: Literal["created_at", "updated_at", "slug", "title"] | None = Field(
        None,
        description="`slug` and `title` alone or with their prefix, `updated_at` alone or with its span; by default what fits the filter",
    )
    sort_order: Literal["asc", "desc"] | None = Field(None, description="By default `desc` for times and `asc` for names")
    state: CodeState | None = Field(None, description="Only those in this state")
    folder: Text | None = Field(None, description="Only those in exactly this folder; empty: in none", max_length=200)
    tag: Text | None = Field(None, description="Only those with this tag, however it is cased", max_length=50)
    slug_prefix: Text | None = Field(None, description="Only those whose slug begins so; case counts", min_length=1, max_length=64)
    title_prefix: Text | None = Field(
        None, description="Only those whose title begins so, however it is cased", min_length=1, max_length=200
    )
    created_from: str | None = Field(None, description="Created then or later: a UTC day, or a time with its offset", max_length=40)
    created_before: str | None = Field(None, description="Created before", max_length=40)
    updated_from: str | None = Field(None, description="Last changed then or later", max_length=40)
    updated_before: str | None = Field(None, description="Last changed before", max_length=40)
    fields: str | None = FIELDS

    def chosen(self) -> CodeFilter:
        """Which codes.

        Raises:
            InvalidInput: names each time that is none.
        """
        violations = Violations()
        times: dict[str, int | None] = {}
        for name in ("created_from", "created_before", "updated_from", "updated_before"):
            given = getattr(self, name)
            with violations.field(name):
                times[f"{name}_ms"] = None if given is None else start_ms(given, zone_named("UTC"))
        violations.check()
        return CodeFilter(
            state=self.state,
            folder=self.folder,
            tag=self.tag,
            slug_prefix=self.slug_prefix,
            title_prefix=self.title_prefix,
            **times,
        )

    def order(self) -> CodeOrder | None:
        """In which order; None: the one that fits what is chosen."""
        if self.sort_by is None and self.sort_order is None:
            return None
        by = self.sort_by or "created_at"
        descending = by.endswith("_at") if self.sort_order is None else self.sort_order == "desc"
        return CodeOrder(f"{by.removesuffix('_at')}_{'descending' if descending else 'ascending'}")
