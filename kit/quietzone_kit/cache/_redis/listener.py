"""Hearing what other processes say, and noticing when it can't be heard."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from redis.asyncio.client import PubSub

from quietzone_kit.cache._redis.connect import CONNECT_S, ERRORS, Place, cancellable, let_go, subscribed
from quietzone_kit.cache._server import Ear
from quietzone_kit.runtime import Randomness
from quietzone_kit.telemetry import logger

log = logger(__name__)

QUIET_S = 1.0
"""Without a message, before asking whether the server is still there: a half-open connection is noticed within twice that."""
MAX_PAUSE_S = 2.0
"""Between attempts to connect: less than memory is trusted, so that short absences aren't seen from outside."""


async def listen(place: Place, channel: str, ear: Ear, randomness: Randomness, warm: Callable[[], Awaitable[None]]) -> NoReturn:
    """Pass on what is said on `channel`, until cancelled; `warm` is called first whenever the server is there (again)."""
    pause_s = 0.05
    while True:
        heard = False
        client = place.connect(connections=2, answer_s=CONNECT_S)
        pubsub = None
        try:
            async with asyncio.timeout(2 * CONNECT_S):  # sentinels and nodes are asked before
                with cancellable():
                    pubsub = await subscribed(client, channel)
                    await warm()
            while True:
                with cancellable():
                    message = await _next(pubsub)
                if message["type"] == "subscribe":  # at the beginning, and whenever redis-py has connected again
                    heard, pause_s = True, 0.05
                    ear.heard()
                elif message["type"] == "message":
                    ear.hear(message["data"])
        except ERRORS as error:
            if heard or pause_s < MAX_PAUSE_S:  # a long absence is said a few times, not for ever
                log.warning(
                    "cache unheard", server=place.url.shown, error=f"{type(error).__name__}: {error}", then="memory is kept for seconds"
                )
        except Exception as error:
            log.warning("cache unheard", server=place.url.shown, exc_info=error)  # a cache never ends its process, whatever a server says
        finally:
            ear.cut()
            await let_go(client, pubsub)
        pause_s = min(2 * pause_s, MAX_PAUSE_S)
        await asyncio.sleep(randomness.uniform(pause_s / 2, pause_s))  # so that processes don't all come at once


async def _next(pubsub: PubSub) -> dict[str, Any]:
    """The next thing that the server says.

    Raises:
        TimeoutError: it says nothing, even when it is asked.
    """
    message = await pubsub.get_message(timeout=QUIET_S)
    if message is None:
        async with asyncio.timeout(QUIET_S):
            await pubsub.ping()
        message = await pubsub.get_message(timeout=QUIET_S)
    if message is None:
        raise TimeoutError("no answer to a ping")
    return dict(message)
