"""Lanes: what waits in memory for one destination, and whose turn it is. Accounts take turns, and within an account its lanes do."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush

from quietzone_kit.breaker import OPEN_S, Breaker
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock
from quietzone_notification.delivery.deliveries.repository import Held, Waiting

PAGE = 64
"""Deliveries of a lane in memory, at most, beside those under way: what eight at once take 0.1 s for, at the least."""
AGAIN_MS = 50
"""After which the store is asked again where its answer may have been of before an outcome was stored."""
LOW = 16
"""When a lane has fewer, the store is asked for more."""
ENDED_LATELY = 10_000
"""Deliveries that are remembered when they have ended, 1 MB: what a quick sender ends in the 5 s that a write to the store has."""
HELD_BYTES = 64_000_000
"""Of bodies that wait in memory. Beyond that a lane has one at a time: thousands of lanes of large ones would fill any process."""


@dataclass(slots=True, eq=False)
class Lane:
    """One destination. `look_ms` is when the store has something due, as far as we know (Unix; None: it has nothing).

    `known` are ids that wait in memory or are under way; `passed` those that ended while the store is being asked, whose answer may be of
    before that: else they would go out twice.
    """

    name: str
    shard: int
    account_id: str
    breaker: Breaker
    look_ms: int | None = None
    waiting: deque[Held] = field(default_factory=deque)
    known: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)
    under_way: int = 0
    paused_until_ms: int = 0
    is_looking: bool = False
    is_queued: bool = False

    @property
    def kind(self) -> str:
        """Of its deliveries: they leave by the same courier."""
        return self.name.partition(":")[0]

    @property
    def is_idle(self) -> bool:
        """Whether it can be forgotten."""
        return not self.waiting and not self.under_way and not self.is_looking and self.look_ms is None


class Turns:
    """Lanes that may begin something: accounts take turns, and within an account its lanes do."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Lane]] = {}
        self._accounts: deque[str] = deque()

    def add(self, lane: Lane) -> None:
        """Let a lane have a turn, behind the others of its account."""
        if lane.account_id not in self._lanes:
            self._lanes[lane.account_id] = deque()
            self._accounts.append(lane.account_id)
        self._lanes[lane.account_id].append(lane)

    def take(self, is_full: Callable[[str], bool]) -> Lane | None:
        """The lane whose turn it is; None when nobody waits for one but accounts that have as much as they may."""
        for _ in range(len(self._accounts)):
            account_id = self._accounts.popleft()
            if is_full(account_id):
                self._accounts.append(account_id)
                continue
            lanes = self._lanes[account_id]
            lane = lanes.popleft()
            if lanes:
                self._accounts.append(account_id)
            else:
                del self._lanes[account_id]
            return lane
        return None


