"""Files by REST and GraphQL: images of codes, and uploads."""

from typing import Any

import pytest
from contract.gateway.asking import ask
from contract.gateway.files import IMAGE, PUT_URL, SIGNED_URL, THUMB, answer_files
from contract.gateway.served import CODE_ID, Api, problem
from pydantic import BaseModel

from quietzone.storage.v1 import asset_pb2, storage_service_pb2
from quietzone_gateway.plans import Plan
from quietzone_gateway.plans.changes import SYSTEM
from quietzone_gateway.rest.assets import (
    ASSET,
    NEW_UPLOAD,
    SIGNED,
    SIZE,
    UPLOAD,
    AssetListQuery,
    AssetView,
    SignedUrlView,
    UploadInput,
    UploadView,
)
from quietzone_gateway.rpc import AssetKind, Assets
from quietzone_kit.errors import NotFound, ResourceExhausted, RevisionMismatch, Unavailable
from quietzone_kit.rpc import Caller
from quietzone_storage.variants.domain import MAX_SIDE, MIN_MODULE_PX, MIN_SIDE, QUIET_ZONE

FILES = "query ($id: ID!) { asset(id: $id) { kind state files { variant url(expiresS: 60) { url } } } drawing(id: $id, size: 300) { url } }"
BEGIN = "mutation ($input: NewUploadInput!) { beginUpload(input: $input) { asset { state } put { url } } }"


@pytest.fixture
def stored(api: Api) -> Api:
    """The API, with a code's image in storage."""
    answer_files(api)
    return api


def last(api: Api) -> Any:
    """What was asked of storage."""
    return api.services.asked[-1]


async def test_the_image_of_a_code_has_its_files(stored: Api) -> None:
    answer = await stored.send("GET", f"/v1/assets/{CODE_ID}")

    shown = answer.json()
    assert (answer.headers["etag"], shown["kind"], shown["state"], shown["tier"]) == ('"2"', "code", "ready", "hot")
    assert [(file["name"], file["variant"], file["width"]) for file in shown["files"]] == [(THUMB.name, "_thumb", 256)]


async def test_an_asset_says_how_it_is_sorted_and_when_it_was_used(stored: Api) -> None:
    shown = (await stored.send("GET", f"/v1/assets/{CODE_ID}")).json()
    asked = await ask(stored, f'{{ asset(id: "{CODE_ID}") {{ tags {{ key value }} usedAt }} }}')

    assert (shown["tags"], shown["used_at"]) == ({"StorageTier": "HOT", "CreatedBy": "Quietzone"}, "2026-11-21T12:00:00.000Z")
    assert asked.data["asset"] == {
        "tags": [{"key": "StorageTier", "value": "HOT"}, {"key": "CreatedBy", "value": "Quietzone"}],
        "usedAt": "2026-11-21T12:00:00.000Z",
    }


async def test_assets_are_listed_of_a_kind_or_in_a_state(stored: Api) -> None:
    stored.services.answer("ListAssets", storage_service_pb2.ListAssetsResponse(assets=[IMAGE], next_page_token="next"))  # noqa: S106
    page = (await stored.send("GET", "/v1/assets?kind=upload&limit=7&cursor=abc")).json()

    assert ([item["id"] for item in page["items"]], page["next_cursor"]) == ([CODE_ID], "next")
    assert (last(stored).page_size, last(stored).page_token, last(stored).kind) == (7, "abc", asset_pb2.ASSET_KIND_UPLOAD)
    await stored.send("GET", "/v1/assets?state=quarantined")
    assert last(stored).state == asset_pb2.ASSET_STATE_QUARANTINED


async def test_an_upload_says_where_its_bytes_go_and_is_kept_by_nobody(stored: Api) -> None:
    answer = await stored.send("POST", "/v1/assets", {"name": "logo.png", "media_type": "image/png", "size": 20_480})

    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/assets/{CODE_ID}")
    assert (answer.json()["asset"]["state"], answer.json()["put"]["url"]) == ("pending", PUT_URL)
    assert (last(stored).name, last(stored).media_type, last(stored).size, last(stored).expires_s) == (
        "logo.png",
        "image/png",
        20_480,
        3600,
    )


async def test_an_upload_is_begun_within_what_the_plan_lets_be_stored(stored: Api) -> None:
    upload = {"name": "logo.png", "media_type": "image/png", "size": 20_480}
    await stored.send("POST", "/v1/assets", upload)
    unbounded = last(stored).HasField("stored_bytes_limit")
    await stored.plans.known.put(Plan("unlimited", stored_bytes=5_000_000), SYSTEM)
    await stored.send("POST", "/v1/assets", upload)
    by_rest = last(stored).stored_bytes_limit
    await ask(stored, BEGIN, {"input": {"name": "logo.png", "mediaType": "image/png", "size": 20_480}})

    assert (unbounded, by_rest, last(stored).stored_bytes_limit) == (False, 5_000_000, 5_000_000)


