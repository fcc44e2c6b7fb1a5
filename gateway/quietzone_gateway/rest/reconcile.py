"""Whether every accepted scan was counted once; for operators."""

from dataclasses import asdict
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.domain import OPERATOR
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, Services
from quietzone_gateway.rest.shapes import Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_gateway.rpc import Reconciliation, SourceCount
from quietzone_kit.errors import PermissionDenied
from quietzone_kit.rpc import SCOPE_OPERATOR

RECONCILIATION: dict[str, JsonValue] = {
    "accepted": 578,
    "forwarded": 578,
    "applied": 578,
    "stored": 578,
    "lost": 0,
    "unrecorded": 0,
    "sources": [],
    "problems": [],
}
"""An example; a test holds it against the model."""


class SourceView(BaseModel):
    """One run of one scan edge."""

    source_id: str
    accepted: int = Field(description="Scans that the edge wrote to its spool")
    forwarded: int = Field(description="Scans that the bus acknowledged")
    applied: int = Field(description="Scans that analytics applied")
    lost: int = Field(description="Scans that are known to be lost")
    unrecorded: int = Field(description="Redirects served without a record")
    closed: bool = Field(description="Whether the run has ended")
    silent: bool = Field(description="Not ended, and not heard of for 30 s or more")
    reported_at: Time

    @classmethod
    def of(cls, source: SourceCount) -> Self:
        """The source as it is shown."""
        numbers = asdict(source)
        return cls(**numbers, reported_at=rfc3339(numbers.pop("reported_at_ms")))


class ReconciliationView(BaseModel):
    """The comparison over all accounts. When nothing is under way, accepted = forwarded + lost = applied + lost = stored + lost."""

    model_config = ConfigDict(json_schema_extra={"examples": [RECONCILIATION]})

    accepted: int = Field(description="Scans that edges wrote to their spools")
    forwarded: int = Field(description="Scans that the bus acknowledged")
    applied: int = Field(description="Scans that analytics applied")
    stored: int = Field(description="Sum of all codes' totals as they are stored now")
    lost: int = Field(description="Scans that are known to be lost")
    unrecorded: int = Field(description="Redirects served without a record")
    sources: list[SourceView] = Field(description="Sources that are open or don't add up, oldest first, at most 1,000")
    problems: list[str] = Field(description="What is wrong, one sentence each; empty when all is well")

    @classmethod
    def of(cls, found: Reconciliation) -> Self:
        """The comparison as it is shown."""
        return cls(
            accepted=found.accepted,
            forwarded=found.forwarded,
            applied=found.applied,
            stored=found.stored,
            lost=found.lost,
            unrecorded=found.unrecorded,
            sources=[SourceView.of(source) for source in found.sources],
            problems=list(found.problems),
        )


router = APIRouter(prefix="/v1", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["operation"])


@router.get("/reconcile", responses=problems(401, 403), openapi_extra=scoped(OPERATOR))
async def reconcile(parts: Services, caller: CallerNow) -> ReconciliationView:
    """Compare what edges accepted with what was forwarded, applied and stored."""
    if SCOPE_OPERATOR not in caller.scopes:
        raise PermissionDenied("only the installation's operator sees all accounts together")
    return ReconciliationView.of(await parts.counts.reconcile(caller))
