"""An edge with its spool, and clients of it."""

import asyncio
from dataclasses import dataclass, field

from unit.kit.http_wire import Scene, StillClock, Wire
from unit.tracking.spool.machine import Machine

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
