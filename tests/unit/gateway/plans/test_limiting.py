"""What a request has to pass."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_address

import pytest
from ports import Hands
from unit.gateway.plans.places import World, world

from quietzone_gateway.identity.domain import Actor
from quietzone_gateway.plans.changes import PLANS, ByName
from quietzone_gateway.plans.domain import MethodClass, Pace, Period, Plan, Quota, Unit
from quietzone_gateway.plans.known import KnownPlans
from quietzone_gateway.plans.limiting import Admission, Fixed, Plans
from quietzone_gateway.plans.refusals import LimitReached
from quietzone_kit.cache import open_cache
from quietzone_kit.errors import DeadlineExceeded, NotFound
from quietzone_kit.limits import Rate, open_limits
from quietzone_kit.runtime import SystemRandomness

READ, WRITE = MethodClass.READ, MethodClass.WRITE
HOME = ip_address("192.0.2.7")
QUARTER = 900_000
ANNA = Actor("key:1")


@dataclass
class Desk:
    """A replica that admits requests."""

    plans: Plans
    world: World

    @property
    def clock(self) -> Hands:
        return self.world.clock

    async def has(self, *quotas: Quota, rates: tuple[Pace, ...] = ()) -> None:
        """Give the account a plan."""
        await self.plans.known.put(Plan("mine", rates, quotas), ANNA)

    async def ask(self, method_class: MethodClass = READ) -> Admission:
        return await self.plans.admit("main", "mine", method_class, HOME)

    async def admitted(self, times: int, method_class: MethodClass = READ) -> int:
        count = 0
        for _ in range(times):
            try:
                await self.ask(method_class)
            except LimitReached:
                continue
            count += 1
        return count


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with world() as here:
        await here.documents.ensure(PLANS)
        randomness = SystemRandomness()
        store = ByName(here.documents, PLANS, Plan, here.clock)  # type: ignore[arg-type] # it passes on what it hasn't
        known = KnownPlans(store, open_cache("memory://", clock=here.clock, randomness=randomness))
        limits = open_limits("memory://", clock=here.clock, randomness=randomness)
        fixed = Fixed(Rate(100, QUARTER, 100), b"secret")
        yield Desk(Plans(known, limits, here.replica(), here.clock, fixed), here)


async def test_a_plan_lets_its_burst_pass_and_then_its_rate(desk: Desk) -> None:
    await desk.has(rates=(Pace(50, 1, 100),))
    first = await desk.admitted(150)
    desk.clock.seconds += 1

    assert (first, await desk.admitted(150)) == (100, 50)


async def test_a_class_has_a_rate_of_its_own_beside_that_of_all(desk: Desk) -> None:
    await desk.has(rates=(Pace(10, 60, 10), Pace(2, 60, 2, WRITE)))

    assert (await desk.admitted(5, WRITE), await desk.admitted(20)) == (2, 8)


async def test_a_quota_of_a_class_counts_beside_that_of_all(desk: Desk) -> None:
    await desk.has(Quota(Unit.REQUESTS, Period.MONTH, 10), Quota(Unit.REQUESTS, Period.DAY, 2, WRITE))

    assert (await desk.admitted(5, WRITE), await desk.admitted(20)) == (2, 8)


async def test_whoever_is_refused_for_its_rate_is_told_when_to_come_back(desk: Desk) -> None:
    await desk.has(rates=(Pace(10, 60, 10),))
    await desk.admitted(10)
    with pytest.raises(LimitReached) as refused:
        await desk.ask()

    assert refused.value.retry_after_s == 6


async def test_a_refusal_for_a_quota_names_it_and_the_end_of_its_period(desk: Desk) -> None:
    await desk.has(Quota(Unit.REQUESTS, Period.DAY, 1))
    await desk.admitted(1)
    with pytest.raises(LimitReached, match=r"the plan mine allows 1 requests a day: try again in 43,200 s"):
        await desk.ask()


async def test_an_answer_says_where_the_account_stands(desk: Desk) -> None:
    await desk.has(Quota(Unit.REQUESTS, Period.MONTH, 10_000), rates=(Pace(50, 1, 100),))
    await desk.ask()

    assert dict((await desk.ask()).headers) == {
        "RateLimit-Policy": '"rate";q=100;w=2, "requests-month";q=10000;w=2592000',
        "RateLimit": '"rate";r=98;t=1, "requests-month";r=9998;t=820800',
        "X-RateLimit-Limit": "100",
        "X-RateLimit-Remaining": "98",
        "X-RateLimit-Reset": "1795262401",
    }


async def test_a_refusal_has_the_headers_of_an_answer(desk: Desk) -> None:
    await desk.has(rates=(Pace(1, 60, 1),))
    await desk.ask()
    with pytest.raises(LimitReached) as refused:
        await desk.ask()

    assert refused.value.headers["RateLimit"] == '"rate";r=0;t=60'


async def test_without_limits_there_are_no_headers(desk: Desk) -> None:
    await desk.has()

    assert dict((await desk.ask()).headers) == {}


async def test_an_address_without_an_account_has_its_own_limit(desk: Desk) -> None:
    async def pass_through(address: str) -> int:
        count = 0
        for _ in range(120):
            try:
                await desk.plans.admit("", "", READ, ip_address(address))
            except LimitReached:
                continue
            count += 1
        return count

    assert [await pass_through(address) for address in ("192.0.2.7", "192.0.2.8")] == [100, 100]


async def test_a_flood_from_the_many_addresses_of_one_ipv6_network_is_one_callers(desk: Desk) -> None:
    for host in range(100):
        await desk.plans.admit("", "", READ, ip_address(f"2001:db8::{host:x}"))

    with pytest.raises(LimitReached):
        await desk.plans.admit("", "", READ, ip_address("2001:db8::ffff:1"))


async def test_no_address_is_kept_as_it_is(desk: Desk) -> None:
    await desk.plans.admit("", "", READ, HOME)

    assert not [key for key in desk.plans._limits._buckets._full_at if "192" in key]  # type: ignore[attr-defined]


async def test_codes_that_are_made_count_and_those_that_are_refused_come_back(desk: Desk) -> None:
    await desk.has(Quota(Unit.CODES, Period.MONTH, 2))
    admission = await desk.ask(WRITE)
    for _ in range(5):
        with pytest.raises(NotFound):
            async with desk.plans.creating(admission, 1):
                raise NotFound("no such folder")
    for _ in range(2):
        async with desk.plans.creating(admission, 1):
            pass

    with pytest.raises(LimitReached, match="2 codes a month"):
        async with desk.plans.creating(admission, 1):
            pass


@pytest.mark.parametrize("error", [DeadlineExceeded("late"), asyncio.CancelledError(), KeyError("a bug")])
async def test_a_code_that_may_have_been_made_counts(desk: Desk, error: BaseException) -> None:
    await desk.has(Quota(Unit.CODES, Period.MONTH, 1))
    admission = await desk.ask(WRITE)
    with pytest.raises(type(error)):
        async with desk.plans.creating(admission, 1):
            raise error

    with pytest.raises(LimitReached):
        async with desk.plans.creating(admission, 1):
            pass


async def test_of_many_codes_those_that_were_not_made_come_back(desk: Desk) -> None:
    await desk.has(Quota(Unit.CODES, Period.MONTH, 100))
    admission = await desk.ask(WRITE)
    async with desk.plans.creating(admission, 100) as creating:
        creating.made = 97

    assert [use.left for use in await desk.plans.use_of("main", "mine") if use.unit is Unit.CODES] == [None, 3]


async def test_bytes_of_answers_count_and_end_with_their_quota(desk: Desk) -> None:
    await desk.has(Quota(Unit.BYTES, Period.DAY, 1_000))
    desk.plans.used_bytes(await desk.ask(), 1_200)

    with pytest.raises(LimitReached, match="1,000 bytes a day"):
        await desk.ask()


async def test_scans_beyond_their_quota_are_shown_and_refuse_nothing(desk: Desk) -> None:
    await desk.has(Quota(Unit.SCANS, Period.MONTH, 100))
    uses = await desk.plans.use_of("main", "mine", scans=150)

    assert [(use.used, use.left) for use in uses if use.unit is Unit.SCANS] == [(150, 0)]
    assert await desk.admitted(3) == 3


async def test_an_account_sees_all_that_it_used_with_a_quota_or_without(desk: Desk) -> None:
    await desk.has(Quota(Unit.REQUESTS, Period.MONTH, 10, WRITE))
    await desk.admitted(2, WRITE)
    await desk.admitted(1)
    uses = await desk.plans.use_of("main", "mine")

    assert {(use.unit, use.period, use.method_class): (use.used, use.limit) for use in uses if use.used} == {
        (Unit.REQUESTS, Period.DAY, None): (3, None),
        (Unit.REQUESTS, Period.DAY, READ): (1, None),
        (Unit.REQUESTS, Period.DAY, WRITE): (2, None),
        (Unit.REQUESTS, Period.MONTH, None): (3, None),
        (Unit.REQUESTS, Period.MONTH, READ): (1, None),
        (Unit.REQUESTS, Period.MONTH, WRITE): (2, 10),
    }


async def test_a_changed_plan_holds_with_the_next_request(desk: Desk) -> None:
    await desk.has(Quota(Unit.REQUESTS, Period.DAY, 2))
    first = await desk.admitted(5)
    await desk.has(Quota(Unit.REQUESTS, Period.DAY, 4))

    assert (first, await desk.admitted(5)) == (2, 2)
