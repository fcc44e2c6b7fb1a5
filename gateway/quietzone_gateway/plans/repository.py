"""Where plans, flags and accounts' use are kept."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import msgspec

from quietzone_gateway.plans.domain import Plan
from quietzone_gateway.plans.events import quota_event
from quietzone_gateway.plans.quotas import Crossing, Usage
from quietzone_kit.documents import Body, Collection, Documents, DocumentsUnavailable, DuplicateKey, Stored, VersionConflict
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import MAX_WAITING, OUTBOX_INDEX, OUTBOX_LEASES, Outgoing, replace_keeping_outbox, waiting, with_event
from quietzone_topics import GATEWAY_USAGE_V1

PLANS = Collection("plans", key="name")
USAGE = Collection("usage", key="usage_id", indexes=(OUTBOX_INDEX,))

COLLECTIONS = (PLANS, USAGE, OUTBOX_LEASES)

STORE_S = 2.0
"""For one call of the store; the request has 5 s for all that it needs."""


class Moved(Exception):
    """Somebody else has written it meanwhile: read it again."""


@dataclass(frozen=True, slots=True)
class HeldUsage:
    """A month as it was read, with what the store needs to replace it."""

    usage: Usage
    stored: Stored

    @property
    def takes_events(self) -> bool:
        """Whether all that one exchange can cross fits into its outbox; without a bus for days it may not, and requests go on."""
        return len(waiting(self.stored.body)) <= MAX_WAITING // 2


class UsageStore:
    """Accounts' months. Every method can raise Unavailable: whether a write has happened is not known then."""

    def __init__(self, documents: Documents, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` tells the outbox's relay that an event waits."""
        self._documents = documents
        self._wake = wake

    async def get(self, account_id: str, usage_id: str) -> HeldUsage | None:
        """A month of this account, by key."""
        async with _answers("usage"):
            stored = await self._documents.get(USAGE, usage_id)
        if stored is None or stored.body["account_id"] != account_id:
            return None
        return HeldUsage(msgspec.convert(stored.body, Usage), stored)

    async def put(self, held: HeldUsage | None, usage: Usage, crossings: Sequence[Crossing], at_ms: int) -> HeldUsage:
        """Write a month, new when nothing is held, with the events of what was crossed.

        Raises:
            Moved: somebody else was first.
        """
        events = [Outgoing(GATEWAY_USAGE_V1.name, quota_event(usage, crossing, at_ms)) for crossing in crossings]
        try:
            async with _answers("usage"):
                stored = await self._write(held, usage, events)
        except (VersionConflict, DuplicateKey) as error:
            raise Moved(usage.usage_id) from error
        if events:
            self._wake()
        return HeldUsage(usage, stored)

    async def _write(self, held: HeldUsage | None, usage: Usage, events: Sequence[Outgoing]) -> Stored:
        if held is not None:
            whole = Unknown.of(held.stored.body, _usage_body(held.usage)).beside(_usage_body(usage))
            return await replace_keeping_outbox(self._documents, USAGE, held.stored, whole, *events)
        body: Body = _usage_body(usage)
        for outgoing in events:
            body = with_event(body, usage.usage_id, outgoing)
        return await self._documents.insert(USAGE, body)


class PlanStore:
    """Plans by name. Every method can raise Unavailable."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def all(self, most: int) -> tuple[Plan, ...]:
        """All plans in the order of their names; more than `most` are never there."""
        async with _answers("plans"):
            page = await self._documents.scan(PLANS, limit=most)
        return tuple(plan_of(stored) for stored in page.items)

    async def add(self, plan: Plan) -> bool:
        """Insert a plan; False when there is one with its name."""
        try:
            async with _answers("plans"):
                await self._documents.insert(PLANS, _plan_body(plan))
        except DuplicateKey:
            return False
        return True

    async def put(self, plan: Plan) -> Plan | None:
        """Write a plan over the one with its name, which is the answer; None when it is new. Of two writers at once the later wins."""
        while True:
            async with _answers("plans"):
                stored = await self._documents.get(PLANS, plan.name)
            if stored is None:
                if await self.add(plan):
                    return None
                continue
            before = plan_of(stored)
            try:
                async with _answers("plans"):
                    body = Unknown.of(stored.body, _plan_body(before)).beside(_plan_body(plan))
                    await self._documents.replace(PLANS, body, if_version=stored.version)
            except VersionConflict:
                continue
            return before


@asynccontextmanager
async def _answers(what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(STORE_S):
            yield
    except (DocumentsUnavailable, TimeoutError) as error:
        raise Unavailable(f"the store of {what} doesn't answer; try again in a moment") from error


def plan_of(stored: Stored) -> Plan:
    """The plan in a document; msgspec.ValidationError names the field that something else wrote or that was damaged."""
    return msgspec.convert(stored.body, Plan)


def _plan_body(plan: Plan) -> Body:
    return cast("Body", msgspec.json.decode(msgspec.json.encode(plan)))  # lists for tuples, also within


def _usage_body(usage: Usage) -> Body:
    return cast("Body", msgspec.to_builtins(usage))
