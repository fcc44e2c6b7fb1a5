"""What storage does in the background, by REST: prints, clean-ups, moves between tiers, and copies at a CDN."""

from typing import Any

import pytest
from contract.gateway.asking import ask
from contract.gateway.files import OPERATION, answer_files
from contract.gateway.served import CODE_ID, MENU, Api, problem
from pydantic import BaseModel

from quietzone.qr.v1 import code_pb2, code_service_pb2
from quietzone.storage.v1 import asset_pb2, operation_pb2, storage_service_pb2
from quietzone_gateway.plans import Plan
from quietzone_gateway.plans.changes import SYSTEM
from quietzone_gateway.rest.operations import NEW_PRINT, PRINT, OperationView, PrintInput, PrintView
from quietzone_gateway.rest.operations import OPERATION as SHOWN
from quietzone_gateway.rpc import OperationState
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound

OTHER_ID = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b40"


def code(code_id: str, **fields: Any) -> code_pb2.Code:
    changed = code_pb2.Code()
    changed.CopyFrom(MENU)
    changed.MergeFrom(code_pb2.Code(id=code_id, **fields))
    return changed


@pytest.fixture
def stored(api: Api) -> Api:
    """The API, over a storage that answers each question, and two codes that can be printed."""
    answer_files(api)
    known = {CODE_ID: MENU, OTHER_ID: code(OTHER_ID, slug="drinks", title="Drinks")}
    api.services.answers["BatchGetCodes"] = lambda asked: code_service_pb2.BatchGetCodesResponse(
        codes=[code_service_pb2.FoundCode(code=known.get(code_id)) for code_id in asked.code_ids]
    )
    return api


def last(api: Api) -> Any:
    """What was asked of storage."""
    return api.services.asked[-1]


async def test_a_print_is_begun_and_its_file_will_be_where_location_says(stored: Api) -> None:
    answer = await stored.send("POST", "/v1/prints", {"tag": "menu", "title": "Tables", "paper": "letter", "columns": 3, "rows": 4})

    begun = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/assets/{CODE_ID}")
    assert (begun["asset"]["kind"], begun["asset"]["state"], begun["operation"]["kind"]) == ("print", "pending", "make-print")
    assert last(stored) == storage_service_pb2.CreatePrintRequest(
        title="Tables",
        form=storage_service_pb2.PRINT_FORM_SHEETS,
        labels=[storage_service_pb2.Label(code_id=CODE_ID, caption="Menu", name="menu")],
        paper=storage_service_pb2.PAPER_LETTER,
        columns=3,
        rows=4,
        cut_marks=True,
    )


async def test_a_print_takes_no_more_room_than_the_plan_has(stored: Api) -> None:
    await stored.plans.known.put(Plan("unlimited", stored_bytes=5_000_000), SYSTEM)
    await stored.send("POST", "/v1/prints", {"code_ids": [CODE_ID]})
    by_rest = last(stored).stored_bytes_limit
    await ask(stored, f'mutation {{ createPrint(input: {{codeIds: ["{CODE_ID}"]}}) {{ asset {{ id }} }} }}', {})

    assert (by_rest, last(stored).stored_bytes_limit) == (5_000_000, 5_000_000)


async def test_codes_are_printed_in_the_order_in_which_they_are_named_and_as_often(stored: Api) -> None:
    wanted = [OTHER_ID, CODE_ID, OTHER_ID]
    await stored.send("POST", "/v1/prints", {"code_ids": wanted, "form": "archive"})

    assert [label.code_id for label in last(stored).labels] == wanted
    assert [label.name for label in last(stored).labels] == ["drinks", "menu", "drinks"]
    assert last(stored).form == storage_service_pb2.PRINT_FORM_ARCHIVE


@pytest.mark.parametrize(
    ("caption", "below"), [("title", "Menu"), ("slug", "menu"), ("short_url", "https://qr.example.com/menu"), ("none", "")]
)
async def test_a_label_has_the_caption_that_is_wished(stored: Api, caption: str, below: str) -> None:
    await stored.send("POST", "/v1/prints", {"folder": "tables", "caption": caption})

    assert [label.caption for label in last(stored).labels] == [below]


async def test_another_accounts_code_is_not_found_and_nothing_is_printed(stored: Api) -> None:
    theirs = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b41"
    answer = await stored.send("POST", "/v1/prints", {"code_ids": [CODE_ID, theirs]})

    assert problem(answer)[:2] == (404, "not-found")
    assert theirs in answer.text
    assert not [asked for asked in stored.services.asked if isinstance(asked, storage_service_pb2.CreatePrintRequest)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tag": "menu", "paper": "a0"}, "paper"),
        ({"tag": "menu", "form": "docx"}, "form"),
        ({"tag": "menu", "columns": 11}, "columns"),
        ({"tag": "menu", "rows": 0}, "rows"),
        ({"tag": "menu", "caption": "destination"}, "caption"),
        ({"code_ids": [CODE_ID] * 1_001}, "code_ids"),
        ({"code_ids": []}, "code_ids"),
        ({"tag": "menu", "title": "x" * 121}, "title"),
        ({"tag": "menu", "folder": "tables"}, "body"),
        ({}, "body"),
    ],
)
async def test_a_print_that_cannot_be_is_refused_with_the_field(stored: Api, body: dict[str, Any], field: str) -> None:
    assert problem(await stored.send("POST", "/v1/prints", body)) == (400, "invalid-argument", [field])


