"""What one who comes back has missed."""

import asyncio
from collections.abc import Sequence
from heapq import merge

from quietzone_gateway.live.cursors import Cursor, Place, Within, cursor_text, place_bytes
from quietzone_gateway.live.domain import Delivery, Event, Filter, Seen, told_of
from quietzone_gateway.live.feed import Feed
from quietzone_gateway.live.forms import text_of
from quietzone_gateway.live.ring import Entry

MAX_MISSED = 1_000
"""Events that are told after the fact; who missed more is quicker with a list."""

MAX_LOOKED_AT = 20_000
"""Records that are looked at for one who comes back, most of them others': 10 ms when they were looked at before."""

LOOKED_AT_A_TIME = 200
"""Of them between two turns of the loop."""


def lost(since: Cursor, feeds: Sequence[Feed]) -> str | None:
    """Why what came since can't be told; None when it can. A topic that the cursor doesn't name is told from now on."""
    for feed in feeds:
        here, place = feed.place(), since.places.get(feed.source.number)
        if place is None:
            continue
        if (place.log, len(place.offsets)) != (here.log, len(here.offsets)):
            return "log"
        if _is_beyond(place, here):
            return "ahead"
        if not all(feed.ring.reaches(partition, offset) for partition, offset in enumerate(place.offsets)):
            return "old"
    return None


def is_ahead(since: Cursor, feeds: Sequence[Feed]) -> bool:
    """Whether another replica has told more than this one knows of yet."""
    return any(_is_beyond(place, feed.place()) for feed in feeds if (place := since.places.get(feed.source.number)) is not None)


class Missed:
    """Entries between a cursor, of which nothing is `lost`, and now; what comes later isn't among them."""

    def __init__(self, since: Cursor, feeds: Sequence[Feed], account_id: str, wanted: Filter) -> None:
        self._account_id = account_id
        self._wanted = wanted
        self._within = since.within
        self._topics = [feed.source.number for feed in feeds]
        self._logs = {feed.source.number: feed.place().log for feed in feeds}
        places = {feed.source.number: since.places.get(feed.source.number, feed.place()).offsets for feed in feeds}
        self._offsets = {topic: list(offsets) for topic, offsets in places.items()}
        runs = [
            [(entry.time_ms, feed, partition, entry) for entry in feed.ring.since(partition, offset)]
            for feed in feeds
            for partition, offset in enumerate(places[feed.source.number])
        ]
        # Each partition's in order; of several the oldest first.
        self._entries = [(feed, partition, entry) for _, feed, partition, entry in merge(*runs, key=lambda one: one[0])]

    async def read(self) -> list[Delivery] | None:
        """What of it the filter lets through; None when it is too much."""
        if len(self._entries) > MAX_LOOKED_AT:
            return None
        found: list[Delivery] = []
        for count, (feed, partition, entry) in enumerate(self._entries, 1):
            if self._account_id in feed.accounts_of(entry):
                found += self._deliveries(feed, partition, entry)
            if len(found) > MAX_MISSED:
                return None
            if count % LOOKED_AT_A_TIME == 0:
                await asyncio.sleep(0)
        return found

    def _deliveries(self, feed: Feed, partition: int, entry: Entry) -> list[Delivery]:
        number, offsets = feed.source.number, self._offsets[feed.source.number]
        done = self._done(number, partition) if entry.offset == offsets[partition] else 0
        found = []
        for at, event in feed.events(entry, self._account_id):
            seen = self._wanted.seen(event)
            if at >= done and seen is not Seen.NOT:
                offsets[partition] = entry.offset if feed.source.many else entry.offset + 1
                found.append(self._delivery(event, seen, Within(number, partition, at + 1) if feed.source.many else None))
        offsets[partition] = entry.offset + 1
        return found

    def _delivery(self, event: Event, seen: Seen, within: Within | None) -> Delivery:
        told = told_of(event, seen)
        places = b"".join(place_bytes(topic, self._logs[topic], self._offsets[topic]) for topic in self._topics)
        return Delivery(told, text_of(told), cursor_text(places, within))

    def _done(self, topic: int, partition: int) -> int:
        within = self._within
        return within.count if within is not None and (within.topic, within.partition) == (topic, partition) else 0


def _is_beyond(place: Place, here: Place) -> bool:
    return place.log == here.log and any(there > mine for there, mine in zip(place.offsets, here.offsets, strict=False))
