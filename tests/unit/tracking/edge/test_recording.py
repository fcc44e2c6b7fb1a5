"""What is recorded of a scan, and what happens when it can't be."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from unit.tracking.edge.site import Site, get, link
from unit.tracking.spool.machine import Machine

from quietzone_tracking.edge import EdgeOptions


async def test_a_scan_is_recorded_with_what_may_be_kept(site: Site) -> None:
    await site.ask(get())
    (scan,) = site.scans()

    assert (scan.code_id, scan.account_id, scan.time_ms) == ("code-abc", "account", 1_234_567_890_000)
    assert (scan.user_agent, scan.referrer, scan.language) == (b"Agent/1.0", b"https://ref.example/", b"de-DE,de;q=0.9")
    assert scan.address == b"\xc0\x00\x02"


async def test_a_scan_without_headers_is_recorded(site: Site) -> None:
    await site.ask(get(headers=b""))
    (scan,) = site.scans()

    assert (scan.user_agent, scan.referrer, scan.language) == (b"", b"", b"")


async def test_long_headers_are_cut(site: Site) -> None:
    await site.ask(get(headers=b"".join(name + b": " + b"x" * 2000 + b"\r\n" for name in (b"User-Agent", b"Referer", b"Accept-Language"))))
    (scan,) = site.scans()

    assert (len(scan.user_agent), len(scan.referrer), len(scan.language)) == (512, 512, 64)


async def test_no_full_address_is_written_anywhere(site: Site) -> None:
    await site.ask(get())
    everything = b"".join(site.machine.disk.content(path) for path in site.machine.disk.paths())

    assert b"192.0.2.7" not in everything
    assert b"\xc0\x00\x02\x07" not in everything


async def test_a_scan_is_recorded_before_it_is_answered(site: Site) -> None:
    wire = site.scene.ask(get())
    before = (wire.got, site.scans())
    await asyncio.sleep(0)

    assert before == (b"", [])
    assert (wire.statuses, len(site.scans())) == ([302], 1)


async def test_the_requests_of_one_turn_share_one_append(site: Site) -> None:
    await site.ask(*[get()] * 7)

    assert [len(frame) for frame in site.frames()] == [7]


async def test_a_turn_with_very_many_requests_is_recorded_in_parts(site: Site) -> None:
    wires = await site.ask(*[get()] * 1500)

    assert [len(frame) for frame in site.frames()] == [1024, 476]
    assert all(wire.statuses == [302] for wire in wires)


@pytest.mark.parametrize(
    "request_bytes", [get(method="HEAD"), get("/bad"), get("/off"), get("/gone"), get("/nobody"), get("/robots.txt"), get(method="PUT")]
)
async def test_only_redirected_get_requests_count(site: Site, request_bytes: bytes) -> None:
    await site.ask(request_bytes)

    assert site.scans() == []


async def test_a_head_request_is_redirected(site: Site) -> None:
    (wire,) = await site.ask(get(method="HEAD"))

    assert wire.statuses == [302]


async def test_a_client_that_goes_before_its_answer_has_scanned(site: Site) -> None:
    connection, _ = site.scene.connect()
    connection.data_received(get())
    connection.connection_lost(None)
    await asyncio.sleep(0)

    assert len(site.scans()) == 1


async def test_a_scan_that_cannot_be_recorded_is_redirected(site: Site) -> None:
    site.machine.disk.faults.full = 1.0
    (wire,) = await site.ask(get())

    assert wire.statuses == [302]


def timed() -> list[float]:
    """Redirects so far: those within 0.25 s, and all."""
    name = "quietzone_tracking_redirect_seconds"
    return [REGISTRY.get_sample_value(f"{name}_bucket", {"le": "0.25"}) or 0.0, REGISTRY.get_sample_value(f"{name}_count") or 0.0]


async def test_redirects_are_timed_and_pages_are_not(site: Site) -> None:
    before = timed()
    await site.ask(get(), get(), get("/off"))

    assert timed() == [before[0] + 2, before[1] + 2]


async def test_a_redirect_whose_link_is_looked_up_is_timed_from_its_request(site: Site) -> None:
    before = timed()
    site.links.elsewhere["new"] = link("new")
    site.links.answers.clear()
    (wire,) = await site.ask(get("/new"))
    site.clock.at_s = 1.0
    site.links.answers.set()
    await site.ask(get())

    assert (wire.statuses, timed()) == ([302], [before[0] + 1, before[1] + 2])


async def test_a_redirect_that_counts_as_no_scan_is_an_answer_all_the_same(site: Site) -> None:
    def heads() -> float:
        return REGISTRY.get_sample_value("quietzone_tracking_answers_total", {"outcome": "head"}) or 0.0

    before = heads()
    await site.ask(get(method="HEAD"))

    assert heads() == before + 1


async def test_scans_that_cannot_be_recorded_are_counted(site: Site) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("quietzone_tracking_scans_unrecorded_total", {"reason": "disk"}) or 0.0

    before = counted()
    site.machine.disk.faults.full = 1.0
    await site.ask(get(), get())

    assert (counted() - before, site.spool.unrecorded) == (2.0, 2)


async def test_with_ack_disk_the_answer_waits_for_the_flush(machine: Machine) -> None:
    site = Site(machine, EdgeOptions(ack="disk"))
    (wire,) = await site.ask(get())
    before = wire.got
    await site.spool.flush()

    assert (before, wire.statuses) == (b"", [302])


async def test_with_ack_disk_a_later_scan_waits_for_a_later_flush(machine: Machine) -> None:
    site = Site(machine, EdgeOptions(ack="disk"))
    (wire,) = await site.ask(get())
    site.edge._flushed(0)

    assert wire.got == b""


async def test_with_ack_disk_a_failing_disk_delays_no_redirect(machine: Machine) -> None:
    site = Site(machine, EdgeOptions(ack="disk"))
    (wire,) = await site.ask(get())
    machine.disk.faults.failing_sync = 1.0
    await site.spool.flush()

    assert wire.statuses == [302]