@pytest.mark.parametrize(("chosen", "field"), [({"tag": "nothing"}, "tag"), ({"folder": "nowhere"}, "folder")])
async def test_a_choice_that_brings_no_code_or_too_many_is_refused(stored: Api, chosen: dict[str, str], field: str) -> None:
    for answer in (code_service_pb2.ListCodesResponse(), code_service_pb2.ListCodesResponse(codes=[MENU], next_page_token="more")):  # noqa: S106
        stored.services.answer("ListCodes", answer)

        assert problem(await stored.send("POST", "/v1/prints", chosen)) == (400, "invalid-argument", [field])


async def test_what_the_printer_refuses_is_said_by_the_names_that_callers_know(stored: Api) -> None:
    stored.services.fail("CreatePrint", InvalidInput(FieldViolation("labels", "use 1 to 1,000")))

    assert problem(await stored.send("POST", "/v1/prints", {"tag": "menu"}))[2] == ["code_ids"]


async def test_an_upload_is_moved_to_a_tier(stored: Api) -> None:
    answer = await stored.send("POST", f"/v1/assets/{CODE_ID}/tier", {"tier": "archive"})

    assert (answer.status_code, answer.json()["kind"], answer.json()["asset_id"]) == (202, "move-asset", CODE_ID)
    assert last(stored) == storage_service_pb2.MoveAssetRequest(asset_id=CODE_ID, tier=asset_pb2.STORAGE_TIER_ARCHIVE)


async def test_a_clean_up_tells_what_it_would_do(stored: Api) -> None:
    answer = await stored.send("POST", "/v1/assets/clean-up", {"prefix": "uploads/", "dry_run": True})

    assert answer.json()["report"] == {"processed": 10, "warmed": 4, "archived": 3, "deleted": 2, "kept": 1, "bytes": 48_000}
    assert (answer.status_code, last(stored).prefix, last(stored).dry_run) == (202, "uploads/", True)


async def test_the_same_clean_up_asked_for_twice_is_one(stored: Api) -> None:
    for _ in range(2):
        await stored.send("POST", "/v1/assets/clean-up", {"dry_run": True}, idempotency_key="nightly")

    assert len([asked for asked in stored.services.asked if isinstance(asked, storage_service_pb2.StartCleanUpRequest)]) == 1


async def test_copies_are_forgotten_and_made(stored: Api) -> None:
    forgotten = await stored.send("POST", "/v1/assets/purge", {"ids": [CODE_ID]})
    assert (forgotten.status_code, list(last(stored).asset_ids)) == (204, [CODE_ID])

    made = await stored.send("POST", "/v1/assets/warm-up", {"ids": [CODE_ID], "expires_s": 60})
    assert [item["failure"] for item in made.json()["items"]] == [None, "it answered 502"]
    assert (last(stored).expires_s, made.headers["cache-control"]) == (60, "no-store")


@pytest.mark.parametrize("path", ["/v1/assets/purge", "/v1/assets/warm-up"])
async def test_copies_of_too_many_assets_at_once_or_of_none_are_refused(stored: Api, path: str) -> None:
    for ids in ([], [CODE_ID] * 21):
        assert problem(await stored.send("POST", path, {"ids": ids})) == (400, "invalid-argument", ["ids"])


async def test_operations_are_listed_looked_at_and_ended(stored: Api) -> None:
    listed = (await stored.send("GET", "/v1/operations?limit=2")).json()
    assert ([item["kind"] for item in listed["items"]], listed["next_cursor"]) == (["clean-up", "make-print"], None)
    assert (await stored.send("GET", f"/v1/operations/{OPERATION.id}")).json()["state"] == "done"
    assert (await stored.send("DELETE", f"/v1/operations/{OPERATION.id}")).status_code == 204
    assert last(stored) == storage_service_pb2.CancelOperationRequest(operation_id=OPERATION.id)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/operations/{}"), ("DELETE", "/v1/operations/{}"), ("POST", "/v1/assets/{}/tier")]
)
async def test_another_accounts_operation_is_not_found(stored: Api, method: str, path: str) -> None:
    for rpc in ("GetOperation", "CancelOperation", "MoveAsset"):
        stored.services.fail(rpc, NotFound("no such thing"))
    body = {"tier": "hot"} if method == "POST" else None

    answers = [await stored.send(method, path.format(name), body) for name in (OPERATION.id, "menu")]

    assert [problem(answer)[:2] for answer in answers] == [(404, "not-found")] * 2


