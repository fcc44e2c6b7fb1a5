"""What the account has used of its plan."""

from typing import Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.domain import USAGE_READ
from quietzone_gateway.plans import MethodClass, Period, Unit, Use
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.operating import PlansNow
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, AdmissionNow, ApiRoute, CallerNow, Needs, Services
from quietzone_gateway.rest.shapes import Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_kit.errors import DeadlineExceeded, PermissionDenied, Unavailable

USAGE: dict[str, JsonValue] = {
    "plan": "standard",
    "items": [
        {
            "unit": "requests",
            "period": "month",
            "method_class": None,
            "limit": 10_000,
            "used": 20,
            "left": 9_980,
            "resets_at": "2026-12-01T00:00:00.000Z",
        }
    ],
}
"""An example; a test holds it against the model."""


class UseView(BaseModel):
    """What was used of one unit in the current UTC day or month."""

    unit: Unit
    period: Period
    method_class: MethodClass | None = Field(description="Which requests; null is all together")
    limit: int | None = Field(description="The plan's quota; null without one")
    used: int = Field(description="All that was counted up to some seconds ago; of scans, up to a minute ago")
    left: int | None
    resets_at: Time

    @classmethod
    def of(cls, use: Use) -> Self:
        """The use as it is shown."""
        return cls(
            unit=use.unit,
            period=use.period,
            method_class=use.method_class,
            limit=use.limit,
            used=use.used,
            left=use.left,
            resets_at=rfc3339(use.resets_at_ms),
        )


class UsageView(BaseModel):
    """The account's use."""

    model_config = ConfigDict(json_schema_extra={"examples": [USAGE]})

    plan: str
    items: list[UseView]


router = APIRouter(prefix="/v1/usage", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["account"])


@router.get("", responses=problems(401, 403), dependencies=[Depends(Needs(USAGE_READ))])
async def get_usage(parts: Services, plans: PlansNow, caller: CallerNow, admission: AdmissionNow) -> UsageView:
    """What the account has used of its plan today and this month. While analytics is away, scans are those that were last known."""
    plan = admission.known.plan.name
    try:
        now_ms = parts.clock.now_ms()
        scans = (await parts.counts.of_account(caller, from_ms=now_ms, to_ms=now_ms + 1)).scans
    except (Unavailable, DeadlineExceeded, PermissionDenied):  # a key may see its use, and no analytics
        scans = None
    return UsageView(plan=plan, items=[UseView.of(use) for use in await plans.use_of(caller.account_id, plan, scans=scans)])
