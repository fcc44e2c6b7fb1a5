"""Entries, tags and messages in Redis (or what speaks its protocol: 5 and later). redis-py is used in this folder only."""

from typing import NoReturn

import msgspec

from quietzone_kit.cache import Keep
from quietzone_kit.cache._metrics import SERVER_BYTES, SERVER_FAILURES
from quietzone_kit.cache._redis import scripts
from quietzone_kit.cache._redis.line import Line
from quietzone_kit.cache._redis.listener import listen
from quietzone_kit.cache._server import Claim, Ear, Found
from quietzone_kit.runtime import Clock, Randomness

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
        self._line = Line(url, clock, without="misses until it is back")
        self._ask = self._line.ask
        self._randomness = randomness
        self._prefix = self._line.prefix
        self._channel = f"{self._prefix}:said"

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
        await listen(self._line.place, self._channel, ear, self._randomness, self._line.warm)

    async def check(self) -> None:
        """See Server."""
        await self._line.check()

    async def close(self) -> None:
        """See Server."""
        await self._line.close()

    async def _versions(self, keep: Keep) -> dict[str, int]:
        longest_ms = 0 if 0 in (keep.ttl_s, keep.absent_s) else round((max(keep.ttl_s, keep.absent_s or 0) + keep.stale_s) * 1000)
        return {tag: int(await self._ask("tag", "EVAL", scripts.VERSION, 1, self._tag(tag), longest_ms)) for tag in keep.tags}

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
