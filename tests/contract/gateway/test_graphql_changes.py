from typing import Any

import pytest
from contract.gateway.asking import ask
from contract.gateway.served import CODE_ID, MENU, NOON_MS, Api

from quietzone.analytics.v1 import analytics_pb2, exports_pb2
from quietzone.qr.v1 import code_pb2, code_service_pb2
from quietzone_kit.errors import AlreadyExists, FieldViolation, InvalidInput, NotFound, RevisionMismatch

EXPORT_ID = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3e"
EXPORT = exports_pb2.Export(
    export_id=EXPORT_ID,
    question=exports_pb2.ExportQuestion(
        code_id=CODE_ID,
        from_ms=NOON_MS - 86_400_000,
        to_ms=NOON_MS,
        interval=analytics_pb2.INTERVAL_DAY,
        format=exports_pb2.EXPORT_FORMAT_CSV,
    ),
    state=exports_pb2.EXPORT_STATE_DONE,
    codes_done=1,
    codes_total=1,
    size=10,
    rows=2,
    sha256="ab",
    created_at_ms=NOON_MS,
)

CREATE = "mutation($input: NewCode!) { createCode(input: $input) { slug } }"
UPDATE = (
    "mutation($id: ID!, $input: CodeChange!, $revision: Count) { updateCode(id: $id, input: $input, expectedRevision: $revision) { slug } }"
)


async def test_a_code_is_created_as_the_client_wants_it(api: Api) -> None:
    given = {"destination": "https://example.com/menu", "title": "Menu", "slug": "menu", "tags": ["a"], "folder": "tables"}

    told = await ask(api, CREATE, {"input": given})

    assert told.data == {"createCode": {"slug": "menu"}}
    assert api.services.asked == [code_service_pb2.CreateCodeRequest(**given)]  # type: ignore[arg-type]


async def test_a_code_without_a_slug_asks_for_a_drawn_one(api: Api) -> None:
    await ask(api, CREATE, {"input": {"destination": "https://example.com/menu"}})

    assert not api.services.asked[0].HasField("slug")


async def test_a_repetition_under_the_same_key_names_each_creation_as_before(api: Api) -> None:
    creations = (f'{name}: createCode(input: {{ destination: "https://{name}.example" }}) {{ slug }}' for name in "ab")
    query = f"mutation {{ {' '.join(creations)} }}"

    await ask(api, query, idempotency_key="once")
    await ask(api, query, idempotency_key="once")

    names = [request.request_id for request in api.services.asked]
    assert names[:2] == names[2:]
    assert len(set(names)) == 2


async def test_a_taken_slug_is_a_conflict(api: Api) -> None:
    api.services.fail("CreateCode", AlreadyExists("the slug menu is taken", FieldViolation("slug", "is taken")))

    told = await ask(api, CREATE, {"input": {"destination": "https://example.com/", "slug": "menu"}})

    assert (told.status, told.data, told.codes, told.fields) == (200, {"createCode": None}, ["ALREADY_EXISTS"], ["slug"])


async def test_a_change_that_fails_keeps_no_other_from_succeeding(api: Api) -> None:
    def delete(request: Any) -> code_service_pb2.DeleteCodeResponse:
        if request.code_id == CODE_ID:
            raise NotFound("there is no code with this id")
        return code_service_pb2.DeleteCodeResponse()

    api.services.answers["DeleteCode"] = delete

    told = await ask(api, f'mutation {{ a: deleteCode(id: "{CODE_ID}") b: deleteCode(id: "{EXPORT_ID}") }}')

    assert (told.data, told.codes) == ({"a": None, "b": EXPORT_ID}, ["NOT_FOUND"])


async def test_only_what_is_given_is_changed(api: Api) -> None:
    await ask(api, UPDATE, {"id": CODE_ID, "input": {"state": "PAUSED", "tags": []}, "revision": 3})

    assert api.services.asked == [
        code_service_pb2.UpdateCodeRequest(
            code_id=CODE_ID, state=code_pb2.CODE_STATE_PAUSED, tags=code_service_pb2.TagsChange(), expected_revision=3
        )
    ]


async def test_a_change_that_was_decided_on_old_grounds_is_refused(api: Api) -> None:
    api.services.fail("UpdateCode", RevisionMismatch("the code has revision 4"))

    told = await ask(api, UPDATE, {"id": CODE_ID, "input": {"title": "x"}, "revision": 3})

    assert told.codes == ["ABORTED"]


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, ["input"]),
        ({"title": None}, ["title"]),
        ({"state": "BLOCKED"}, ["state"]),
        ({"tags": ["x"] * 101}, ["tags"]),
    ],
)
async def test_a_change_that_is_none_is_refused_before_the_service_is_asked(api: Api, given: dict[str, object], fields: list[str]) -> None:
    told = await ask(api, UPDATE, {"id": CODE_ID, "input": given})

    assert (told.fields, api.services.asked) == (fields, [])


