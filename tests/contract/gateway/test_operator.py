"""What operators do, and what is done for all accounts."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from contract.gateway.served import MENU, Api, problem

from quietzone.qr.v1 import code_pb2, code_service_pb2
from quietzone_gateway.live.signals import TOPIC
from quietzone_gateway.plans import Period, Plan, Quota, Unit
from quietzone_gateway.plans.changes import SYSTEM
from quietzone_gateway.plans.repository import USAGE
from quietzone_gateway.plans.scans import QuietAccounts
from quietzone_gateway.rest.facets import FACETS, FacetsView
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import waiting
from quietzone_kit.runtime import SystemRandomness

NOTICES = "/v1/operator/notices"


async def test_a_notice_is_told_to_all_replicas(api: Api) -> None:
    with api.cache.subscribe(TOPIC) as messages:
        answer = await api.send("POST", NOTICES, {"text": "Back at noon"})
        async with asyncio.timeout(5):
            told = await messages.receive()

    assert (answer.status_code, told) == (202, b'{"do": "notice", "text": "Back at noon", "account_id": ""}')


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"text": ""}, (400, "invalid-argument", ["text"])),
        ({"text": "x" * 1_001}, (400, "invalid-argument", ["text"])),
        ({}, (400, "invalid-argument", ["text"])),
        ({"text": "x", "to": "all"}, (400, "invalid-argument", ["to"])),
        ({"text": "x", "account_id": "nobody"}, (404, "not-found", [])),
    ],
)
async def test_a_notice_to_nobody_or_of_nothing_is_refused(api: Api, body: Any, found: tuple[int, str, list[str]]) -> None:
    assert problem(await api.send("POST", NOTICES, body)) == found


async def test_who_is_no_operator_says_nothing_to_others(api: Api) -> None:
    key = (await api.send("POST", "/v1/keys", {"name": "till", "scopes": ["codes:read"]})).json()["secret"]
    answer = await api.send("POST", NOTICES, {"text": "hello"}, authorization=f"Bearer {key}")

    assert problem(answer)[:2] == (403, "permission-denied")


async def test_a_plan_that_there_is_not_is_given_to_nobody(api: Api) -> None:
    assert problem(await api.send("PATCH", "/v1/operator/accounts/first", {"plan": "golden"})) == (400, "invalid-argument", ["plan"])


def quiet(api: Api, scans_of: Callable[[str], Coroutine[Any, Any, int]]) -> QuietAccounts:
    return QuietAccounts(api.identity.people.accounts, api.plans, scans_of, api.cache, SystemRandomness())


async def test_scans_of_an_account_that_asks_for_nothing_are_told_of(api: Api) -> None:
    await api.plans.known.put(Plan("unlimited", quotas=(Quota(Unit.SCANS, Period.MONTH, 100),)), SYSTEM)

    async def scans_of(account_id: str) -> int:
        return {"first": 81}[account_id]

    await quiet(api, scans_of).note()
    (usage,) = (await api.documents.scan(USAGE, limit=10)).items

    assert (usage.body["used"], len(waiting(usage.body))) == ({"scans/month": 81}, 1)


async def test_accounts_whose_plan_has_no_quota_of_scans_are_not_looked_at(api: Api) -> None:
    async def scans_of(account_id: str) -> int:
        raise AssertionError(account_id)

    await quiet(api, scans_of).note()

    assert (await api.documents.scan(USAGE, limit=10)).items == []


async def test_replicas_share_the_looks(api: Api) -> None:
    await api.plans.known.put(Plan("unlimited", quotas=(Quota(Unit.SCANS, Period.MONTH, 100),)), SYSTEM)
    asked: list[str] = []

    async def scans_of(account_id: str) -> int:
        asked.append(account_id)
        return 1

    for _ in range(3):
        await quiet(api, scans_of).note()

    assert asked == ["first"]


async def test_without_analytics_the_look_is_made_again(api: Api) -> None:
    await api.plans.known.put(Plan("unlimited", quotas=(Quota(Unit.SCANS, Period.MONTH, 100),)), SYSTEM)

    async def scans_of(_account_id: str) -> int:
        raise Unavailable("away")

    with pytest.raises(Unavailable):
        await quiet(api, scans_of).note()


@pytest.mark.parametrize("step", ["block", "unblock"])
async def test_an_operator_blocks_a_code_by_slug_or_id_and_lets_it_go_on(api: Api, step: str) -> None:
    api.services.answer("BlockCode", code_service_pb2.BlockCodeResponse(code=MENU))
    api.services.answer("UnblockCode", code_service_pb2.UnblockCodeResponse(code=MENU))
    answers = [
        await api.send("POST", f"/v1/operator/codes/{step}", {**which, "reason": "reported"})
        for which in ({"slug": "menu"}, {"id": MENU.id})
    ]

    assert [(answer.status_code, answer.json()["slug"]) for answer in answers] == [(200, "menu")] * 2
    assert [(asked.slug, asked.code_id, asked.reason) for asked in api.services.asked] == [
        ("menu", "", "reported"),
        ("", MENU.id, "reported"),
    ]


@pytest.mark.parametrize(
    "body", [{"reason": "x"}, {"id": "1", "slug": "menu", "reason": "x"}, {"slug": "menu"}, {"slug": "menu", "reason": ""}]
)
async def test_blocking_needs_one_code_and_a_reason(api: Api, body: Any) -> None:
    assert problem(await api.send("POST", "/v1/operator/codes/block", body))[:2] == (400, "invalid-argument")


async def test_what_codes_can_be_filtered_by_is_counted(api: Api) -> None:
    facets = code_service_pb2.GetFacetsResponse(
        total=3,
        states=[code_service_pb2.StateCount(state=code_pb2.CODE_STATE_ACTIVE, codes=3)],
        tags=[code_service_pb2.Facet(value=f"tag-{number}", codes=9 - number) for number in range(5)],
        complete=True,
    )
    api.services.answer("GetFacets", facets)
    answer = await api.send("GET", "/v1/codes/facets?limit=1")

    assert answer.json() == {
        "total": 3,
        "states": {"active": 3},
        "tags": [{"value": "tag-0", "codes": 9}],
        "folders": [],
        "complete": True,
    }


def test_the_example_of_facets_is_one() -> None:
    assert FacetsView.model_validate(FACETS).model_dump(mode="json") == FACETS
