"""Who is the same visitor, also behind proxies."""

import asyncio

from unit.tracking.edge.site import Site, get
from unit.tracking.spool.machine import Machine

from quietzone_tracking.edge import EdgeOptions


async def test_a_visitor_is_the_same_all_day(site: Site) -> None:
    await site.ask(get())
    site.clock.at_ms += 60_000
    await site.ask(get())
    first, second = site.scans()

    assert first.visitor == second.visitor != 0


async def test_a_visitor_is_another_with_another_agent_address_account_or_day(site: Site) -> None:
    await site.ask(get(), get(headers=b"User-Agent: Agent/2.0\r\n"), get("/other"))
    stranger, wire = site.scene.connect()
    stranger.peer = "192.0.2.8"
    stranger.data_received(get())
    await asyncio.sleep(0)
    site.clock.at_ms += 86_400_000
    await site.ask(get())

    assert wire.statuses == [302]
    assert len({scan.visitor for scan in site.scans()}) == 5


async def test_without_a_salt_nobody_is_told_from_others(site: Site) -> None:
    site.salts.days.clear()
    await site.ask(get())

    assert [scan.visitor for scan in site.scans()] == [0]


async def test_a_salt_that_comes_late_is_used(site: Site) -> None:
    salts = dict(site.salts.days)
    site.salts.days.clear()
    await site.ask(get())
    site.salts.days.update(salts)
    await site.ask(get())

    assert [scan.visitor != 0 for scan in site.scans()] == [False, True]


async def addresses(machine: Machine, headers: bytes, *proxies: str) -> list[bytes]:
    site = Site(machine, EdgeOptions(trusted_proxies=proxies))
    await site.ask(get(headers=headers))
    return [scan.address for scan in site.scans()]


async def test_a_stranger_cannot_say_who_he_is(machine: Machine) -> None:
    assert await addresses(machine, b"X-Forwarded-For: 198.51.100.9\r\n") == [b"\xc0\x00\x02"]


async def test_a_trusted_proxy_says_who_asks(machine: Machine) -> None:
    assert await addresses(machine, b"X-Forwarded-For: 198.51.100.9\r\n", "192.0.2.0/24") == [b"\xc6\x33\x64"]


async def test_two_headers_of_two_proxies_are_one_list(machine: Machine) -> None:
    headers = b"X-Forwarded-For: 198.51.100.9\r\nX-Forwarded-For: 192.0.2.9\r\n"

    assert await addresses(machine, headers, "192.0.2.0/24") == [b"\xc6\x33\x64"]
