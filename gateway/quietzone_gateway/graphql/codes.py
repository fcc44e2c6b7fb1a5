"""What can be asked about codes."""

from typing import Annotated

import strawberry

from quietzone_gateway.graphql.code_types import Code, CodeConnection
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field
from quietzone_gateway.graphql.pages import MAX_FIRST, place_of
from quietzone_gateway.graphql.scalars import Count
from quietzone_gateway.rest.code_shapes import CodeListQuery
from quietzone_gateway.rest.route import known_id
from quietzone_gateway.rpc import CodeFilter as FilterAsked
from quietzone_gateway.rpc import CodeOrder, CodeState, Facet
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound

MAX_FACETS = 1_000
"""As many tags, and as many folders, as are counted."""

strawberry.enum(CodeOrder, description="SLUG_ and TITLE_ go alone or with their prefix, UPDATED_ alone or with its span")

First = Annotated[int, strawberry.argument(description=f"How many at most, up to {MAX_FIRST}")]
After = Annotated[str | None, strawberry.argument(description="`endCursor` of the page before, or the cursor of any item")]
FirstFacets = Annotated[int, strawberry.argument(description=f"How many at most, up to {MAX_FACETS:,}")]


@strawberry.input(description="Which codes: one of state, folder and tag, and a span of `created`; or a span of `updated`; or a prefix")
class CodeFilter:
    """As `CodeListQuery` of REST, which checks it."""

    state: CodeState | None = None
    folder: str | None = strawberry.field(default=None, description="Exactly this folder; empty: in none")
    tag: str | None = strawberry.field(default=None, description="However it is cased")
    slug_prefix: str | None = strawberry.field(default=None, description="Case counts")
    title_prefix: str | None = strawberry.field(default=None, description="However it is cased")
    created_from: str | None = strawberry.field(default=None, description="Then or later: a UTC day, or a time with its offset")
    created_before: str | None = None
    updated_from: str | None = strawberry.field(default=None, description="Last changed then or later")
    updated_before: str | None = None

    def asked(self) -> FilterAsked:
        """What the service is asked for; raises InvalidInput."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        with names_of_graphql():
            return checked(CodeListQuery, given).chosen()


@strawberry.type(name="Facet", description="A tag or folder, and how many codes have it")
class FacetView:
    """A facet."""

    value: str
    codes: Count

    @classmethod
    def of(cls, facet: Facet) -> "FacetView":
        """The facet as it is shown."""
        return cls(value=facet.value, codes=Count(facet.codes))


@strawberry.type(description="How many codes are in a state")
class StateCount:
    """A count."""

    state: CodeState
    codes: Count


@strawberry.type(description="What the codes can be filtered by, a second or so behind; empty while counters are made anew")
class Facets:
    """Facets."""

    known_tags: strawberry.Private[tuple[Facet, ...]]
    known_folders: strawberry.Private[tuple[Facet, ...]]
    total: Count | None = strawberry.field(description="Codes in all")
    states: list[StateCount]
    complete: bool = strawberry.field(description="Whether tags and folders are all that are in use, not only the 1,000 most frequent")

    @field(description="Most codes first")
    def tags(self, first: FirstFacets = 100) -> list[FacetView]:
        """Tags in use."""
        return _some(self.known_tags, first)

    @field(description="Most codes first")
    def folders(self, first: FirstFacets = 100) -> list[FacetView]:
        """Folders in use."""
        return _some(self.known_folders, first)


def _some(facets: tuple[Facet, ...], first: int) -> list[FacetView]:
    if not 1 <= first <= MAX_FACETS:
        raise InvalidInput(FieldViolation("first", f"{first}; use 1 to {MAX_FACETS:,}"))
    return list(map(FacetView.of, facets[:first]))


@strawberry.type
class CodeQueries:
    """Part of Query."""

    @field(description="One code; null when this account has none with this id")
    async def code(self, info: Info, id: strawberry.ID) -> Code | None:  # noqa: A002 - as callers know it
        """By id; several in one request are one question."""
        try:
            found = await info.context.loaders.codes.load(known_id(id))
        except NotFound:
            return None
        return None if found is None else Code.of(found)

    @field(description="The account's codes. What can be asked for together is what an index serves; errors say what that is")
    async def codes(
        self,
        info: Info,
        *,
        first: First = 20,
        after: After = None,
        filter: CodeFilter | None = None,  # noqa: A002 - as callers know it
        order_by: CodeOrder | None = None,
    ) -> CodeConnection | None:
        """A page."""
        begin = place_of(first, after)
        context = info.context
        chosen = FilterAsked() if filter is None else filter.asked()
        with names_of_graphql():
            page = await context.parts.codes.page(
                context.caller, limit=first, cursor=begin.token or None, chosen=chosen, order=order_by, skip=begin.skip
            )
        return CodeConnection.of(page, begin, after)

    @field(description="What the codes can be filtered by")
    async def facets(self, info: Info) -> Facets | None:
        """States, tags and folders."""
        found = await info.context.parts.codes.facets(info.context.caller)
        return Facets(
            known_tags=found.tags,
            known_folders=found.folders,
            total=None if found.total is None else Count(found.total),
            states=[StateCount(state=state, codes=Count(codes)) for state, codes in found.states.items()],
            complete=found.complete,
        )
