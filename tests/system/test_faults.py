"""What holds while processes die, and after a restart."""

import asyncio
import errno
import os
import signal
from pathlib import Path

import pytest
from ports import Inline

from house import KEY, House, command, fetch, first_of_free_ports, house_in, told, until
from quietzone_analytics.app import COLLECTIONS
from quietzone_analytics.rollups import TOTALS
from quietzone_kit.documents import open_documents
from quietzone_kit.runtime import SystemRandomness
from quietzone_standalone.errors import PortTaken
from quietzone_standalone.roles import ROLES, Role
from quietzone_standalone.serve import running
from quietzone_standalone.settings import installation


def test_scans_are_redirected_and_kept_while_every_other_process_is_down(house: House) -> None:
    code = house.create("https://example.com/alone")
    until(lambda: house.scan(code["slug"], method="HEAD").status == 302, "the redirect")

    for title in ("gateway serve", "qr serve", "analytics serve", "tracking links", "tracking forwarder"):
        house.kill(title)
    answers = [house.scan(code["slug"]).status for _ in range(20)]

    assert answers == [302] * 20
    until(lambda: _total(house, code["id"]) == 20, "20 scans counted after the restarts", within_s=60)


def test_a_restart_keeps_codes_and_counts(house: House) -> None:
    code = house.create("https://example.com/kept")
    until(lambda: house.scan(code["slug"]).status == 302, "the redirect")
    until(lambda: house.total(code["id"]) >= 1, "the scan counted")
    before = house.total(code["id"])

    house.restart()

    assert house.scan(code["slug"]).status == 302
    until(lambda: house.total(code["id"]) == before + 1, "the count goes on")


def test_reconcile_names_the_code_whose_stored_count_was_changed_by_hand(house: House) -> None:
    code = house.create("https://example.com/tampered")
    until(lambda: house.scan(code["slug"]).status == 302, "the redirect")
    until(lambda: house.total(code["id"]) == 1, "the scan counted")

    asyncio.run(_remove_total(house, code["id"]))

    until(lambda: any(code["id"] in problem for problem in house.request("GET", "/v1/reconcile").json["problems"]), "reconcile says so")
    ended = command("reconcile", "--api", house.place.api_url, settings={"QUIETZONE_API_KEY": KEY})
    assert (ended.returncode, code["id"] in ended.stdout) == (1, True)


def test_reconcile_says_so_when_a_spooled_frame_was_cut_out_by_hand(house: House) -> None:
    """The last for a house: its edge goes on where the cut file doesn't end any more."""
    code = house.create("https://example.com/cut")
    until(lambda: house.scan(code["slug"]).status == 302, "the redirect")
    until(lambda: house.total(code["id"]) == 1, "the scan counted")
    segment = max((house.data / "tracking" / "spool").glob("*/*.seg"))  # the newest: its name begins with its time

    house.kill("tracking forwarder", signal.SIGSTOP)
    start = segment.stat().st_size
    assert house.scan(code["slug"]).status == 302
    end = segment.stat().st_size
    assert house.scan(code["slug"]).status == 302
    frames = segment.read_bytes()
    segment.write_bytes(frames[:start] + frames[end:])
    house.kill("tracking forwarder", signal.SIGCONT)

    until(lambda: any(" lost " in problem for problem in house.request("GET", "/v1/reconcile").json["problems"]), "reconcile says so")


async def test_a_taken_port_is_said_plainly(embedded_house: House, tmp_path: Path) -> None:
    place = installation(tmp_path / "other", embedded_house.place.port, None)

    with told({}), pytest.raises(PortTaken, match=rf"port {embedded_house.place.port} .*PORT="):
        async with running(place, print):
            pass


def test_each_role_has_an_operators_port_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = first_of_free_ports(len(ROLES))
    monkeypatch.setenv("QUIETZONE_OPS_PORT", str(first))

    with house_in(tmp_path / "data"):
        states = [fetch("GET", f"http://localhost:{first + number}/readyz", None, {}).status for number in range(len(ROLES))]

    assert states == [200] * len(ROLES)


def test_a_role_that_cannot_be_started_for_want_of_files_is_started_later(own_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, failures = own_house.supervisor._begin, iter([True, True, False])

    async def without_files(role: Role, ready_write: int) -> asyncio.subprocess.Process:
        if next(failures, False):
            os.close(ready_write)
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return await begin(role, ready_write)

    monkeypatch.setattr(own_house.supervisor, "_begin", without_files)
    own_house.kill("analytics serve")

    until(lambda: any("Too many open files" in said for said in own_house.said), "the supervisor says so")
    until(lambda: own_house.request("GET", "/v1/reconcile").status == 200, "analytics is back")


async def _remove_total(house: House, code_id: str) -> None:
    """Behind everybody's back."""
    documents = open_documents(house.analytics_url, executor=Inline(), randomness=SystemRandomness())
    await documents.ensure(*COLLECTIONS)
    collection = TOTALS.collection
    [stored] = [one for one in (await documents.scan(collection, limit=1_000)).items if code_id in str(one.body[collection.key])]
    await documents.delete(collection, str(stored.body[collection.key]), if_version=stored.version)
    await documents.close()


def _total(house: House, code_id: str) -> int:
    try:
        answer = house.request("GET", f"/v1/codes/{code_id}/analytics")
    except OSError:  # the gateway is being started again
        return -1
    return int(answer.json["total_scans"]) if answer.status == 200 else -1
