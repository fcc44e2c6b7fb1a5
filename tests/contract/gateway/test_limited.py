"""What an account's plan allows, at every address of the API."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract.gateway.asking import ask
from contract.gateway.served import KEY, MENU, Api, problem, running
from contract.gateway.test_auth import enter
from contract.gateway.test_graphql_changes import EXPORT

from quietzone.analytics.v1 import exports_pb2
from quietzone.qr.v1 import code_service_pb2
from quietzone_gateway.plans import MethodClass, Pace, Period, Plan, Quota, Unit
from quietzone_gateway.plans.changes import SYSTEM
from quietzone_kit.errors import DeadlineExceeded, InvalidInput, QuietzoneError, Unavailable

NEW = {"destination": "https://example.com/menu"}
CREATE = "mutation($input: NewCode!) { createCode(input: $input) { slug } }"
BULK = "mutation($rows: JSON!) { bulkCreateQRCodes(qrData: $rows) { status problem { code } } }"


def made(request: code_service_pb2.BatchCreateCodesRequest) -> code_service_pb2.BatchCreateCodesResponse:
    outcomes = [code_service_pb2.CodeOutcome(code=MENU) for _ in request.items]
    return code_service_pb2.BatchCreateCodesResponse(outcomes=outcomes)


@pytest.fixture(autouse=True)
def services(api: Api) -> None:
    api.services.answers["BatchCreateCodes"] = made


async def allow(api: Api, plan: Plan) -> None:
    """Have the account's plan be this one."""
    await api.plans.known.put(plan, SYSTEM)


def codes(most: int) -> Plan:
    return Plan("unlimited", quotas=(Quota(Unit.CODES, Period.MONTH, most),))


async def used(api: Api, unit: str) -> int:
    items = (await api.send("GET", "/v1/usage")).json()["items"]
    return next(item["used"] for item in items if (item["unit"], item["period"], item["method_class"]) == (unit, "month", None))


async def bulk(api: Api, *rows: Any) -> list[int]:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/x-ndjson"}
    answer = await api.http.post("/v1/codes/bulk", content="\n".join(map(json.dumps, rows)), headers=headers)
    return [json.loads(line)["status"] for line in answer.text.splitlines()[:-1]]


