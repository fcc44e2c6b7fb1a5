"""Time and chance as parameters, so that tests need neither; nothing else here reads a clock or draws a random number."""

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


def _uuid() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where time and chance come from.

    `now_s` is Unix time, `monotonic_s` never goes back; `uniform` draws between two numbers, for jitter; `name` draws a text that nobody
    else has; `sleep` and `sleep_async` wait for seconds.
    """

    now_s: Callable[[], float] = time.time
    monotonic_s: Callable[[], float] = time.monotonic
    uniform: Callable[[float, float], float] = random.uniform
    name: Callable[[], str] = _uuid
    sleep: Callable[[float], None] = time.sleep
    sleep_async: Callable[[float], Awaitable[None]] = asyncio.sleep
