"""Codes as GraphQL shows them."""

from typing import Annotated

import strawberry

from quietzone_gateway.graphql.analytics_types import Analytics, From, To, Zone, analytics_of
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import checked
from quietzone_gateway.graphql.fields import field
from quietzone_gateway.graphql.pages import Cursor, PageInfo, cursors_of
from quietzone_gateway.graphql.scalars import Count, DateTime
from quietzone_gateway.rest.codes import ImageQuery
from quietzone_gateway.rpc import Code as KnownCode
from quietzone_gateway.rpc import CodePage, CodeState, DestinationHealth, DestinationState, ImageFormat, Interval

strawberry.enum(CodeState, description="Whether scans are redirected; BLOCKED by the operator: they get 451")
strawberry.enum(
    DestinationState,
    description="DEAD: it said twice that it is gone, or failed three times in a row; one answer makes it ALIVE again. "
    "UNKNOWN: it wasn't asked yet, or isn't asked",
)
strawberry.enum(ImageFormat, description="PNG has 1 bit a pixel, SVG one path")


@strawberry.type(description="Whether a code's destination answers. It is asked about once a day, sooner after a failure")
class Health:
    """The health of a destination."""

    destination: str = strawberry.field(description="Where scans lead now; this is about no other address")
    state: DestinationState
    reason: str = strawberry.field(description="Why, in a few words for people")
    failures: int = strawberry.field(description="How often in a row it failed; one that is alive may have failed once or twice")
    checked_at: DateTime | None = strawberry.field(description="When it was last asked; null when it wasn't yet")
    next_check_at: DateTime | None = strawberry.field(
        description="When it will be asked again; null while the code is paused, or nobody knows yet"
    )

    @classmethod
    def of(cls, health: DestinationHealth) -> "Health":
        """The health as it is shown."""
        return cls(
            destination=health.destination,
            state=health.state,
            reason=health.reason,
            failures=health.failures,
            checked_at=None if health.checked_at_ms is None else DateTime(health.checked_at_ms),
            next_check_at=None if health.next_check_at_ms is None else DateTime(health.next_check_at_ms),
        )


@strawberry.type(description="What is printed, and where it leads now")
class Code:
    """A code."""

    id: strawberry.ID = strawberry.field(description="UUIDv7")
    slug: str = strawberry.field(description="The end of the scan URL")
    short_url: str = strawberry.field(description="What is printed in the symbol")
    destination: str = strawberry.field(description="Where scans lead now, normalised as browsers do it")
    title: str = strawberry.field(description="For people")
    state: CodeState
    tags: list[str] = strawberry.field(description="In order")
    folder: str = strawberry.field(description="Empty: in none")
    revision: Count = strawberry.field(description="1 when created, one more with each change")
    created_at: DateTime
    updated_at: DateTime

    @classmethod
    def of(cls, code: KnownCode) -> "Code":
        """The code as it is shown."""
        return cls(
            id=strawberry.ID(code.id),
            slug=code.slug,
            short_url=code.payload,
            destination=code.destination,
            title=code.title,
            state=code.state,
            tags=list(code.tags),
            folder=code.folder,
            revision=Count(code.revision),
            created_at=DateTime(code.created_at_ms),
            updated_at=DateTime(code.updated_at_ms),
        )

    @field(description="Scans by people since the code was created, exact, about a second behind")
    async def total_scans(self, info: Info) -> Count | None:
        """From analytics; null with an error while that isn't there."""
        return Count(await info.context.loaders.totals.load(self.id))

    @field(description="How often it was scanned. The span is widened to whole quarters of an hour")
    async def analytics(
        self, info: Info, *, from_: From = None, to: To = None, interval: Interval = Interval.DAY, zone: Zone = "UTC"
    ) -> Analytics | None:
        """From analytics; null with an error while that isn't there."""
        return await analytics_of(info, self.id, from_=from_, to=to, interval=interval, zone=zone)

    @field(description="Whether the destination answered when it was last asked")
    async def health(self, info: Info) -> Health | None:
        """One question for each code: there is no batch."""
        return Health.of(await info.context.loaders.health.load(self.id))

    @field(description="The address of the symbol as a file that two decoders have read back; it needs the same key")
    def image_url(
        self,
        format: ImageFormat = ImageFormat.PNG,  # noqa: A002 - as callers know it
        size: Annotated[int, strawberry.argument(description="Width and height with the quiet zone, in pixels, 64 to 4,096")] = 1036,
    ) -> str:
        """A reference to this API."""
        asked = checked(ImageQuery, {"format": format, "size": size})
        return f"/v1/codes/{self.id}/image?format={asked.format}&size={asked.size}"


@strawberry.type(description="A code at its place in a list")
class CodeEdge:
    """An edge."""

    node: Code
    cursor: str = strawberry.field(description="`after` this code; but for a page's last it holds only while nothing before it goes away")


@strawberry.type(description="A page of codes")
class CodeConnection:
    """A page."""

    edges: list[CodeEdge]
    page_info: PageInfo
    total_count: Count | None = strawberry.field(
        description="How many there are in all, a second or so behind; null where nothing counts what was asked for"
    )

    @classmethod
    def of(cls, page: CodePage, begin: Cursor, after: str | None) -> "CodeConnection":
        """The page as it is shown."""
        cursors = cursors_of(begin, len(page.items), page.next_cursor)
        return cls(
            edges=[CodeEdge(node=Code.of(code), cursor=str(cursor)) for code, cursor in zip(page.items, cursors, strict=True)],
            page_info=PageInfo.of(cursors, after=after, has_next=page.next_cursor is not None),
            total_count=None if page.total is None else Count(page.total),
        )
