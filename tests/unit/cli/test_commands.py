"""Programs that are run: what they say, and how they end."""

import asyncio
import time

import pytest
from unit.cli.programs import Programs

from quietzone_cli.release import commands
from quietzone_cli.release.commands import ReleaseFailed, output_of

ENDS_WELL = """trap 'kill $!; echo written down >> "$0.log"; exit 1' TERM; sleep 20 & echo begun >> "$0.log"; wait"""
DOES_NOT_END = """trap '' TERM; exec sleep 20"""


async def test_helm_that_takes_too_long_writes_down_that_it_ended(programs: Programs) -> None:
    programs.do("helm upgrade", ENDS_WELL)

    with pytest.raises(ReleaseFailed, match=r"longer than 0 s"):
        await output_of(["helm", "upgrade"], within_s=0.2)

    assert (programs.folder / "helm.log").read_text().splitlines() == ["begun", "written down"]


async def test_what_does_not_end_when_it_is_told_to_is_killed(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "ENDS_S", 0.1)
    programs.do("helm upgrade", DOES_NOT_END)
    began = time.monotonic()

    with pytest.raises(ReleaseFailed):
        await output_of(["helm", "upgrade"], within_s=0.1)

    assert time.monotonic() - began < 10


async def test_helm_ends_well_when_its_caller_is_interrupted(programs: Programs) -> None:
    programs.do("helm upgrade", ENDS_WELL)
    running = asyncio.ensure_future(output_of(["helm", "upgrade"], within_s=30))
    log = programs.folder / "helm.log"
    while not log.exists():
        await asyncio.sleep(0.01)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert log.read_text().splitlines() == ["begun", "written down"]


async def test_what_a_program_complains_of_is_said(programs: Programs) -> None:
    programs.refuse("kubectl get", "the server is down")

    with pytest.raises(ReleaseFailed, match=r"`kubectl get pods` failed: the server is down"):
        await output_of(["kubectl", "get", "pods"], within_s=5)


async def test_a_program_that_lacks_is_named(programs: Programs) -> None:
    (programs.folder / "helm").unlink()

    with pytest.raises(ReleaseFailed, match="helm isn't installed"):
        await output_of(["helm"], within_s=5)
