"""A cache that processes share, and messages between them; what is in it can always be had elsewhere.

Each process has a memory of its own before the server. Losing the server makes calls slower and never fails them: reads miss, and what
must be forgotten is forgotten here at once and there when it is back. `open_cache` chooses the adapter by the URL's scheme.

Cache-aside is `get_or_load` where one reads, `delete` or `invalidate` after the store was written. Write-through is `set` after the store
was written. What is loaded while it is deleted, set or invalidated isn't kept, in whichever process.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NoReturn, Protocol

from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.urls import wrong_scheme

MAX_VALUE_BYTES = 1_000_000
"""Larger values aren't kept: one would hold up the others on the server's single thread, and 1,000 of them the memory."""

MAX_KEY_CHARACTERS = 512
"""In keys and tags; digest what is longer."""

MAX_TAGS = 8
"""An entry's tags: each costs a round trip when the entry is read from the server."""

SCHEMES = (
    "redis://host:6379/0",
    "rediss://host:6379/0",
    "redis+sentinel://host,host/name/0",
    "rediss+sentinel://host,host/name/0",
    "redis+cluster://host,host",
    "rediss+cluster://host,host",
    "memory://",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long a value is remembered: `ttl_s` as it is (0: until it is evicted), then `stale_s` while it is loaded anew.

    `absent_s` is the `ttl_s` of None, which says that there is no such thing; None: absence isn't remembered. `tags` name what the value
    depends on, for `Cache.invalidate`.
    """

    ttl_s: float = 300.0
    stale_s: float = 0.0
    absent_s: float | None = 5.0
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.ttl_s < 0 or self.stale_s < 0 or (self.absent_s or 0) < 0:
            raise ValueError("ttl_s, stale_s and absent_s are seconds from now: 0 or more, and 0 is no expiry")
        if len(self.tags) > MAX_TAGS:
            raise ValueError(f"{len(self.tags)} tags; an entry has at most {MAX_TAGS}")


DEFAULT_KEEP = Keep()


@dataclass(frozen=True, slots=True)
class Hit:
    """What is remembered; None says: known to be absent."""

    value: bytes | None


class CacheUnavailable(Exception):
    """The server doesn't answer, or refuses: names it, and says what to look at. Only `Cache.check` raises it."""


class Messages(Protocol):
    """What comes in on a topic."""

    async def receive(self) -> bytes | None:
        """The next message; None: some may have been lost, so look for yourself what has changed."""


Load = Callable[[], Awaitable[bytes | None]]
"""Finds out a value; None: there is none."""


class Cache(Protocol):
    """A process's view of the cache. Keys and tags are 1 to 512 characters, none of them a brace (ValueError)."""

    async def get(self, key: str) -> Hit | None:
        """What is remembered under `key`; None: nothing, or it is stale."""

    def held(self, key: str) -> Hit | None:
        """What this process itself remembers, for those who can't wait; None: `get` may know more."""

    async def get_or_load(self, key: str, load: Load, keep: Keep = DEFAULT_KEEP) -> bytes | None:
        """What is remembered under `key`, else what `load` finds, which is remembered then.

        Callers who come meanwhile wait for the same `load`; those of other processes wait for up to WAIT_S, then load for themselves.
        Whatever `load` raises is raised, and not remembered. A value that is past its `ttl_s` is given while `run` loads it anew.
        """

    async def set(self, key: str, value: bytes | None, keep: Keep = DEFAULT_KEEP) -> None:
        """Remember `value`, in the place of what is there; `keep.absent_s` holds for None."""

    async def delete(self, key: str) -> None:
        """Forget what is there, in all processes: here at once, in the others when they hear of it, at the latest UNHEARD_S after."""

    async def invalidate(self, *tags: str) -> None:
        """Forget all entries that have one of these tags, as `delete` does."""

    async def publish(self, topic: str, message: bytes) -> None:
        """Tell all processes that subscribe to `topic`, this one included; at most once, and nobody who isn't there."""

    def subscribe(self, topic: str) -> AbstractContextManager[Messages]:
        """Hear what is published on `topic` while the block runs."""

    async def run(self) -> NoReturn:
        """Hear from other processes, load stale values anew and repeat what the server hasn't heard, until cancelled.

        Every process runs this as a task. Without it, memory is trusted for UNHEARD_S only, and whoever finds a stale value loads it.
        """

    async def check(self) -> None:
        """Ask the server for an answer.

        Raises:
            CacheUnavailable: there is none.
        """

    async def close(self) -> None:
        """Let go of everything."""


def open_cache(url: str, *, clock: Clock, randomness: Randomness) -> Cache:
    """The cache at `url`; nothing is opened before the first call.

    - `memory://` is this process's own, 1,000 entries.
    - `redis://[user[:password]@]host[:port][/database]`, and `rediss://` with TLS.
    - `redis+sentinel://host,host/name[/database]`, and `rediss+sentinel://`: the hosts are sentinels, port 26379 unless given, and `name`
      is what they call the primary. `sentinel_user` and `sentinel_password_file` are for the sentinels themselves.
    - `redis+cluster://host,host`, and `rediss+cluster://`: some nodes of a cluster.

    Options: `password_file`, `ca_file`, `cert_file`, `key_file` (see `quietzone_kit.urls`), and `prefix` of all keys (`quietzone`), for
    installations that share a server.

    Raises:
        ValueError: says which URLs there are, or what is wrong with this one.
    """
    from quietzone_kit.cache._layered import LayeredCache  # noqa: PLC0415 - a process loads only what it uses

    if scheme_of(url) == "memory":
        return LayeredCache(clock, randomness)
    from quietzone_kit.cache._redis import RedisServer  # noqa: PLC0415 - a process loads only the adapter that it uses

    return LayeredCache(clock, randomness, RedisServer(url, clock, randomness))


def scheme_of(url: str) -> str:
    """The scheme of a URL that an adapter is for.

    Raises:
        ValueError: none is: says which URLs there are.
    """
    scheme, separator, place = url.partition("://")
    if not separator or f"{scheme}://" not in {f"{known.partition('://')[0]}://" for known in SCHEMES}:
        raise ValueError(wrong_scheme(url, ", ".join(SCHEMES)))
    if scheme == "memory" and place:
        raise ValueError(f"{url!r}: memory has no place; use memory://")
    return scheme
