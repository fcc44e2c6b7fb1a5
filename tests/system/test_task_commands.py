"""`quietzone tasks` on a whole house: what all parts do in the background, as one list."""

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from house import KEY, House, command, until

if TYPE_CHECKING:
    from pathlib import Path


def quietzone(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {"QUIETZONE_API_KEY": KEY, "QUIETZONE_API_URL": house.place.api_url, "COLUMNS": "200"}
    return command(*arguments, settings=settings)


def tasks(house: House, query: str = "") -> list[dict[str, Any]]:
    answer = house.request("GET", f"/v1/tasks{query}")
    assert answer.status == 200, answer.body
    return list(answer.json["items"])


@pytest.fixture(scope="module")
def busy(house: House, tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house that has made an export and looked at an upload."""
    logo: Path = tmp_path_factory.mktemp("logo") / "logo.png"
    Image.new("RGB", (64, 48), "navy").save(logo)
    assert quietzone(house, "files", "upload", str(logo)).returncode == 0
    begun = house.request("POST", "/v1/exports", {"from": "2026-11-01", "format": "csv"})
    assert begun.status == 202, begun.body
    until(lambda: {task["state"] for task in tasks(house)} == {"done"}, "both are done")
    return house


def test_tasks_of_all_parts_are_listed(busy: House) -> None:
    listed = quietzone(busy, "tasks", "list")

    assert listed.returncode == 0, listed.stderr
    assert {task["type"] for task in tasks(busy)} == {"export-data", "process-image"}
    assert "export-data" in listed.stdout
    assert "process-image" in listed.stdout


def test_one_is_shown_with_what_it_is_about(busy: House) -> None:
    [task] = tasks(busy, "?type=process-image")

    shown = quietzone(busy, "tasks", "show", task["id"])

    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout[shown.stdout.index("{") :]) == task["payload"]


def test_what_is_done_is_neither_ended_nor_run_again(busy: House) -> None:
    [task] = tasks(busy, "?type=export-data")

    for act, said in (("cancel", "is done already"), ("redrive", "is done: add a new one")):
        ended = quietzone(busy, "tasks", act, task["id"])
        assert (ended.returncode, said in ended.stderr) == (1, True), ended.stderr


def test_where_nothing_is_dead_nothing_is_run_again(busy: House) -> None:
    ended = quietzone(busy, "tasks", "redrive", "--all-dead")

    assert (ended.returncode, "0 tasks run again" in ended.stdout) == (0, True), ended.stderr


def test_what_is_to_be_run_again_must_be_said(busy: House) -> None:
    ended = quietzone(busy, "tasks", "redrive")

    assert (ended.returncode, "a task's id, or --all-dead" in ended.stderr) == (2, True), ended.stderr
