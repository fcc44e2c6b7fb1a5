"""The hub: one in each process, behind every live transport.

It follows the topics that can be watched, keeps what came lately, and tells subscribers of their own account's events. Subscribers can go
on at another replica from a cursor, because all replicas follow the same logs and a cursor is a place in them.
"""

import asyncio
from collections.abc import Callable, Sequence

from quietzone_gateway.live.consumers import SOURCES, Source
from quietzone_gateway.live.cursors import Cursor, ForeignCursor, InvalidCursor, Within, cursor_text, decode
from quietzone_gateway.live.domain import Delivery, Event, Filter, Seen, told_of
from quietzone_gateway.live.feed import Feed
from quietzone_gateway.live.forms import text_of
from quietzone_gateway.live.metrics import SUBSCRIPTIONS, TOLD
from quietzone_gateway.live.missed import Missed, is_ahead, lost
from quietzone_gateway.live.subscription import Subscription
from quietzone_kit.bus import Bus, BusError
from quietzone_kit.bus.topics import ensure_patiently
from quietzone_kit.errors import FieldViolation, InvalidInput, Unavailable
from quietzone_kit.projection import run_follower
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger

READY_S = 5.0
"""How long a new subscriber waits for a hub that has just started, or whose bus is away."""

CATCH_UP_S = 2.0
"""How long one waits for this replica to come to where another has told it up to: replicas are within a poll of each other."""

POLL_S = 0.25
"""For one poll of a topic, which answers at once when something comes."""

BUS_S = 10.0
"""For one question to the bus."""

AGAIN_S = 1.0
"""Before a topic that can't be read on is followed anew."""

TIDY_S = 10.0
"""Between looks for what is too old to be kept, of topics where nothing comes."""

log = logger(__name__)


