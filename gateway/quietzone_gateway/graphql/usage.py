"""What the account has used of its plan."""

import strawberry

from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.fields import field
from quietzone_gateway.graphql.scalars import Count, DateTime
from quietzone_gateway.identity.domain import USAGE_READ
from quietzone_gateway.plans import MethodClass, Period, Unit
from quietzone_gateway.plans import Use as KnownUse
from quietzone_gateway.rest.usage import Room, usage_of
from quietzone_kit.errors import PermissionDenied

strawberry.enum(Unit, name="UsageUnit", description="CODES: those that were made; SCANS: by people; BYTES: of answers' bodies")
strawberry.enum(Period, name="UsagePeriod", description="A day or a month of UTC")
strawberry.enum(MethodClass, description="What kind of request")


@strawberry.type(description="What was used of one unit in the current UTC day or month")
class Use:
    """A use."""

    unit: Unit
    period: Period
    method_class: MethodClass | None = strawberry.field(description="Which requests; null is all together")
    limit: Count | None = strawberry.field(description="The plan's quota; null without one")
    used: Count = strawberry.field(description="All that was counted up to some seconds ago; of scans, up to a minute ago")
    left: Count | None
    resets_at: DateTime

    @classmethod
    def of(cls, use: KnownUse) -> "Use":
        """As it is shown."""
        return cls(
            unit=use.unit,
            period=use.period,
            method_class=use.method_class,
            limit=_count(use.limit),
            used=Count(use.used),
            left=_count(use.left),
            resets_at=DateTime(use.resets_at_ms),
        )


@strawberry.type(description="What files the account has, and may have at a time, in bytes; what is deleted comes back")
class StoredBytes:
    """Room."""

    limit: Count | None = strawberry.field(description="null without a bound")
    used: Count | None = strawberry.field(
        description="With what uploads that were begun may bring; null while storage doesn't answer, or isn't there"
    )
    left: Count | None = strawberry.field(description="null where `limit` or `used` is")

    @classmethod
    def of(cls, room: Room) -> "StoredBytes":
        """As it is shown."""
        return cls(limit=_count(room.limit), used=_count(room.used), left=_count(room.left))


@strawberry.type(description="What the account has used of its plan")
class Usage:
    """A usage."""

    plan: str
    items: list[Use]
    stored_bytes: StoredBytes


@strawberry.type
class UsageQueries:
    """Part of Query."""

    @field(description="What the account has used of its plan today and this month, and what files it has; with the scope usage:read")
    async def usage(self, info: Info) -> Usage | None:
        """As REST's."""
        context = info.context
        if USAGE_READ not in context.principal.scopes:
            raise PermissionDenied(f"this needs the scope {USAGE_READ!r}")
        found = await usage_of(context.parts, context.caller, context.admission)
        return Usage(plan=found.plan, items=list(map(Use.of, found.items)), stored_bytes=StoredBytes.of(found.room))


def _count(value: int | None) -> Count | None:
    return None if value is None else Count(value)
