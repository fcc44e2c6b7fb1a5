"""The `quietzone` command, as people and scripts run it: what it prints, and its exit code."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
from system.conftest import SERVERS, NewUrls

from house import EXIT_WITHIN_S, KEY, NONE, House, command, environment, fetch, free_port, house_in, until

WITH_KEY = {"QUIETZONE_API_KEY": KEY}
CSV = "title,destination,slug\nDinner menu,https://example.com/dinner,dinner\nLunch menu,https://example.com/lunch#today,\n"


def test_settings_lists_each_with_its_reason_and_whether_serve_sets_it() -> None:
    listed = command("settings").stdout

    assert "QUIETZONE_SCAN_BASE_URL  a text; default http://localhost:8080\n" in listed
    assert "QUIETZONE_BUS_URL  a text; must be set (`quietzone serve` does it)\n" in listed
    assert "QUIETZONE_GATEWAY_PORT  a whole number from 0 to 65535; default 8000 (`quietzone serve` sets it)\n" in listed


def test_nothing_that_serve_leaves_open_must_be_set() -> None:
    listed = command("settings").stdout

    assert not re.findall(r"^\w+  .*; must be set$", listed, re.MULTILINE)
    assert "QUIETZONE_STORAGE_URL_KEYS  a secret text; must be set (`quietzone serve` makes one)\n" in listed


def test_reconcile_ends_with_0_when_everything_adds_up(embedded_house: House) -> None:
    ended = command("reconcile", "--api", embedded_house.place.api_url, settings=WITH_KEY)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "every accepted scan adds up" in ended.stdout


@pytest.mark.parametrize(
    ("api", "key", "said"),
    [
        (None, "qz_wrong" * 5, "401 Who calls?: no account has this API key"),
        (None, "schlüssel" * 5, "QUIETZONE_API_KEY holds 'ü', and a key only has letters, digits and signs of ASCII"),
        ("http://localhost:1", KEY, "is `quietzone serve` running?"),
        ("localhost:8000", KEY, "'localhost:8000' isn't the address of an API; http://localhost:8000 would do"),
        ("http://localhost:8o", KEY, "'http://localhost:8o' isn't the address of an API; http://localhost:8000 would do"),
    ],
)
def test_an_api_that_cannot_be_asked_is_said_plainly(embedded_house: House, api: str | None, key: str, said: str) -> None:
    ended = command("reconcile", "--api", api or embedded_house.place.api_url, settings={"QUIETZONE_API_KEY": key})

    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_serve_refuses_all_wrong_settings_at_once_and_makes_no_folder(tmp_path: Path) -> None:
    wrong = {"QUIETZONE_API_KEY": "short", "QUIETZONE_SCAN_ACK": "maybe", "QUIETZONE_BUS_URL": "kafka://b", "QUIETZONE_SCAN_AKC": "disk"}

    ended = command("serve", "--data", str(tmp_path / "data"), "--port", str(free_port()), settings=wrong)

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[0] == "✗ 4 settings are wrong:"
    assert all(f"  {name}: " in ended.stderr for name in wrong)
    assert "short" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_that_of_the_distribution() -> None:
    assert command("--version").stdout.strip() == version("quietzone")


def test_a_setting_that_serve_makes_itself_is_refused_with_what_to_use_instead(tmp_path: Path) -> None:
    ended = command("serve", "--data", str(tmp_path), "--port", str(free_port()), settings={"QUIETZONE_GATEWAY_PORT": "9000"})

    assert "QUIETZONE_GATEWAY_PORT: `quietzone serve` sets it itself; remove it (PORT moves the ports, --data the folder" in ended.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--exit"], "--exit: only with --tour"),
        (["--tour"], "the tour needs the account's API key: set QUIETZONE_API_KEY"),
        (["--port", "65500"], "PORT=65500: use 1 to 65453"),
    ],
)
def test_serve_refuses_what_cannot_end_well_before_it_starts(tmp_path: Path, options: list[str], said: str) -> None:
    ended = command("serve", "--data", str(tmp_path / "data"), *options)

    assert ended.returncode != 0
    assert said in re.sub(r"[│\s]+", " ", ended.stderr)
    assert not (tmp_path / "data").exists()


def test_an_address_that_is_not_ours_is_said_plainly_and_uses_up_no_key(tmp_path: Path) -> None:
    elsewhere = {"QUIETZONE_GATEWAY_HOST": "203.0.113.9"}  # set aside for examples (RFC 5737)

    ended = command("serve", "--data", str(tmp_path), "--port", str(free_port()), settings=elsewhere)

    assert ended.returncode == 1
    assert "QUIETZONE_GATEWAY_HOST is to be an address of this machine" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "qz_" not in ended.stdout


def test_a_second_serve_is_told_of_the_first(embedded_house: House) -> None:
    ended = command("serve", "--data", str(embedded_house.data), "--port", str(embedded_house.place.port))

    assert ended.returncode == 1
    assert f"another `quietzone serve` uses {embedded_house.data}" in ended.stderr


def test_the_first_start_shows_a_key_that_works_and_the_next_shows_none(tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "data"
    codes = f"http://localhost:{port}/v1/codes"
    with served(data, port, tmp_path / "first.txt") as said:
        (key,) = re.findall(r"^ {4}(qz_\S{43})$", said, re.MULTILINE)
        assert fetch("GET", codes, None, {"authorization": f"Bearer {key}"}).status == 200

    with served(data, port, tmp_path / "second.txt") as said:
        assert "qz_" not in said
        assert fetch("GET", codes, None, {"authorization": f"Bearer {key}"}).status == 200
    assert not [path for path in data.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]


def test_serve_takes_the_tour_and_ends_with_0(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "menus.csv").write_text(CSV)

    ended = command("serve", "--tour", "--exit", "--port", str(free_port()), cwd=tmp_path, settings=WITH_KEY)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "180 scans by people and 10 by bots and previews counted exactly" in ended.stdout
    assert "GET /v1/stream told 180 scans while they were made" in ended.stdout
    unwrapped = re.sub(r"\s+", " ", ended.stdout)
    assert "can change none: this needs the scope 'codes:write'" in unwrapped
    assert "of two events the one that a pattern matches came" in unwrapped
    assert "a rule with that pattern delivered it to topic out.first.tour-tables" in unwrapped
    assert re.search(r"used this month, on the plan unlimited: [^✓]*, 180 scans,", unwrapped)
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".pdf", ".png", ".svg"}
    assert KEY not in ended.stdout


@SERVERS
def test_the_tour_is_taken_on_servers_too(new_urls: NewUrls, tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "menus.csv").write_text(CSV)
    settings = WITH_KEY | dict(new_urls())

    ended = command("serve", "--backends", "real", "--tour", "--exit", "--port", str(free_port()), cwd=tmp_path, settings=settings)

    assert ended.returncode == 0, ended.stderr
    assert "180 scans by people and 10 by bots and previews counted exactly" in ended.stdout


def test_serve_takes_the_tour_again_when_its_codes_were_printed_for_another_address(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "menus.csv").write_text(CSV)
    elsewhere = WITH_KEY | {"QUIETZONE_SCAN_BASE_URL": "https://go.example.com", "QUIETZONE_STORAGE_PUBLIC_URL": "https://f.example.com"}

    first = command("serve", "--tour", "--exit", "--port", str(free_port()), cwd=tmp_path, settings=elsewhere)
    second = command("serve", "--tour", "--exit", "--port", str(free_port()), cwd=tmp_path, settings=WITH_KEY)

    assert [(ended.returncode, ended.stderr) for ended in (first, second)] == [(0, ""), (0, "")]


def test_the_tour_scans_and_fetches_files_where_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "menus.csv").write_text(CSV)
    monkeypatch.setenv("QUIETZONE_SCAN_BASE_URL", "https://go.example.com")
    monkeypatch.setenv("QUIETZONE_STORAGE_PUBLIC_URL", "https://files.example.com")
    with house_in(tmp_path / "data") as house:
        addresses = ("--api", house.place.api_url, "--scans", f"http://localhost:{house.place.scan_port}/")
        addresses += ("--files", f"http://localhost:{house.place.files_port}/")

        ended = command("tour", *addresses, "--examples", "menus.csv", cwd=tmp_path, settings=WITH_KEY)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_tour_leaves_paused_codes_out(embedded_house: House, tmp_path: Path) -> None:
    (tmp_path / "menus.csv").write_text("title,destination,slug\nOn,https://example.com/on,tour-on\nOff,https://example.com/off,tour-off\n")
    tour(embedded_house, tmp_path, "menus.csv")
    [off] = [code for code in embedded_house.request("GET", "/v1/codes?limit=200").json["items"] if code["slug"] == "tour-off"]
    embedded_house.request("PATCH", f"/v1/codes/{off['id']}", {"state": "paused"})

    ended = tour(embedded_house, tmp_path, "menus.csv")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "1 of the examples' codes are paused, and left out" in ended.stdout


def test_ctrl_c_ends_a_tour(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    rows = "".join(f"Menu {number},https://example.com/{number},\n" for number in range(300))
    (tmp_path / "examples" / "menus.csv").write_text(f"title,destination,slug\n{rows}")
    output = tmp_path / "output.txt"
    with output.open("wb") as file:
        options = ["--tour", "--exit", "--port", str(free_port())]
        process = subprocess.Popen(
            [sys.executable, "-m", "quietzone_cli", "serve", *options], env=environment(WITH_KEY), cwd=tmp_path, stdout=file
        )
    until(lambda: "Quietzone is ready" in output.read_text("utf-8"), "ready", within_s=EXIT_WITHIN_S)

    process.send_signal(signal.SIGINT)

    assert process.wait(EXIT_WITHIN_S) == 130
    assert "counted exactly" not in output.read_text("utf-8")


def test_the_tour_leaves_codes_alone_that_only_bear_the_same_title(embedded_house: House, tmp_path: Path) -> None:
    mine = embedded_house.create("https://example.com/in-print", title="Lunch menu")
    (tmp_path / "menus.csv").write_text("title,destination,slug\nLunch menu,https://example.com/lunch,\n")

    ended = tour(embedded_house, tmp_path, "menus.csv")

    assert ended.returncode == 0
    assert embedded_house.request("GET", f"/v1/codes/{mine['id']}").json["revision"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"title,destination,slug\nMenu,,\n", "menus.csv, line 2: needs a title and a destination"),
        (b"title,destination,slug\nMenu,ftp://example.com/,\n", "Menu: 400 Invalid request: destination: ftp: isn't for browsers"),
        (b"\xff\xfe", "menus.csv: not a CSV file in UTF-8"),
        (b"title,destination,slug\n", "no codes in menus.csv"),
        (None, "menus.csv: can't be read (No such file or directory)"),
    ],
)
def test_the_tour_says_what_is_wrong_with_a_file(embedded_house: House, tmp_path: Path, text: bytes | None, said: str) -> None:
    if text is not None:
        (tmp_path / "menus.csv").write_bytes(text)

    ended = tour(embedded_house, tmp_path, "menus.csv")

    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_tour_says_when_it_cannot_write(embedded_house: House, tmp_path: Path) -> None:
    (tmp_path / "menus.csv").write_text(CSV)
    (tmp_path / "out").write_text("a file, not a folder")

    ended = tour(embedded_house, tmp_path, "menus.csv")

    assert ended.returncode == 1
    assert "out: can't be written to (" in ended.stderr
    assert "--out" in ended.stderr


def tour(house: House, folder: Path, file: str) -> subprocess.CompletedProcess[str]:
    """Take the tour in `folder`."""
    return command("tour", "--api", house.place.api_url, "--examples", file, cwd=folder, settings=WITH_KEY)


@contextmanager
def served(data: Path, port: int, output: Path) -> Iterator[str]:
    """`quietzone serve` without a preset key; gives what it has printed when it is ready, and sees that Ctrl-C ends it with 0."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "quietzone_cli", "serve", "--data", str(data), "--port", str(port)],
            env=environment(NONE),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: "Running; Ctrl-C stops it." in output.read_text("utf-8"), "ready", within_s=EXIT_WITHIN_S)
        yield output.read_text("utf-8")
        process.send_signal(signal.SIGINT)
        assert process.wait(EXIT_WITHIN_S) == 0
    finally:
        process.kill()
        process.wait()
