"""Dead letters: what a rule's target couldn't be sent is copied to the topic that it names for that.

That a delivery was given up is stored with a mark, in one write. The mark goes when the letter is on the bus, so that a crash in between
writes it again: with the same id, which follows from the delivery and its end.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn

import msgspec

from quietzone_kit.bus import Message
from quietzone_kit.errors import Unavailable
from quietzone_kit.ids import derived_id
from quietzone_kit.telemetry import logger
from quietzone_notification.delivery.deliveries.repository import TROUBLE, Deliveries, Held
from quietzone_notification.delivery.domain import Delivery
from quietzone_notification.rules.repository import Rules
from quietzone_notification.rules.use_cases import dead_letter_topic
from quietzone_notification.streams.domain import NoRoom, end_of, key_of, letter_headers
from quietzone_notification.streams.metrics import LETTERS, LETTERS_WAITING, NO_ROOM
from quietzone_notification.streams.writer import StreamWriter

LOOK_EVERY_S = 5.0
"""For what another sender has left, or what the bus didn't take."""
PAGE = 50
"""Letters in memory at once: with the largest bodies 15 MB."""
MAX_PART_BYTES = 2_000_000
"""Of letters that are published together: within the bus's deadline also where that is slow."""

log = logger(__name__)


class Letters:
    """Writes dead letters of the shards that `mine` names: those of this process's sender, so that no two do the same.

    `given_up` is set when something was.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        rules: Rules,
        writer: StreamWriter,
        *,
        mine: Callable[[], frozenset[int]],
        given_up: asyncio.Event,
    ) -> None:
        self._deliveries = deliveries
        self._rules = rules
        self._writer = writer
        self._mine = mine
        self._given_up = given_up

    async def run(self) -> NoReturn:
        """Work until cancelled."""
        while True:
            self._given_up.clear()
            try:
                for shard in sorted(self._mine()):
                    await self.write(shard)
            except Unavailable as error:
                log.warning("dead letters wait: their store is away", error=str(error))
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._given_up.wait()
            except TimeoutError:
                continue

    async def write(self, shard: int) -> None:
        """Write what waits in a shard. What the bus doesn't take stays, and holds up no other topic. Raises Unavailable: the store's."""
        after: str | None = None
        while shard in self._mine():
            held, after = await self._deliveries.given_up(shard, limit=PAGE, after=after)
            by_topic: dict[tuple[str, str], list[Held]] = {}
            for each in held:
                topic = await self._topic(each.delivery)
                if topic is not None:
                    by_topic.setdefault((each.delivery.account_id, topic), []).append(each)
            for (account_id, topic), letters in by_topic.items():
                if await self._told(account_id, topic, letters):
                    await self._deliveries.put([(each, replace(each.delivery, letter_ms=None)) for each in letters])
            if after is None:
                return

    async def _topic(self, delivery: Delivery) -> str | None:
        """Where a letter goes; empty: nowhere; None: nobody can tell now."""
        if delivery.state not in TROUBLE:  # a release before this one has begun it anew, and left the mark
            return ""
        try:
            return await dead_letter_topic(self._rules, delivery.account_id, delivery.cause) or ""
        except msgspec.ValidationError as error:
            log.warning("dead letters wait: their rule can't be read by this release", cause=delivery.cause, error=str(error))
            return None

    async def _told(self, account_id: str, topic: str, letters: Sequence[Held]) -> bool:
        """Whether nothing is left to be done about these letters of one topic."""
        if not topic:
            return True
        try:
            await self._writer.prepare(account_id, topic)
            for part in _in_parts(letters):
                await self._writer.publish([letter_of(each.delivery, topic) for each in part])
                LETTERS.inc(len(part))
        except NoRoom as error:
            NO_ROOM.labels("letter").inc(len(letters))
            log.warning("dead letters have no topic", account_id=account_id, letters=len(letters), error=str(error))
        except Unavailable as error:
            LETTERS_WAITING.inc(len(letters))
            log.warning("dead letters wait: the bus is away", topic=topic, letters=len(letters), error=str(error))
            return False
        return True


def letter_of(delivery: Delivery, topic: str) -> Message:
    """The dead letter of a delivery: its body, under its key, with headers that say why."""
    letter_id = derived_id("dead letter", *end_of(delivery))
    return Message(topic, key_of(delivery), delivery.body, letter_headers(delivery, letter_id=letter_id))


def _in_parts(letters: Sequence[Held]) -> list[list[Held]]:
    parts: list[list[Held]] = [[]]
    size = 0
    for each in letters:
        if parts[-1] and size + len(each.delivery.body) > MAX_PART_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(each)
        size += len(each.delivery.body)
    return parts
