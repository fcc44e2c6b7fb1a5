"""What a client gets, and links that aren't in memory."""

import asyncio

import pytest
from unit.tracking.edge.site import Site, get, link
from unit.tracking.spool.machine import Machine

from quietzone_kit.errors import Unavailable
from quietzone_tracking.edge import EdgeOptions


async def test_a_scan_of_an_active_code_is_redirected(site: Site) -> None:
    (wire,) = await site.ask(get())

    assert wire.got == (
        b"HTTP/1.1 302 Found\r\nDate: Fri, 13 Feb 2009 23:31:30 GMT\r\nCache-Control: no-store\r\nContent-Length: 0\r\n"
        b"Location: https://example.com/menu?table=7\r\n\r\n"
    )


async def test_the_date_moves_on(site: Site) -> None:
    await site.ask(get())
    site.clock.at_ms += 1000
    (wire,) = await site.ask(get())

    assert b"Date: Fri, 13 Feb 2009 23:31:31 GMT" in wire.got


@pytest.mark.parametrize(
    ("target", "status"), [("/nobody", 404), ("/bad", 451), ("/off", 404), ("/gone", 410), ("/robots.txt", 200), ("/", 200), ("/a/b", 404)]
)
async def test_what_is_not_redirected_gets_a_page(site: Site, target: str, status: int) -> None:
    (wire,) = await site.ask(get(target))

    assert wire.statuses == [status]


@pytest.mark.parametrize("target", ["/abc?utm_source=poster", "http://q.example/abc", "HTTPS://q.example/abc?x=1", "/ab%63"])
async def test_a_query_an_absolute_form_and_percent_encoding_do_not_hide_the_slug(site: Site, target: str) -> None:
    (wire,) = await site.ask(get(target))

    assert wire.statuses == [302]


@pytest.mark.parametrize(("target", "status"), [("/ab%63%2F", 404), ("/ABC", 404), ("/" + "a" * 65, 404), ("*", 404), ("/\xff", 400)])
async def test_what_is_no_slug_is_unknown(site: Site, target: str, status: int) -> None:
    (wire,) = await site.ask(get(target))

    assert wire.statuses == [status]


@pytest.mark.parametrize("target", ["/abc", "/nobody"])
async def test_other_methods_are_told_the_right_ones(site: Site, target: str) -> None:
    (wire,) = await site.ask(get(target, method="DELETE"))

    assert wire.statuses == [405]
    assert b"\r\nAllow: GET, HEAD\r\n" in wire.got


async def test_an_answer_may_not_be_kept_unless_it_never_changes(site: Site) -> None:
    wires = await site.ask(get("/nobody"), get("/robots.txt"))

    assert [b"no-store" in wire.got for wire in wires] == [True, False]


async def test_a_link_that_is_found_elsewhere_is_redirected_and_recorded(site: Site) -> None:
    site.links.elsewhere["new"] = link("new")
    (wire,) = await site.ask(get("/new"))

    assert (wire.statuses, [scan.code_id for scan in site.scans()]) == ([302], ["code-new"])


@pytest.mark.parametrize("problem", [Unavailable("the link store is away"), RuntimeError("a fault of ours")])
async def test_when_links_cannot_be_looked_up_only_unknown_slugs_suffer(site: Site, problem: Exception) -> None:
    site.links.problem = problem
    unknown, known = await site.ask(get("/new"), get())

    assert (unknown.statuses, known.statuses) == ([503], [302])
    assert b"\r\nRetry-After: 5\r\n" in unknown.got


async def test_the_edge_goes_on_after_a_failed_look_up(site: Site) -> None:
    site.links.problem = RuntimeError("a fault of ours")
    await site.ask(get("/new"))
    site.links.problem = None
    site.links.elsewhere["new"] = link("new")
    (wire,) = await site.ask(get("/new"))

    assert wire.statuses == [302]


async def test_a_look_up_has_a_deadline(machine: Machine) -> None:
    site = Site(machine, EdgeOptions(resolve_timeout_s=0.001))
    site.links.answers.clear()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(site.edge.run())
        await asyncio.sleep(0)
        wire = site.scene.ask(get("/new"))
        while not wire.got:
            await asyncio.sleep(0.001)
        running.cancel()

    assert wire.statuses == [503]


async def test_no_more_than_so_many_links_are_looked_up_at_once(site: Site) -> None:
    site.links.answers.clear()
    wires = await site.ask(*(get(f"/new{number}") for number in range(260)))
    at_once = [wire.statuses for wire in wires]
    site.links.answers.set()

    assert at_once == [[]] * 256 + [[503]] * 4