async def test_no_more_codes_are_made_than_the_plan_allows(api: Api) -> None:
    await allow(api, codes(2))
    answers = [await api.send("POST", "/v1/codes", NEW) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert problem(answers[2])[1] == "resource-exhausted"
    assert (len(api.services.asked), await used(api, "codes")) == (2, 2)


@pytest.mark.parametrize(("error", "counted"), [(InvalidInput(), 0), (Unavailable("away"), 0), (DeadlineExceeded("late"), 1)])
async def test_a_code_that_was_not_made_does_not_count_and_one_that_may_have_been_does(
    api: Api, error: QuietzoneError, counted: int
) -> None:
    await allow(api, codes(5))
    api.services.fail("CreateCode", error)
    await api.send("POST", "/v1/codes", NEW)

    assert await used(api, "codes") == counted


async def test_rows_beyond_the_plan_fail_and_those_before_are_made(api: Api) -> None:
    await allow(api, codes(3))

    assert await bulk(api, NEW, NEW, NEW, NEW, NEW) == [201, 201, 201, 429, 429]
    assert await used(api, "codes") == 3


async def test_rows_that_change_codes_need_no_room_for_new_ones(api: Api) -> None:
    await allow(api, codes(0))
    changed = [code_service_pb2.CodeOutcome(code=MENU)]
    api.services.answer("BatchUpdateCodes", code_service_pb2.BatchUpdateCodesResponse(outcomes=changed))

    assert await bulk(api, NEW, {"op": "update", "id": MENU.id, "title": "x"}, NEW) == [429, 200, 429]


async def test_rows_that_the_service_refuses_do_not_count(api: Api) -> None:
    await allow(api, codes(10))
    refused = code_service_pb2.CodeOutcome(error=code_service_pb2.ItemError(code="ALREADY_EXISTS", message="taken"))
    outcomes = [refused, code_service_pb2.CodeOutcome(code=MENU)]
    api.services.answer("BatchCreateCodes", code_service_pb2.BatchCreateCodesResponse(outcomes=outcomes))
    await bulk(api, NEW, NEW)

    assert await used(api, "codes") == 1


async def test_codes_that_the_same_request_has_made_before_do_not_count_again(api: Api) -> None:
    await allow(api, codes(10))
    outcomes = [code_service_pb2.CodeOutcome(code=MENU, issued_before=before) for before in (True, False)]
    api.services.answer("BatchCreateCodes", code_service_pb2.BatchCreateCodesResponse(outcomes=outcomes))
    api.services.answer("CreateCode", code_service_pb2.CreateCodeResponse(code=MENU, issued_before=True))
    await bulk(api, NEW, NEW)
    await api.send("POST", "/v1/codes", NEW)

    assert await used(api, "codes") == 1


async def test_graphql_makes_no_more_codes_than_the_plan_allows(api: Api) -> None:
    await allow(api, codes(3))
    one = await ask(api, CREATE, {"input": NEW})
    many = await ask(api, BULK, {"rows": [NEW] * 4})
    none = await ask(api, CREATE, {"input": NEW})

    assert one.errors == []
    assert [row["status"] for row in many.data["bulkCreateQRCodes"]] == [201, 201, 429, 429]
    assert none.codes == ["RESOURCE_EXHAUSTED"]


READS: dict[str, Callable[[Api], Any]] = {
    "a list": lambda api: api.send("GET", "/v1/codes"),
    "a code": lambda api: api.send("GET", f"/v1/codes/{MENU.id}"),
    "GraphQL": lambda api: api.send("POST", "/graphql", {"query": "{ __typename }"}),
    "an address that needs no scope": lambda api: api.send("GET", "/v1/me"),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_every_read_is_counted_and_told_what_is_left_also_one_that_is_kept(api: Api, read: Callable[[Api], Any]) -> None:
    await allow(api, Plan("unlimited", rates=(Pace(60, 60, 3),)))
    answers = [await read(api) for _ in range(4)]

    assert [answer.status_code for answer in answers][3] == 429
    assert 429 not in [answer.status_code for answer in answers[:3]]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[3].headers["retry-after"] == "1"


async def test_the_bytes_of_kept_answers_are_counted(api: Api) -> None:
    first = await api.send("GET", "/v1/codes", accept_encoding="identity")
    for _ in range(3):
        await api.send("GET", "/v1/codes", accept_encoding="identity")

    assert await used(api, "bytes") == 4 * len(first.content)


@pytest.mark.parametrize("few_strangers", [5], indirect=True)
@pytest.mark.parametrize(("method", "path", "body"), [("GET", "/v1/codes", None), ("POST", "/v1/auth/sign-in", {"email": "a@b.example"})])
async def test_a_flood_of_requests_without_an_account_ends_at_its_addresss_limit(
    few_strangers: Api, method: str, path: str, body: Any
) -> None:
    answers = [await few_strangers.http.request(method, path, json=body, headers={"x-forwarded-for": "203.0.113.9"}) for _ in range(6)]
    elsewhere = await few_strangers.http.request(method, path, json=body, headers={"x-forwarded-for": "198.51.100.9"})

    assert [answer.status_code == 429 for answer in answers] == [False] * 5 + [True]
    assert elsewhere.status_code != 429


@pytest.mark.parametrize("few_strangers", [5], indirect=True)
async def test_trying_keys_ends_at_the_addresss_limit_and_a_good_key_goes_on(few_strangers: Api) -> None:
    tried = [await few_strangers.send("GET", "/v1/codes", authorization=f"Bearer qz_{n:040}") for n in range(6)]
    good = await few_strangers.send("GET", "/v1/codes")

    assert [answer.status_code for answer in tried] == [401] * 5 + [429]
    assert good.status_code == 200


async def test_an_office_stays_signed_in_and_whoever_tries_refresh_tokens_does_not(tmp_path: Path) -> None:
    async with running(tmp_path, strangers=10) as few:
        token = (await enter(few))["refresh_token"]
        answers = []
        for _ in range(20):
            answers.append(await few.http.post("/v1/auth/refresh", json={"refresh_token": token}))
            token = answers[-1].json()["refresh_token"]
        tried = [await few.http.post("/v1/auth/refresh", json={"refresh_token": f"qzr_{MENU.id}.1.{n}"}) for n in range(11)]

    assert {answer.status_code for answer in answers} == {200}
    assert (tried[0].status_code, tried[-1].status_code) == (401, 429)


@pytest.mark.parametrize("few_strangers", [3], indirect=True)
async def test_the_keys_that_tokens_are_checked_by_are_there_for_everybody(few_strangers: Api) -> None:
    answers = [await few_strangers.http.get("/.well-known/jwks.json") for _ in range(5)]

    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize("few_strangers", [3], indirect=True)
async def test_a_key_that_is_tried_from_elsewhere_counts_for_that_address(few_strangers: Api) -> None:
    made = await few_strangers.send("POST", "/v1/keys", {"name": "till", "scopes": ["codes:read"], "networks": ["203.0.113.0/24"]})
    tried = [await few_strangers.send("GET", "/v1/codes", authorization=f"Bearer {made.json()['secret']}") for _ in range(4)]

    assert [answer.status_code for answer in tried] == [403] * 3 + [429]


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("report", "mutation($input: NewExport!) { createExport(input: $input) { id } }"),
        ("bulk", "mutation($rows: JSON!) { bulkCreateQRCodes(qrData: $rows) { status } }"),
        ("write", "mutation($input: NewCode!) { createCode(input: $input) { slug } }"),
    ],
)
async def test_a_mutation_counts_as_a_request_of_its_kind(api: Api, kind: str, document: str) -> None:
    await allow(api, Plan("unlimited", quotas=(Quota(Unit.REQUESTS, Period.MONTH, 1, MethodClass(kind)),)))
    api.services.answer("CreateExport", exports_pb2.CreateExportResponse(export=EXPORT))
    given = {"report": {"input": {"from": "2026-11-01", "to": "2026-11-02"}}, "bulk": {"rows": [NEW]}, "write": {"input": NEW}}[kind]
    told = [await ask(api, document, given) for _ in range(2)]

    assert [each.codes for each in told] == [[], ["RESOURCE_EXHAUSTED"]]


async def test_each_of_several_mutations_counts_and_a_query_is_a_read(api: Api) -> None:
    await allow(api, Plan("unlimited", quotas=(Quota(Unit.REQUESTS, Period.MONTH, 2, MethodClass.WRITE),)))
    field = 'createCode(input: {destination: "https://example.com/"}) { slug }'
    told = await ask(api, f"mutation {{ a: {field} b: {field} c: {field} }}")
    query = await ask(api, "{ me { accountId } }")

    assert ([told.data[name] is None for name in "abc"], told.codes, query.codes) == ([False, False, True], ["RESOURCE_EXHAUSTED"], [])
    assert await used(api, "requests") == 3
