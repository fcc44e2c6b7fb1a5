"""A member's part in its group, by Kafka's classic group protocol.

A task of its own joins, says that the member lives, and joins again when the group changes. Nothing is taken from the consumer's owner
behind its back: a partition that must go is claimed until the owner was told and has polled again (shares.py), and the task takes no
lock that `poll` holds. A member that isn't polled for MAX_POLL_S leaves the group: its owner hangs, others go on.
"""

import asyncio
import contextlib
from collections.abc import Mapping

from quietzone_kit.bus import BusError, BusUnavailable
from quietzone_kit.bus._kafka import codes, metrics, shares, wire
from quietzone_kit.bus._kafka.cluster import PATIENCE_S, RETRY_S, Cluster, Moved
from quietzone_kit.bus._kafka.shares import Claim

SESSION_S = 10.0
"""How long a dead member keeps its partitions; no event loop of ours stands still for that long. Brokers allow 6 s or more."""

HEARTBEAT_S = 1.0
"""How soon a member learns that the group has changed; costs a small request a second."""

REBALANCE_S = 15.0
"""How long the group waits for a member to join again: it does so with its next heartbeat, whatever its owner does."""

MAX_POLL_S = 120.0
"""How long an owner may be at work between two polls: a store that hangs is given up after 30 s, and tried more than once."""

LEAVE_WITHIN_S = 1.0
"""At the end, a word to the group saves others a session's wait; more it isn't worth."""

NO_GENERATION = -1


class _NotAMember(Exception):
    """The group goes on without us."""


