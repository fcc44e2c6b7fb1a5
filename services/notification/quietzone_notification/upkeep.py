"""What is done now and then beside everything else: what stays of deleted rules goes, and what nobody has confirmed in time."""

import asyncio
from typing import NoReturn

from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger
from quietzone_notification.rules.repository import Rules
from quietzone_notification.topics.repository import Topics

EVERY_S = 600.0

GONE_FOR_MS = 7 * 86_400_000
"""How long a deleted rule is remembered: longer than any process needs to load rules, or may miss the event that says that it is gone; and
longer than what it asked for is tried, whose ends are in its numbers."""

log = logger(__name__)


async def forget_once(rules: Rules, topics: Topics, clock: Clock) -> int:
    """Remove what is due; how many documents that were. Raises Unavailable."""
    forgotten = 0
    while page := await rules.forget_gone(clock.now_ms() - GONE_FOR_MS):
        forgotten += page
    while page := await topics.forget_expired(clock.now_ms()):
        forgotten += page
    return forgotten


async def keep_up(rules: Rules, topics: Topics, clock: Clock, randomness: Randomness) -> NoReturn:
    """Remove it every ten minutes, until cancelled; several processes do no harm to each other."""
    while True:
        try:
            forgotten = await forget_once(rules, topics, clock)
            if forgotten:
                log.info("deleted rules and unconfirmed subscriptions are gone", documents=forgotten)
        except Unavailable as error:
            log.warning("nothing is cleaned up for now", error=str(error))
        await asyncio.sleep(EVERY_S / 2 + randomness.uniform(0, EVERY_S))
