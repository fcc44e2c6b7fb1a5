"""Codes found by how their slugs and titles begin."""

from typing import Annotated

import strawberry
from pydantic import Field
from strawberry.scalars import JSON

from quietzone_gateway.graphql.code_types import Code
from quietzone_gateway.graphql.context import Context, Info
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field
from quietzone_gateway.graphql.pages import MAX_FIRST
from quietzone_gateway.rest.route import together
from quietzone_gateway.rest.shapes import Input, Text
from quietzone_gateway.rpc import Code as KnownCode
from quietzone_gateway.rpc import CodeFilter, CodeState
from quietzone_kit.errors import FieldViolation, InvalidInput

MAX_SLUG_CHARACTERS = 64
MAX_QUERY_CHARACTERS = 200
"""What titles have; no slug begins with more than MAX_SLUG_CHARACTERS."""

MAX_LOOKED_AT = 1_000
"""Of each kind when filters are given, because no index has prefix and filter together: one page of the service, 0.5 MB."""


class SearchFilters(Input):
    """What codes that are found must have besides."""

    state: CodeState | None = None
    folder: Text | None = Field(default=None, max_length=200)
    tag: Text | None = Field(default=None, max_length=50)

    def fit(self, code: KnownCode) -> bool:
        """Whether the code has it."""
        return (
            self.state in (None, code.state) and self.folder in (None, code.folder) and (self.tag is None or self.tag.lower() in code.tags)
        )


NO_FILTERS = SearchFilters()


@strawberry.type
class SearchQueries:
    """Part of Query."""

    @field(
        name="searchQRCodes",
        description="Codes whose slug begins with `query`, in the order of slugs, then those whose title does, each once",
    )
    async def search(
        self,
        info: Info,
        query: Annotated[str, strawberry.argument(description="1 to 200 characters; case counts in slugs, not in titles")],
        filters: Annotated[
            JSON | None,
            strawberry.argument(description="`state`, `folder`, `tag`; they choose among the first 1,000 that are found by each"),
        ] = None,
        limit: Annotated[int | None, strawberry.argument(description=f"How many at most, up to {MAX_FIRST}")] = 20,
    ) -> list[Code] | None:
        """Two questions at once."""
        limit = 20 if limit is None else limit
        chosen = _filters(filters)
        _check(query, limit)
        looked_at = limit if chosen == NO_FILTERS else MAX_LOOKED_AT
        with names_of_graphql({"slug_prefix": "query", "title_prefix": "query"}):
            found = await _found(info.context, query, looked_at)
        once = {code.id: code for code in found if chosen.fit(code)}
        return [Code.of(code) for code in list(once.values())[:limit]]


def _filters(given: object) -> SearchFilters:
    if given is None:
        return NO_FILTERS
    if not isinstance(given, dict):
        raise InvalidInput(FieldViolation("filters", "give a JSON object with `state`, `folder` or `tag`"))
    state = given.get("state")
    lowered = {**given, "state": state.lower()} if isinstance(state, str) else given  # ACTIVE as elsewhere here, or active
    return checked(SearchFilters.model_validate, {"obj": lowered})


def _check(query: str, limit: int) -> None:
    if not 1 <= len(query) <= MAX_QUERY_CHARACTERS:
        raise InvalidInput(FieldViolation("query", f"{len(query)} characters; use 1 to {MAX_QUERY_CHARACTERS}"))
    if not 1 <= limit <= MAX_FIRST:
        raise InvalidInput(FieldViolation("limit", f"{limit}; use 1 to {MAX_FIRST}"))


async def _found(context: Context, query: str, limit: int) -> list[KnownCode]:
    filters = [CodeFilter(slug_prefix=query)] if len(query) <= MAX_SLUG_CHARACTERS else []
    filters.append(CodeFilter(title_prefix=query))
    async with together() as group:
        tasks = [group.create_task(context.parts.codes.page(context.caller, limit=limit, chosen=each)) for each in filters]
    return [code for task in tasks for code in task.result().items]
