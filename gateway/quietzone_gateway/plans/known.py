"""All plans, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from quietzone_gateway.identity.domain import Actor
from quietzone_gateway.plans.changes import ByName
from quietzone_gateway.plans.domain import DEFAULT_PLANS, FALLBACK, MAX_PLANS, MethodClass, Plan
from quietzone_gateway.plans.following import follow
from quietzone_kit.cache import Cache
from quietzone_kit.errors import FailedPrecondition, NotFound
from quietzone_kit.limits import Rate

TOPIC = "gateway.plans"
"""Says that a plan was changed; which one is read from the store."""

ALL = "rate"
"""The name of a plan's rate of all requests together; that of a class is `rate-<class>`."""


@dataclass(frozen=True, slots=True)
class Known:
    """A plan as it is used: its rates by class of request, its quotas by counter (the same object as long as the plan is the same)."""

    plan: Plan
    rates: Mapping[MethodClass, Mapping[str, Rate]]
    limits: Mapping[str, int]

    @classmethod
    def of(cls, plan: Plan) -> "Known":
        """A plan, made ready."""
        rates = {
            method_class: {
                ALL if pace.method_class is None else f"{ALL}-{pace.method_class}": Rate(pace.count, pace.period_s * 1000, pace.burst)
                for pace in plan.rates
                if pace.method_class in (None, method_class)
            }
            for method_class in MethodClass
        }
        return cls(plan, rates, plan.limits)


class KnownPlans:
    """Plans by name; before the first `read` those that an installation begins with."""

    def __init__(self, store: ByName[Plan], cache: Cache) -> None:
        self._store = store
        self._cache = cache
        self._plans = {plan.name: Known.of(plan) for plan in DEFAULT_PLANS}

    def of(self, name: str) -> Known:
        """The plan with this name, or the one that holds when there is none."""
        return self._plans.get(name) or self._plans[FALLBACK]

    def get(self, name: str) -> Plan:
        """The plan with this name.

        Raises:
            NotFound: there is none.
        """
        if name not in self._plans:
            raise NotFound("there is no plan with this name")
        return self._plans[name].plan

    @property
    def all(self) -> tuple[Plan, ...]:
        """All plans in the order of their names."""
        return tuple(self._plans[name].plan for name in sorted(self._plans))

    async def begin(self) -> None:
        """Write the plans that an installation begins with, as far as they aren't there, and read all."""
        there = {plan.name for plan in await self._store.all(MAX_PLANS)}
        for plan in DEFAULT_PLANS:
            if plan.name not in there:
                await self._store.add(plan)  # another replica may have been first
        await self.read()

    async def read(self) -> None:
        """Take over what is stored."""
        before = self._plans
        stored = {plan.name: plan for plan in await self._store.all(MAX_PLANS)}
        defaults = {plan.name: plan for plan in DEFAULT_PLANS}
        self._plans = {
            name: before[name] if name in before and before[name].plan == plan else Known.of(plan)
            for name, plan in (defaults | stored).items()
        }

    async def put(self, plan: Plan, actor: Actor) -> Plan | None:
        """Write a plan, and tell all replicas; the answer is what was there before.

        Raises:
            FailedPrecondition: there are as many as there can be.
            Unavailable: the store doesn't answer.
        """
        if plan.name not in self._plans and len(self._plans) >= MAX_PLANS:
            raise FailedPrecondition(f"an installation has at most {MAX_PLANS} plans: change one that isn't needed any more")
        before = await self._store.put(plan, actor)
        await self.read()
        await self._cache.publish(TOPIC, b"")
        return before

    async def run(self) -> NoReturn:
        """Follow what others change, until cancelled."""
        await follow(self._cache, TOPIC, self.read)
