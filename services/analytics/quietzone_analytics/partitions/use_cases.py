"""Owning partitions: whoever wrote itself in last may write, and everybody else finds out at the next write."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Generic

from quietzone_analytics.deadlines import bus_answers
from quietzone_analytics.partitions.domain import CHOICE, Log, LogMismatch, in_words
from quietzone_analytics.partitions.repository import S, States, Versioned
from quietzone_kit.bus import Bounds, Bus, UnknownTopic
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.projection import ForeignLog, OwnershipLost
from quietzone_kit.runtime import Clock

ROUNDS = 10  # rivals for one state are two or three processes at a hand-over; ten lost rounds mean that something else writes it


class Ownership(Generic[S]):
    """The partitions of one topic that this process owns, with their states as they are stored."""

    def __init__(self, states: States[S], topic: str, owner: str) -> None:
        """`owner` is unique to this process."""
        self._states = states
        self._topic = topic
        self._owner = owner
        self._held: dict[int, Versioned[S]] = {}

    async def claim(self, partition: int, bounds: Bounds) -> S:
        """Become the partition's owner.

        Raises:
            ForeignLog: says why reading can't go on.
        """
        log = _log(self._topic, bounds)
        for _ in range(ROUNDS):
            stored = await self._states.get(partition)
            state = stored.state if stored is not None else self._states.first(partition, log)
            try:
                state = replace(self._states.resume(state, log), owner=self._owner)
            except LogMismatch as error:
                raise ForeignLog(str(error)) from error
            mine = await self._states.write(state, over=stored)
            if mine is not None:
                self._held[partition] = mine
                return mine.state
        raise DocumentsUnavailable(f"the state of partition {partition} of {self._topic} is written by others again and again")

    async def state(self, partition: int) -> S:
        """The state of a partition that this process owns.

        Raises:
            OwnershipLost: it doesn't.
        """
        held = self._held.get(partition)
        if held is None:
            held = self._held[partition] = await self._stored(partition)
        return held.state

    async def save(self, state: S) -> None:
        """Store the state that follows the held one.

        Raises:
            OwnershipLost: somebody else has written it since.
            DocumentsUnavailable: it may be stored or not; `state` reads it anew.
        """
        held = self._held.pop(state.partition)
        written = await self._states.write(state, over=held)
        if written is None:
            raise OwnershipLost(f"the state of partition {state.partition} of {self._topic} has moved on")
        self._held[state.partition] = written

    async def confirm(self, partition: int) -> None:
        """Read the stored state again; raises OwnershipLost if somebody else has written it."""
        held = self._held.get(partition)
        stored = await self._stored(partition)
        if held is None or stored.version != held.version:
            raise OwnershipLost(f"partition {partition} of {self._topic} has another owner")

    def drop(self, partition: int) -> None:
        """Forget a partition."""
        self._held.pop(partition, None)

    async def _stored(self, partition: int) -> Versioned[S]:
        stored = await self._states.get(partition)
        if stored is None or stored.state.owner != self._owner:
            raise OwnershipLost(f"partition {partition} of {self._topic} has another owner")
        return stored


async def logs_of(bus: Bus, topic: str, partitions: Collection[int]) -> dict[int, Log]:
    """What there is to read of these partitions, none if the topic isn't on the bus; raises BusUnavailable."""
    found = {}
    for partition in partitions:
        try:
            async with bus_answers():
                found[partition] = _log(topic, await bus.bounds(topic, partition))
        except UnknownTopic:
            return {}
    return found


def misfits(states: States[S], stored: Sequence[Versioned[S]], topic: str, logs: Mapping[int, Log]) -> list[str]:
    """What keeps a topic from being read on, a sentence for each thing; `logs` are as `logs_of` found them after the states were read."""
    if stored and not logs:
        return [f"{topic}: it isn't on the bus any more. {CHOICE}"]
    found = []
    for one in stored:
        try:
            states.resume(one.state, logs[one.state.partition])
        except LogMismatch as error:
            found.append(error)
    return in_words(found)


async def adopt(states: States[S], bus: Bus, topic: str, clock: Clock) -> list[str]:
    """Go on counting from the log that is there now, wherever it isn't the one that was counted; a sentence for each such partition.

    What the lost log held uncounted is lost; sources that were running may go on with a gap. No projection runs on such a partition: one
    that does after all is put out. If the last one was killed in the middle of a batch and the new log has the same scans again, they
    count twice, and `reconcile` says so.
    """
    said = []
    async with bus_answers():
        partitions = await bus.partitions(topic)
    for partition in range(partitions):
        async with bus_answers():
            log = _log(topic, await bus.bounds(topic, partition))
        said.extend(await _adopt(states, partition, log, clock.now_ms()))
    return said


async def _adopt(states: States[S], partition: int, log: Log, now_ms: int) -> list[str]:
    for _ in range(ROUNDS):
        stored = await states.get(partition)
        state = stored.state if stored is not None else states.first(partition, log)
        try:
            states.resume(state, log)
        except LogMismatch:
            adopted = replace(
                state, log_id=log.log_id, epoch=state.epoch + 1, owner="", next_offset=log.first, adopted_at_ms=max(now_ms, 1)
            )
        else:
            return []
        if await states.write(adopted, over=stored) is not None:
            return [
                f"{log.topic}, partition {partition}: counting goes on from log {log.log_id}, offset {log.first} (epoch {adopted.epoch})"
            ]
    raise DocumentsUnavailable(f"the state of partition {partition} of {log.topic} is written by others; stop analytics first")


def _log(topic: str, bounds: Bounds) -> Log:
    return Log(topic, bounds.log_id, bounds.first, bounds.next)
