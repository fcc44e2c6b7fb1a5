"""Dead letters of all parts' reactions: they lie on the bus, so that operators reach them by the API whichever part gave them up."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from quietzone_gateway.identity.audit.events import Act, audited
from quietzone_gateway.identity.domain import Actor
from quietzone_kit.bus import Bus, BusUnavailable
from quietzone_kit.errors import NotFound, Unavailable
from quietzone_kit.ids import uuid7
from quietzone_kit.reaction import DeadLetters, LetterPage, Summary, Which
from quietzone_kit.runtime import Clock, Randomness
from quietzone_topics import REACTIONS

RECORDED_WITHIN_S = 10.0
AT_ONCE = 4
"""Topics of dead letters that a list reads beside each other: each has a connection of its own on Kafka."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """A consumer that has dead letters: the topic that it reads, and its group."""

    topic: str
    group: str


class DeadLetterDesk:
    """What operators do with them. Every call can raise Unavailable: the bus doesn't answer; do it again."""

    def __init__(self, bus: Bus, clock: Clock, randomness: Randomness) -> None:
        self._bus = bus
        self._clock = clock
        self._randomness = randomness

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

    async def redrive(self, reaction: Reaction, which: Which, actor: Actor) -> int:
        """Send letters back to their reaction; how many. Raises NotFound: there is no such reaction."""
        letters = self._letters(reaction)
        with _bus_answers():
            await self._record("dead-letters.redriven", reaction, which, actor)
            return await letters.redrive(which)

    async def drop(self, reaction: Reaction, which: Which, actor: Actor) -> int:
        """Have letters wait no more; how many. Raises NotFound: there is no such reaction."""
        letters = self._letters(reaction)
        with _bus_answers():
            await self._record("dead-letters.dropped", reaction, which, actor)
            return await letters.drop(which)

    async def _record(self, action: str, reaction: Reaction, which: Which, actor: Actor) -> None:
        """Tell the audit log which letters are meant, before anything is done with them: what breaks off after that was asked for."""
        meant = {"error": which.error, "key": which.key, "ids": None if which.ids is None else sorted(which.ids)}
        act = Act(
            action=action,
            target=f"reaction:{reaction.topic}/{reaction.group}",
            account_id=actor.account_id,
            document=f"dead-letters/{uuid7(self._clock, self._randomness)}",
            revision=1,
            at_ms=self._clock.now_ms(),
            after={name: value for name, value in meant.items() if value is not None} or {"all": True},
        )
        told = audited(actor, act)
        async with asyncio.timeout(RECORDED_WITHIN_S):
            await self._bus.publish([told.event.to_message(told.topic)])

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
