import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
from prometheus_client import REGISTRY
from unit.kit.http_wire import Scene, StillClock, Wire
from unit.tracking.spool.machine import Machine

from quietzone_kit.errors import Unavailable
from quietzone_tracking.decide import Link, LinkState
from quietzone_tracking.edge import KEPT_HEADERS, Edge, EdgeOptions
from quietzone_tracking.spool import START, Frames, SpooledScan, SpoolReader

TARGET = "https://example.com/menu?table=7"
BROWSER = b"User-Agent: Agent/1.0\r\nReferer: https://ref.example/\r\nAccept-Language: de-DE,de;q=0.9\r\n"


def link(slug: str, state: LinkState = LinkState.ACTIVE, account: str = "account") -> Link:
    return Link(slug, f"code-{slug}", account, TARGET, state, 1)


def get(target: str = "/abc", headers: bytes = BROWSER, method: str = "GET") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: q\r\n".encode("latin-1") + headers + b"\r\n"


class Memory:
    """Links in memory, and elsewhere."""

    def __init__(self) -> None:
        self.held = {
            "abc": link("abc"),
            "other": link("other", account="another"),
            "bad": link("bad", LinkState.BLOCKED),
            "off": link("off", LinkState.PAUSED),
            "gone": link("gone", LinkState.DELETED),
        }
        self.elsewhere: dict[str, Link] = {}
        self.problem: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    def lookup(self, slug: str) -> Link | None:
        return self.held.get(slug)

    async def resolve(self, slug: str) -> Link | None:
        await self.answers.wait()
        if self.problem is not None:
            raise self.problem
        return self.elsewhere.get(slug)


@dataclass
class DailySalts:
    days: dict[int, bytes] = field(default_factory=lambda: {14288: b"s" * 16, 14289: b"t" * 16})

    def salt(self, utc_day: int) -> bytes | None:
        return self.days.get(utc_day)


class Site:
    """An edge with its spool, and clients of it."""

    def __init__(self, machine: Machine, options: EdgeOptions | None = None) -> None:
        self.machine = machine
        self.links = Memory()
        self.salts = DailySalts()
        self.clock = MovableClock()
        self.spool = machine.writer()
        self.edge = Edge(self.links, self.spool, self.clock, self.salts, options or EdgeOptions())
        self.scene = Scene(self.edge.handle, keep=KEPT_HEADERS)

    async def ask(self, *requests: bytes) -> list[Wire]:
        """What becomes of requests that come in one turn, each on its own connection."""
        wires = [self.scene.ask(request) for request in requests]
        for _ in range(5):  # the turn's end, and what a look-up takes
            await asyncio.sleep(0)
        return wires

    def frames(self) -> list[tuple[SpooledScan, ...]]:
        """What was recorded, by append."""
        reader, position, found = SpoolReader(self.machine.files, self.spool.source_id), START, []
        while isinstance(result := reader.read(position), Frames):
            found += [frame.scans for frame in result.frames]
            position = result.end
        return found

    def scans(self) -> list[SpooledScan]:
        return [scan for frame in self.frames() for scan in frame]


class MovableClock(StillClock):
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at_ms = super().now_ms()
        self.at_s = 0.0

    def monotonic(self) -> float:
        return self.at_s

    def now_ms(self) -> int:
        return self.at_ms


@pytest.fixture
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


@pytest.fixture
async def site(machine: Machine) -> AsyncIterator[Site]:
    site = Site(machine)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(site.edge.run())
        await asyncio.sleep(0)
        yield site
        running.cancel()


# What a client gets


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


# What is recorded


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


# Visitors


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


# Behind proxies


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


# When recording fails


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


# Answering after the flush


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


# Links that aren't in memory


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
