"""Plans, put together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from quietzone_gateway.plans.changes import FLAGS, PLANS, ByName
from quietzone_gateway.plans.domain import Plan
from quietzone_gateway.plans.flags import Flag
from quietzone_gateway.plans.known import KnownPlans
from quietzone_gateway.plans.known_flags import Flags
from quietzone_gateway.plans.ledgers import Ledgers
from quietzone_gateway.plans.limiting import Fixed, Plans
from quietzone_gateway.plans.repository import USAGE, UsageStore
from quietzone_gateway.plans.settings import PlansSettings
from quietzone_kit.bus import Bus
from quietzone_kit.bus.topics import ensure_patiently
from quietzone_kit.cache import Cache
from quietzone_kit.documents import Documents
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App
from quietzone_kit.limits import Limits, Rate
from quietzone_kit.outbox import OUTBOX_LEASES, Relay
from quietzone_kit.runtime import Clock, Randomness
from quietzone_topics import GATEWAY_AUDIT_V1, GATEWAY_USAGE_V1

COLLECTIONS = (PLANS, FLAGS, USAGE, OUTBOX_LEASES)
"""All that plans store."""

QUARTER_HOUR_MS = 900_000


TOPICS = (GATEWAY_USAGE_V1, GATEWAY_AUDIT_V1)
"""All that plans write."""

Wakers: TypeAlias = Mapping[str, Callable[[], None]]
"""By collection: what tells its relay that an event waits. Where none runs in this process, polling finds it within a second."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What plans stand on; `limits` is at the cache's URL."""

    documents: Documents
    cache: Cache
    limits: Limits
    clock: Clock
    randomness: Randomness


@dataclass(frozen=True, slots=True)
class PlansParts:
    """What the gateway uses of them."""

    plans: Plans
    flags: Flags


def relay_plans(app: App, documents: Documents, bus: Bus, clock: Clock, randomness: Randomness) -> Wakers:
    """The background work: tells of quotas that are reached, and of what operators change. In role `work`, or beside the API."""
    wakers = {}
    for collection in (PLANS, FLAGS, USAGE):
        relay = Relay(documents, collection, bus, clock=clock, randomness=randomness, owner=uuid7(clock, randomness))
        app.task(f"{collection.name} relay", partial(_on_topics, bus, relay, randomness))
        wakers[collection.name] = relay.wake
    return wakers


async def open_plans(app: App, ports: Ports, settings: PlansSettings, *, secret: bytes, wakers: Wakers) -> PlansParts:
    """Plans and flags, with their tasks; the collections are there. `secret` is the same in all replicas.

    Raises:
        Unavailable: the store doesn't answer.
    """
    clock, randomness, documents = ports.clock, ports.randomness, ports.documents
    known = KnownPlans(ByName(documents, PLANS, Plan, clock, wake=wakers.get(PLANS.name, _nobody)), ports.cache)
    flags = Flags(ByName(documents, FLAGS, Flag, clock, wake=wakers.get(FLAGS.name, _nobody)), known, ports.cache, randomness)
    ledgers = Ledgers(UsageStore(documents, wakers.get(USAGE.name, _nobody)), clock, randomness)
    await known.begin()
    await flags.read()
    anonymous = settings.gateway_anonymous_requests
    fixed = Fixed(Rate(anonymous, QUARTER_HOUR_MS, anonymous), secret)
    app.close("limits", ports.limits.close)
    app.close("usage", ledgers.close)  # when no request comes any more, and while the store is open
    app.task("limits", ports.limits.run)
    app.task("usage", ledgers.run)
    app.task("plans", known.run)
    app.task("flags", flags.run)
    return PlansParts(Plans(known, ports.limits, ledgers, clock, fixed), flags)


async def _on_topics(bus: Bus, relay: Relay, randomness: Randomness) -> None:
    """A relay once our topics are there. The API answers without the bus, so its absence at the start ends nothing."""
    await ensure_patiently(bus, TOPICS, randomness=randomness, meanwhile="what is told of quotas waits")
    await relay.run()


def _nobody() -> None:
    """No relay runs here."""
