"""The projection on a store and a bus in memory, and what it must come to."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from unit.analytics.memory import BrittleDocuments, MemoryBus
from unit.analytics.scans import BOT, DAY_MS, NOON_MS, PERSON, PREVIEW, Seen

from quietzone_analytics.projection import COLLECTIONS as PROJECTION_COLLECTIONS
from quietzone_analytics.projection import ScanProjection, ScanState, ScanStates
from quietzone_analytics.reconcile import COLLECTIONS as RECONCILE_COLLECTIONS
from quietzone_analytics.rollups import COLLECTIONS, DAYS, TOTALS, CodeKey, Day, Document, Rollups, Total
from quietzone_kit.bus import Bounds, Record
from quietzone_kit.events import Event, event_of

LOG = "log-1"


class World:
    """A store, a bus, and projections that come and go."""

    def __init__(self) -> None:
        self.store = BrittleDocuments()
        self.bus = MemoryBus()
        self.now_ms = NOON_MS
        self._processes = 0

    @classmethod
    async def new(cls) -> "World":
        """With nothing counted."""
        world = cls()
        await world.store.ensure(*COLLECTIONS, *PROJECTION_COLLECTIONS, *RECONCILE_COLLECTIONS)
        return world

    def process(self) -> ScanProjection:
        """A projection that just started."""
        self._processes += 1
        owner = f"process-{self._processes}"
        return ScanProjection(self.store, self.bus, owner=owner, partitions=1, cache_bytes=20_000, now_ms=lambda: self.now_ms)

    async def count(self, *records: Record) -> None:
        """Count records with a process that starts, and goes on where the last one ended."""
        projection = self.process()
        start = await projection.claim(0, bounds(records))
        await projection.apply(0, [one for one in records if one.offset >= start], next_offset=records[-1].offset + 1)

    async def state(self) -> ScanState:
        """The partition's state."""
        found = await ScanStates(self.store).get(0)
        assert found is not None
        return found.state

    async def total(self, code: str = "menu", account: str = "acme") -> Total:
        """A code's total."""
        found = await Rollups(self.store).total(CodeKey(account, code))
        assert found is not None
        return found.rollup

    async def days(self) -> list[Document[Day]]:
        """All days."""
        return [day async for day in Rollups(self.store).all(DAYS)]

    async def totals(self) -> dict[str, Total]:
        """All totals, by code."""
        return {one.address.key.code_id: one.rollup async for one in Rollups(self.store).all(TOTALS)}

    def events(self) -> list[Event]:
        """What was published."""
        return [event_of(Record(one.topic, 0, 0, 0, one.key, one.value, one.headers)) for one in self.bus.published]

    async def picture(self) -> dict[str, dict[str, bytes]]:
        """Every document as bytes, but for who wrote it."""
        return {one.name: await self.store.bodies(one, without=("owner",)) for one in (*COLLECTIONS, *PROJECTION_COLLECTIONS)}


def bounds(records: Sequence[Record]) -> Bounds:
    """Of a log that begins at 0."""
    return Bounds(LOG, 0, records[-1].offset + 1 if records else 0)


@dataclass
class Model:
    """Counting as it is defined: scan by scan, in order."""

    last_seq: Counter[str] = field(default_factory=Counter)
    scans: list[tuple[int, Seen]] = field(default_factory=list)

    def see(self, offset: int, source: str, prev_seq: int, scans: Sequence[Seen]) -> None:
        """A batch."""
        if prev_seq <= self.last_seq[source]:
            fresh = [one for one in scans if one.seq > self.last_seq[source]]
            self.scans.extend((offset, one) for one in fresh)
            self.last_seq[source] = max(self.last_seq[source], scans[-1].seq)

    def by_class(self) -> dict[str, tuple[int, int, int]]:
        """Persons, bots and previews of each code."""
        counts: dict[str, Counter[int]] = defaultdict(Counter)
        for _, one in self.scans:
            counts[one.code][one.scan_class] += 1
        return {code: (count[PERSON], count[BOT], count[PREVIEW]) for code, count in counts.items()}

    def slots(self) -> Counter[tuple[str, int]]:
        """Persons of each code and quarter of an hour since 1970."""
        return Counter((one.code, one.time_ms // 900_000) for _, one in self.scans if one.scan_class == PERSON)

    def countries(self, limit: int) -> dict[tuple[str, int], tuple[dict[str, int], int]]:
        """Each code's and day's map of countries and its `other`."""
        maps: dict[tuple[str, int], tuple[dict[str, int], int]] = {}
        for _, one in self.scans:
            if one.scan_class == PERSON:
                counts, other = maps.get((one.code, one.time_ms // DAY_MS), ({}, 0))
                if one.country not in counts and len(counts) == limit:
                    other += counts.pop(min(counts, key=lambda known: (counts[known], known)))
                counts[one.country] = counts.get(one.country, 0) + 1
                maps[one.code, one.time_ms // DAY_MS] = counts, other
        return maps

    def milestones(self) -> dict[str, tuple[str, int]]:
        """Code and time of the scan that crossed each milestone, by event id."""
        persons: Counter[str] = Counter()
        found = {}
        for _, one in self.scans:
            if one.scan_class == PERSON:
                persons[one.code] += 1
                if persons[one.code] == 10 or persons[one.code] % 100 == 0:
                    found[f"milestone:{one.code}:{persons[one.code]}"] = one.code, one.time_ms
        return found
