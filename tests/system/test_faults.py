"""What holds while processes die, and after a restart."""

import asyncio
import errno
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from house import House, fetch, first_of_free_ports, house_in, told, until
from quietzone_standalone import ROLES, PortTaken, Role, installation, running


def test_scans_are_redirected_and_kept_while_every_other_process_is_down(own_house: House) -> None:
    code = own_house.create("https://example.com/alone")
    until(lambda: own_house.scan(code["slug"], method="HEAD").status == 302, "the redirect")

    for title in ("gateway serve", "qr serve", "analytics serve", "tracking links", "tracking forwarder"):
        own_house.kill(title)
    answers = [own_house.scan(code["slug"]).status for _ in range(20)]

    assert answers == [302] * 20
    until(lambda: _total(own_house, code["id"]) == 20, "20 scans counted after the restarts", within_s=30)


def test_a_restart_keeps_codes_and_counts(own_house: House) -> None:
    code = own_house.create("https://example.com/kept")
    until(lambda: own_house.scan(code["slug"]).status == 302, "the redirect")
    until(lambda: own_house.total(code["id"]) >= 1, "the scan counted")
    before = own_house.total(code["id"])

    own_house.restart()

    assert own_house.scan(code["slug"]).status == 302
    until(lambda: own_house.total(code["id"]) == before + 1, "the count goes on")


def test_reconcile_names_the_code_whose_stored_count_was_changed_by_hand(own_house: House) -> None:
    code = own_house.create("https://example.com/tampered")
    until(lambda: own_house.scan(code["slug"]).status == 302, "the redirect")
    until(lambda: own_house.total(code["id"]) == 1, "the scan counted")

    with sqlite3.connect(own_house.data / "analytics.db") as database:
        changed = database.execute("DELETE FROM rollup_totals WHERE _key LIKE ?", (f"%{code['id']}%",)).rowcount
    database.close()

    assert changed == 1
    until(lambda: bool(own_house.request("GET", "/v1/reconcile").json["problems"]), "reconcile says so")


def test_reconcile_says_so_when_a_spooled_frame_was_cut_out_by_hand(own_house: House) -> None:
    code = own_house.create("https://example.com/cut")
    until(lambda: own_house.scan(code["slug"]).status == 302, "the redirect")
    until(lambda: own_house.total(code["id"]) == 1, "the scan counted")
    [segment] = (own_house.data / "tracking" / "spool").glob("*/*.seg")

    own_house.kill("tracking forwarder", signal.SIGSTOP)
    start = segment.stat().st_size
    assert own_house.scan(code["slug"]).status == 302
    end = segment.stat().st_size
    assert own_house.scan(code["slug"]).status == 302
    frames = segment.read_bytes()
    segment.write_bytes(frames[:start] + frames[end:])
    own_house.kill("tracking forwarder", signal.SIGCONT)

    until(lambda: any(" lost " in problem for problem in own_house.request("GET", "/v1/reconcile").json["problems"]), "reconcile says so")


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


def _total(house: House, code_id: str) -> int:
    try:
        answer = house.request("GET", f"/v1/codes/{code_id}/analytics")
    except OSError:  # the gateway is being started again
        return -1
    return int(answer.json["total_scans"]) if answer.status == 200 else -1