class Lanes:
    """All lanes of this sender; `at_once` of one may be under way together, and `of_account` of a kind of all those of an account."""

    def __init__(self, clock: Clock, *, at_once: int, of_account: int) -> None:
        self._clock = clock
        self._at_once = at_once
        self._of_account = of_account
        self._under_way = Counter[tuple[str, str]]()  # by kind and account
        self._lanes: dict[str, Lane] = {}
        self._turns: dict[str, Turns] = {}  # by kind: there are four
        self._alarms: list[tuple[int, str]] = []
        self._held_bytes = 0
        self._ended: deque[str] = deque()
        self._ended_lately: set[str] = set()

    def of_shard(self, shard: int) -> list[Lane]:
        """The lanes of a shard."""
        return [lane for lane in self._lanes.values() if lane.shard == shard]

    def busy_shards(self) -> frozenset[int]:
        """Shards with attempts under way."""
        return frozenset(lane.shard for lane in self._lanes.values() if lane.under_way)

    def heard(self, waiting: Waiting) -> Lane:
        """Something waits in a lane."""
        lane = self._lane(waiting)
        self._look_at(lane, waiting.due_ms)
        return lane

    def told(self, waiting: Waiting, held: Held) -> None:
        """This was stored just now. It need not be read again, unless something that is due before it may be in the store still, or it has
        ended: whoever stored many, or had to ask twice, tells of it when a look has found it already.
        """
        lane = self._lane(waiting)
        is_due = waiting.due_ms <= self._clock.now_ms()
        is_next = not lane.is_looking and (lane.look_ms is None or lane.look_ms > waiting.due_ms)
        is_new = held.delivery.delivery_id not in lane.known and held.delivery.delivery_id not in self._ended_lately
        if is_due and is_next and is_new and len(lane.waiting) < self.page():
            self._hold(lane, [held])
            self.queue(lane)
        else:
            self._look_at(lane, waiting.due_ms)

    def looked(self, lane: Lane, found: list[Held], *, limit: int) -> None:
        """The store was asked for `limit` of a lane; these are there, due now or later, the first due first."""
        now_ms = self._clock.now_ms()
        due = [held for held in found if (held.delivery.due_ms or 0) <= now_ms]
        unknown = [held for held in due if held.delivery.delivery_id not in lane.known]
        new = [held for held in unknown if held.delivery.delivery_id not in lane.passed]
        self._hold(lane, new)
        nexts = [found[len(due)].delivery.due_ms or 0] if len(due) < len(found) else [now_ms] if len(found) == limit else []
        if len(new) < len(unknown):  # they have ended, or are due again
            nexts.append(now_ms + AGAIN_MS)
        for next_ms in nexts:
            self._look_at(lane, next_ms)

    def begin_look(self, lane: Lane) -> None:
        """The store is asked for a lane."""
        lane.is_looking = True
        lane.look_ms = None
        lane.passed.clear()

    def end_look(self, lane: Lane) -> None:
        """The store has answered, or hasn't."""
        lane.is_looking = False
        self._goes_on(lane)

    def page(self) -> int:
        """How many deliveries of a lane are to be in memory."""
        return PAGE if self._held_bytes < HELD_BYTES else 1

    def rung(self) -> list[Lane]:
        """Lanes whose time has come: queue those with something to do, and name those of which the store must be asked."""
        now_ms = self._clock.now_ms()
        lanes = []
        while self._alarms and self._alarms[0][0] <= now_ms:
            _, name = heappop(self._alarms)
            lane = self._lanes.get(name)
            if lane is not None:
                lanes.append(lane)
        return lanes

    def next_alarm_ms(self) -> int | None:
        """When the next lane's time comes."""
        return self._alarms[0][0] if self._alarms else None

    def wants(self, lane: Lane) -> bool:
        """Whether the store should be asked for more of a lane now."""
        is_due = lane.look_ms is not None and lane.look_ms <= self._clock.now_ms()
        return is_due and not lane.is_looking and len(lane.waiting) < min(LOW, self.page()) and lane.paused_until_ms <= self._clock.now_ms()

    def queue(self, lane: Lane) -> None:
        """Let a lane have a turn, if it has something to begin and may."""
        if lane.is_queued or not self._is_open(lane):
            return
        lane.is_queued = True
        self._turns.setdefault(lane.kind, Turns()).add(lane)

    def next(self, may: Callable[[Lane], bool], has_room: Callable[[str], bool]) -> tuple[Lane, Held] | None:
        """The next delivery, of the next lane of the account whose turn it is; lanes that `may` not are passed over. Kinds that have room
        take turns, the others wait, and so do accounts that have as much under way as they may.
        """
        for kind in list(self._turns):
            if not has_room(kind):
                continue
            turns = self._turns.pop(kind)
            self._turns[kind] = turns  # behind the others
            while (lane := turns.take(partial(self._is_full, kind))) is not None:
                lane.is_queued = False
                if not self._is_open(lane) or not may(lane) or not self._is_admitted(lane):
                    continue
                lane.under_way += 1
                self._under_way[kind, lane.account_id] += 1
                held = lane.waiting.popleft()
                self._held_bytes -= _bytes((held,))
                self.queue(lane)
                return lane, held
        return None

    def ended(self, lane: Lane, held: Held) -> None:
        """An attempt has ended and is stored, or given up."""
        lane.under_way -= 1
        self._under_way[lane.kind, lane.account_id] -= 1
        if not self._under_way[lane.kind, lane.account_id]:
            del self._under_way[lane.kind, lane.account_id]
        lane.known.discard(held.delivery.delivery_id)
        self._remember(held.delivery.delivery_id)
        if lane.is_looking:
            lane.passed.add(held.delivery.delivery_id)
        self._goes_on(lane)

    def pause(self, lane: Lane, for_ms: int) -> None:
        """Begin nothing in a lane for so long."""
        lane.paused_until_ms = max(lane.paused_until_ms, self._clock.now_ms() + for_ms)
        self._alarm(lane, lane.paused_until_ms)

    def forget(self, lane: Lane) -> None:
        """Forget what waits of a lane: its shard is another sender's. What is under way goes on."""
        lane.known -= {held.delivery.delivery_id for held in lane.waiting}
        self._held_bytes -= _bytes(lane.waiting)
        lane.waiting.clear()
        lane.look_ms = None
        self.tidy(lane)

    def tidy(self, lane: Lane) -> None:
        """Forget a lane that has nothing, unless we know of its receiver that it doesn't answer."""
        if lane.is_idle and not lane.is_queued and lane.paused_until_ms <= self._clock.now_ms():
            self._lanes.pop(lane.name, None)

    def _remember(self, delivery_id: str) -> None:
        self._ended.append(delivery_id)
        self._ended_lately.add(delivery_id)
        if len(self._ended) > ENDED_LATELY:
            self._ended_lately.discard(self._ended.popleft())

    def _lane(self, waiting: Waiting) -> Lane:
        lane = self._lanes.get(waiting.lane)
        if lane is None:
            lane = self._lanes[waiting.lane] = Lane(waiting.lane, waiting.shard, waiting.account_id, Breaker(waiting.lane, self._clock))
        return lane

    def _hold(self, lane: Lane, new: Sequence[Held]) -> None:
        """Have these wait in memory."""
        lane.waiting.extend(new)
        self._held_bytes += _bytes(new)
        lane.known.update(held.delivery.delivery_id for held in new)

    def _is_open(self, lane: Lane) -> bool:
        """Whether it has something to begin and may; a pause ends with an alarm."""
        return bool(lane.waiting) and lane.under_way < self._at_once and lane.paused_until_ms <= self._clock.now_ms()

    def _is_full(self, kind: str, account_id: str) -> bool:
        return self._under_way[kind, account_id] >= self._of_account

    def _is_admitted(self, lane: Lane) -> bool:
        try:
            lane.breaker.admit()
        except Unavailable:
            self.pause(lane, int(OPEN_S * 1_000))
            return False
        return True

    def _look_at(self, lane: Lane, at_ms: int) -> None:
        if lane.look_ms is None or at_ms < lane.look_ms:
            lane.look_ms = at_ms
            self._alarm(lane, at_ms)

    def _goes_on(self, lane: Lane) -> None:
        """What comes after something of a lane has ended: a turn, a look, or that it is forgotten; addresses of mail are lanes, too."""
        self.queue(lane)
        if self.wants(lane):
            self._alarm(lane, self._clock.now_ms())
        self.tidy(lane)

    def _alarm(self, lane: Lane, at_ms: int) -> None:
        heappush(self._alarms, (at_ms, lane.name))


def _bytes(some: Iterable[Held]) -> int:
    return sum(len(held.delivery.body) for held in some)
