"""The main job through public interfaces: create, print, scan, count."""

import io

import deqr
import pytest
import zxingcpp
from PIL import Image

from house import House, until


def test_a_new_code_redirects(house: House) -> None:
    code = house.create("https://example.com/menu")

    until(lambda: house.scan(code["slug"]).status == 302, "the redirect")

    assert house.scan(code["slug"]).headers["location"] == "https://example.com/menu"


@pytest.mark.parametrize("size", [100, 512, 1036])
def test_the_png_says_the_short_url_to_two_decoders(house: House, size: int) -> None:
    code = house.create("https://example.com/")

    answer = house.request("GET", f"/v1/codes/{code['id']}/image?format=png&size={size}")
    image = Image.open(io.BytesIO(answer.body)).convert("L")
    symbol = zxingcpp.read_barcode(image)
    (found,) = deqr.QuircDecoder().decode((image.tobytes(), image.size))

    assert image.size == (size, size)
    assert symbol is not None
    assert symbol.text == code["short_url"] == str(found.data_entries[0].data)


def test_a_changed_destination_is_followed(house: House) -> None:
    code = house.create("https://example.com/old")
    until(lambda: house.scan(code["slug"]).status == 302, "the redirect")

    changed = house.request("PATCH", f"/v1/codes/{code['id']}", {"destination": "https://example.com/new"})

    assert (changed.status, changed.json["revision"]) == (200, 2)
    until(lambda: house.scan(code["slug"]).headers["location"] == "https://example.com/new", "the new destination")


def test_scans_are_counted_exactly_and_heads_are_not(house: House) -> None:
    code = house.create("https://example.com/counted")
    until(lambda: house.scan(code["slug"], method="HEAD").status == 302, "the redirect")

    for _ in range(25):
        house.scan(code["slug"])
        house.scan(code["slug"], method="HEAD")

    until(lambda: house.total(code["id"]) == 25, "25 scans counted")


def test_bots_and_previews_are_counted_apart(house: House) -> None:
    code = house.create("https://example.com/robots")
    until(lambda: house.scan(code["slug"], method="HEAD").status == 302, "the redirect")

    house.scan(code["slug"], headers={"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"})
    house.scan(code["slug"], headers={"user-agent": "WhatsApp/2.23.20.0"})
    house.scan(code["slug"])

    path = f"/v1/codes/{code['id']}/analytics"
    until(lambda: house.request("GET", path).json["total_scans"] == 1, "the person counted")
    answer = house.request("GET", path).json
    assert (answer["bot_scans"], answer["preview_scans"]) == (1, 1)


def test_visitors_are_told_apart_by_address_and_browser(house: House) -> None:
    code = house.create("https://example.com/visitors")
    until(lambda: house.scan(code["slug"], method="HEAD").status == 302, "the redirect")

    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "198.51.100.7"):
        house.scan(code["slug"], headers={"x-forwarded-for": address})

    path = f"/v1/codes/{code['id']}/analytics"
    until(lambda: house.request("GET", path).json["total_scans"] == 4, "four scans counted")
    assert house.request("GET", path).json["unique_visitors"] == 3


def test_a_paused_code_says_so_and_comes_back(house: House) -> None:
    code = house.create("https://example.com/paused")
    until(lambda: house.scan(code["slug"]).status == 302, "the redirect")

    house.request("PATCH", f"/v1/codes/{code['id']}", {"state": "paused"})
    until(lambda: house.scan(code["slug"]).status == 404, "the pause")
    assert b"paused" in house.scan(code["slug"]).body.lower()
    house.request("PATCH", f"/v1/codes/{code['id']}", {"state": "active"})

    until(lambda: house.scan(code["slug"]).status == 302, "the redirect again")


def test_a_deleted_code_is_gone_and_its_slug_never_comes_back(house: House) -> None:
    code = house.create("https://example.com/deleted", slug="once-only")
    until(lambda: house.scan("once-only").status == 302, "the redirect")

    assert house.request("DELETE", f"/v1/codes/{code['id']}").status == 204

    until(lambda: house.scan("once-only").status == 410, "the tombstone")
    assert house.request("GET", f"/v1/codes/{code['id']}").status == 404
    assert house.request("POST", "/v1/codes", {"destination": "https://example.com/", "slug": "once-only"}).status == 409


def test_an_unknown_slug_is_not_found(house: House) -> None:
    assert house.scan("nobody-has-this").status == 404


def test_everything_adds_up_when_nothing_is_under_way(house: House) -> None:
    def settled() -> bool:
        answer = house.request("GET", "/v1/reconcile").json
        return bool(answer["accepted"] == answer["forwarded"] == answer["applied"] == answer["stored"])

    until(settled, "accepted, forwarded, applied and stored are equal")
    assert house.request("GET", "/v1/reconcile").json["problems"] == []
