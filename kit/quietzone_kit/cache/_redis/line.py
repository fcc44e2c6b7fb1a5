"""One process's line to the server: commands under a deadline, and a breaker before them."""

import asyncio
from typing import Any

from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, ResponseError

from quietzone_kit.breaker import Breaker, BreakerState
from quietzone_kit.cache import CacheUnavailable
from quietzone_kit.cache._metrics import BREAKER_OPEN, SERVER, SERVER_FAILURES
from quietzone_kit.cache._redis.connect import CONNECT_S, ERRORS, Client, Place, cancellable, let_go
from quietzone_kit.cache._server import ServerGone
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger

log = logger(__name__)

ANSWER_S = 0.1
"""What an operation may take, connecting included: a hundred times the usual; the store behind the cache has answered by then."""
CONNECTIONS = 32
"""Operations under way, as many connections: each takes 0.1 ms of the server's one thread, so more would only wait there."""


class Line:
    """Asks one server; `without` says in the log what happens while it is gone."""

    def __init__(self, url: str, clock: Clock, *, without: str) -> None:
        self.place = Place.parse(url)
        self.prefix = self.place.url.options.get("prefix", "quietzone")
        if "{" in self.prefix or not self.prefix:
            raise ValueError("prefix is in front of all keys: at least one character, no brace")
        self._clock = clock
        self._without = without
        self._breaker = Breaker("the cache server", clock)
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._client: Client | None = None

    async def ask(self, operation: str, *command: str | bytes | int) -> Any:
        """The server's answer, within ANSWER_S.

        Raises:
            ServerGone: there is none, or it refuses.
        """
        try:
            self._breaker.admit()
        except Unavailable:
            raise ServerGone from None
        began = self._clock.monotonic()
        client = self._connected()
        try:
            async with asyncio.timeout(ANSWER_S), self._turns:
                with cancellable():
                    answer = await client.execute_command(*command)
        except Exception as error:  # redis-py raises a KeyError, too, when a cluster has lost slots
            await self._failed(operation, error)
            raise ServerGone from error
        except BaseException:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        BREAKER_OPEN.set(0)
        SERVER.labels(operation).observe(self._clock.monotonic() - began)
        return answer

    async def warm(self) -> None:
        """Connect where nobody waits for it: TLS, sentinels and the nodes of a cluster take longer than an answer may."""
        await self._connected().execute_command("SET", f"{self.prefix}:check", b"", "PX", 1)

    async def check(self) -> None:
        """Ask on a connection of its own.

        Raises:
            CacheUnavailable: there is no answer.
        """
        client = self.place.connect(connections=1, answer_s=CONNECT_S)
        try:
            async with asyncio.timeout(2 * CONNECT_S):
                await client.execute_command("SET", f"{self.prefix}:check", b"", "PX", 1)
        except ERRORS as error:
            raise CacheUnavailable(self._told(error)) from error
        finally:
            await let_go(client)

    async def close(self) -> None:
        """Let go of connections."""
        client, self._client = self._client, None
        if client is not None:
            await let_go(client)

    def _connected(self) -> Client:
        if self._client is None:
            self._client = self.place.connect(connections=CONNECTIONS, answer_s=ANSWER_S)
        return self._client

    async def _failed(self, operation: str, error: Exception) -> None:
        SERVER_FAILURES.labels(operation, type(error).__name__).inc()
        was = self._breaker.state
        self._breaker.failed()
        if self._breaker.state is BreakerState.OPEN and was is BreakerState.CLOSED:
            BREAKER_OPEN.set(1)
            log.warning("cache server gone", then=self._without, reason=self._told(error))
        if self._breaker.state is BreakerState.OPEN:
            await self.close()  # the next client resolves names and reads certificates again

    def _told(self, error: Exception) -> str:
        """What happened and what to do, for people."""
        what = str(error) or f"no answer within {ANSWER_S:g} s"
        if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
            then = "look at user, password or password_file, and at the user's ACL"
        elif isinstance(error, ResponseError):
            then = "look at the server: its memory, its role (is it a replica?) and its version (5 or later)"
        else:
            wants = ", whether it wants a certificate (cert_file, key_file)" if self.place.url.scheme.startswith("rediss") else ""
            then = f"see whether it runs and can be reached from here{wants}, and whether QUIETZONE_CACHE_URL is right"
        return f"{self.place.url.shown}: {type(error).__name__}: {what}; {then}"