async def test_a_state_that_cant_be_given_is_refused_by_names_of_graphql(api: Api) -> None:
    told = await ask(api, UPDATE, {"id": CODE_ID, "input": {"state": "BLOCKED"}})

    assert told.errors[0]["message"] == "state: input should be ACTIVE or PAUSED"


async def test_mass_assignment_finds_no_field_to_assign(api: Api) -> None:
    told = await ask(api, UPDATE, {"id": CODE_ID, "input": {"title": "x", "accountId": "other", "revision": 9}})

    assert (told.status, told.data, api.services.asked) == (400, None, [])


@pytest.mark.parametrize("revision", [-1, 1.5, True, "3", 2**53])
async def test_a_revision_that_is_none_is_refused(api: Api, revision: object) -> None:
    told = await ask(api, UPDATE, {"id": CODE_ID, "input": {"title": "x"}, "revision": revision})

    assert (told.status, told.codes, api.services.asked) == (400, ["INVALID_ARGUMENT"], [])


@pytest.mark.parametrize(("name", "message"), [("block", "BlockCode"), ("unblock", "UnblockCode")])
@pytest.mark.parametrize(("given", "asked"), [(f'id: "{CODE_ID}"', {"code_id": CODE_ID}), ('slug: "menu"', {"slug": "menu"})])
async def test_operators_block_and_unblock(api: Api, name: str, message: str, given: str, asked: dict[str, str]) -> None:
    api.services.answer(message, getattr(code_service_pb2, f"{message}Response")(code=MENU))

    told = await ask(api, f'mutation {{ {name}Code({given}, reason: "phishing") {{ slug }} }}')

    assert told.data == {f"{name}Code": {"slug": "menu"}}
    assert api.services.asked == [getattr(code_service_pb2, f"{message}Request")(**asked, reason="phishing")]


@pytest.mark.parametrize("given", ["", f', id: "{CODE_ID}", slug: "menu"'])
async def test_a_code_to_block_is_named_once(api: Api, given: str) -> None:
    told = await ask(api, f'mutation {{ blockCode(reason: "x"{given}) {{ slug }} }}')

    assert (told.fields, api.services.asked) == (["id"], [])


BULK = "mutation($data: JSON!) { bulkCreateQRCodes(qrData: $data) { row status code { slug } problem { code detail errors { field } } } }"


async def test_of_many_codes_each_has_its_own_result(api: Api) -> None:
    failed = code_service_pb2.ItemError(
        code="INVALID_ARGUMENT", message="x", violations=[code_service_pb2.FieldViolation(field="slug", reason="is reserved")]
    )
    outcomes = [code_service_pb2.CodeOutcome(code=MENU), code_service_pb2.CodeOutcome(error=failed)]
    api.services.answer("BatchCreateCodes", code_service_pb2.BatchCreateCodesResponse(outcomes=outcomes))
    good = {"destination": "https://example.com/"}

    told = await ask(api, BULK, {"data": [good, {"title": 7, "id": "x"}, {**good, "slug": "robots.txt"}, "none"]})

    results = told.data["bulkCreateQRCodes"]
    assert [(each["row"], each["status"], each["code"]) for each in results] == [
        (1, 201, {"slug": "menu"}),
        (2, 400, None),
        (3, 400, None),
        (4, 400, None),
    ]
    assert [sorted(wrong["field"] for wrong in each["problem"]["errors"]) for each in results[1:]] == [
        ["destination", "id", "title"],
        ["slug"],
        ["row"],
    ]
    assert [item.destination for item in api.services.asked[0].items] == ["https://example.com/"] * 2


async def test_codes_that_are_all_wrong_ask_nothing_of_the_service(api: Api) -> None:
    told = await ask(api, BULK, {"data": [{}]})

    assert (told.data["bulkCreateQRCodes"][0]["status"], api.services.asked) == (400, [])


async def test_a_repetition_of_many_under_the_same_key_names_each_as_before(api: Api) -> None:
    outcomes = [code_service_pb2.CodeOutcome(code=MENU)] * 2
    api.services.answer("BatchCreateCodes", code_service_pb2.BatchCreateCodesResponse(outcomes=outcomes))
    data = [{"destination": "https://example.com/"}] * 2

    for _ in range(2):
        await ask(api, BULK, {"data": data}, idempotency_key="once")

    names = [[item.request_id for item in request.items] for request in api.services.asked]
    assert names[0] == names[1]
    assert len(set(names[0])) == 2


@pytest.mark.parametrize("data", [{}, [], "x", [{}] * 101])
async def test_what_is_no_array_of_codes_is_refused(api: Api, data: object) -> None:
    assert (await ask(api, BULK, {"data": data})).fields == ["qrData"]


