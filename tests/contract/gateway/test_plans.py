"""Plans, flags and use over HTTP: the API, whose callers have the account, plan and scopes that a test chooses."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from contract.gateway.served import IDENTITY, KEY, NOON_MS, REST, SETTINGS, problem
from ports import Hands, Inline
from pydantic import BaseModel

from quietzone.gateway.v1 import usage_pb2
from quietzone_gateway.collections import COLLECTIONS as ALL_COLLECTIONS
from quietzone_gateway.dead_letters import DeadLetterDesk
from quietzone_gateway.idempotency import Repeats
from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.identity.build import Identity, build_identity
from quietzone_gateway.identity.build import Parts as IdentityParts
from quietzone_gateway.identity.domain import Principal
from quietzone_gateway.identity.keys.use_cases import open_first_account
from quietzone_gateway.live.notices import Notices
from quietzone_gateway.plans import COLLECTIONS, PlansParts, PlansSettings, Ports, open_plans, relay_plans
from quietzone_gateway.rest import flags, plans, usage
from quietzone_gateway.rest.app import make_api
from quietzone_gateway.rest.reads import Reads
from quietzone_gateway.rest.route import Parts
from quietzone_gateway.rpc import Assets, Codes, Counts, Exports, Operations, Tasks
from quietzone_gateway.rpc.notification import Notification
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.cache import open_cache
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.http.clients import Clients
from quietzone_kit.lifecycle import App
from quietzone_kit.limits import open_limits
from quietzone_kit.rpc import CallerKeys, Peer
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor
from quietzone_topics import GATEWAY_USAGE_V1

RANDOMNESS = SystemRandomness()
OPERATOR = frozenset({"operator", "usage:read"})


@dataclass
class Office:
    """The app as clients see it, and who calls it."""

    http: httpx.AsyncClient
    parts: PlansParts
    documents: Documents
    bus: Bus
    process: App
    clock: Hands
    scopes: frozenset[str] = OPERATOR
    account: str = "first"
    plan: str = "unlimited"

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.http.request(method, path, json=body, headers={"authorization": f"Bearer {KEY}"})


async def heard(bus: Bus) -> list[usage_pb2.QuotaReached]:
    """What is on the topic, the oldest first."""
    consumer = await bus.follow(GATEWAY_USAGE_V1.name)
    polled = await consumer.poll(max_records=1, wait_s=5)
    for partition in polled.assigned:
        consumer.seek(partition, 0)
    polled = await consumer.poll(max_records=100, wait_s=0.2)
    await consumer.close()
    return [usage_pb2.QuotaReached.FromString(record.value) for records in polled.records.values() for record in records]


class Chosen:
    """Knows the key as identity does, and then has its account, plan and scopes be those that a test has chosen."""

    def __init__(self, identity: Identity) -> None:
        self._known = identity.authentication
        self.office: Office

    async def principal_of(self, shown: Credentials) -> Principal:
        office, found = self.office, await self._known.principal_of(shown)
        return replace(found, scopes=office.scopes, account_id=office.account, plan=office.plan)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    clock = Hands(since_ms=NOON_MS)
    documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=RANDOMNESS)
    await documents.ensure(*ALL_COLLECTIONS, *COLLECTIONS)
    cache = open_cache("memory://", clock=clock, randomness=RANDOMNESS)
    identity = build_identity(IdentityParts(documents, cache, clock, RANDOMNESS, Inline()), IDENTITY)
    await open_first_account(identity.accounts, identity.keys, clock, RANDOMNESS, preset=KEY)
    nowhere = Peer("nowhere", f"unix:{tmp_path}/none", CallerKeys.of(SETTINGS, clock), clock=clock, randomness=RANDOMNESS)
    threads = ThreadExecutor("bus", 2)
    bus = open_bus(f"sqlite:///{tmp_path}/bus.db", clock=clock, executor=threads, randomness=RANDOMNESS)
    process = App()
    limits = open_limits("memory://", clock=clock, randomness=RANDOMNESS)
    wakers = relay_plans(process, documents, bus, clock, RANDOMNESS)
    ports = Ports(documents, cache, limits, clock, RANDOMNESS)
    parts = await open_plans(process, ports, PlansSettings(), secret=b"secret", wakers=wakers)
    chosen = Chosen(identity)
    identity = replace(identity, authentication=chosen)  # type: ignore[arg-type] # what the API asks of it
    api = make_api(
        Parts(
            Codes(nowhere),
            Counts(nowhere),
            Exports(nowhere),
            Assets(None),
            Operations(Assets(None)),
            Tasks([]),
            Notification.of(None),
            identity,
            Repeats(documents),
            Reads(cache),
            parts.plans,
            parts.flags,
            Notices(cache),
            DeadLetterDesk(bus, clock, RANDOMNESS),
            clock,
        ),
        Clients(()),
        RANDOMNESS,
        settings=REST,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://api") as http:
        office = chosen.office = Office(http, parts, documents, bus, process, clock)
        yield office
    await nowhere.close()
    await bus.close()
    await documents.close()
    threads.close()


GOLD = {
    "rates": [{"count": 5, "period_s": 60, "burst": 5, "method_class": None}],
    "quotas": [{"unit": "requests", "period": "month", "limit": 1_000, "method_class": None}],
    "flags": ["new-editor"],
    "stored_bytes": 5_000_000,
}


async def test_a_plan_that_is_put_can_be_read(office: Office) -> None:
    put = await office.send("PUT", "/v1/plans/gold", GOLD)
    got = await office.send("GET", "/v1/plans/gold")

    assert (put.status_code, got.json()) == (200, {"name": "gold", **GOLD})


async def test_all_plans_are_listed(office: Office) -> None:
    listed = await office.send("GET", "/v1/plans")

    assert [plan["name"] for plan in listed.json()["items"]] == ["enterprise", "free", "pro", "standard", "unlimited"]


async def test_a_plan_that_is_not_there_is_not_found(office: Office) -> None:
    assert problem(await office.send("GET", "/v1/plans/none"))[:2] == (404, "not-found")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/plans/Gold", GOLD, "name"),
        ("/v1/plans/gold", GOLD | {"rates": GOLD["rates"] * 2}, "rates"),
        ("/v1/plans/gold", GOLD | {"price": 5}, "price"),
        ("/v1/plans/gold", GOLD | {"quotas": [{"unit": "scans", "period": "day", "limit": 1}]}, "quotas"),
        ("/v1/flags/New", {"state": "on"}, "name"),
        ("/v1/flags/new", {"state": "on", "accounts": ["a", "a"]}, "accounts"),
        ("/v1/flags/new", {"state": "maybe"}, "state"),
        ("/v1/flags/new", {"state": "on", "salt": "mine"}, "salt"),
    ],
)
async def test_what_cannot_be_kept_says_which_field_is_wrong(office: Office, path: str, body: Any, field: str) -> None:
    assert problem(await office.send("PUT", path, body)) == (400, "invalid-argument", [field])


@pytest.mark.parametrize("path", ["/v1/plans", "/v1/plans/free", "/v1/flags", "/v1/flags/new"])
async def test_plans_and_flags_are_for_operators_only(office: Office, path: str) -> None:
    office.scopes = frozenset({"usage:read", "account:write"})
    answers = [await office.send("GET", path), await office.send("PUT", f"{path}/x" if path.count("/") == 2 else path, {"state": "on"})]

    assert {problem(answer)[0] for answer in answers} <= {400, 403}
    assert problem(answers[0])[:2] == (403, "permission-denied")


async def test_nobody_but_an_operator_changes_a_plan(office: Office) -> None:
    office.scopes = frozenset({"account:write"})
    answer = await office.send("PUT", "/v1/plans/free", GOLD)

    assert (problem(answer)[0], office.parts.plans.known.get("free").flags) == (403, ())


async def test_a_flag_that_is_put_holds_at_once(office: Office) -> None:
    await office.send("PUT", "/v1/flags/new-editor", {"state": "some", "accounts": ["first"]})
    listed = await office.send("GET", "/v1/flags")

    assert listed.json() == {"items": [{"name": "new-editor", "state": "some", "percent": 0, "accounts": ["first"]}]}
    assert [office.parts.flags.is_on("new-editor", account) for account in ("first", "second")] == [True, False]


async def test_answers_carry_where_the_account_stands(office: Office) -> None:
    await office.send("PUT", "/v1/plans/gold", GOLD)
    office.plan = "gold"
    answer = await office.send("GET", "/v1/plans/gold")

    assert (answer.headers["ratelimit"], answer.headers["x-ratelimit-remaining"]) == (
        '"rate";r=4;t=12, "requests-month";r=998;t=820800',
        "4",
    )


async def test_beyond_a_limit_the_problem_says_when_to_come_back(office: Office) -> None:
    await office.send("PUT", "/v1/plans/gold", GOLD)
    office.plan = "gold"
    for _ in range(5):
        await office.send("GET", "/v1/plans")
    refused = await office.send("GET", "/v1/plans")

    assert problem(refused)[:2] == (429, "resource-exhausted")
    assert (refused.headers["retry-after"], refused.json()["retryAfter"]) == ("12", 12)
    assert refused.headers["ratelimit"].startswith('"rate";r=0;t=60')


async def test_a_flood_without_an_account_ends_at_its_addresss_limit(office: Office) -> None:
    office.account = ""
    answers = [await office.send("GET", "/v1/plans") for _ in range(101)]

    assert [answers[99].status_code, answers[100].status_code] == [200, 429]


async def test_an_account_sees_what_it_used(office: Office) -> None:
    await office.send("PUT", "/v1/plans/gold", GOLD)
    office.plan = "gold"
    await office.send("GET", "/v1/plans")
    answer = await office.send("GET", "/v1/usage")
    month = next(
        item for item in answer.json()["items"] if (item["unit"], item["period"], item["method_class"]) == ("requests", "month", None)
    )

    assert answer.json()["plan"] == "gold"
    assert month == {
        "unit": "requests",
        "period": "month",
        "method_class": None,
        "limit": 1_000,
        "used": 3,
        "left": 997,
        "resets_at": "2026-12-01T00:00:00.000Z",
    }


async def test_the_bytes_of_answers_are_counted(office: Office) -> None:
    listed = await office.send("GET", "/v1/plans")
    answer = await office.send("GET", "/v1/usage")

    assert [item["used"] for item in answer.json()["items"] if item["unit"] == "bytes"] == [len(listed.content)] * 2


async def test_an_account_sees_its_room_where_nobody_says_what_of_it_is_taken(office: Office) -> None:
    await office.send("PUT", "/v1/plans/gold", GOLD)
    office.plan = "gold"

    answer = await office.send("GET", "/v1/usage")

    assert (answer.status_code, answer.json()["stored_bytes"]) == (200, {"limit": 5_000_000, "used": None, "left": None})


async def test_use_is_shown_to_those_who_may_see_it(office: Office) -> None:
    office.scopes = frozenset({"codes:read"})

    assert problem(await office.send("GET", "/v1/usage"))[0] == 403


async def test_eighty_and_a_hundred_percent_are_told_on_the_bus(office: Office) -> None:
    quota = {"unit": "requests", "period": "month", "limit": 5}
    await office.send("PUT", "/v1/plans/gold", {"quotas": [quota]})
    office.plan = "gold"
    for _ in range(6):
        await office.send("GET", "/v1/plans")
    told = list[usage_pb2.QuotaReached]()
    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        await office.bus.ensure([GATEWAY_USAGE_V1])
        group.create_task(office.process.serve())
        while len(told) < 2:
            office.clock.seconds += 3
            await asyncio.sleep(0.05)
            told = await heard(office.bus)
        office.process.stop()

    assert [(each.account_id, each.period, each.limit, each.used, each.threshold) for each in told] == [
        ("first", "2026-11", 5, 4, 80),
        ("first", "2026-11", 5, 5, 100),
    ]
    assert {each.unit for each in told} == {usage_pb2.USAGE_UNIT_REQUESTS}


@pytest.mark.parametrize(
    ("example", "shape"), [(plans.PLAN, plans.PlanShape), (flags.FLAG, flags.FlagShape), (usage.USAGE, usage.UsageView)]
)
def test_examples_are_what_they_are_examples_of(example: Any, shape: type[BaseModel]) -> None:
    assert shape.model_validate(example).model_dump(mode="json") == example
