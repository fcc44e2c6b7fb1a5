"""Consumers of the SQLite log: followers, and members of groups."""

import asyncio
import contextlib
import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from quietzone_kit.bus import BusError, BusUnavailable, Polled, Record
from quietzone_kit.bus._sqlite import groups, log
from quietzone_kit.bus._sqlite.lane import Lane
from quietzone_kit.bus._sqlite.log import TopicRow
from quietzone_kit.bus._sqlite.pulse import Pulse
from quietzone_kit.runtime import Clock


@dataclass(frozen=True, slots=True)
class Lanes:
    """What the consumers of one bus share: its two lanes, its pulse, the clock of its process, and when within a second leases are renewed:
    all at once, so that one transaction does it.
    """

    reading: Lane
    writing: Lane
    pulse: Pulse
    clock: Clock
    renewal_phase_s: float

    def next_renewal(self) -> float:
        """When a lease that is renewed now is to be renewed again."""
        periods = math.floor((self.clock.monotonic() - self.renewal_phase_s) / groups.RENEWAL_S) + 1
        return periods * groups.RENEWAL_S + self.renewal_phase_s


class Membership:
    """A member's part in its group. `held` says since which generation it holds each of its partitions."""

    def __init__(self, lanes: Lanes, topic: TopicRow, group: int, member: str) -> None:
        self._lanes = lanes
        self._topic = topic
        self._member = member
        self._generation = -1
        self._leaving: frozenset[int] = frozenset()
        self._renew_at = lanes.clock.monotonic()
        self.group = group
        self.held: dict[int, int] = {}

    def renews_in(self) -> float:
        """Seconds until the lease must be renewed."""
        return self._renew_at - self._lanes.clock.monotonic()

    async def renew(self, generation: int, told: Mapping[int, int]) -> bool:
        """Renew the lease if that is due, or the group is of another `generation`; whether it was done.

        What the consumer's owner was `told` to be without is let go of.
        """
        let_go = frozenset(partition for partition in self._leaving if partition not in told)
        if generation == self._generation and not let_go and self.renews_in() > 0:
            return False
        now_ms = self._lanes.clock.now_ms()
        renew_at = self._lanes.next_renewal()
        standing = await self._lanes.writing.run(
            partial(groups.renew, group=self.group, member=self._member, partitions=self._topic.partitions, let_go=let_go, now_ms=now_ms)
        )
        if standing.generation != generation:
            self._lanes.pulse.notify()  # other members may be of this process
        self._generation, self.held, self._leaving, self._renew_at = standing.generation, standing.held, standing.leaving, renew_at
        return True

    async def committed(self, partition: int) -> int | None:
        """Where the group goes on."""
        return await self._lanes.reading.run(partial(groups.committed, group=self.group, partition=partition))

    async def commit(self, offsets: Mapping[int, int], since: Mapping[int, int]) -> None:
        """Keep where the group goes on; `since` says since which generation the member thinks that it holds each partition."""
        await self._lanes.writing.run(partial(groups.commit, group=self.group, member=self._member, offsets=offsets, since=since))

    async def leave(self) -> None:
        """Leave the group; when the bus can't be reached, the lease ends by itself."""
        with contextlib.suppress(BusUnavailable):
            await self._lanes.writing.run(partial(groups.leave, group=self.group, member=self._member))
        self._lanes.pulse.notify()


@dataclass(frozen=True, slots=True)
class _Look:
    """What one read brought; `generation` is the group's, 0 for a follower."""

    generation: int
    records: dict[int, Sequence[Record]]


