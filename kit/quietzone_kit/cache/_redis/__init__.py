"""Entries, tags and messages in Redis (or what speaks its protocol: 5 and later). redis-py is used in this folder only."""

import asyncio
from typing import Any, NoReturn

import msgspec
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, ResponseError

from quietzone_kit.breaker import Breaker, BreakerState
from quietzone_kit.cache import CacheUnavailable, Keep
from quietzone_kit.cache._metrics import BREAKER_OPEN, SERVER, SERVER_BYTES, SERVER_FAILURES
from quietzone_kit.cache._redis import scripts
from quietzone_kit.cache._redis.connect import CONNECT_S, ERRORS, Client, Place, cancellable, let_go
from quietzone_kit.cache._redis.listener import listen
from quietzone_kit.cache._server import Claim, Ear, Found, ServerGone
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger

log = logger(__name__)

ANSWER_S = 0.1
"""What an operation may take, connecting included: a hundred times the usual; the store behind the cache has answered by then."""
CONNECTIONS = 32
"""Operations under way, as many connections: each takes 0.1 ms of the server's one thread, so more would only wait there."""
LEASE_MS = 10_000
"""How long a load may take and still be stored; who dies with a lease keeps others from storing for as long."""
FORM = 1
"""Of the stored bytes. Goes up when their meaning changes; what has another is a miss."""


class _Entry(msgspec.Struct, array_like=True):
    """A value as it is stored; `stale_ms` of its time to live are for giving it while it is loaded anew."""

    form: int
    stale_ms: int
    tags: dict[str, int]
    value: bytes | None


