"""What a cache asks of a server that processes share."""

from dataclasses import dataclass
from typing import NoReturn, Protocol

from quietzone_kit.cache import Keep


class ServerGone(Exception):
    """The server gave no answer; whether it did what was asked isn't known. It was logged and counted."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value whose tags are still what they were; it is fresh for `fresh_s` (below 0: stale) and ends after `left_s`."""

    value: bytes | None
    tags: tuple[str, ...]
    fresh_s: float
    left_s: float


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to store what is loaded now, and the versions that the tags had before. It ends with any change of the entry."""

    token: bytes
    versions: dict[str, int]


class Ear(Protocol):
    """Whoever hears what other processes say."""

    def heard(self) -> None:
        """From now on all is heard; what was said before may have been missed."""

    def cut(self) -> None:
        """Nothing is heard from now on."""

    def hear(self, said: bytes) -> None:
        """What a process said, perhaps this one."""


class Server(Protocol):
    """Entries and tags of all processes. Each call but `close` can raise ServerGone.

    `said` is what the change makes known to all that listen, in one step with it.
    """

    async def read(self, key: str) -> Found | None:
        """The entry, unless one of its tags was invalidated since."""

    async def claim(self, key: str, keep: Keep) -> Claim | None:
        """The right to store; None: another process has it."""

    async def store(self, key: str, claim: Claim, value: bytes | None, keep: Keep) -> bool:
        """Store, if the claim still holds."""

    async def release(self, key: str, claim: Claim) -> None:
        """Give the claim back."""

    async def write(self, key: str, value: bytes | None, keep: Keep, said: bytes) -> None:
        """Store, whatever is there; ends claims."""

    async def delete(self, key: str, said: bytes) -> None:
        """Remove; ends claims."""

    async def invalidate(self, tag: str, said: bytes) -> None:
        """Give the tag another version, so that no entry has it."""

    async def say(self, said: bytes) -> None:
        """Make known, and nothing else."""

    async def listen(self, ear: Ear) -> NoReturn:
        """Pass on what is said, until cancelled."""

    async def check(self) -> None:
        """Raises CacheUnavailable when there is no answer."""

    async def close(self) -> None:
        """Let go of connections."""
