"""Deadlines: each call has one, and what it calls gets what is left of it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DEFAULT_DEADLINE_S = 5.0
"""For a call that nobody gave a deadline; a person waits no longer."""

_until: ContextVar[float | None] = ContextVar("quietzone_rpc_until", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Calls in the block end within `seconds`, or earlier when an outer deadline is nearer."""
    until = asyncio.get_running_loop().time() + seconds
    outer = _until.get()
    token = _until.set(until if outer is None else min(until, outer))
    try:
        yield
    finally:
        _until.reset(token)


def remaining() -> float | None:
    """Seconds until the deadline in force, 0 when it has passed; None when there is none."""
    until = _until.get()
    return None if until is None else max(0.0, until - asyncio.get_running_loop().time())
