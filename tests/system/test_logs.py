"""What real processes of all parts log, while everything is well and while it isn't, keeps the contract of docs/logs.md."""

import json
from pathlib import Path

import pytest
from unit.kit.telemetry.log_lines import problems

from house import House, house_in, until
from quietzone_kit.telemetry import release
from quietzone_standalone.roles import ROLES

TOLD = {"QUIETZONE_LOG_LEVEL": "info", "QUIETZONE_LOG_FORMAT": "json"}


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> list[str]:
    """What all processes of a house said from their start to their end."""
    for name, value in TOLD.items():
        monkeypatch.setenv(name, value)
    with house_in(tmp_path / "data") as house:
        live(house)
    return [line for line in capfd.readouterr().err.splitlines() if line]


def live(house: House) -> None:
    """The main job, requests that are refused, a link that leads nowhere, and a process that dies."""
    code = house.create("https://example.com/menu")
    until(lambda: house.scan(code["slug"]).status == 302, "the redirect")
    until(lambda: house.total(code["id"]) == 1, "the scan counted")
    house.request("GET", "/v1/codes/nothing")
    house.request("GET", "/v1/codes", key="qz_wrong" * 5)
    house.kill("tracking forwarder")
    assert house.request("GET", "/v1/reconcile").status == 200


def test_every_line_of_every_process_keeps_the_contract(lines: list[str]) -> None:
    assert [problem for line in lines for problem in problems(line)] == []
    assert {(said["part"], said["role"]) for said in map(json.loads, lines)} == {
        (role.module.removeprefix("quietzone_"), role.name) for role in ROLES
    }
    assert {json.loads(line)["release"] for line in lines} == {release()}