async def test_an_upload_beyond_what_may_be_stored_is_a_limit_that_was_reached(stored: Api) -> None:
    stored.services.fail("CreateUpload", ResourceExhausted("the account's plan has room for 5 bytes"))

    answer = await stored.send("POST", "/v1/assets", {"name": "logo.png", "media_type": "image/png", "size": 20_480})

    assert (answer.status_code, answer.json()["detail"]) == (429, "the account's plan has room for 5 bytes")
    assert ("retry-after" in answer.headers, "retryAfter" in answer.json()) == (False, False)  # room doesn't come back by itself


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", ("", 0, "", 0)),
        ("?variant=_thumb&expires_s=60", ("_thumb", 0, "", 60)),
        ("?size=300", ("", 300, "image/png", 0)),
        ("?size=300&media_type=image/webp", ("", 300, "image/webp", 0)),
    ],
)
async def test_a_url_is_of_a_file_or_of_another_size(stored: Api, query: str, asked: tuple[str, int, str, int]) -> None:
    answer = await stored.send("GET", f"/v1/assets/{CODE_ID}/url{query}")

    assert answer.json() == {"url": SIGNED_URL.url, "expires_at": "2026-11-21T12:00:00.000Z"}
    assert (last(stored).variant, last(stored).size_px, last(stored).media_type, last(stored).expires_s) == asked
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("query", ["?size=300&variant=_thumb", "?media_type=image/png", "?size=15", "?expires_s=604801", "?expires_s=0"])
async def test_a_url_of_what_cannot_be_is_refused(stored: Api, query: str) -> None:
    assert problem(await stored.send("GET", f"/v1/assets/{CODE_ID}/url{query}"))[:2] == (400, "invalid-argument")


def test_the_pixels_that_a_symbol_needs_are_those_of_storage() -> None:
    least, most = (MIN_MODULE_PX * (side + 2 * QUIET_ZONE) for side in (MIN_SIDE, MAX_SIDE))

    assert f"a symbol needs {least} (the smallest) to {most} (the largest)" in SIZE


async def test_what_a_deletion_may_demand_is_the_assets_tag(api: Api) -> None:
    deletion = (await api.http.get("/openapi.json")).json()["paths"]["/v1/assets/{asset_id}"]["delete"]

    assert [each["description"] for each in deletion["parameters"] if each["name"] == "if-match"] == [
        "Refuse the deletion unless this is the asset's ETag"
    ]


def test_every_kind_of_asset_is_described() -> None:
    told = [str(model.model_fields["kind"].description) for model in (AssetListQuery, AssetView)]

    assert [kind for kind in AssetKind for text in told if f"`{kind}`" not in text] == []


async def test_an_upload_is_deleted_as_it_was_seen(stored: Api) -> None:
    assert (await stored.send("DELETE", f"/v1/assets/{CODE_ID}", if_match='"2"')).status_code == 204
    assert last(stored).expected_revision == 2

    stored.services.fail("DeleteAsset", RevisionMismatch("it has moved on"))
    assert problem(await stored.send("DELETE", f"/v1/assets/{CODE_ID}", if_match='"2"'))[0] == 412


@pytest.mark.parametrize("path", ["/v1/assets/{}", "/v1/assets/{}/url"])
async def test_what_the_account_has_not_is_not_found(stored: Api, path: str) -> None:
    stored.services.fail("GetAsset", NotFound("no such asset"))
    stored.services.fail("SignUrl", NotFound("no such asset"))

    answers = [await stored.send("GET", path.format(asset_id)) for asset_id in (CODE_ID, "menu")]

    assert [problem(answer)[0] for answer in answers] == [404, 404]


async def test_graphql_has_files_with_their_urls(stored: Api) -> None:
    answer = await ask(stored, FILES, {"id": CODE_ID})

    assert answer.data == {
        "asset": {"kind": "CODE", "state": "READY", "files": [{"variant": "_thumb", "url": {"url": SIGNED_URL.url}}]},
        "drawing": {"url": SIGNED_URL.url},
    }


async def test_graphql_lists_begins_and_deletes(stored: Api) -> None:
    listed = await ask(stored, "{ assets(first: 1, kind: CODE) { edges { node { id } } pageInfo { hasNextPage } } }")
    begun = await ask(stored, BEGIN, {"input": {"name": "logo.png", "mediaType": "image/png", "size": 20_480}})
    gone = await ask(stored, f'mutation {{ deleteAsset(id: "{CODE_ID}", expectedRevision: 2) }}')

    assert listed.data == {"assets": {"edges": [{"node": {"id": CODE_ID}}], "pageInfo": {"hasNextPage": False}}}
    assert begun.data == {"beginUpload": {"asset": {"state": "PENDING"}, "put": {"url": PUT_URL}}}
    assert gone.data == {"deleteAsset": CODE_ID}


@pytest.mark.parametrize(
    ("model", "example"), [(AssetView, ASSET), (UploadView, UPLOAD), (SignedUrlView, SIGNED), (UploadInput, NEW_UPLOAD)], ids=str
)
def test_examples_are_such(model: type[BaseModel], example: dict[str, Any]) -> None:
    shown = model.model_validate(example).model_dump(mode="json")

    assert {name: shown[name] for name in example} == example


async def test_an_installation_without_storage_says_so() -> None:
    with pytest.raises(Unavailable, match="QUIETZONE_STORAGE_ADDRESS"):
        await Assets(None).get(Caller("first", frozenset()), CODE_ID)
