"""Labels and archives of codes in a whole house: ordered, made in the background, fetched, and not to be had by others."""

import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from house import KEY, House, command, until


def run(house: House, *arguments: str) -> Any:
    """`quietzone files`, against this house."""
    return command("files", *arguments, settings={"QUIETZONE_API_KEY": KEY, "QUIETZONE_API_URL": house.place.api_url, "COLUMNS": "200"})


@pytest.fixture(scope="module")
def codes(house: House) -> Sequence[dict[str, Any]]:
    """Three codes with a tag of their own."""
    return [house.create(f"https://example.com/{number}", title=f"Table {number}", tags=["printed"]) for number in range(3)]


def test_labels_of_codes_with_a_tag_are_printed(house: House, codes: Sequence[dict[str, Any]], tmp_path: Path) -> None:
    printed = run(house, "print", str(tmp_path / "labels.pdf"), "--tag", "printed", "--columns", "1", "--rows", "2", "--paper", "letter")

    document = (tmp_path / "labels.pdf").read_bytes()
    assert (printed.returncode, printed.stderr, document[:5]) == (0, "", b"%PDF-")
    assert len(re.findall(rb"/Type */Page\b(?!s)", document)) == -(-len(codes) // 2)


def test_an_archive_has_each_code_as_it_scans(house: House, codes: Sequence[dict[str, Any]], tmp_path: Path) -> None:
    named = [part for code in codes for part in ("--code", code["id"])]

    packed = run(house, "print", str(tmp_path / "codes.zip"), *named, "--archive")

    assert (packed.returncode, packed.stderr) == (0, "")
    with zipfile.ZipFile(tmp_path / "codes.zip") as archive:
        assert sorted(archive.namelist()) == sorted(f"{code['slug']}.{ending}" for code in codes for ending in ("png", "svg"))
        scanned = {zxingcpp.read_barcodes(Image.open(io.BytesIO(archive.read(f"{code['slug']}.png"))))[0].text for code in codes}
    assert scanned == {code["short_url"] for code in codes}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tag", "printed", "--paper", "a0"], "a4"),
        (["--tag", "printed", "--columns", "11"], "less than or equal to 10"),
        (["--tag", "printed", "--columns", "10", "--rows", "20"], "take fewer"),
        (["--tag", "nobody-has-this"], "no code has it"),
        (["--code", "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3d"], "there is no code with the id"),
        ([], "--folder"),
        (["--tag", "printed", "--folder", "tables"], "--folder"),
    ],
)
def test_what_cannot_be_printed_is_said_plainly(
    house: House, codes: Sequence[dict[str, Any]], tmp_path: Path, arguments: list[str], said: str
) -> None:
    ended = run(house, "print", str(tmp_path / "labels.pdf"), *arguments)

    assert codes
    assert (ended.returncode != 0, said in ended.stderr, "Traceback" in ended.stderr) == (True, True, False), ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_said_plainly(house: House, codes: Sequence[dict[str, Any]], tmp_path: Path) -> None:
    ended = run(house, "print", str(tmp_path / "none" / "codes.zip"), "--code", codes[0]["id"], "--archive")

    assert (ended.returncode, "can't be written" in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)


def test_a_print_that_is_cancelled_says_so_and_has_no_file(house: House, codes: Sequence[dict[str, Any]]) -> None:
    begun = house.request("POST", "/v1/prints", {"code_ids": [codes[0]["id"]] * 1_000}).json  # takes seconds

    assert house.request("DELETE", f"/v1/operations/{begun['operation']['id']}").status == 204

    asset = house.request("GET", f"/v1/assets/{begun['asset']['id']}").json
    assert (asset["state"], asset["reason"], asset["files"]) == ("quarantined", "it was cancelled before it was made", [])


def test_what_is_done_in_the_background_is_listed_and_can_be_cancelled_no_more(house: House, codes: Sequence[dict[str, Any]]) -> None:
    begun = house.request("POST", "/v1/prints", {"code_ids": [codes[0]["id"]], "form": "archive"}).json

    until(lambda: house.request("GET", f"/v1/operations/{begun['operation']['id']}").json["state"] == "done", "it is packed")
    listed = run(house, "operations").stdout
    cancelled = run(house, "cancel", begun["operation"]["id"])

    assert begun["operation"]["id"] in listed
    assert "done" in run(house, "operation", begun["operation"]["id"]).stdout
    assert (cancelled.returncode, "is done already" in cancelled.stderr) == (1, True)


def test_a_clean_up_tells_what_it_would_do(house: House) -> None:
    told = run(house, "clean-up", "--dry-run", "--prefix", "codes/")

    assert (told.returncode, told.stderr) == (0, "")
    assert "processed" in told.stdout
