"""Plans as values, and all of them in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from ports import Hands, Inline

from quietzone.gateway.v1 import audit_pb2
from quietzone_gateway.identity.domain import Actor
from quietzone_gateway.plans.changes import PLANS, ByName
from quietzone_gateway.plans.domain import DEFAULT_PLANS, InvalidPlan, MethodClass, Pace, Period, Plan, Quota, Unit
from quietzone_gateway.plans.known import KnownPlans
from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.errors import NotFound
from quietzone_kit.outbox import OUTBOX_LEASES, waiting
from quietzone_kit.runtime import SystemRandomness

ANNA = Actor("key:1", "first", "192.0.2.0")


@dataclass
class Office:
    """A store of plans, and the replicas that know them."""

    documents: Documents
    cache: Cache

    async def told(self, name: str) -> list[audit_pb2.AuditEvent]:
        """What waits to be told of a plan."""
        stored = await self.documents.get(PLANS, name)
        assert stored is not None
        return [audit_pb2.AuditEvent.FromString(outgoing.event.data) for outgoing in waiting(stored.body)]

    @property
    def store(self) -> ByName[Plan]:
        return ByName(self.documents, PLANS, Plan, Hands())

    def replica(self) -> KnownPlans:
        return KnownPlans(self.store, self.cache)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=SystemRandomness())
    await documents.ensure(PLANS, OUTBOX_LEASES)
    yield Office(documents, open_cache("memory://", clock=Hands(), randomness=SystemRandomness()))
    await documents.close()


@asynccontextmanager
async def running(plans: KnownPlans) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(plans.run())
        await asyncio.sleep(0)
        yield
        task.cancel()


async def test_an_installation_begins_with_plans_in_the_promised_sizes(office: Office) -> None:
    await office.replica().begin()
    stored = {plan.name: plan for plan in await office.store.all(100)}

    assert [(name, stored[name].rates[0].count, stored[name].rates[0].period_s) for name in ("free", "pro", "enterprise")] == [
        ("free", 10, 60),
        ("pro", 100, 60),
        ("enterprise", 1_000, 60),
    ]
    assert stored["standard"] == Plan("standard", (Pace(50, 1, 100),), (Quota(Unit.REQUESTS, Period.MONTH, 10_000),))


async def test_replicas_that_begin_at_once_write_each_plan_once(office: Office) -> None:
    await asyncio.gather(*(office.replica().begin() for _ in range(3)))

    assert len(await office.store.all(100)) == len(DEFAULT_PLANS)


async def test_what_an_operator_changed_stays_at_the_next_start(office: Office) -> None:
    plans = office.replica()
    await plans.begin()
    await plans.put(Plan("free", (Pace(20, 60, 20),)), ANNA)
    again = office.replica()
    await again.begin()

    assert again.get("free").rates[0].count == 20


async def test_a_change_is_heard_by_other_replicas(office: Office) -> None:
    one, other = office.replica(), office.replica()
    async with running(other), asyncio.timeout(30):
        await one.put(Plan("gold"), ANNA)
        while True:
            try:
                other.get("gold")
            except NotFound:
                await asyncio.sleep(0)
            else:
                break


async def test_a_plan_that_is_not_there_is_the_free_one(office: Office) -> None:
    assert office.replica().of("gone").plan.name == "free"


async def test_a_plan_that_has_not_changed_stays_the_same_object(office: Office) -> None:
    plans = office.replica()
    await plans.begin()
    before = plans.of("standard")
    await plans.read()

    assert plans.of("standard") is before


async def test_a_change_and_its_record_are_one_write(office: Office) -> None:
    plans = office.replica()
    await plans.begin()
    await plans.put(Plan("free", flags=("new",)), ANNA)
    act = (await office.told("free"))[-1]

    assert (act.id, act.subject, act.address, act.action) == ("plan/free.2", "key:1", "192.0.2.0", "plan.changed")
    assert json.loads(act.after) == {"flags": ["new"], "rates": []}


async def test_a_plan_that_is_put_as_it_is_changes_nothing(office: Office) -> None:
    plans = office.replica()
    await plans.begin()
    await plans.put(plans.get("free"), ANNA)

    assert len(await office.told("free")) == 1


async def test_a_plan_of_a_newer_release_is_left_out_and_the_others_hold(office: Office) -> None:
    plans = office.replica()
    await plans.begin()
    await plans.put(Plan("gold"), ANNA)
    stored = await office.documents.get(PLANS, "gold")
    assert stored is not None
    quota = {"unit": "sheep", "period": "month", "limit": 1, "method_class": None}
    await office.documents.replace(PLANS, {**stored.body, "quotas": [quota]}, if_version=stored.version)
    await plans.read()

    assert [plan.name for plan in plans.all] == sorted(plan.name for plan in DEFAULT_PLANS)


WRONG: list[tuple[str, Callable[[], object]]] = [
    ("name", lambda: Plan("Free")),
    ("rates", lambda: Plan("a", (Pace(1, 1, 1), Pace(2, 1, 1)))),
    ("rates", lambda: Pace(0, 1, 1)),
    ("rates", lambda: Pace(1, 86_401, 1)),
    ("rates", lambda: Pace(1, 1, 0)),
    ("quotas", lambda: Quota(Unit.CODES, Period.DAY, -1)),
    ("quotas", lambda: Quota(Unit.CODES, Period.DAY, 1, MethodClass.WRITE)),
    ("quotas", lambda: Quota(Unit.SCANS, Period.DAY, 1)),
    ("quotas", lambda: Plan("a", quotas=(Quota(Unit.CODES, Period.DAY, 1), Quota(Unit.CODES, Period.DAY, 2)))),
    ("flags", lambda: Plan("a", flags=("No",))),
    ("flags", lambda: Plan("a", flags=tuple(f"f{number}" for number in range(51)))),
]


@pytest.mark.parametrize(("wrong_field", "make"), WRONG)
def test_a_plan_that_cannot_be_kept_says_which_field_is_wrong(wrong_field: str, make: Callable[[], object]) -> None:
    with pytest.raises(InvalidPlan) as told:
        make()

    assert told.value.field == wrong_field


@pytest.mark.parametrize("plan", [*DEFAULT_PLANS, Plan("slow", (Pace(1, 86_400, 1),)), Plan("fast", (Pace(10_000, 1, 1_000_000),))])
async def test_every_plan_that_can_be_kept_can_be_held(office: Office, plan: Plan) -> None:
    plans = office.replica()
    await plans.put(replace(plan, name="other"), ANNA)

    assert plans.of("other").plan.rates == plan.rates


def test_a_rate_of_all_requests_that_is_there_twice_is_named_so() -> None:
    with pytest.raises(InvalidPlan, match="all requests is there twice"):
        Plan("gold", (Pace(5, 60, 5), Pace(6, 60, 6)))
