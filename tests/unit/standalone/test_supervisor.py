"""The supervisor's roles end with it, and each has its time to."""

import asyncio
import os
from pathlib import Path

import pytest

from quietzone_kit.settings import Settings
from quietzone_standalone import supervisor as module
from quietzone_standalone.roles import Role
from quietzone_standalone.supervisor import Supervisor

TESTS = Path(__file__).parents[2]


def supervisor(*names: str) -> Supervisor:
    roles = tuple(Role("unit.standalone.stubborn", name, Settings) for name in names)
    return Supervisor(roles, {"PATH": os.environ["PATH"], "PYTHONPATH": str(TESTS)}, print)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_role_that_does_not_stop_is_killed_and_leaves_the_others_their_time(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "STOP_WITHIN_S", 5.0)
    house = supervisor("first", "stubborn", "another")
    await house.start()
    pids = house.pids().values()

    await house.stop()

    assert not any(map(is_there, pids))
    said = capfd.readouterr().out
    assert "first stopped" in said
    assert "another stopped" in said


async def test_roles_that_are_being_started_end_when_the_start_is_called_off(capfd: pytest.CaptureFixture[str]) -> None:
    house = supervisor("slow")
    starting = asyncio.ensure_future(house.start())
    said = ""
    async with asyncio.timeout(30):
        while not said.endswith("\n"):
            said += capfd.readouterr().out
            await asyncio.sleep(0.01)

    starting.cancel()
    await asyncio.wait([starting])
    await house.stop()

    assert not is_there(int(said.split()[1]))
