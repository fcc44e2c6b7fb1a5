"""`POST /v1/codes/bulk`: rows in, a result for each row out."""

import json
from typing import Any

import pytest
from contract.gateway.served import CODE_ID, KEY, MENU, Api, problem

from quietzone.qr.v1 import code_service_pb2
from quietzone_gateway.rest.bounds import MAX_BULK_ROWS
from quietzone_kit.errors import Unavailable

OTHER_ID = CODE_ID[:-1] + "e"
NEW = {"destination": "https://example.com/menu"}


async def sent(api: Api, *rows: Any, **headers: str) -> list[dict[str, Any]]:
    """Rows, as objects or as they are; the lines of the answer."""
    lines = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    told = {"authorization": f"Bearer {KEY}", "content-type": "application/x-ndjson"} | {n.replace("_", "-"): v for n, v in headers.items()}
    answer = await api.http.post("/v1/codes/bulk", content=lines, headers=told)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture(autouse=True)
def services(api: Api) -> None:
    """They make what they are asked for, and refuse a destination that begins with ftp."""

    def create(request: code_service_pb2.BatchCreateCodesRequest) -> code_service_pb2.BatchCreateCodesResponse:
        return code_service_pb2.BatchCreateCodesResponse(outcomes=map(outcome, request.items))

    def outcome(item: code_service_pb2.CreateCodeRequest) -> code_service_pb2.CodeOutcome:
        if item.destination.startswith("ftp"):
            wrong = code_service_pb2.FieldViolation(field="destination", reason="use https")
            return code_service_pb2.CodeOutcome(error=code_service_pb2.ItemError(code="INVALID_ARGUMENT", violations=[wrong]))
        return code_service_pb2.CodeOutcome(code=MENU)

    def update(request: code_service_pb2.BatchUpdateCodesRequest) -> code_service_pb2.BatchUpdateCodesResponse:
        outcomes = [code_service_pb2.CodeOutcome(code=MENU) for _ in request.items]
        return code_service_pb2.BatchUpdateCodesResponse(outcomes=outcomes)

    def delete(request: code_service_pb2.BatchDeleteCodesRequest) -> code_service_pb2.BatchDeleteCodesResponse:
        outcomes = [code_service_pb2.DeleteOutcome(code_id=item.code_id) for item in request.items]
        return code_service_pb2.BatchDeleteCodesResponse(outcomes=outcomes)

    api.services.answers |= {"BatchCreateCodes": create, "BatchUpdateCodes": update, "BatchDeleteCodes": delete}


async def test_each_row_has_a_result_and_the_last_line_sums_up(api: Api) -> None:
    lines = await sent(api, NEW, {"op": "update", "id": CODE_ID, "title": "x"}, {"op": "delete", "id": CODE_ID})

    assert [(line["row"], line["status"]) for line in lines[:-1]] == [(1, 201), (2, 200), (3, 204)]
    assert lines[-1] == {"rows": 3, "succeeded": 3, "failed": 0}


async def test_a_row_that_fails_keeps_no_other_from_succeeding(api: Api) -> None:
    lines = await sent(api, NEW, {"destination": "ftp://x"}, "{", {"op": "fly"}, {"destination": 1}, NEW)

    assert [line["status"] for line in lines[:-1]] == [201, 400, 400, 400, 400, 201]
    assert lines[1]["problem"]["errors"] == [{"field": "destination", "reason": "use https"}]
    assert lines[-1] == {"rows": 6, "succeeded": 2, "failed": 4}


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({}, "destination", "needed"),
        (NEW | {"account_id": "x"}, "account_id", "there is no such field"),
        ({"op": "update", "id": CODE_ID, "state": "gone"}, "state", "input should be 'active' or 'paused'"),
        ([], "row", "not a JSON object"),
    ],
)
async def test_a_row_is_refused_in_the_words_of_a_request_for_it_alone(api: Api, row: Any, field: str, reason: str) -> None:
    [line, _] = await sent(api, row)

    assert line["problem"]["errors"] == [{"field": field, "reason": reason}]


async def test_rows_of_a_kind_go_to_the_service_a_hundred_at_a_time(api: Api) -> None:
    await sent(api, *([NEW] * 250))

    assert [len(request.items) for request in api.services.asked] == [100, 100, 50]


async def test_a_code_that_is_changed_twice_is_changed_in_order(api: Api) -> None:
    changes = [{"op": "update", "id": code_id, "title": title} for code_id, title in ((CODE_ID, "a"), (OTHER_ID, "b"), (CODE_ID, "c"))]

    await sent(api, *changes)

    assert [[item.title for item in request.items] for request in api.services.asked] == [["a", "b"], ["c"]]


@pytest.mark.parametrize("again", [CODE_ID.upper(), f"{{{CODE_ID}}}", CODE_ID.replace("-", "")])
async def test_a_code_that_is_named_twice_in_different_ways_is_one_code_a_call(api: Api, again: str) -> None:
    await sent(api, *({"op": "update", "id": name, "title": "x"} for name in (OTHER_ID, CODE_ID, again)))

    assert [[item.code_id for item in request.items] for request in api.services.asked] == [[OTHER_ID, CODE_ID], [CODE_ID]]


async def test_a_revision_is_passed_on_with_its_row(api: Api) -> None:
    await sent(api, {"op": "delete", "id": CODE_ID, "revision": 3})

    assert api.services.asked[0].items[0].expected_revision == 3


async def test_under_a_key_each_new_row_has_a_name_of_its_own_that_repetitions_share(api: Api) -> None:
    for _ in range(2):
        await sent(api, NEW, NEW, idempotency_key="monday")

    first, again = ([item.request_id for item in request.items] for request in api.services.asked)
    assert first == again
    assert len(set(first)) == 2


async def test_rows_fail_with_the_service_and_are_numbered_all_the_same(api: Api) -> None:
    api.services.fail("BatchCreateCodes", Unavailable("gone"))

    lines = await sent(api, NEW, "", NEW)

    assert [(line["row"], line["status"]) for line in lines[:-1]] == [(1, 503), (3, 503)]


@pytest.mark.parametrize("body", ["", "\n\n", "{}\n" * (MAX_BULK_ROWS + 1)], ids=["empty", "blank", "too many"])
async def test_the_number_of_rows_has_bounds(api: Api, body: str) -> None:
    answer = await api.http.post(
        "/v1/codes/bulk", content=body, headers={"authorization": f"Bearer {KEY}", "content-type": "application/x-ndjson"}
    )

    assert problem(answer) == (400, "invalid-argument", ["body"])


async def test_rows_in_another_form_are_refused(api: Api) -> None:
    assert problem(await api.send("POST", "/v1/codes/bulk", [NEW]))[:2] == (415, "unsupported-media-type")
