"""What the account has used of its plan."""

from dataclasses import dataclass
from typing import Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.domain import USAGE_READ
from quietzone_gateway.plans import Admission, MethodClass, Period, Unit, Use
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, AdmissionNow, ApiRoute, CallerNow, Needs, Parts, Services, together
from quietzone_gateway.rest.shapes import Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_kit.errors import DeadlineExceeded, PermissionDenied, Unavailable
from quietzone_kit.rpc import CODES_READ, Caller, deadline

ROOM_WITHIN_S = 1.0
"""Storage reads one document for it; who asks for all figures waits no longer for this one."""

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
    "stored_bytes": {"limit": 5_000_000, "used": 61_440, "left": 4_938_560},
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


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of files: what the plan lets an account have at a time (None: any number), and what it has (None: storage didn't say)."""

    limit: int | None
    used: int | None

    @property
    def left(self) -> int | None:
        """What is left; None where that isn't known."""
        return None if self.limit is None or self.used is None else max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account has used of the plan of this name."""

    plan: str
    items: list[Use]
    room: Room


class RoomView(BaseModel):
    """What files the account has."""

    limit: int | None = Field(description="The plan's `stored_bytes`; null without a bound")
    used: int | None = Field(
        description="Bytes of all files, with what uploads that were begun may bring; null while storage doesn't answer, or isn't there"
    )
    left: int | None = Field(description="null where `limit` or `used` is")


class UsageView(BaseModel):
    """The account's use."""

    model_config = ConfigDict(json_schema_extra={"examples": [USAGE]})

    plan: str
    items: list[UseView]
    stored_bytes: RoomView = Field(description="Room: it is of no period, and comes back when files are deleted")


router = APIRouter(prefix="/v1/usage", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["account"])


@router.get("", responses=problems(401, 403), dependencies=[Depends(Needs(USAGE_READ))])
async def get_usage(parts: Services, caller: CallerNow, admission: AdmissionNow) -> UsageView:
    """What the account has used of its plan today and this month, and what files it has. While analytics is away, scans are those that were
    last known.
    """
    found = await usage_of(parts, caller, admission)
    room = RoomView(limit=found.room.limit, used=found.room.used, left=found.room.left)
    return UsageView(plan=found.plan, items=list(map(UseView.of, found.items)), stored_bytes=room)


async def usage_of(parts: Parts, caller: Caller, admission: Admission) -> Usage:
    """What the caller's account has used, for somebody who may see that.

    Raises:
        Unavailable: the store doesn't answer; parts that only add a figure may be away.
    """
    plan = admission.known.plan
    async with together() as group:
        scans = group.create_task(_scans(parts, caller))
        stored = group.create_task(_stored_bytes(parts, caller))
    items = await parts.plans.use_of(caller.account_id, plan.name, scans=scans.result())
    return Usage(plan.name, items, Room(plan.stored_bytes, stored.result()))


async def _scans(parts: Parts, caller: Caller) -> int | None:
    """Those of this month; None: analytics doesn't say."""
    now_ms = parts.clock.now_ms()
    try:
        return (await parts.counts.of_account(caller, from_ms=now_ms, to_ms=now_ms + 1)).scans
    except (Unavailable, DeadlineExceeded, PermissionDenied):  # a key may see its use, and no analytics
        return None


async def _stored_bytes(parts: Parts, caller: Caller) -> int | None:
    """What the account has stored; None: storage doesn't say. Whoever may see the use sees this of files, and nothing else of them."""
    try:
        with deadline(ROOM_WITHIN_S):
            return await parts.assets.bytes_of(Caller(caller.account_id, frozenset({CODES_READ}), caller.subject))
    except (Unavailable, DeadlineExceeded):
        return None