class Hub:
    """Tells subscribers what happens; `run` must run beside it."""

    def __init__(self, bus: Bus, clock: Clock, randomness: Randomness, sources: Sequence[Source] = SOURCES) -> None:
        self._bus = bus
        self._clock = clock
        self._randomness = randomness
        self._feeds = {source.number: Feed(source, clock, self) for source in sources}
        self._parts: dict[int, bytes] = {}  # each feed's part of a cursor that says where the hub stands
        self._movement: asyncio.Event | None = None

    async def run(self) -> None:
        """Follow all topics until cancelled; a topic that can't be followed is tried again, and its watchers are reset."""
        async with asyncio.TaskGroup() as group:
            for feed in self._feeds.values():
                group.create_task(self._follow(feed))
            group.create_task(self._tidy())

    async def subscribe(
        self, account_id: str, wanted: Filter, cursor: str | None = None, *, wake: Callable[[], None] | None = None
    ) -> Subscription:
        """What happens in an account from now on, or from `cursor` on; its first delivery is a `Reset` when that can't be gone on from.

        Raises:
            InvalidInput: `cursor` is none.
            Unavailable: the bus can't be reached.
        """
        since, problem = _cursor_in(cursor)
        feeds = [feed for feed in self._feeds.values() if feed.source.kinds & wanted.kinds]
        if not await self._until(lambda: all(feed.is_live for feed in feeds), READY_S):
            raise Unavailable("live updates aren't there for the moment; try again in a moment")
        if since is not None:
            await self._until(lambda: not is_ahead(since, feeds), CATCH_UP_S)
            problem = lost(since, feeds)
        subscription = self._enter(account_id, wanted, feeds, wake)  # from here on what comes waits for it
        missed: list[Delivery] | None = []
        try:
            if since is not None and problem is None:
                missed = await Missed(since, feeds, account_id, wanted).read()
        except BaseException:
            subscription.close()
            raise
        if missed is None or problem is not None:
            subscription.reset(problem or "much", self.position(subscription))
        subscription.open(missed or [])
        return subscription

    def position(self, subscription: Subscription) -> str:
        """The cursor that resumes from here, for a subscriber for whom nothing waits."""
        return cursor_text(b"".join(map(self._part, subscription.topics)))

    def event(self, feed: Feed, event: Event, place: tuple[int, int, int]) -> None:
        """Tell those of the event's account who watch it; `place` is partition, offset and place within the record."""
        made: dict[tuple[Seen, tuple[int, ...]], Delivery] = {}
        told = 0
        for subscription in feed.watchers.get(event.account_id, ()):
            seen = subscription.wanted.seen(event)
            if seen is Seen.NOT:
                continue
            delivery = made.get((seen, subscription.topics))
            if delivery is None:
                what = told_of(event, seen)
                delivery = Delivery(what, text_of(what), self._cursor_after(subscription.topics, feed, place))
                made[seen, subscription.topics] = delivery
            subscription.put(delivery)
            told += 1
        TOLD.labels(event.kind).inc(told)

    def moved(self, feed: Feed) -> None:
        """A feed's place changed: cursors of before are old."""
        self._parts.pop(feed.source.number, None)
        if self._movement is not None:
            self._movement.set()
            self._movement = None

    def _part(self, topic: int) -> bytes:
        part = self._parts.get(topic)
        if part is None:
            part = self._parts[topic] = self._feeds[topic].place_bytes()
        return part

    def _cursor_after(self, topics: tuple[int, ...], feed: Feed, place: tuple[int, int, int]) -> str:
        partition, offset, at = place
        number, many = feed.source.number, feed.source.many
        here = feed.place_bytes(partition, offset if many else offset + 1)
        parts = b"".join(here if topic == number else self._part(topic) for topic in topics)
        return cursor_text(parts, Within(number, partition, at + 1) if many else None)

    def _enter(self, account_id: str, wanted: Filter, feeds: Sequence[Feed], wake: Callable[[], None] | None) -> Subscription:
        subscription = Subscription(account_id, wanted, tuple(feed.source.number for feed in feeds), self._leave, wake)
        for feed in feeds:
            feed.watchers.setdefault(account_id, {})[subscription] = None
        SUBSCRIPTIONS.inc()
        return subscription

    def _leave(self, subscription: Subscription) -> None:
        for topic in subscription.topics:
            watchers = self._feeds[topic].watchers
            del watchers[subscription.account_id][subscription]
            if not watchers[subscription.account_id]:
                del watchers[subscription.account_id]
        SUBSCRIPTIONS.dec()

    async def _until(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Wait for a feed to move until `condition` holds; whether it does."""
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    self._movement = self._movement or asyncio.Event()
                    await self._movement.wait()
        except TimeoutError:
            return condition()
        return True

    async def _follow(self, feed: Feed) -> None:
        topic = feed.source.topic.name
        while True:
            try:
                await ensure_patiently(self._bus, [feed.source.topic], randomness=self._randomness, meanwhile="live updates")
                async with asyncio.timeout(BUS_S):
                    feed.begin(await self._bus.partitions(topic))
                await run_follower(self._bus, topic, "gateway-live", feed, self._clock, randomness=self._randomness, wait_s=POLL_S)
            except (BusError, TimeoutError) as error:  # also damage: the API never ends for want of live updates
                log.warning("topic is followed anew", topic=topic, reason=str(error) or "no answer")
                feed.begin_anew()
                self._reset(feed)
            await asyncio.sleep(AGAIN_S)

    def _reset(self, feed: Feed) -> None:
        self.moved(feed)
        for subscriptions in feed.watchers.values():
            for subscription in subscriptions:
                subscription.reset("log", self.position(subscription))

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_S)
            for feed in self._feeds.values():
                feed.tidy()


def _cursor_in(text: str | None) -> tuple[Cursor | None, str | None]:
    """The cursor, and why it can't be gone on from."""
    if text is None:
        return None, None
    try:
        return decode(text), None
    except ForeignCursor:
        return None, "release"
    except InvalidCursor as error:
        raise InvalidInput(FieldViolation("cursor", str(error))) from error
