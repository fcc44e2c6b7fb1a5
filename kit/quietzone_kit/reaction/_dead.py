"""What operators do with dead letters. It needs the bus alone, so that a command can do it beside the running consumer."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from quietzone_kit.bus import Bounds, Bus, BusUnavailable, Message, OffsetGone, Record, UnknownTopic
from quietzone_kit.reaction._letters import (
    Letter,
    dead_topic,
    letter_of,
    redrive_topic,
    settled_by,
    to_redriven,
    to_settlement,
    told_origin,
)

READ_WITHIN_S = 10.0
"""One poll of records that are there."""

BATCH = 100
BATCH_BYTES = 1_000_000
"""Letters that are published together."""


@dataclass(frozen=True, slots=True)
class Which:
    """Letters that are meant: of an error class, of a key, or with these ids; all that is given must fit."""

    error: str | None = None
    key: str | None = None
    ids: frozenset[str] | None = None

    def fits(self, letter: Letter) -> bool:
        """Whether this letter is meant."""
        return (
            (self.error is None or letter.death.error == self.error)
            and (self.key is None or letter.key == self.key)
            and (self.ids is None or letter.letter_id in self.ids)
        )


ALL = Which()


@dataclass(frozen=True, slots=True)
class Summary:
    """How many letters wait, by error class, and since when (Unix, milliseconds; None when none do)."""

    by_error: Mapping[str, int]
    oldest_ms: int | None

    @property
    def total(self) -> int:
        """All that wait."""
        return sum(self.by_error.values())


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Letters in the order in which they died; `cursor` brings the next page, None when there is none."""

    letters: tuple[Letter, ...]
    cursor: int | None


@dataclass(slots=True)
class _Batch:
    letters: list[Letter] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    bytes: int = 0

    def has_room_for(self, letter: Letter) -> bool:
        """One letter of a key: of a publication that fails in part, none must overtake another of its key."""
        return len(self.letters) < BATCH and self.bytes < BATCH_BYTES and letter.key not in self.keys

    def add(self, letter: Letter) -> None:
        self.letters.append(letter)
        self.keys.add(letter.key)
        self.bytes += len(letter.value)


class DeadLetters:
    """The dead letters of one consumer of one topic. Every call can raise BusUnavailable: do it again."""

    def __init__(self, bus: Bus, topic: str, consumer: str) -> None:
        self._bus = bus
        self._consumer = consumer
        self._dead = dead_topic(topic, consumer)
        self._redrive = redrive_topic(topic, consumer)

    async def summary(self) -> Summary:
        """What waits."""
        counts: Counter[str] = Counter()
        oldest_ms: int | None = None
        async with aclosing(self._waiting(ALL)) as waiting:
            async for _, letter in waiting:
                counts[letter.death.error] += 1
                oldest_ms = letter.death.time_ms if oldest_ms is None else min(oldest_ms, letter.death.time_ms)
        return Summary(dict(counts), oldest_ms)

    async def page(self, which: Which = ALL, *, limit: int = 20, after: int | None = None) -> LetterPage:
        """Some of what waits; `after` is a cursor."""
        letters: list[Letter] = []
        last = -1
        async with aclosing(self._waiting(which, after)) as waiting:
            async for offset, letter in waiting:
                if len(letters) == limit:
                    return LetterPage(tuple(letters), last)
                letters.append(letter)
                last = offset
        return LetterPage(tuple(letters), None)

    async def redrive(self, which: Which = ALL) -> int:
        """Send letters back to their consumer, in the order in which they died; how many."""
        await self._bus.ensure([self._redrive])
        return await self._settle(which, "redriven")

    async def drop(self, which: Which = ALL) -> int:
        """Have letters wait no more; how many. Their records stay in the topic until its retention removes them."""
        return await self._settle(which, "dropped")

    async def _settle(self, which: Which, how: str) -> int:
        count, batch = 0, _Batch()
        async with aclosing(self._waiting(which)) as waiting:
            async for _, letter in waiting:
                if not batch.has_room_for(letter):
                    await self._publish(batch, how)
                    batch = _Batch()
                batch.add(letter)
                count += 1
        await self._publish(batch, how)
        return count

    async def _publish(self, batch: _Batch, how: str) -> None:
        """First on their way, then settled: cut off in between they are sent twice, and have one effect."""
        if how == "redriven":
            await self._send([to_redriven(letter, self._redrive) for letter in batch.letters])
        await self._send([to_settlement(letter, how, self._dead) for letter in batch.letters])

    async def _send(self, messages: list[Message]) -> None:
        if messages:
            async with asyncio.timeout(READ_WITHIN_S):
                await self._bus.publish(messages)

    async def _waiting(self, which: Which, after: int | None = None) -> AsyncGenerator[tuple[int, Letter], None]:
        """Letters after an offset that nobody has settled, each once, with the offset of its record; read up to where the topic ends now.

        What settles a letter stands behind it, so that all is looked through before the first is known to wait.
        """
        try:
            held = await self._bus.bounds(self._dead.name, 0)
        except UnknownTopic:  # nothing has died yet
            return
        known: set[str] = set()
        begin = held.first if after is None else min(max(after + 1, held.first), held.next)
        async with aclosing(self._read(held)) as records:
            async for record in records:
                origin = told_origin(record) if record.offset < begin else None
                if (letter_id := settled_by(record) if origin is None else origin.letter_id) is not None:
                    known.add(letter_id)
        async with aclosing(self._read(replace(held, first=begin))) as records:
            async for record in records:
                letter = letter_of(record)
                if letter is not None and letter.letter_id not in known and which.fits(letter):
                    known.add(letter.letter_id)
                    yield record.offset, letter

    async def _read(self, held: Bounds) -> AsyncGenerator[Record, None]:
        if held.first == held.next:
            return
        consumer = await self._bus.follow(self._dead.name)
        try:
            await consumer.poll(max_records=1, wait_s=READ_WITHIN_S)
            consumer.seek(0, held.first)
            while True:
                polled = await consumer.poll(max_records=1_000, wait_s=READ_WITHIN_S)
                if not polled.records.get(0):
                    raise BusUnavailable(f"{self._dead.name} gives nothing of what it holds")
                for record in polled.records.get(0, ()):
                    if record.offset < held.next:
                        yield record
                    if record.offset >= held.next - 1:
                        return
        except OffsetGone as error:
            raise BusUnavailable(f"retention has just taken letters of {self._dead.name}") from error
        finally:
            await consumer.close()
