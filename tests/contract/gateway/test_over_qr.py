"""The API over the real qr service."""

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from contract.gateway.served import Api, Noon, Servicers, problem, running

from quietzone_kit.documents import open_documents
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor
from quietzone_qr.app import ALL_COLLECTIONS
from quietzone_qr.codes.domain import ScanBase
from quietzone_qr.codes.repository import Codes
from quietzone_qr.counters.repository import CounterStore
from quietzone_qr.counters.use_cases import Totalled
from quietzone_qr.health.repository import Healths
from quietzone_qr.rendering import Gate, Renderer
from quietzone_qr.rpc import CodeService


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    executor, randomness = ThreadExecutor("qr", 2), SystemRandomness()
    documents = open_documents("sqlite://:memory:", executor=executor, randomness=randomness)
    await documents.ensure(*ALL_COLLECTIONS)
    codes = Codes(documents, lambda: None)
    scan = ScanBase.parse("https://qr.example.com")
    healths, totalled = Healths(documents), Totalled(CounterStore(documents), Noon())
    service = CodeService(codes, Renderer(executor, Gate()), Noon(), randomness, scan, healths=healths, totalled=totalled)
    async with running(tmp_path, Servicers(qr=service)) as api:
        yield api
    await documents.close()
    executor.close()


async def create(api: Api, **fields: str) -> dict[str, str]:
    answer = await api.send("POST", "/v1/codes", {"destination": "https://example.com/", **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_code_lives_from_creation_to_deletion(api: Api) -> None:
    path = "/v1/codes/" + (await create(api, slug="menu"))["id"]

    changed = await api.send("PATCH", path, {"state": "paused", "title": "Menu"}, if_match='"1"')
    shown = await api.send("GET", path)
    deleted = await api.send("DELETE", path, if_match=shown.headers["etag"])
    gone = await api.send("GET", path)

    assert shown.json() == changed.json()
    assert (shown.json()["short_url"], shown.json()["state"], shown.json()["revision"]) == ("https://qr.example.com/menu", "paused", 2)
    assert (deleted.status_code, problem(gone)[:2]) == (204, (404, "not-found"))


async def test_a_change_that_was_decided_on_old_grounds_is_refused(api: Api) -> None:
    path = "/v1/codes/" + (await create(api))["id"]
    await api.send("PATCH", path, {"title": "first"}, if_match='"1"')

    assert problem(await api.send("PATCH", path, {"title": "second"}, if_match='"1"'))[:2] == (412, "aborted")


async def test_pages_bring_every_code_once_newest_first(api: Api) -> None:
    slugs = [(await create(api, slug=f"code-{number}"))["slug"] for number in range(5)]
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await api.send("GET", f"/v1/codes?limit=2{cursor and f'&cursor={cursor}'}")).json()
        found += [item["slug"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert sorted(found) == slugs


async def test_a_cursor_that_nobody_gave_is_named(api: Api) -> None:
    assert problem(await api.send("GET", "/v1/codes?cursor=%00nonsense")) == (400, "invalid-argument", ["cursor"])


SPAN = "{0}_from=2026-11-20&{0}_before=2026-11-19"
WRONG_LISTS: Mapping[str, str] = {
    SPAN.format("created"): "created_before",
    SPAN.format("updated"): "updated_before",
    "slug_prefix=a%20b": "slug_prefix",
    "title_prefix=": "title_prefix",
    "tag=": "tag",
    "state=none": "state",
    "folder=" + "x" * 201: "folder",
    "limit=0": "limit",
    "page=9001": "page",
    "page=92&limit=100": "query",
    "cursor=x": "cursor",
    "cursor=x&page=1": "query",
    "sort_by=size": "sort_by",
    "sort_order=up": "sort_order",
    "fields=size": "fields",
    "tag=a&folder=b": "query",
    "slug_prefix=a&tag=b": "query",
    "sort_by=slug&tag=a": "query",
    "sort_by=updated_at&created_from=2026-11-01": "query",
}


@pytest.mark.parametrize(("query", "field"), WRONG_LISTS.items())
async def test_what_is_wrong_with_a_list_is_named_as_its_caller_knows_it(api: Api, query: str, field: str) -> None:
    answer = await api.send("GET", f"/v1/codes?{query}")

    assert problem(answer) == (400, "invalid-argument", [field])
    assert re.search(r"_ms|page_size|page_token|order_by|after validation", answer.text) is None


async def test_all_that_is_wrong_with_a_new_code_is_said_at_once(api: Api) -> None:
    answer = await api.send("POST", "/v1/codes", {"destination": "ftp://example.com", "title": "x" * 201, "slug": "a b"})

    assert problem(answer) == (400, "invalid-argument", ["destination", "title", "slug"])


async def test_a_destination_on_the_scan_host_is_refused(api: Api) -> None:
    answer = await api.send("POST", "/v1/codes", {"destination": "https://qr.example.com/menu"})

    assert problem(answer) == (400, "invalid-argument", ["destination"])


async def test_a_slug_is_given_once_even_after_its_code_is_gone(api: Api) -> None:
    code = await create(api, slug="once")
    await api.send("DELETE", f"/v1/codes/{code['id']}")

    again = await api.send("POST", "/v1/codes", {"destination": "https://example.com/", "slug": "once"})

    assert problem(again) == (409, "already-exists", ["slug"])


@pytest.mark.parametrize(("image_format", "beginning"), [("png", b"\x89PNG\r\n"), ("svg", b"<svg ")])
async def test_an_image_comes_with_a_tag_that_saves_the_next(api: Api, image_format: str, beginning: bytes) -> None:
    path = f"/v1/codes/{(await create(api))['id']}/image?format={image_format}&size=200"

    first = await api.send("GET", path)
    second = await api.send("GET", path, if_none_match=first.headers["etag"])

    assert beginning in first.content[:100]
    assert second.status_code == 304
