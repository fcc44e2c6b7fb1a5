"""All live connections of this process: how many there are, what all of them are told, and when they end."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from quietzone_gateway.live.domain import Watcher
from quietzone_gateway.live.endings import AGE, EXPIRED, RELEASE, Ending
from quietzone_gateway.live.metrics import CONNECTIONS, ENDED
from quietzone_kit.errors import ResourceExhausted, Unavailable
from quietzone_kit.runtime import Clock, Randomness

BEAT_S = 1.0
"""Between looks at who is to end: how much longer than its token a connection lives."""

PING_BEATS = 15
"""Proxies give connections up after 30 s or 60 s without a byte; a ping also brings the newest cursor."""

LIFETIME_S = 3_600.0
"""Of a connection, so that clients spread over the replicas that there are (ADR 0017 has a minute for requests). Drawn down to 80 %, so
that those who came together don't leave together."""

COME_BACK_MS = 5_000
"""Clients that are sent away come back within this time, each at its own moment: 10,000 at once would be a wave."""

LEFT_S = 2
"""Until somebody who was refused may try again: connections end all the time, those that broke off without a word too."""


class Connection(Protocol):
    """A connection, as the registry needs it. Nothing of it waits or raises."""

    transport: str
    watcher: Watcher
    since_ms: int
    ends_at_ms: int
    again: Callable[[], Awaitable[Watcher]]
    """Finds out anew who opened it; raises as when it was opened."""

    def notice(self, text: str) -> None:
        """Pass on what an operator has to say."""

    def ping(self) -> None:
        """Say that we are here."""

    def end(self, ending: Ending, after_ms: int) -> None:
        """Say why, and end; the client may come back `after_ms`."""


class Registry:
    """Lets connections in up to `most` in all and `most_of_account` of each; `run` must run beside it."""

    def __init__(self, clock: Clock, randomness: Randomness, *, most: int, most_of_account: int) -> None:
        self._clock = clock
        self._randomness = randomness
        self._most = most
        self._most_of_account = most_of_account
        self._connections: dict[Connection, int] = {}  # with the beat at which each is pinged
        self._of_account: Counter[str] = Counter()
        self._entered = 0
        self._beats = 0
        self._draining = asyncio.Event()
        self._left = asyncio.Event()

    def __len__(self) -> int:
        return len(self._connections)

    def connections(self, account_id: str | None = None) -> list[Connection]:
        """Those that are open, of one account or of all; the oldest first."""
        return [one for one in self._connections if account_id is None or one.watcher.account_id == account_id]

    def check_room(self, account_id: str) -> None:
        """Whether one more of this account may come.

        Raises:
            ResourceExhausted: this account has all that it may have, or everybody together.
            Unavailable: this process ends.
        """
        if self._draining.is_set():
            raise Unavailable("this server is being replaced; try again in a moment")
        if self._of_account[account_id] >= self._most_of_account:
            raise ResourceExhausted(
                f"this account has {self._most_of_account} live connections; close one before another is opened", retry_after_s=LEFT_S
            )
        if len(self._connections) >= self._most:
            raise ResourceExhausted("this server has all the live connections that it takes; try again in a moment", retry_after_s=LEFT_S)

    def lives_until(self, watcher: Watcher) -> int:
        """When a connection that begins now ends at the latest, Unix time in milliseconds."""
        age_ms = round(LIFETIME_S * 1000 * self._randomness.uniform(0.8, 1.0))
        latest = self._clock.now_ms() + age_ms
        return latest if watcher.expires_at_ms is None else min(latest, watcher.expires_at_ms)

    @contextlib.contextmanager
    def entered(self, connection: Connection) -> Iterator[None]:
        """Have the connection among the others while the block runs; raises as `check_room`."""
        account_id = connection.watcher.account_id
        self.check_room(account_id)
        self._entered += 1
        self._connections[connection] = self._entered % PING_BEATS
        self._of_account[account_id] += 1
        CONNECTIONS.labels(connection.transport).inc()
        try:
            yield
        finally:
            del self._connections[connection]
            self._of_account[account_id] -= 1
            if not self._of_account[account_id]:
                del self._of_account[account_id]
            CONNECTIONS.labels(connection.transport).dec()
            self._left.set()

    def notify(self, text: str, account_id: str | None = None) -> int:
        """Tell an account, or everybody; how many are told."""
        told = self.connections(account_id)
        for connection in told:
            connection.notice(text)
        return len(told)

    def stop(self) -> None:
        """Let nobody in any more, and send everybody away; `run` ends when all have gone."""
        self._draining.set()
        for connection in self.connections():
            self.send_away(connection, RELEASE)

    async def run(self) -> None:
        """Ping connections and end those whose time has come, until `stop` was called and all have gone."""
        while not self._draining.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._draining.wait()
            self.beat()
        while self._connections:
            self._left.clear()
            await self._left.wait()

    def beat(self) -> None:
        """What is done each second."""
        now_ms = self._clock.now_ms()
        self._beats = (self._beats + 1) % PING_BEATS
        for connection, at in list(self._connections.items()):
            if connection.ends_at_ms <= now_ms:
                expires_at_ms = connection.watcher.expires_at_ms
                self.send_away(connection, AGE if expires_at_ms is None or expires_at_ms > now_ms else EXPIRED)
            elif at == self._beats:
                connection.ping()

    def send_away(self, connection: Connection, ending: Ending) -> None:
        """End one connection."""
        ENDED.labels(ending.name).inc()
        connection.end(ending, round(self._randomness.uniform(0, COME_BACK_MS)) if ending.returns else 0)
