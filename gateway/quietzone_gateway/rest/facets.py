"""What an account's codes can be filtered by."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, Services
from quietzone_gateway.rest.shapes import Input
from quietzone_gateway.rpc import CodeState, Facet, Facets
from quietzone_kit.rpc import CODES_READ

FACETS: dict[str, JsonValue] = {
    "total": 3,
    "states": {"active": 2, "paused": 1, "blocked": 0},
    "tags": [{"value": "menu", "codes": 2}],
    "folders": [{"value": "tables", "codes": 3}],
    "complete": True,
}
"""An example; a test holds it against the model."""


class FacetsQuery(Input):
    """How many."""

    limit: int = Field(100, description="Tags and folders, at most so many of each, the most frequent first", ge=1, le=1000)


class FacetView(BaseModel):
    """A tag or a folder."""

    value: str
    codes: int = Field(description="How many codes have it, or are in it")

    @classmethod
    def of(cls, facet: Facet) -> Self:
        """As it is shown."""
        return cls(value=facet.value, codes=facet.codes)


class FacetsView(BaseModel):
    """Counts of codes, a second or so behind."""

    model_config = ConfigDict(json_schema_extra={"examples": [FACETS]})

    total: int | None = Field(description="All codes; null while counters are made anew, and the rest is empty then")
    states: dict[CodeState, int]
    tags: list[FacetView]
    folders: list[FacetView]
    complete: bool = Field(description="Whether all tags and folders are counted, not only the 1,000 most frequent")

    @classmethod
    def of(cls, facets: Facets, limit: int) -> Self:
        """As they are shown."""
        return cls(
            total=facets.total,
            states=facets.states,
            tags=list(map(FacetView.of, facets.tags[:limit])),
            folders=list(map(FacetView.of, facets.folders[:limit])),
            complete=facets.complete,
        )


router = APIRouter(prefix="/v1/codes/facets", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["codes"])


@router.get("", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def get_facets(query: Annotated[FacetsQuery, Query()], parts: Services, caller: CallerNow) -> FacetsView:
    """What the account's codes can be filtered by (states, tags and folders), and how many codes each brings."""
    return FacetsView.of(await parts.codes.facets(caller), query.limit)
