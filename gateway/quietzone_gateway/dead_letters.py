"""Dead letters of all parts' reactions: they lie on the bus, so that operators reach them by the API whichever part gave them up."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from quietzone_kit.bus import Bus, BusUnavailable
from quietzone_kit.errors import NotFound, Unavailable
from quietzone_kit.reaction import DeadLetters, LetterPage, Summary, Which
from quietzone_kit.telemetry import logger
from quietzone_topics import REACTIONS

log = logger(__name__)

AT_ONCE = 4
"""Topics of dead letters that a list reads beside each other: each has a connection of its own on Kafka."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """A consumer that has dead letters: the topic that it reads, and its group."""

    topic: str
    group: str


class DeadLetterDesk:
    """What operators do with them. Every call can raise Unavailable: the bus doesn't answer; do it again."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def summaries(self) -> list[tuple[Reaction, Summary]]:
        """What waits, for each reaction that there is."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def summary(reaction: Reaction) -> tuple[Reaction, Summary]:
            async with turns:
                return reaction, await self._letters(reaction).summary()

        reactions = [Reaction(topic.name, group) for topic, group in REACTIONS]
        with _bus_answers():
            return list(await asyncio.gather(*map(summary, reactions)))

    async def page(self, reaction: Reaction, which: Which, *, limit: int, after: int | None) -> LetterPage:
        """Letters that wait; `after` is the cursor of the page before. Raises NotFound: there is no such reaction."""
        with _bus_answers():
            return await self._letters(reaction).page(which, limit=limit, after=after)

    async def redrive(self, reaction: Reaction, which: Which, *, subject: str) -> int:
        """Send letters back to their reaction; how many. Raises NotFound: there is no such reaction."""
        with _bus_answers():
            count = await self._letters(reaction).redrive(which)
        log.info("dead letters were redriven", topic=reaction.topic, group=reaction.group, letters=count, subject=subject)
        return count

    async def drop(self, reaction: Reaction, which: Which, *, subject: str) -> int:
        """Have letters wait no more; how many. Raises NotFound: there is no such reaction."""
        with _bus_answers():
            count = await self._letters(reaction).drop(which)
        log.info("dead letters were dropped", topic=reaction.topic, group=reaction.group, letters=count, subject=subject)
        return count

    def _letters(self, reaction: Reaction) -> DeadLetters:
        if (reaction.topic, reaction.group) not in {(topic.name, group) for topic, group in REACTIONS}:
            raise NotFound(f"no reaction {reaction.group} reads {reaction.topic}; GET /v1/operator/dead-letters lists those that there are")
        return DeadLetters(self._bus, reaction.topic, reaction.group)


@contextmanager
def _bus_answers() -> Iterator[None]:
    try:
        yield
    except (BusUnavailable, TimeoutError) as error:
        raise Unavailable("the bus doesn't answer for now: what was settled stays so; do it again") from error