class SqliteConsumer:
    """A reader of one topic; without `membership` it reads all partitions. `forget` is called when it is closed."""

    def __init__(self, lanes: Lanes, topic: TopicRow, membership: Membership | None, forget: Callable[["SqliteConsumer"], None]) -> None:
        self._lanes = lanes
        self._topic = topic
        self._membership = membership
        self._forget = forget
        self._everything = dict.fromkeys(range(topic.partitions), 0)
        self._told: dict[int, int] = {}
        self._revoked: dict[int, int] = {}
        self._offsets: dict[int, int] = {}
        self._polls = 0
        self._generation = 0
        self._nothing_at: tuple[int, dict[int, int]] | None = None
        self._closed = False

    async def poll(self, *, max_records: int, wait_s: float) -> Polled:
        """What is there now, or comes within `wait_s`."""
        if self._closed:
            raise BusError("the consumer is closed")
        deadline = self._lanes.clock.monotonic() + wait_s
        while True:
            beat = self._lanes.pulse.beat
            look = await self._look(beat, max_records, at_once=wait_s <= 0)
            if self._membership is not None:
                await self._membership.renew(look.generation, self._told)
            held = self._held()
            left = deadline - self._lanes.clock.monotonic()
            if look.records or held != self._told or left <= 0:
                return self._tell(held, look.records)
            await self._wait(beat, left)

    def seek(self, partition: int, offset: int) -> None:
        """Read `partition` from `offset` on."""
        if partition not in self._told:
            raise ValueError(f"partition {partition} of {self._topic.name} isn't assigned to this consumer")
        self._offsets[partition] = offset

    def pause(self, partition: int) -> None:
        """Give no records of `partition` until the next `seek`."""
        self._offsets.pop(partition, None)

    async def committed(self, partition: int) -> int | None:
        """Where the group goes on in a partition."""
        return await self._in_group().committed(partition)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Keep where the group goes on in partitions that are still this member's."""
        await self._in_group().commit(dict(offsets), self._revoked | self._told)

    async def close(self) -> None:
        """Leave the group."""
        if self._closed:
            return
        self._closed = True
        self._forget(self)
        if self._membership is not None:
            await self._membership.leave()

    def _in_group(self) -> Membership:
        if self._membership is None:
            raise ValueError(f"a follower of {self._topic.name} belongs to no group, and commits nothing: join one")
        return self._membership

    def _held(self) -> dict[int, int]:
        return self._everything if self._membership is None else self._membership.held

    def _wanted(self) -> dict[int, int]:
        """Offsets to read from; another partition is first each time, so that a full one can't keep the others waiting."""
        offsets = sorted(self._offsets.items())
        start = self._polls % len(offsets) if offsets else 0
        return dict(offsets[start:] + offsets[:start])

    async def _look(self, beat: int, max_records: int, *, at_once: bool) -> _Look:
        """What there is; who can wait isn't told from the file that there is nothing, if there was nothing at this beat."""
        wanted = self._wanted()
        if self._nothing_at == (beat, wanted) and not at_once:
            return _Look(self._generation, {})
        look = await self._lanes.reading.run(partial(self._read, offsets=wanted, max_records=max_records))
        self._generation, self._nothing_at = look.generation, None if look.records else (beat, wanted)
        return look

    def _read(self, connection: sqlite3.Connection, offsets: Mapping[int, int], max_records: int) -> _Look:
        generation = 0 if self._membership is None else groups.generation(connection, self._membership.group)
        return _Look(generation, log.read(connection, self._topic, offsets, max_records))

    def _tell(self, held: dict[int, int], found: Mapping[int, Sequence[Record]]) -> Polled:
        """No await here: what is told, and where reading goes on, change together."""
        revoked = frozenset(partition for partition, since in self._told.items() if held.get(partition) != since)
        assigned = frozenset(partition for partition, since in held.items() if self._told.get(partition) != since)
        for partition in revoked:
            self._offsets.pop(partition, None)
        records = {partition: run for partition, run in sorted(found.items()) if partition in self._offsets}
        for partition, run in records.items():
            self._offsets[partition] = run[-1].offset + 1
        self._revoked = {partition: self._told[partition] for partition in revoked}
        self._told = dict(held)
        self._polls += 1
        return Polled(assigned=assigned, revoked=revoked, records=records)

    async def _wait(self, beat: int, left: float) -> None:
        if self._membership is not None:
            left = min(left, max(self._membership.renews_in(), 0))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._lanes.pulse.after(beat)
