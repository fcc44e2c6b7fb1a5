"""Time, randomness and threads as parameters, so that a simulation can pass its own.

These are the only places in the house that read a clock or draw a random number (ruff TID251 holds it).
"""

import asyncio
import concurrent.futures
import random
import secrets
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Where the time comes from."""

    def now_ms(self) -> int:
        """Unix time in milliseconds; it can jump when somebody sets the clock."""

    def monotonic(self) -> float:
        """Seconds since some moment; it never goes back."""


class Randomness(Protocol):
    """Where chance comes from: `token` and `choice` are fit for secrets, `uniform` is for jitter."""

    def token(self, size: int) -> bytes:
        """`size` random bytes."""

    def choice(self, symbols: str) -> str:
        """One of `symbols`, each as likely as the others."""

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`."""


class Executor(Protocol):
    """Runs what would block the event loop."""

    async def run(self, work: Callable[[], T]) -> T:
        """`work`'s result; raises what it raises."""

    def close(self) -> None:
        """Wait for what is under way; nothing can be run afterwards."""


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()


class SystemRandomness:
    """The operating system's source of randomness."""

    def token(self, size: int) -> bytes:
        """`size` random bytes."""
        return secrets.token_bytes(size)

    def choice(self, symbols: str) -> str:
        """One of `symbols`."""
        return secrets.choice(symbols)

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`."""
        return random.uniform(low, high)


class ThreadExecutor:
    """A pool of its own threads; with one thread, what is run is run in order."""

    def __init__(self, name: str, threads: int = 1) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[[], T]) -> T:
        """`work`'s result, from one of the pool's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown(wait=True)
