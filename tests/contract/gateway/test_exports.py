import base64
import hashlib
import re
from collections.abc import Callable

import pytest
from contract.gateway.served import CODE_ID, NOON_MS, Api, problem

from quietzone.analytics.v1 import analytics_pb2, exports_pb2
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, ResourceExhausted, Unavailable

EXPORT_ID = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3e"
ADDRESS = f"/v1/exports/{EXPORT_ID}"
DAY_MS = 86_400_000
DATA = b"code_id,start\r\n" * 100_000


def export(**fields: object) -> exports_pb2.Export:
    question = exports_pb2.ExportQuestion(
        from_ms=NOON_MS - DAY_MS,
        to_ms=NOON_MS,
        interval=analytics_pb2.INTERVAL_DAY,
        format=exports_pb2.EXPORT_FORMAT_CSV,
    )
    return exports_pb2.Export(
        export_id=EXPORT_ID,
        question=question,
        created_at_ms=NOON_MS,
        **{"state": exports_pb2.EXPORT_STATE_WAITING} | fields,  # type: ignore[arg-type]
    )


def done(data: bytes) -> exports_pb2.Export:
    return export(
        state=exports_pb2.EXPORT_STATE_DONE,
        codes_done=2,
        codes_total=2,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        rows=6,
        expires_at_ms=NOON_MS + 7 * DAY_MS,
    )


def parts_of(data: bytes) -> Callable[[exports_pb2.ReadExportRequest], exports_pb2.ReadExportResponse]:
    return lambda request: exports_pb2.ReadExportResponse(data=data[request.offset : request.offset + 700_000])


async def test_an_export_is_begun_and_can_be_looked_at_where_location_says(api: Api) -> None:
    api.services.answer("CreateExport", exports_pb2.CreateExportResponse(export=export()))

    answer = await api.send("POST", "/v1/exports", {"from": "2026-11-20", "to": "2026-11-20", "interval": "hour", "format": "parquet"})

    assert (answer.status_code, answer.headers["location"], answer.json()["state"]) == (202, ADDRESS, "waiting")
    assert api.services.asked == [
        exports_pb2.CreateExportRequest(
            question=exports_pb2.ExportQuestion(
                from_ms=NOON_MS - DAY_MS - DAY_MS // 2,
                to_ms=NOON_MS - DAY_MS // 2,
                interval=analytics_pb2.INTERVAL_HOUR,
                zone="UTC",
                format=exports_pb2.EXPORT_FORMAT_PARQUET,
            )
        )
    ]


async def test_the_service_can_tell_a_repetition_by_its_name(api: Api) -> None:
    api.services.answer("CreateExport", exports_pb2.CreateExportResponse(export=export()))

    await api.send("POST", "/v1/exports", {}, idempotency_key="monday")

    assert re.fullmatch("[0-9a-f]{64}", api.services.asked[0].request_id)


async def test_another_accounts_code_is_not_found_before_anything_is_begun(api: Api) -> None:
    api.services.fail("GetCode", NotFound("no such code"))

    assert problem(await api.send("POST", "/v1/exports", {"code_id": CODE_ID}))[:2] == (404, "not-found")
    assert len(api.services.asked) == 1


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"format": "xls"}, ["format"]),
        ({"format": "unknown"}, ["format"]),
        ({"form": "csv"}, ["form"]),
        ({"from": "2026-11-21", "to": "2026-11-20"}, ["to"]),
        ({"zone": "Mars/Olympus"}, ["zone"]),
    ],
)
async def test_every_wrong_wish_is_named(api: Api, body: dict[str, str], fields: list[str]) -> None:
    assert problem(await api.send("POST", "/v1/exports", body)) == (400, "invalid-argument", fields)


async def test_what_the_service_refuses_is_named_as_the_client_knows_it(api: Api) -> None:
    api.services.fail("CreateExport", InvalidInput(FieldViolation("from_ms", "near"), FieldViolation("to_ms", "far")))

    assert problem(await api.send("POST", "/v1/exports", {})) == (400, "invalid-argument", ["from", "to"])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ResourceExhausted("20 exports are under way"), (429, "resource-exhausted")),
        (FailedPrecondition("no place for files"), (422, "failed-precondition")),
        (Unavailable("not now"), (503, "unavailable")),
    ],
)
async def test_an_export_that_can_not_be_begun_says_why(api: Api, error: Exception, told: tuple[int, str]) -> None:
    api.services.fail("CreateExport", error)

    assert problem(await api.send("POST", "/v1/exports", {}))[:2] == told


async def test_an_export_shows_how_far_it_has_come(api: Api) -> None:
    half = export(state=exports_pb2.EXPORT_STATE_RUNNING, codes_done=40, codes_total=100)
    api.services.answer("GetExport", exports_pb2.GetExportResponse(export=half))

    assert (await api.send("GET", ADDRESS)).json() == {
        "id": EXPORT_ID,
        "code_id": None,
        "from": "2026-11-20T12:00:00.000Z",
        "to": "2026-11-21T12:00:00.000Z",
        "interval": "day",
        "zone": "UTC",
        "format": "csv",
        "state": "running",
        "codes_done": 40,
        "codes_total": 100,
        "rows": None,
        "size": None,
        "sha256": None,
        "error": None,
        "created_at": "2026-11-21T12:00:00.000Z",
        "expires_at": None,
    }


