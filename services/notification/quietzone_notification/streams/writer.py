"""Writing to streams: topics that aren't there are made by whoever writes."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from quietzone_kit.bus import BusError, Message, Position, Topic, TopicMismatch, UnknownTopic
from quietzone_kit.errors import Unavailable
from quietzone_kit.telemetry import logger
from quietzone_notification.deadlines import bus_answers
from quietzone_notification.streams.domain import PARTITIONS, RETENTION_MS
from quietzone_notification.streams.metrics import MADE
from quietzone_notification.streams.repository import Streams

MAKE_S = 20.0
"""For a topic to be made and to have leaders: Kafka's own bounds together, and only the first record of a stream waits for it."""
MOST_KNOWN = 10_000
"""Topics that are remembered to be there, at some 200 bytes; then all are looked at again."""

log = logger(__name__)


class Log(Protocol):
    """What of the bus (`quietzone_kit.bus.Bus`) is used."""

    async def ensure(self, topics: Sequence[Topic]) -> None:
        """Create the topics that aren't there."""

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        """Append messages, durably."""


class StreamWriter:
    """Writes to streams of all accounts."""

    def __init__(self, bus: Log, streams: Streams) -> None:
        self._bus = bus
        self._streams = streams
        self._known: set[str] = set()
        self._making: dict[str, asyncio.Lock] = {}

    async def prepare(self, account_id: str, name: str) -> None:
        """Have a topic there.

        Raises:
            NoRoom: the account has as many as it may.
            Unavailable: store or bus don't answer, or don't allow it.
        """
        if name in self._known:
            return
        try:
            async with self._making.setdefault(name, asyncio.Lock()):
                if name not in self._known:
                    await self._make(account_id, name)
        finally:
            self._making.pop(name, None)

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        """Append messages to topics that were prepared; when this returns they are durable.

        Raises:
            Unavailable: the bus doesn't answer, or somebody has just removed a topic; some of them may be there.
        """
        try:
            async with bus_answers():
                return await self._bus.publish(messages)
        except UnknownTopic as error:
            self._known -= {message.topic for message in messages}
            raise Unavailable(f"a topic is gone, and is made anew: {error}") from error
        except BusError as error:
            raise _refused(error) from error

    async def _make(self, account_id: str, name: str) -> None:
        is_new = await self._streams.reserve(account_id, name)
        try:
            async with asyncio.timeout(MAKE_S):
                await self._bus.ensure([Topic(name, PARTITIONS, RETENTION_MS)])
        except TopicMismatch:
            log.info("an account's topic has partitions of somebody else's choice", topic=name)
        except (BusError, TimeoutError) as error:
            raise _refused(error) from error
        if is_new:
            MADE.inc()
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known.add(name)


def _refused(error: Exception) -> Unavailable:
    """What waits goes on when an operator has mended it: nothing is lost by a right that is missing."""
    return Unavailable(f"the event bus doesn't take it: {error or 'no answer in time'}")