class RedisServer:
    """See Server."""

    def __init__(self, url: str, clock: Clock, randomness: Randomness) -> None:
        self._place = Place.parse(url)
        self._clock = clock
        self._randomness = randomness
        self._prefix = self._place.url.options.get("prefix", "quietzone")
        if "{" in self._prefix or not self._prefix:
            raise ValueError("prefix is in front of all keys: at least one character, no brace")
        self._channel = f"{self._prefix}:said"
        self._breaker = Breaker("the cache server", clock)
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._client: Client | None = None

    async def read(self, key: str) -> Found | None:
        """See Server."""
        stored, left_ms = await self._ask("read", "EVAL", scripts.READ, 1, self._value(key))
        if stored is None or left_ms == -2:
            return None
        try:
            entry = msgspec.msgpack.decode(stored, type=_Entry)
        except msgspec.DecodeError:
            entry = None
        if entry is None or entry.form != FORM:
            SERVER_FAILURES.labels("read", "form").inc()
            return None
        for tag, version in entry.tags.items():
            if await self._ask("tag", "GET", self._tag(tag)) != str(version).encode():
                return None
        SERVER_BYTES.labels("read").inc(len(stored))
        left_s = left_ms / 1000 if left_ms >= 0 else float("inf")
        return Found(entry.value, tuple(entry.tags), left_s - entry.stale_ms / 1000, left_s)

    async def claim(self, key: str, keep: Keep) -> Claim | None:
        """See Server."""
        token = self._randomness.token(12).hex().encode()  # two loads of a key draw the same once in 2**96
        if await self._ask("claim", "SET", self._lease(key), token, "NX", "PX", LEASE_MS) is None:
            return None
        return Claim(token, await self._versions(keep))

    async def store(self, key: str, claim: Claim, value: bytes | None, keep: Keep) -> bool:
        """See Server."""
        entry = _encoded(value, keep, claim.versions)
        arguments = (self._value(key), self._lease(key), claim.token, entry, _left_ms(value, keep))
        return bool(await self._ask("store", "EVAL", scripts.STORE, 2, *arguments))

    async def release(self, key: str, claim: Claim) -> None:
        """See Server."""
        await self._ask("release", "EVAL", scripts.RELEASE, 1, self._lease(key), claim.token)

    async def write(self, key: str, value: bytes | None, keep: Keep, said: bytes) -> None:
        """See Server."""
        entry = _encoded(value, keep, await self._versions(keep))
        arguments = (self._value(key), self._lease(key), entry, _left_ms(value, keep), self._channel, said)
        await self._ask("write", "EVAL", scripts.WRITE, 2, *arguments)

    async def delete(self, key: str, said: bytes) -> None:
        """See Server."""
        await self._ask("delete", "EVAL", scripts.DELETE, 2, self._value(key), self._lease(key), self._channel, said)

    async def invalidate(self, tag: str, said: bytes) -> None:
        """See Server."""
        await self._ask("invalidate", "EVAL", scripts.INVALIDATE, 1, self._tag(tag), self._channel, said)

    async def say(self, said: bytes) -> None:
        """See Server."""
        await self._ask("say", "PUBLISH", self._channel, said)

    async def listen(self, ear: Ear) -> NoReturn:
        """See Server."""
        await listen(self._place, self._channel, ear, self._randomness, self._warm)

    async def check(self) -> None:
        """See Server."""
        client = self._place.connect(connections=1, answer_s=CONNECT_S)
        try:
            async with asyncio.timeout(2 * CONNECT_S):
                await client.execute_command("SET", f"{self._prefix}:check", b"", "PX", 1)
        except ERRORS as error:
            raise CacheUnavailable(self._told(error)) from error
        finally:
            await let_go(client)

    async def close(self) -> None:
        """See Server."""
        await self._drop_client()

    async def _versions(self, keep: Keep) -> dict[str, int]:
        longest_ms = 0 if 0 in (keep.ttl_s, keep.absent_s) else round((max(keep.ttl_s, keep.absent_s or 0) + keep.stale_s) * 1000)
        return {tag: int(await self._ask("tag", "EVAL", scripts.VERSION, 1, self._tag(tag), longest_ms)) for tag in keep.tags}

    async def _ask(self, operation: str, *command: str | bytes | int) -> Any:
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

    async def _warm(self) -> None:
        """Connect where nobody waits for it: TLS, sentinels and the nodes of a cluster take longer than an answer may."""
        await self._connected().execute_command("SET", f"{self._prefix}:check", b"", "PX", 1)

    def _connected(self) -> Client:
        if self._client is None:
            self._client = self._place.connect(connections=CONNECTIONS, answer_s=ANSWER_S)
        return self._client

    async def _failed(self, operation: str, error: Exception) -> None:
        SERVER_FAILURES.labels(operation, type(error).__name__).inc()
        was = self._breaker.state
        self._breaker.failed()
        if self._breaker.state is BreakerState.OPEN and was is BreakerState.CLOSED:
            BREAKER_OPEN.set(1)
            log.warning("cache server gone: misses until it is back", reason=self._told(error))
        if self._breaker.state is BreakerState.OPEN:
            await self._drop_client()  # the next one resolves names and reads certificates again

    async def _drop_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await let_go(client)

    def _told(self, error: Exception) -> str:
        """What happened and what to do, for people."""
        what = str(error) or f"no answer within {ANSWER_S:g} s"
        if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
            then = "look at user, password or password_file, and at the user's ACL"
        elif isinstance(error, ResponseError):
            then = "look at the server: its memory, its role (is it a replica?) and its version (5 or later)"
        else:
            wants = ", whether it wants a certificate (cert_file, key_file)" if self._place.url.scheme.startswith("rediss") else ""
            then = f"see whether it runs and can be reached from here{wants}, and whether QUIETZONE_CACHE_URL is right"
        return f"{self._place.url.shown}: {type(error).__name__}: {what}; {then}"

    def _value(self, key: str) -> str:
        return f"{self._prefix}:v:{{{key}}}"

    def _lease(self, key: str) -> str:
        return f"{self._prefix}:l:{{{key}}}"

    def _tag(self, tag: str) -> str:
        return f"{self._prefix}:t:{{{tag}}}"


def _encoded(value: bytes | None, keep: Keep, versions: dict[str, int]) -> bytes:
    encoded = msgspec.msgpack.encode(_Entry(FORM, round(keep.stale_s * 1000), versions, value))
    SERVER_BYTES.labels("written").inc(len(encoded))
    return encoded


def _left_ms(value: bytes | None, keep: Keep) -> int:
    """How long an entry is there; 0: until it is evicted."""
    ttl_s = keep.absent_s if value is None else keep.ttl_s
    return max(1, round((ttl_s + keep.stale_s) * 1000)) if ttl_s else 0
