"""Pages of a list: by cursor, which holds while things come and go, or by number, which people like; with meta and links."""

from typing import Self
from urllib.parse import urlencode

from pydantic import BaseModel, Field, model_validator

from quietzone_gateway.rest.shapes import Input

MAX_LIMIT = 1_000
MAX_SKIPPED = 9_000
"""What pages by number pass over at most: each has to be read. Beyond it only cursors go."""


class PageQuery(Input):
    """Which page."""

    limit: int = Field(50, description="How many at most", ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, description="`next_cursor` of the page before; not beside `page`", max_length=2000)
    page: int | None = Field(
        None,
        description=f"The page's number from 1 on, in place of a cursor; passes over at most {MAX_SKIPPED:,} things",
        ge=1,
        le=MAX_SKIPPED,
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.page is not None and self.cursor is not None:
            raise ValueError("a page is found by `cursor` or by `page`, not by both")
        if self.skip > MAX_SKIPPED:
            raise ValueError(f"page {self.page} would pass over more than {MAX_SKIPPED:,}: go on with `cursor`")
        return self

    @property
    def skip(self) -> int:
        """How many things stand before the page that is asked for by number."""
        return (self.page - 1) * self.limit if self.page is not None else 0


class Meta(BaseModel):
    """Where in the list this page is."""

    limit: int
    total: int | None = Field(description="How many there are in all, a second or so behind; null where nothing counts what was asked for")
    page: int | None = Field(description="The number asked for; null when a cursor led here")
    total_pages: int | None = Field(description="null when `total` is")
    has_next: bool
    has_prev: bool

    @classmethod
    def of(cls, query: PageQuery, *, total: int | None, has_next: bool) -> Self:
        """Where the page is that answers `query`."""
        number = query.page if query.page is not None else (1 if query.cursor is None else None)
        return cls(
            limit=query.limit,
            total=total,
            page=number,
            total_pages=None if total is None else -(-total // query.limit),
            has_next=has_next,
            has_prev=query.cursor is not None or query.skip > 0,
        )


class Links(BaseModel):
    """The pages around this one, as references to follow; `Link` has them too (RFC 8288)."""

    self: str
    first: str
    next: str | None = Field(description="null on the last page")
    prev: str | None = Field(description="null on the first page, and where a cursor led here: those only go on")

    @classmethod
    def of(cls, path: str, query: PageQuery, *, next_cursor: str | None) -> Self:
        """Around the page of `path` that answers `query`."""
        rest = query.model_dump(mode="json", exclude_unset=True, exclude={"cursor", "page"})

        def link(**place: int | str | None) -> str:
            asked = rest | {name: value for name, value in place.items() if value is not None}
            return f"{path}?{urlencode(asked)}" if asked else path

        following = None if next_cursor is None else link(cursor=next_cursor) if query.page is None else link(page=query.page + 1)
        before = link(page=query.page - 1) if query.page is not None and query.page > 1 else None
        return cls(self=link(cursor=query.cursor, page=query.page), first=link(), next=following, prev=before)

    @property
    def header(self) -> str:
        """The value of `Link`."""
        known = {"first": self.first, "next": self.next, "prev": self.prev}
        return ", ".join(f'<{target}>; rel="{relation}"' for relation, target in known.items() if target is not None)