async def test_what_has_ended_cannot_be_cancelled(stored: Api) -> None:
    stored.services.fail("CancelOperation", FailedPrecondition("it is done already"))

    assert problem(await stored.send("DELETE", f"/v1/operations/{OPERATION.id}"))[0] == 422


BEGIN = """mutation ($input: NewPrintInput!) {
  createPrint(input: $input) { asset { kind state } operation { kind assetId report { processed } } }
}"""
TEND = f"""mutation {{
  moveAsset(id: "{CODE_ID}", tier: HOT) {{ kind state assetId }}
  cleanUpAssets(prefix: "codes/", dryRun: true) {{ state report {{ processed bytes }} }}
  purgeCopies(ids: ["{CODE_ID}"])
  warmUpCopies(ids: ["{CODE_ID}"], expiresS: 60) {{ failure }}
  cancelOperation(id: "{OPERATION.id}")
}}"""


async def test_graphql_prints_as_rest_does(stored: Api) -> None:
    given = {"tag": "menu", "title": "Tables", "paper": "LETTER", "columns": 3, "rows": 4, "caption": "SLUG", "cutMarks": False}
    answer = await ask(stored, BEGIN, {"input": given})

    assert answer.data == {
        "createPrint": {
            "asset": {"kind": "PRINT", "state": "PENDING"},
            "operation": {"kind": "make-print", "assetId": CODE_ID, "report": None},
        }
    }
    by_graphql = last(stored)
    in_rest = {"tag": "menu", "title": "Tables", "paper": "letter", "columns": 3, "rows": 4, "caption": "slug", "cut_marks": False}
    await stored.send("POST", "/v1/prints", in_rest)
    assert last(stored) == by_graphql


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"tag": "menu", "columns": 11}, "INVALID_ARGUMENT", "columns"),
        ({"tag": "menu", "folder": "tables"}, "INVALID_ARGUMENT", "input"),
        ({"codeIds": [CODE_ID] * 1_001}, "INVALID_ARGUMENT", "codeIds"),
    ],
)
async def test_graphql_refuses_what_cannot_be_printed(stored: Api, given: dict[str, Any], code: str, field: str) -> None:
    answer = await ask(stored, BEGIN, {"input": given})

    assert (answer.data, answer.codes) == ({"createPrint": None}, [code])
    assert [error["field"] for error in answer.errors[0]["extensions"]["errors"]] == [field]


async def test_graphql_prints_no_code_of_another_account(stored: Api) -> None:
    answer = await ask(stored, BEGIN, {"input": {"codeIds": ["01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b41"]}})

    assert answer.codes == ["NOT_FOUND"]


async def test_graphql_moves_cleans_up_purges_warms_and_cancels(stored: Api) -> None:
    assert (await ask(stored, TEND)).data == {
        "moveAsset": {"kind": "move-asset", "state": "RUNNING", "assetId": CODE_ID},
        "cleanUpAssets": {"state": "DONE", "report": {"processed": 10, "bytes": 48_000}},
        "purgeCopies": [CODE_ID],
        "warmUpCopies": [{"failure": None}, {"failure": "it answered 502"}],
        "cancelOperation": OPERATION.id,
    }


async def test_graphql_lists_operations(stored: Api) -> None:
    asked = f"""{{
      operation(id: "{OPERATION.id}") {{ done }}
      operations(first: 2) {{ edges {{ node {{ kind }} }} pageInfo {{ hasNextPage }} }}
    }}"""
    answer = await ask(stored, asked)

    nodes = [{"node": {"kind": "clean-up"}}, {"node": {"kind": "make-print"}}]
    assert answer.data == {"operation": {"done": 10}, "operations": {"edges": nodes, "pageInfo": {"hasNextPage": False}}}


async def test_graphql_has_no_operation_of_another_account(stored: Api) -> None:
    stored.services.fail("GetOperation", NotFound("no such operation"))

    assert (await ask(stored, f'{{ operation(id: "{OPERATION.id}") {{ done }} }}')).data == {"operation": None}


@pytest.mark.parametrize(("model", "example"), [(OperationView, SHOWN), (PrintView, PRINT), (PrintInput, NEW_PRINT)], ids=str)
def test_examples_are_such(model: type[BaseModel], example: dict[str, Any]) -> None:
    shown = model.model_validate(example).model_dump(mode="json")

    assert {name: shown[name] for name in example} == example


def test_each_state_of_an_operation_is_known() -> None:
    named = {value.name.removeprefix("OPERATION_STATE_").lower() for value in operation_pb2.OperationState.DESCRIPTOR.values} - {
        "unspecified"
    }

    assert named == {state.value for state in OperationState}