async def test_exports_are_listed_page_by_page(api: Api) -> None:
    page = exports_pb2.ListExportsResponse(exports=[done(DATA)], next_page_token="next")  # noqa: S106 - no password
    api.services.answer("ListExports", page)

    shown = (await api.send("GET", "/v1/exports?limit=1")).json()

    assert (shown["items"][0]["rows"], shown["next_cursor"]) == (6, "next")


async def test_a_file_comes_whole_with_its_name_type_length_and_digest(api: Api) -> None:
    api.services.answer("GetExport", exports_pb2.GetExportResponse(export=done(DATA)))
    api.services.answers["ReadExport"] = parts_of(DATA)

    answer = await api.send("GET", f"{ADDRESS}/file")

    assert answer.content == DATA
    assert answer.headers["content-length"] == str(len(DATA))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == f'attachment; filename="scans-{EXPORT_ID}.csv"'
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(hashlib.sha256(DATA).digest()).decode()}:"


@pytest.mark.parametrize(
    ("form", "media_type", "ending"),
    [
        (exports_pb2.EXPORT_FORMAT_JSON, "application/json", "json"),
        (exports_pb2.EXPORT_FORMAT_PARQUET, "application/vnd.apache.parquet", "parquet"),
        (exports_pb2.EXPORT_FORMAT_XLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        (exports_pb2.EXPORT_FORMAT_PDF, "application/pdf", "pdf"),
    ],
)
async def test_a_file_is_of_the_type_and_name_of_its_kind(api: Api, form: exports_pb2.ExportFormat, media_type: str, ending: str) -> None:
    shown = done(DATA)
    shown.question.format = form
    api.services.answer("GetExport", exports_pb2.GetExportResponse(export=shown))
    api.services.answers["ReadExport"] = parts_of(DATA)

    answer = await api.send("GET", f"{ADDRESS}/file")

    assert (answer.content, answer.headers["content-type"]) == (DATA, media_type)
    assert answer.headers["content-disposition"] == f'attachment; filename="scans-{EXPORT_ID}.{ending}"'


async def test_a_format_that_only_a_newer_release_knows_is_shown_as_unknown_and_its_file_as_bytes(api: Api) -> None:
    shown = done(DATA)
    shown.question.format = 99  # type: ignore[assignment] # protobuf keeps numbers that it doesn't know
    api.services.answer("ListExports", exports_pb2.ListExportsResponse(exports=[shown]))
    api.services.answer("GetExport", exports_pb2.GetExportResponse(export=shown))
    api.services.answers["ReadExport"] = parts_of(DATA)

    listed, file = await api.send("GET", "/v1/exports"), await api.send("GET", f"{ADDRESS}/file")

    assert [item["format"] for item in listed.json()["items"]] == ["unknown"]
    assert (file.content, file.headers["content-type"]) == (DATA, "application/octet-stream")
    assert file.headers["content-disposition"] == f'attachment; filename="scans-{EXPORT_ID}"'


async def test_a_file_that_is_not_made_yet_says_so(api: Api) -> None:
    api.services.answer("GetExport", exports_pb2.GetExportResponse(export=export()))
    api.services.fail("ReadExport", FailedPrecondition("the export isn't done yet"))

    assert problem(await api.send("GET", f"{ADDRESS}/file"))[:2] == (422, "failed-precondition")


async def test_a_file_that_breaks_off_is_not_taken_for_a_whole_one(api: Api) -> None:
    def break_off(request: exports_pb2.ReadExportRequest) -> exports_pb2.ReadExportResponse:
        if request.offset:
            raise NotFound("it expired")
        return exports_pb2.ReadExportResponse(data=DATA[:10])

    api.services.answer("GetExport", exports_pb2.GetExportResponse(export=done(DATA)))
    api.services.answers["ReadExport"] = break_off

    with pytest.raises(NotFound):  # the server closes the connection before Content-Length is reached
        await api.send("GET", f"{ADDRESS}/file")


async def test_an_export_is_cancelled(api: Api) -> None:
    api.services.answer("CancelExport", exports_pb2.CancelExportResponse(export=export()))

    assert (await api.send("DELETE", ADDRESS)).status_code == 204
    assert api.services.asked == [exports_pb2.CancelExportRequest(export_id=EXPORT_ID)]


@pytest.mark.parametrize(("method", "address"), [("GET", ""), ("DELETE", ""), ("GET", "/file")])
async def test_what_is_no_id_is_no_export(api: Api, method: str, address: str) -> None:
    answer = await api.send(method, f"/v1/exports/menu{address}")

    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no export with this id")
