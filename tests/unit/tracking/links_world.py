"""What the tests of links and salts stand on: real stores and a real bus in memory or a folder, and ports that can be down."""

import itertools
import random  # noqa: TID251 - seeded
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from ports import Inline

from quietzone.qr.v1 import code_pb2
from quietzone_kit.bus import Bus, BusUnavailable, Message, open_bus
from quietzone_kit.documents import Documents, DocumentsUnavailable
from quietzone_kit.events import Event
from quietzone_kit.runtime import SystemClock
from quietzone_topics import QR_CODE_V1, TYPE_QR_CODE
from quietzone_tracking.decide import Link, LinkState

Gate = Callable[[str], Awaitable[None]]

NUMBERS = itertools.count()

STATES = {
    LinkState.ACTIVE: code_pb2.CODE_STATE_ACTIVE,
    LinkState.BLOCKED: code_pb2.CODE_STATE_PAUSED,
    LinkState.PAUSED: code_pb2.CODE_STATE_PAUSED,
    LinkState.DELETED: code_pb2.CODE_STATE_DELETED,
}


class SteppedClock:
    """Stands still until it is moved."""

    def __init__(self, unix_ms: int = 1_772_445_600_000) -> None:
        self.unix_ms = unix_ms
        self.seconds = 1000.0

    def now_ms(self) -> int:
        return self.unix_ms

    def monotonic(self) -> float:
        return self.seconds


class TestRandomness:
    """Seeded."""

    __test__ = False

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def choice(self, symbols: str) -> str:
        return self._random.choice(symbols)

    def uniform(self, low: float, high: float) -> float:
        return min(high, low + 0.001)


def bus_in_memory() -> tuple[Bus, sqlite3.Connection]:
    """A bus, and the connection that keeps its database."""
    name = f"file:/links-{next(NUMBERS)}?vfs=memdb"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False)

    clock = SystemClock()  # polls end by it
    return open_bus("sqlite:///memory", clock=clock, executor=Inline(), randomness=TestRandomness(), connect=connect), connect()


class Down:
    """A store of documents, or a bus, that can be down; `gate`, if set, is awaited before each call."""

    def __init__(self, port: Any, *, is_down: bool = False) -> None:
        self.port = port
        self.is_down = is_down
        self.refused = 0
        self.calls: list[str] = []
        self.gate: Gate | None = None

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **options: Any) -> Any:
            self.calls.append(name)
            if self.is_down:
                self.refused += 1
                raise DocumentsUnavailable("down") if hasattr(self.port, "bulk") else BusUnavailable("down")
            result = await getattr(self.port, name)(*args, **options)
            if self.gate is not None:
                await self.gate(name)
            return result

        return call


def link(
    slug: str = "menu",
    revision: int = 1,
    *,
    destination: str | None = None,
    state: LinkState = LinkState.ACTIVE,
    code_id: str | None = None,
) -> Link:
    """A link of slug and revision; its destination tells the revision."""
    where = "" if state is LinkState.DELETED else destination or f"https://example.com/{slug}/{revision}"
    return Link(slug, code_id or f"code-{slug}", "main", where, state, revision)


def code(of: Link) -> code_pb2.Code:
    """The code that a link is a picture of."""
    return code_pb2.Code(
        id=of.code_id,
        account_id=of.account_id,
        slug=of.slug,
        destination=of.destination,
        state=STATES[of.state],
        blocked=of.state is LinkState.BLOCKED,
        revision=of.revision,
    )


def changed(of: Link) -> Message:
    """The message that tells of a code's state."""
    event = code_pb2.CodeEvent(kind=code_pb2.CHANGE_KIND_CHANGED, after=code(of))
    return Event(f"{of.code_id}.{of.revision}", "/quietzone/qr", TYPE_QR_CODE, of.code_id, 1, event.SerializeToString()).to_message(
        QR_CODE_V1.name
    )


def junk(value: bytes = b"\xff\xff", *, key: str = "code-junk", event_type: str = TYPE_QR_CODE) -> Message:
    """A message that is no change of a code."""
    return Event("junk", "/quietzone/qr", event_type, key, 1, value).to_message(QR_CODE_V1.name)


async def publish(bus: Bus, *links: Link) -> None:
    """Tell of codes' states, in order."""
    await bus.publish([changed(each) for each in links])


async def stored(documents: Documents, slug: str) -> Link | None:
    """The link in the store."""
    from quietzone_tracking.links import LinkStore  # noqa: PLC0415 - keeps what salts' tests import small

    return await LinkStore(documents).get(slug, within_s=5)