async def test_an_export_is_begun_of_an_own_code(api: Api) -> None:
    api.services.answer("BatchGetCodes", code_service_pb2.BatchGetCodesResponse(codes=[code_service_pb2.FoundCode(code=MENU)]))
    api.services.answer("CreateExport", exports_pb2.CreateExportResponse(export=EXPORT))
    given = {"codeId": CODE_ID, "from": "2026-11-01", "to": "2026-11-01", "zone": "Europe/Berlin", "interval": "HOUR", "format": "PARQUET"}

    told = await ask(
        api, "mutation($input: NewExport!) { createExport(input: $input) { id state fileUrl code { slug } } }", {"input": given}
    )

    assert told.data["createExport"] == {
        "id": EXPORT_ID,
        "state": "DONE",
        "fileUrl": f"/v1/exports/{EXPORT_ID}/file",
        "code": {"slug": "menu"},
    }
    question = api.services.asked[-1].question
    assert (question.code_id, question.zone, question.to_ms - question.from_ms) == (CODE_ID, "Europe/Berlin", 86_400_000)
    assert (question.interval, question.format) == (analytics_pb2.INTERVAL_HOUR, exports_pb2.EXPORT_FORMAT_PARQUET)


async def test_an_export_of_no_known_format_isnt_begun(api: Api) -> None:
    told = await ask(api, "mutation { createExport(input: { format: UNKNOWN }) { id } }")

    assert told.fields == ["format"]


async def test_an_export_of_another_accounts_code_isnt_begun(api: Api) -> None:
    api.services.answer("BatchGetCodes", code_service_pb2.BatchGetCodesResponse(codes=[code_service_pb2.FoundCode()]))

    told = await ask(api, f'mutation {{ createExport(input: {{ codeId: "{CODE_ID}" }}) {{ id }} }}')

    assert (told.codes, len(api.services.asked)) == (["NOT_FOUND"], 1)


async def test_what_is_wrong_with_an_export_is_named(api: Api) -> None:
    told = await ask(api, 'mutation { createExport(input: { from: "never" }) { id } }')

    assert (told.fields, api.services.asked) == (["from"], [])


async def test_an_export_is_cancelled(api: Api) -> None:
    api.services.answer("CancelExport", exports_pb2.CancelExportResponse())

    told = await ask(api, f'mutation {{ cancelExport(id: "{EXPORT_ID}") }}')

    assert (told.data, api.services.asked) == ({"cancelExport": EXPORT_ID}, [exports_pb2.CancelExportRequest(export_id=EXPORT_ID)])


async def test_exports_are_listed_with_their_codes_in_two_calls(api: Api) -> None:
    api.services.answer("ListExports", exports_pb2.ListExportsResponse(exports=[EXPORT] * 3, next_page_token="behind"))  # noqa: S106 - no password
    api.services.answer("BatchGetCodes", code_service_pb2.BatchGetCodesResponse(codes=[code_service_pb2.FoundCode(code=MENU)]))

    told = await ask(api, "{ exports(first: 3) { edges { cursor node { from to rows code { slug } } } pageInfo { hasNextPage } } }")

    assert told.data["exports"]["edges"][0]["node"] == {
        "from": "2026-11-20T12:00:00.000Z",
        "to": "2026-11-21T12:00:00.000Z",
        "rows": 2,
        "code": {"slug": "menu"},
    }
    assert len(api.services.asked) == 2


async def test_a_cursor_in_the_middle_of_a_page_of_exports_leads_on_from_there(api: Api) -> None:
    exports = [exports_pb2.Export(export_id=str(number), question=EXPORT.question, state=EXPORT.state) for number in range(3)]
    api.services.answer("ListExports", exports_pb2.ListExportsResponse(exports=exports))
    query = "query($after: String) { exports(first: 2, after: $after) { edges { cursor node { id } } } }"
    first = (await ask(api, query)).data["exports"]["edges"][0]["cursor"]

    told = await ask(api, query, {"after": first})

    assert [edge["node"]["id"] for edge in told.data["exports"]["edges"]] == ["1", "2"]


async def test_an_export_that_isnt_there_is_null(api: Api) -> None:
    api.services.fail("GetExport", NotFound("there is no export with this id"))

    told = await ask(api, f'{{ export(id: "{EXPORT_ID}") {{ id }} other: export(id: "x") {{ id }} }}')

    assert (told.data, told.errors) == ({"export": None, "other": None}, [])


async def test_what_the_service_finds_wrong_with_a_code_is_told_by_field(api: Api) -> None:
    api.services.fail("CreateCode", InvalidInput(FieldViolation("destination", "use http or https"), FieldViolation("slug", "is reserved")))

    told = await ask(api, CREATE, {"input": {"destination": "ftp://x", "slug": "robots"}})

    assert told.fields == ["destination", "slug"]
