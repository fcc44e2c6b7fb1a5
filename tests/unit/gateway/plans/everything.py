"""Everything that plans write, once and again."""

from ports import Hands
from unit.gateway.identity.desk import OPERATOR
from unit.gateway.plans.places import NOON_MS

from quietzone_gateway.plans import Flag, FlagState, Period, Plan, Quota, Unit
from quietzone_gateway.plans.changes import FLAGS, PLANS, ByName
from quietzone_gateway.plans.known import KnownPlans
from quietzone_gateway.plans.known_flags import Flags
from quietzone_gateway.plans.ledgers import Ledgers
from quietzone_gateway.plans.repository import UsageStore
from quietzone_kit.cache import open_cache
from quietzone_kit.documents import Documents
from quietzone_kit.runtime import SystemRandomness

RANDOMNESS = SystemRandomness()


async def write_plans(store: Documents) -> None:
    """Write plans, flags and an account's use, as the API does."""
    clock = Hands(since_ms=NOON_MS)
    cache = open_cache("memory://", clock=clock, randomness=RANDOMNESS)
    known = KnownPlans(ByName(store, PLANS, Plan, clock), cache)
    await known.begin()
    await known.put(Plan("pro", quotas=(Quota(Unit.CODES, Period.MONTH, 10),)), OPERATOR.actor)
    flags = Flags(ByName(store, FLAGS, Flag, clock), known, cache, RANDOMNESS)
    for percent in (10, 20):
        await flags.put("new-editor", FlagState.SOME, percent=percent, accounts=(), actor=OPERATOR.actor)
    ledgers = Ledgers(UsageStore(store), clock, RANDOMNESS)
    for _ in range(10):
        await ledgers.take("ours", {"codes/month": 1}, known.of("pro").limits)
    await ledgers.close()
