"""Answers about codes that were given lately: kept until a code of the account changes.

Memory before the cache server (`quietzone_kit.cache`). Changes that are made through this API take effect before they are answered, for
this replica; for the others as soon as they hear of it from the cache server, and from the bus at the latest.
"""

import asyncio
import gzip
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import NoReturn

import msgspec
from google.protobuf.message import DecodeError

from quietzone.qr.v1 import code_pb2
from quietzone_gateway.rest.compression import LEVEL, MIN_BYTES
from quietzone_kit.bus import Bounds, Bus, BusError, Record
from quietzone_kit.bus.topics import ensure_patiently
from quietzone_kit.cache import Cache, Keep
from quietzone_kit.errors import PermissionDenied
from quietzone_kit.projection import run_follower
from quietzone_kit.rpc import CODES_READ, Caller
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger
from quietzone_topics import QR_CODE_V1

log = logger(__name__)

KEPT_S = 60.0
"""While neither cache server nor bus says anything, an answer is at most as old."""

POLL_S = 0.25
AGAIN_S = 1.0

LARGEST_LIMIT = 100
"""Of pages that are kept: 40 KB each, so that the 1,000 answers in a process's memory are 40 MB at most."""


FORM = 1
"""Of what is kept: one more with each change of what answers about codes look like, as two releases share the cache server."""

MAX_KEYS = 4_096
"""Names of answers that are asked for now, 0.3 KB each."""


class Kept(msgspec.Struct, frozen=True):
    """An answer: its body, the value of its tag, and of `Link`; `small` is the body by gzip, empty where that isn't worth it."""

    body: bytes
    tag: str
    link: str = ""
    small: bytes = b""

    @classmethod
    def of(cls, body: bytes, tag: str, link: str = "") -> "Kept":
        """With the body compressed beside it, where that is worth it."""
        return cls(body, tag, link, gzip.compress(body, LEVEL) if len(body) >= MIN_BYTES else b"")


_decoder = msgspec.msgpack.Decoder(Kept)


def _read(value: bytes | None) -> Kept | None:
    """An answer that was kept; None when it is none of this release's."""
    try:
        return None if value is None else _decoder.decode(value)
    except msgspec.DecodeError:
        return None


class Reads:
    """The answers of all accounts."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def answer(self, caller: Caller, question: str, make: Callable[[], Awaitable[Kept]]) -> Kept:
        """What `make` answers to `question`, or has answered lately; those of an account who ask at once share one `make`.

        Raises:
            PermissionDenied: the caller may not read codes; the service that would say so may not be asked.
        """
        if CODES_READ not in caller.scopes:
            raise PermissionDenied(f"this needs the scope {CODES_READ!r}")

        async def load() -> bytes:
            return msgspec.msgpack.encode(await make())

        key = _key(caller.account_id, question)
        found = await self._cache.get_or_load(key, load, Keep(ttl_s=KEPT_S, tags=(_tag(caller.account_id),)))
        return _read(found) or await make()

    async def kept(self, account_id: str, question: str) -> Kept | None:
        """What was answered lately, without asking anybody who could answer anew."""
        hit = await self._cache.get(_key(account_id, question))
        return None if hit is None else _read(hit.value)

    def held(self, account_id: str, question: str) -> Kept | None:
        """The same by what this process remembers, for those who can't wait."""
        hit = self._cache.held(_key(account_id, question))
        return None if hit is None else _read(hit.value)

    async def forget(self, account_id: str) -> None:
        """A code of the account has changed."""
        await self._cache.invalidate(_tag(account_id))


class ForgetChanged:
    """Follows changes of codes: whoever made them, answers about them are forgotten."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def start(self, partition: int, bounds: Bounds) -> int:  # noqa: ARG002 - the follower's interface
        """From now on: what was changed before this process came is in no memory of it."""
        return bounds.next

    async def receive(self, partition: int, records: Sequence[Record]) -> None:  # noqa: ARG002 - the follower's interface
        """Forget the answers of the accounts whose codes these are."""
        for account_id in dict.fromkeys(_account(record) for record in records):
            if account_id:
                await self._reads.forget(account_id)


async def follow_changes(reads: Reads, bus: Bus, clock: Clock, randomness: Randomness) -> NoReturn:
    """Forget what changes until cancelled. While the bus can't be followed, answers are as old as KEPT_S at most."""
    await ensure_patiently(bus, [QR_CODE_V1], randomness=randomness, meanwhile="changes of codes by others are seen late")
    while True:
        try:
            await run_follower(bus, QR_CODE_V1.name, "gateway-reads", ForgetChanged(reads), clock, randomness=randomness, wait_s=POLL_S)
        except BusError as error:  # a log that was made anew, or whose records went before they were read
            log.warning("changes of codes are followed anew", reason=str(error))
        await asyncio.sleep(AGAIN_S)


def _account(record: Record) -> str:
    try:
        return code_pb2.CodeEvent.FromString(record.value).after.account_id
    except DecodeError:
        return ""  # no event of ours: it changes no code


@lru_cache(MAX_KEYS)
def _key(account_id: str, question: str) -> str:
    return f"reads:{FORM}:{account_id}:{hashlib.sha256(question.encode()).hexdigest()}"


def _tag(account_id: str) -> str:
    return f"codes:{account_id}"
