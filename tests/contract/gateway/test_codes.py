import pytest
from contract.gateway.served import CODE_ID, Api, problem

from quietzone.qr.v1 import code_pb2, code_service_pb2
from quietzone_kit.errors import AlreadyExists, FieldViolation, InvalidInput, NotFound, RevisionMismatch

SHOWN = {
    "id": CODE_ID,
    "slug": "menu",
    "short_url": "https://qr.example.com/menu",
    "destination": "https://example.com/menu",
    "title": "Menu",
    "state": "active",
    "tags": ["menu"],
    "folder": "tables",
    "revision": 3,
    "created_at": "2026-11-20T12:00:00.000Z",
    "updated_at": "2026-11-21T11:59:59.999Z",
}


async def test_a_created_code_is_shown_with_its_address_and_tag(api: Api) -> None:
    answer = await api.send("POST", "/v1/codes", {"destination": "https://example.com/menu", "title": "Menu", "slug": "menu"})

    assert (answer.status_code, answer.json()) == (201, SHOWN)
    assert (answer.headers["location"], answer.headers["etag"]) == (f"/v1/codes/{CODE_ID}", '"3"')


async def test_what_is_asked_of_the_service_is_what_the_client_sent(api: Api) -> None:
    await api.send("POST", "/v1/codes", {"destination": "https://example.com/menu", "slug": "menu"})

    assert api.services.asked == [code_service_pb2.CreateCodeRequest(destination="https://example.com/menu", slug="menu")]
    assert api.services.accounts == ["first"]


async def test_a_code_without_a_slug_asks_for_a_drawn_one(api: Api) -> None:
    await api.send("POST", "/v1/codes", {"destination": "https://example.com/menu"})

    assert not api.services.asked[0].HasField("slug")


async def test_a_taken_slug_is_a_conflict(api: Api) -> None:
    api.services.fail("CreateCode", AlreadyExists("the slug menu is taken"))

    assert problem(await api.send("POST", "/v1/codes", {"destination": "https://example.com/"}))[:2] == (409, "already-exists")


async def test_what_the_service_finds_wrong_is_told_by_field(api: Api) -> None:
    api.services.fail("CreateCode", InvalidInput(FieldViolation("destination", "use http or https"), FieldViolation("slug", "is reserved")))

    answer = await api.send("POST", "/v1/codes", {"destination": "ftp://x", "slug": "robots"})

    assert problem(answer) == (400, "invalid-argument", ["destination", "slug"])


async def test_a_page_of_codes_brings_the_cursor_of_the_next(api: Api) -> None:
    answer = await api.send("GET", "/v1/codes?limit=7&cursor=here")

    assert (answer.json()["items"], answer.json()["next_cursor"]) == ([SHOWN], "next")
    assert api.services.asked == [code_service_pb2.ListCodesRequest(page_size=7, page_token="here")]  # noqa: S106 - no password


async def test_the_last_page_has_no_cursor(api: Api) -> None:
    api.services.answer("ListCodes", code_service_pb2.ListCodesResponse())

    page = (await api.send("GET", "/v1/codes")).json()

    assert (page["items"], page["next_cursor"], page["meta"]["has_next"], page["links"]["next"]) == ([], None, False, None)


async def test_a_wrong_cursor_is_named_as_the_client_knows_it(api: Api) -> None:
    api.services.fail("ListCodes", InvalidInput(FieldViolation("page_token", "isn't one of ours")))

    assert problem(await api.send("GET", "/v1/codes?cursor=x")) == (400, "invalid-argument", ["cursor"])


async def test_a_code_is_shown_with_its_tag(api: Api) -> None:
    answer = await api.send("GET", f"/v1/codes/{CODE_ID}")

    assert (answer.json(), answer.headers["etag"]) == (SHOWN, '"3"')


async def test_a_code_that_is_still_the_same_is_not_sent_again(api: Api) -> None:
    answer = await api.send("GET", f"/v1/codes/{CODE_ID}", if_none_match='"2", "3"')

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"3"')


async def test_a_code_that_is_not_there_is_not_found(api: Api) -> None:
    api.services.fail("GetCode", NotFound("no such code"))

    assert problem(await api.send("GET", f"/v1/codes/{CODE_ID}"))[:2] == (404, "not-found")


async def test_an_id_that_no_code_can_have_is_not_found_without_asking(api: Api) -> None:
    answer = await api.send("GET", "/v1/codes/menu")

    assert problem(answer)[:2] == (404, "not-found")
    assert api.services.asked == []


