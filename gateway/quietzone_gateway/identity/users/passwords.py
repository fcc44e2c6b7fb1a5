"""Hashes of passwords: Argon2id (RFC 9106), on threads, since one takes 50 ms."""

from functools import partial
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Executor, Randomness

MAX_WAITING = 64
"""Who wait for a hash: two threads do 40 a second, so the last of them waits two seconds of the five that he has."""

SALT_BYTES = 16  # RFC 9106, 3.1


class Passwords(Protocol):
    """Who hashes passwords."""

    async def hash(self, password: str) -> str:
        """What is kept of a password; raises Unavailable when too many wait."""

    async def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the password of which this is kept. With None (nobody has this name) it takes as long to say no."""

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed in another way than is done now."""


class Argon2:
    """Argon2id with these parameters; OWASP's are 19,456 KiB, 2 rounds, 1 lane."""

    def __init__(self, executor: Executor, randomness: Randomness, *, memory_kib: int, rounds: int, lanes: int) -> None:
        self._executor = executor
        self._randomness = randomness
        self._hasher = PasswordHasher(rounds, memory_kib, lanes, salt_len=SALT_BYTES)
        self._nobodys = self._hasher.hash(randomness.token(SALT_BYTES), salt=randomness.token(SALT_BYTES))
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """What is kept of a password."""
        return str(await self._run(partial(self._hasher.hash, password, salt=self._randomness.token(SALT_BYTES))))

    async def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the password of which this is kept."""
        return bool(await self._run(partial(self._fits, kept or self._nobodys, password))) and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed in another way than is done now."""
        return self._hasher.check_needs_rehash(kept)

    def _fits(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: partial[str] | partial[bool]) -> str | bool:
        if self._waiting >= MAX_WAITING:
            raise Unavailable("too many sign in at once; try again in a moment")
        self._waiting += 1
        try:
            return await self._executor.run(work)
        finally:
            self._waiting -= 1
