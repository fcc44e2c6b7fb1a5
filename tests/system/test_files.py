"""Files of codes in a whole house: made because a code is, served by signed URLs, and gone when it is."""

import io
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from system.conftest import SERVERS, NewUrls

from house import KEY, Answer, House, command, fetch, house_in, until
from quietzone_storage.assets.domain import ENDINGS
from quietzone_storage.serving.links import GET, Allowed, UrlKeys
from quietzone_storage.variants.domain import CODE_FORMS, Form

FORMS = [pytest.param(form, id=form.variant or "master") for form in CODE_FORMS]


def url_of(house: House, code: dict[str, Any], form: Form) -> str:
    """A URL that holds for an hour, by the key that the installation keeps."""
    keys = UrlKeys([(house.data / "storage.secret").read_text("ascii")])
    path = f"/files/{code['id']}{form.variant}.{ENDINGS[form.media_type]}"
    return f"http://localhost:{house.place.files_port}" + keys.sign(GET, path, Allowed(int(time.time()) + 3_600))  # noqa: TID251 - a person's clock


def get(url: str) -> Answer:
    return fetch("GET", url, None, {})


def drawn(house: House) -> dict[str, Any]:
    """A new code whose files are there."""
    code = house.create("https://example.com/menu")
    until(lambda: get(url_of(house, code, CODE_FORMS[0])).status == 200, "the code is drawn")
    return code


@pytest.fixture(scope="module")
def code(house: House) -> dict[str, Any]:
    return drawn(house)


@pytest.mark.parametrize("form", FORMS)
def test_a_new_code_is_there_in_all_its_files(house: House, code: dict[str, Any], form: Form) -> None:
    answer = get(url_of(house, code, form))

    assert (answer.status, answer.headers["content-type"]) == (200, form.media_type)
    assert Image.open(io.BytesIO(answer.body)).size == (form.side_px, form.side_px)


def test_the_files_of_a_deleted_code_are_served_no_more(house: House) -> None:
    gone = drawn(house)

    assert house.request("DELETE", f"/v1/codes/{gone['id']}").status == 204

    until(lambda: get(url_of(house, gone, CODE_FORMS[0])).status == 404, "its files are gone", within_s=30)


def test_a_url_holds_through_a_restart_of_the_house(own_house: House) -> None:
    url = url_of(own_house, drawn(own_house), CODE_FORMS[0])

    own_house.restart()

    assert get(url).status == 200


@SERVERS
def test_files_move_to_servers_with_their_codes(new_urls: NewUrls, tmp_path: Path) -> None:
    with house_in(tmp_path / "data") as house:
        code = drawn(house)
        before = get(url_of(house, code, CODE_FORMS[0])).body
        late = house.create("https://example.com/late")  # its files may still be to be made

    urls = new_urls()
    ended = command("migrate", "--from", "embedded", "--to", "real", "--data", str(house.data), settings=urls | {"QUIETZONE_API_KEY": KEY})

    with house_in(house.data, urls) as moved:
        assert ended.returncode == 0, ended.stderr
        assert get(url_of(moved, code, CODE_FORMS[0])).body == before
        assert get(url_of(moved, late, CODE_FORMS[0])).status == 200


def test_the_command_uploads_shows_signs_and_deletes(embedded_house: House, tmp_path: Path) -> None:
    settings = {"QUIETZONE_API_KEY": KEY, "QUIETZONE_API_URL": embedded_house.place.api_url, "COLUMNS": "200"}
    Image.new("RGB", (64, 48), "navy").save(tmp_path / "logo.png")

    uploaded = command("files", "upload", str(tmp_path / "logo.png"), settings=settings)
    asset_id = uploaded.stdout.split()[0]
    url = command("files", "url", asset_id, "--variant", "_thumb", settings=settings).stdout.strip()
    fetched = command("files", "download", asset_id, str(tmp_path / "small.jpg"), "--variant", "_thumb", settings=settings)
    listed = command("files", "list", "--kind", "upload", settings=settings).stdout
    deleted = command("files", "delete", asset_id, settings=settings)

    assert (uploaded.returncode, uploaded.stderr) == (0, "")
    assert "logo.png ready" in uploaded.stdout
    assert f"{asset_id}_web_webp.webp" in uploaded.stdout
    assert (fetched.returncode, (tmp_path / "small.jpg").read_bytes()[:3]) == (0, b"\xff\xd8\xff"), fetched.stderr
    assert asset_id in listed
    assert f"/files/{asset_id}_thumb.jpeg?" in url
    assert deleted.returncode == 0
    until(lambda: get(url).status == 404, "its files are gone", within_s=30)


def test_the_command_shows_what_is_stored(embedded_house: House) -> None:
    settings = {"QUIETZONE_API_KEY": KEY, "QUIETZONE_API_URL": embedded_house.place.api_url, "COLUMNS": "200"}
    drawn(embedded_house)

    ended = command("usage", settings=settings)

    (line,) = [line.split("│") for line in ended.stdout.splitlines() if "bytes of files" in line]
    assert (ended.returncode, int(line[2].replace(",", "")) > 0) == (0, True), ended.stdout


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("page.png", b"<html>", "the file is no image that is taken here"),
        ("page", b"<html>", "what it is can't be told from its name"),
        ("none.png", None, "can't be read: No such file or directory"),
    ],
)
def test_what_cannot_be_uploaded_is_said_plainly(
    embedded_house: House, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    ended = command(
        "files",
        "upload",
        str(tmp_path / name),
        "--api",
        embedded_house.place.api_url,
        settings={"QUIETZONE_API_KEY": KEY, "COLUMNS": "200"},
    )

    assert (ended.returncode, said in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)