async def test_only_what_is_given_is_changed(api: Api) -> None:
    await api.send("PATCH", f"/v1/codes/{CODE_ID}", {"state": "paused"})

    assert api.services.asked == [code_service_pb2.UpdateCodeRequest(code_id=CODE_ID, state=code_pb2.CODE_STATE_PAUSED)]


async def test_a_title_can_be_emptied(api: Api) -> None:
    await api.send("PATCH", f"/v1/codes/{CODE_ID}", {"title": ""})

    assert api.services.asked[0].HasField("title")


async def test_a_change_is_refused_when_the_code_moved_on(api: Api) -> None:
    api.services.fail("UpdateCode", RevisionMismatch("the code has revision 4"))

    answer = await api.send("PATCH", f"/v1/codes/{CODE_ID}", {"title": "x"}, if_match='"3"')

    assert problem(answer)[:2] == (412, "aborted")
    assert api.services.asked[0].expected_revision == 3


async def test_a_star_matches_every_revision(api: Api) -> None:
    await api.send("PATCH", f"/v1/codes/{CODE_ID}", {"title": "x"}, if_match="*")

    assert not api.services.asked[0].HasField("expected_revision")


@pytest.mark.parametrize("header", ['W/"3"', '"menu"', '""'])
async def test_a_tag_that_no_revision_has_matches_none(api: Api, header: str) -> None:
    answer = await api.send("DELETE", f"/v1/codes/{CODE_ID}", if_match=header)

    assert problem(answer)[:2] == (412, "aborted")
    assert header in answer.json()["detail"]


@pytest.mark.parametrize("header", ["3", '"3", "4"', "", '"3'])
async def test_a_malformed_if_match_is_named(api: Api, header: str) -> None:
    answer = await api.send("PATCH", f"/v1/codes/{CODE_ID}", {"title": "x"}, if_match=header)

    assert problem(answer) == (400, "invalid-argument", ["If-Match"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["body"]),
        ([], ["body"]),
        ({"title": None}, ["title"]),
        ({"state": "deleted"}, ["state"]),
        ({"slug": "other"}, ["slug"]),
        ({"destination": 3, "title": [], "state": 1, "more": True}, ["destination", "title", "state", "more"]),
    ],
)
async def test_every_wrong_field_of_a_change_is_named(api: Api, body: object, fields: list[str]) -> None:
    assert problem(await api.send("PATCH", f"/v1/codes/{CODE_ID}", body)) == (400, "invalid-argument", fields)


async def test_a_deleted_code_leaves_no_body(api: Api) -> None:
    answer = await api.send("DELETE", f"/v1/codes/{CODE_ID}", if_match='"3"')

    assert (answer.status_code, answer.content) == (204, b"")
    assert api.services.asked == [code_service_pb2.DeleteCodeRequest(code_id=CODE_ID, expected_revision=3)]


async def test_an_image_is_a_file_with_the_slugs_name(api: Api) -> None:
    answer = await api.send("GET", f"/v1/codes/{CODE_ID}/image?format=png&size=512")

    assert (answer.content, answer.headers["content-type"]) == (b"\x89PNG", "image/png")
    assert answer.headers["content-disposition"] == 'inline; filename="menu.png"'
    assert code_service_pb2.RenderCodeRequest(code_id=CODE_ID, format=code_service_pb2.IMAGE_FORMAT_PNG, size_px=512) in api.services.asked


async def test_an_svg_may_run_nothing(api: Api) -> None:
    svg = code_service_pb2.RenderCodeResponse(image=b"<svg/>", media_type="image/svg+xml", etag="abc")
    api.services.answer("RenderCode", svg)

    answer = await api.send("GET", f"/v1/codes/{CODE_ID}/image?format=svg")

    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_image_that_is_still_the_same_is_not_sent_again(api: Api) -> None:
    answer = await api.send("GET", f"/v1/codes/{CODE_ID}/image", if_none_match='"abc"')

    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("format=gif", ["format"]),
        ("size=63", ["size"]),
        ("size=4097", ["size"]),
        ("size=big&colour=red", ["size", "colour"]),
        ("size=100&size=200", ["size"]),
    ],
)
async def test_every_wrong_wish_for_an_image_is_named(api: Api, query: str, fields: list[str]) -> None:
    assert problem(await api.send("GET", f"/v1/codes/{CODE_ID}/image?{query}")) == (400, "invalid-argument", fields)


async def test_an_image_of_another_accounts_code_is_not_found(api: Api) -> None:
    api.services.fail("GetCode", NotFound("no such code"))
    api.services.fail("RenderCode", NotFound("no such code"))

    assert problem(await api.send("GET", f"/v1/codes/{CODE_ID}/image"))[:2] == (404, "not-found")
