"""The sender itself: finds lanes, begins attempts in turns, stores outcomes."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from quietzone_kit.documents import Documents
from quietzone_kit.errors import Unavailable
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger
from quietzone_notification.delivery.deliveries.repository import Deliveries, Held, Waiting, waiting_of
from quietzone_notification.delivery.domain import Delivery, State
from quietzone_notification.delivery.metrics import ATTEMPTS, IN_FLIGHT, LATENESS, SECONDS, SHARES, UNSETTLED
from quietzone_notification.delivery.sender.lanes import Lane, Lanes
from quietzone_notification.delivery.sender.ports import Courier, Ended
from quietzone_notification.delivery.sender.recorder import Recorder
from quietzone_notification.delivery.sender.shares import RENEW_S, Shares
from quietzone_notification.delivery.sender.window import Window

log = logger(__name__)

FOLLOW_EVERY_S = 1.0
OVERLAP_MS = 1_500
"""What another process has taken may be stored some time after its `due_ms`, or by a clock that is behind."""
DISCOVER_EVERY_S = 60.0
"""All lanes are gone through: a backstop for what nobody has told of, 0.1 ms a lane."""
FOLLOWED = 500
LOOKS_AT_ONCE = 8
"""Lanes of which the store is asked at once: more would only wait in it, and each answer is 20 MB when its bodies are the largest."""
AWAY_MS = 5_000
"""For so long a lane rests after something of ours was away, or a look failed."""
LEAVE_WITHIN_S = 5.0
"""At the end, for attempts under way; what isn't back by then goes out again."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """`under_way` attempts of a process at once (a connection and a body each), `of_one` of one destination."""

    under_way: int = 512
    of_one: int = 8

    @property
    def of_kind(self) -> int:
        """Of one kind: when a mail server hangs, there is room for webhooks."""
        return max(1, self.under_way * 3 // 4)

    @property
    def of_account(self) -> int:
        """Of one kind of one account: when its receivers hang, there is room for those of others."""
        return max(1, self.of_kind * 3 // 4)


class Sender:
    """Sends the deliveries of a store. Several share them; `owner` is a name that no other has at the same time."""

    def __init__(
        self,
        documents: Documents,
        couriers: Mapping[str, Courier],
        *,
        clock: Clock,
        randomness: Randomness,
        owner: str,
        bounds: Bounds | None = None,
        ended: Callable[[Delivery], None] = lambda _: None,
    ) -> None:
        """`ended` is called when it is stored that a delivery has ended, whichever way."""
        self._couriers = couriers
        self._clock = clock
        self._randomness = randomness
        self._bounds = bounds or Bounds()
        self._ended = ended
        self.deliveries = Deliveries(documents, clock, self.tell)
        self._shares = Shares(documents, clock, owner=owner, run=uuid7(clock, randomness))
        self._lanes = Lanes(clock, at_once=self._bounds.of_one, of_account=self._bounds.of_account)
        self._to_look: asyncio.Queue[Lane] = asyncio.Queue()  # each lane once
        self._window = Window()
        self._recorder = Recorder(self.deliveries, randomness, others=lambda: self._window.awaits_answers)
        self._followed: dict[int, int] = {}
        self._to_discover: dict[int, None] = {}
        self._new_to_discover = asyncio.Event()
        self._under_way = 0
        self._of_kind = Counter[str]()
        self._is_leaving = False
        self._stirred = asyncio.Event()

    @property
    def shards(self) -> frozenset[int]:
        """Shards that are ours just now."""
        return self._shares.mine

    def tell(self, stored: Sequence[Held]) -> None:
        """Deliveries that are due: called after they were stored."""
        for held in stored:
            waiting = waiting_of(held.delivery)
            if waiting.shard in self._followed:
                self._lanes.told(waiting, held)
        self._stirred.set()

    async def run(self) -> None:
        """Send until cancelled; attempts that are under way then have a moment to end."""
        async with asyncio.TaskGroup() as group:
            recording = group.create_task(self._recorder.run())
            keeping = group.create_task(self._keep())
            following = group.create_task(self._follow())
            discovering = group.create_task(self._discover_what_is_new())
            looking = [group.create_task(self._look_at_lanes()) for _ in range(LOOKS_AT_ONCE)]
            try:
                await self._begin(group)
            except asyncio.CancelledError:
                await self._leave()
                for task in (recording, keeping, following, discovering, *looking):
                    task.cancel()
                raise

    async def _leave(self) -> None:
        self._is_leaving = True
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S):
                while self._under_way:
                    self._stirred.clear()
                    await self._stirred.wait()
            await self._shares.release()
        except (TimeoutError, Unavailable) as error:
            log.warning("a sender leaves with attempts under way, or keeps its shards", under_way=self._under_way, error=repr(error))

    async def _keep(self) -> None:
        """Keep our share of the shards. Nothing else is waited for here: a lease that isn't renewed in time is lost."""
        while True:
            try:
                self._share_changed(await self._shares.renew(busy=self._lanes.busy_shards()))
            except Unavailable as error:
                log.warning("deliveries wait: their store is away", error=str(error))
            await asyncio.sleep(RENEW_S)

    def _share_changed(self, new: frozenset[int]) -> None:
        """What we know of shards that weren't ours all the time is of no use any more."""
        mine = self._shares.mine
        SHARES.set(len(mine))
        for shard in [shard for shard in self._followed if shard in new or shard not in mine]:
            del self._followed[shard]
            for lane in self._lanes.of_shard(shard):
                self._lanes.forget(lane)
        for shard in sorted(mine - self._followed.keys()):
            self._followed[shard] = self._clock.now_ms()
            self._to_discover[shard] = None
            self._new_to_discover.set()

    async def _discover_what_is_new(self) -> NoReturn:
        """Learn what waits in shards that have become ours, and now and then in all."""
        while True:
            await self._new_to_discover.wait()
            self._new_to_discover.clear()
            while self._to_discover:
                shard = next(iter(self._to_discover))
                del self._to_discover[shard]
                try:
                    await self._discover(shard)
                except Unavailable as error:  # the next round finds what is left
                    log.warning("deliveries wait: their store is away", error=str(error))

    async def _discover(self, shard: int) -> None:
        """Go through the lanes of a shard, however deep each is, until it isn't ours any more."""
        after = ""
        while shard in self._followed:
            waiting = await self.deliveries.next_lane(shard, after)
            if waiting is None:
                return
            if shard in self._followed:
                self._lanes.heard(waiting)
                self._stirred.set()
            after = waiting.lane

    async def _follow(self) -> None:
        """Learn what other processes have taken since."""
        discover_at_s = self._clock.monotonic() + DISCOVER_EVERY_S
        while True:
            await asyncio.sleep(FOLLOW_EVERY_S)
            is_backstop = self._clock.monotonic() >= discover_at_s
            try:
                for shard in list(self._followed):
                    await self._follow_one(shard)
            except Unavailable as error:
                log.warning("deliveries wait: their store is away", error=str(error))
            if is_backstop and not self._to_discover:
                self._to_discover = dict.fromkeys(self._followed)
                self._new_to_discover.set()
                discover_at_s = self._clock.monotonic() + DISCOVER_EVERY_S

    async def _follow_one(self, shard: int) -> None:
        from_ms, until_ms = self._followed.get(shard), self._clock.now_ms() + 1
        if from_ms is None:  # another's since just now
            return
        after: str | None = None
        while True:
            waiting, after = await self.deliveries.due_from(shard, from_ms - OVERLAP_MS, until_ms, limit=FOLLOWED, after=after)
            for each in waiting:
                self._lanes.heard(each)
            if waiting:
                self._stirred.set()
            if after is None:
                break
        if shard in self._followed:
            self._followed[shard] = until_ms

    async def _begin(self, group: asyncio.TaskGroup) -> None:
        """Begin attempts as there is room for them."""
        while True:
            self._stirred.clear()
            for lane in self._lanes.rung():
                self._lanes.queue(lane)
                self._look(lane)
                self._lanes.tidy(lane)
            now_s = self._clock.monotonic()
            while self._under_way < self._bounds.under_way and self._window.has_room(now_s):
                turn = self._lanes.next(self._may, self._has_room)
                if turn is None:
                    break
                lane, held = turn
                self._under_way += 1
                self._of_kind[lane.kind] += 1
                self._window.ask(held.delivery.delivery_id, now_s)
                group.create_task(self._deliver(lane, held))
                self._look(lane)
            IN_FLIGHT.set(self._under_way)
            await self._wait()

    async def _wait(self) -> None:
        """Until something is stirred, an alarm rings, or the window opens by age."""
        alarm_ms = self._lanes.next_alarm_ms()
        ages_s = self._window.next_s() if self._under_way < self._bounds.under_way else None
        waits = [FOLLOW_EVERY_S]
        if alarm_ms is not None:
            waits.append((alarm_ms - self._clock.now_ms()) / 1_000)
        if ages_s is not None:
            waits.append(ages_s - self._clock.monotonic())
        timer = asyncio.get_running_loop().call_later(max(0.0, min(waits)), self._stirred.set)
        await self._stirred.wait()
        timer.cancel()

    def _may(self, lane: Lane) -> bool:
        """Whether a lane's shard is ours still."""
        return lane.shard in self._shares.mine

    def _has_room(self, kind: str) -> bool:
        return self._of_kind[kind] < self._bounds.of_kind

    def _look(self, lane: Lane) -> None:
        """Have the store asked for more of a lane, if it should be."""
        if not self._lanes.wants(lane):
            return
        if lane.shard not in self._followed:
            self._lanes.forget(lane)  # if it becomes ours again, we hear of the lane again
        else:
            self._lanes.begin_look(lane)
            self._to_look.put_nowait(lane)

    async def _look_at_lanes(self) -> NoReturn:
        while True:
            await self._fill(await self._to_look.get())

    async def _fill(self, lane: Lane) -> None:
        try:
            limit = self._lanes.page() + len(lane.known)
            found = await self.deliveries.of_lane(lane.shard, lane.name, limit=limit)
        except Unavailable:
            self._lanes.heard(Waiting(lane.shard, lane.name, lane.account_id, self._clock.now_ms() + AWAY_MS))
        else:
            if lane.shard in self._followed:
                self._lanes.looked(lane, found, limit=limit)
        finally:
            self._lanes.end_look(lane)
            self._stirred.set()

    async def _deliver(self, lane: Lane, held: Held) -> None:
        """One attempt, from its beginning to its outcome in the store."""
        delivery = held.delivery
        LATENESS.labels(delivery.kind).observe(max(0, self._clock.now_ms() - (delivery.due_ms or 0)) / 1_000)
        try:
            if delivery.is_too_old(self._clock.now_ms()):
                await self._expire(lane, held)
                return
            courier = self._couriers.get(delivery.kind)
            ended = Ended(None, f"nobody carries {delivery.kind} here") if courier is None else await courier.carry(delivery)
            self._window.answer(delivery.delivery_id)
            self._told(lane, ended)
            after = self._after(delivery, ended)
            if not await self._recorder.record(held, after):
                UNSETTLED.inc()
                self._lanes.heard(waiting_of(delivery))  # whoever has changed it may want it sent again
            elif after.due_ms is not None:
                self._lanes.heard(waiting_of(after))
            else:
                self._ended(after)
            if courier is not None:
                await courier.settled(delivery, ended)
        except Unavailable as error:
            lane.breaker.abandoned()
            log.warning("a delivery waits: something of ours is away", delivery_id=delivery.delivery_id, error=str(error))
            self._lanes.pause(lane, AWAY_MS)
            self._lanes.heard(Waiting(lane.shard, lane.name, lane.account_id, self._clock.now_ms() + AWAY_MS))
        finally:
            self._under_way -= 1
            self._of_kind[lane.kind] -= 1
            self._window.end(delivery.delivery_id)
            self._lanes.ended(lane, held)
            self._stirred.set()

    async def _expire(self, lane: Lane, held: Held) -> None:
        """End a delivery that has waited for too long: its receiver was slow or asked for a pause, or no sender was there."""
        lane.breaker.abandoned()
        ATTEMPTS.labels(held.delivery.kind, "expired").inc()
        reason = f"older than {held.delivery.max_age_ms:,} ms when its turn came"
        after = held.delivery.ended_as(State.DEAD, reason, self._clock.now_ms())
        if await self._recorder.record(held, after):
            self._ended(after)
        else:
            self._lanes.heard(waiting_of(held.delivery))

    def _told(self, lane: Lane, ended: Ended) -> None:
        """What an attempt says of its lane."""
        if ended.is_heard:
            lane.breaker.succeeded()
        else:
            lane.breaker.failed()
        if ended.pause_ms:
            self._lanes.pause(lane, ended.pause_ms)

    def _after(self, delivery: Delivery, ended: Ended) -> Delivery:
        attempt = ended.attempt
        if attempt is None:
            ATTEMPTS.labels(delivery.kind, "dropped").inc()
            return delivery.dropped(ended.reason, self._clock.now_ms())
        outcome = "delivered" if attempt.is_success else "unanswered" if attempt.status is None else "refused"
        ATTEMPTS.labels(delivery.kind, outcome).inc()
        SECONDS.labels(delivery.kind).observe(attempt.took_ms / 1_000)
        jitter = self._randomness.uniform(-1, 1)
        return delivery.attempted(attempt, retry_after_ms=ended.retry_after_ms, jitter=jitter, is_last=ended.is_last)