class Membership:
    """Joins `group` from `start` on.

    `held` says since which generation each partition is held, `settled` that the group agrees with it. `changed` is done when either
    is another; take it before you look.
    """

    def __init__(self, cluster: Cluster, topic: str, group: str, partitions: int, *, lane: str) -> None:
        self._cluster = cluster
        self._topic = topic
        self._group = group
        self._partitions = partitions
        self._lane = lane
        self._member = ""
        self._generation = NO_GENERATION
        self._coordinator: int | None = None
        self._leaving: frozenset[int] = frozenset()
        self._task: asyncio.Task[None] | None = None
        self._rejoin = asyncio.Event()
        self._awake = asyncio.Event()
        self._polling = False
        self._polled_at = 0.0
        self._alive_at = 0.0
        self.held: dict[int, int] = {}
        self.settled = False
        self.error: BusError | None = None
        self.changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin_poll(self, told: Mapping[int, int]) -> None:
        """The owner polls, and works on no other partitions than it was `told` of."""
        if self._task is None:
            self._alive_at = self._cluster.clock.monotonic()
            self._task = asyncio.create_task(self._run(), name=f"member of {self._group}")  # noqa: TID251 - `leave` ends and awaits it
        self._polling = True
        self._awake.set()
        if let_go := self._leaving - told.keys():
            self._leaving -= let_go
            self._rejoin.set()

    def end_poll(self) -> None:
        """The owner goes to work."""
        self._polling = False
        self._polled_at = self._cluster.clock.monotonic()

    async def leave(self) -> None:
        """Leave the group; when its coordinator can't be reached, the session ends by itself."""
        await self.stop()
        with contextlib.suppress(BusError, TimeoutError):
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await self._leave()

    async def stop(self) -> None:
        """Do nothing more, without a word to the group."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._cluster.hang_up(self._lane)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Keep where the group goes on in those partitions that are this member's; raises BusUnavailable."""
        await self._cluster.patiently(lambda: self._commit(offsets))

    async def committed(self, partition: int) -> int | None:
        """Where the group goes on, None when nobody has committed yet."""
        return await self._cluster.patiently(lambda: self._committed(partition))

    async def _run(self) -> None:
        while True:
            try:
                await self._attend()
            except _NotAMember:
                metrics.ERRORS.labels("membership").inc()
                self._lose()
            except BusError as error:
                self._note(error)
                await asyncio.sleep(RETRY_S)

    async def _attend(self) -> None:
        """One generation: join it, and live in it until another begins."""
        if self._overslept():
            with contextlib.suppress(BusUnavailable):
                await self._leave()
            self._lose()
            await self._awake.wait()
        await self._join()
        while not self._overslept():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._rejoin.wait()
                    return
            if await self._beat():
                return

    async def _join(self) -> None:
        self._rejoin.clear()
        claim = Claim(frozenset(self.held) | self._leaving, self._generation)
        request = wire.ask_join(
            self._group, self._member, self._topic, claim, session_ms=int(SESSION_S * 1000), rebalance_ms=int(REBALANCE_S * 1000)
        )
        answer = await self._ask(request, within_s=REBALANCE_S + SESSION_S)  # the group waits for members whose session isn't over
        joined = wire.read_join(answer, self._topic)
        if joined.code == codes.MEMBER_ID_REQUIRED:
            self._member = joined.member
            self._rejoin.set()
            return
        self._check(joined.code)
        self._member = joined.member
        given = shares.assign(joined.claims, self._partitions) if joined.leads else {}
        answer = await self._ask(wire.ask_sync(self._group, joined.generation, self._member, self._topic, given), within_s=REBALANCE_S)
        code, share = wire.read_sync(answer, self._topic)
        if code == codes.REBALANCE_IN_PROGRESS:
            self._rejoin.set()
            return
        self._check(code)
        self._settle(joined.generation, claim, share)

    def _settle(self, generation: int, claim: Claim, share: frozenset[int]) -> None:
        """What is kept was never another's: whoever claims a partition in each generation holds it throughout."""
        metrics.REBALANCES.labels(self._group).inc()
        self._generation = generation
        self._alive_at = self._cluster.clock.monotonic()
        held = {partition: self.held.get(partition, generation) for partition in sorted(share)}
        let_go = claim.partitions - self.held.keys() - self._leaving  # by a poll, while we joined
        self._leaving = claim.partitions - share - let_go
        if let_go:
            self._rejoin.set()
        self.error = None
        self._tell(held, settled=True)

    async def _beat(self) -> bool:
        """Say that we live; whether it is time to join again."""
        code = wire.read_code(await self._ask(wire.ask_heartbeat(self._group, self._generation, self._member)))
        if code == codes.REBALANCE_IN_PROGRESS:
            return True
        self._check(code)
        self._alive_at = self._cluster.clock.monotonic()
        self.error = None
        return False

    async def _commit(self, offsets: Mapping[int, int]) -> None:
        mine = {partition: offset for partition, offset in offsets.items() if partition in self.held or partition in self._leaving}
        if not mine:
            return  # expected when a commit comes late: the new owner does those records again
        request = wire.ask_commit(self._group, self._generation, self._member, self._topic, mine)
        for code in wire.read_commit(await self._ask(request)).values():
            if code in codes.REJOINING:
                raise Moved(f"{self._cluster.shown}: group {self._group} is rebalancing")
            if code:
                raise self._cluster.refused(f"a commit of group {self._group}", code)

    async def _committed(self, partition: int) -> int | None:
        code, offset = wire.read_committed(await self._ask(wire.ask_committed(self._group, self._topic, partition)))
        if code:
            raise self._cluster.refused(f"what group {self._group} committed", code)
        return None if offset < 0 else offset

    async def _leave(self) -> None:
        if self._member:
            member, self._member = self._member, ""
            await self._ask(wire.ask_leave(self._group, member))

    async def _ask(self, request: wire.Request, *, within_s: float = SESSION_S) -> object:
        if self._coordinator is None:
            code, node, place = wire.read_coordinator(await self._cluster.ask(wire.ask_coordinator(self._group)))
            self._check(code)
            self._cluster.learn(node, place)
            self._coordinator = node
        try:
            return await self._cluster.ask(request, node=self._coordinator, lane=self._lane, within_s=within_s)
        except BusUnavailable:
            self._coordinator = None
            raise

    def _check(self, code: int) -> None:
        if code in codes.COORDINATOR_MOVES:
            self._coordinator = None
        if code == codes.UNKNOWN_MEMBER_ID:
            self._member = ""
        if code in codes.NOT_A_MEMBER:
            raise _NotAMember
        if code:
            raise self._cluster.refused(f"group {self._group}", code)

    def _overslept(self) -> bool:
        asleep = not self._polling and self._cluster.clock.monotonic() - self._polled_at > MAX_POLL_S
        if asleep:
            self._awake.clear()
        return asleep

    def _note(self, error: BusError) -> None:
        """A coordinator that moves (or is made, for the first group of all) is no trouble for a while.

        Without a word from the group for a session, it has given our partitions away.
        """
        silent_s = self._cluster.clock.monotonic() - self._alive_at
        if silent_s > PATIENCE_S or not isinstance(error, Moved):
            self.error = error
        if silent_s > SESSION_S:
            self._lose()

    def _lose(self) -> None:
        self._generation = NO_GENERATION
        self._leaving = frozenset()
        self._tell({}, settled=False)

    def _tell(self, held: dict[int, int], *, settled: bool) -> None:
        if (held, settled) != (self.held, self.settled):
            self.held, self.settled = held, settled
            changed, self.changed = self.changed, asyncio.get_running_loop().create_future()
            changed.set_result(None)
