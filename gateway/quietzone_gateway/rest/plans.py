"""Plans: what accounts may do. For operators."""

from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.plans import InvalidPlan, MethodClass, Pace, Period, Plan, Quota, Unit
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.operating import Operator, PlansNow
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute
from quietzone_gateway.rest.shapes import Input, Text
from quietzone_kit.errors import FieldViolation, InvalidInput

PLAN: dict[str, JsonValue] = {
    "rates": [{"count": 50, "period_s": 1, "burst": 100, "method_class": None}],
    "quotas": [{"unit": "requests", "period": "month", "limit": 10_000, "method_class": None}],
    "flags": [],
    "stored_bytes": 1_000_000_000,
}
"""An example; a test holds it against the models."""

STORED = "Bytes of files that an account may have at a time, with what uploads that were begun may bring; null: any number"
_WHICH = "Which requests: null is all together; `bulk` and `report` are also among these"


class RateShape(Input):
    """Requests, evenly."""

    count: int = Field(description="So many")
    period_s: int = Field(description="in so many seconds, at most a day")
    burst: int = Field(description="How many at once after a pause")
    method_class: MethodClass | None = Field(None, description=_WHICH)


class QuotaShape(Input):
    """A number in a UTC day or month."""

    unit: Unit = Field(description="`scans` beyond it are redirected all the same; of `bytes` the answer that crosses it is still given")
    period: Period = Field(description="Scans are counted by month")
    limit: int = Field(description="At most so many; 0: none")
    method_class: MethodClass | None = Field(None, description=f"{_WHICH}. Only for requests")


class PlanShape(Input):
    """What a plan allows; what it doesn't name isn't limited."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [PLAN]})

    rates: list[RateShape] = Field([], description="One for each class and one for all, as they are needed", max_length=6)
    quotas: list[QuotaShape] = Field([], max_length=20)
    flags: list[Text] = Field([], description="Features that its accounts have while the flag is on for some", max_length=50)
    stored_bytes: int | None = Field(None, description=STORED)

    def named(self, name: str) -> Plan:
        """The plan; raises InvalidPlan."""
        rates = tuple(Pace(each.count, each.period_s, each.burst, each.method_class) for each in self.rates)
        quotas = tuple(Quota(each.unit, each.period, each.limit, each.method_class) for each in self.quotas)
        return Plan(name, rates, quotas, tuple(self.flags), self.stored_bytes)


class PlanView(BaseModel):
    """A plan."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "standard", **PLAN}]})

    name: str
    rates: list[RateShape]
    quotas: list[QuotaShape]
    flags: list[str]
    stored_bytes: int | None = Field(description=STORED)

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """The plan as it is shown."""
        return cls(
            name=plan.name,
            rates=[RateShape(count=at.count, period_s=at.period_s, burst=at.burst, method_class=at.method_class) for at in plan.rates],
            quotas=[QuotaShape(unit=at.unit, period=at.period, limit=at.limit, method_class=at.method_class) for at in plan.quotas],
            flags=list(plan.flags),
            stored_bytes=plan.stored_bytes,
        )


class PlansView(BaseModel):
    """All plans."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [{"name": "standard", **PLAN}]}]})

    items: list[PlanView] = Field(description="In the order of their names, at most 100")


router = APIRouter(prefix="/v1/plans", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["operation"])

PlanName = Annotated[str, Path(description="The plan's name", examples=["standard"])]


@router.get("", responses=problems(401, 403))
async def list_plans(plans: PlansNow, _operator: Operator) -> PlansView:
    """All plans of the installation."""
    return PlansView(items=[PlanView.of(plan) for plan in plans.known.all])


@router.get("/{name}", responses=problems(401, 403, 404))
async def get_plan(name: PlanName, plans: PlansNow, _operator: Operator) -> PlanView:
    """One plan."""
    return PlanView.of(plans.known.get(name))


@router.put("/{name}", responses=problems(400, 401, 403, 413, 415, 422))
async def put_plan(name: PlanName, body: PlanShape, plans: PlansNow, operator: Operator) -> PlanView:
    """Make or change a plan: it holds for all its accounts within a second, also for what they have used of a period already."""
    try:
        plan = body.named(name)
    except InvalidPlan as error:
        raise InvalidInput(FieldViolation(error.field, str(error))) from error
    await plans.known.put(plan, operator.actor)
    return PlanView.of(plan)
