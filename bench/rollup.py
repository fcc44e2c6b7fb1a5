"""How many scans a second of CPU analytics brings from the bus into rollups, and what limits it.

CPU time is of the whole process: reading the SQLite bus, decoding, counting, writing the SQLite store, in all threads. Scans are of 2,000
codes of 50 accounts (Zipf), 200 combinations of traits (Zipf) and 50,000 visitors, 1,000 a second by their own clock, in 16 partitions.

    python bench/rollup.py [scans] [--profile ROW]
"""

import argparse
import asyncio
import cProfile
import itertools
import pstats
import random  # noqa: TID251 - seeded data
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from quietzone.tracking.v1 import scan_pb2
from quietzone_analytics.app import COLLECTIONS
from quietzone_analytics.projection import ScanProjection
from quietzone_analytics.rollups import TOTALS, Rollups
from quietzone_analytics.verify import TOPICS
from quietzone_kit.bus import Message, Record, open_bus, partition_of
from quietzone_kit.documents import Body, Collection, Documents, Outcome, Put, Stored, open_documents
from quietzone_kit.events import Event
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import collect_rarely
from quietzone_kit.projection import run_projection
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.telemetry import configure_logs
from quietzone_topics import TRACKING_SCAN_V1, TYPE_TRACKING_SCANS

CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()
SOURCE = uuid7(CLOCK, RANDOMNESS)
START_MS = CLOCK.now_ms()
CODES, ACCOUNTS, TRAITS, VISITORS, SCANS_A_SECOND = 2_000, 50, 200, 50_000, 1_000
PARTITIONS = TRACKING_SCAN_V1.partitions
AIM = 100_000  # scans a CPU-second


@dataclass(frozen=True, slots=True)
class Case:
    """Scans a batch, and records a poll: a backlog is read in full polls, live traffic a batch of each partition at a time."""

    name: str
    batch: int
    max_records: int


CASES = (
    Case("backlog, batches of 500", 500, 500),
    Case("backlog, batches of 5,000", 5_000, 500),
    Case("backlog, batches of 50", 50, 500),
    Case("live, 16 batches of 500 a poll", 500, 16),
    Case("live, 16 batches of 50 a poll", 50, 16),
)


@dataclass(slots=True)
class Result:
    """What a run took, and what it wrote."""

    scans: int
    cpu_s: float
    loop_s: float
    """Of the CPU time, the event loop's: decoding, counting, encoding. The rest is SQLite's."""
    wall_s: float
    documents: int
    written_bytes: int
    applies: int

    @property
    def rate(self) -> float:
        """Scans a CPU-second."""
        return self.scans / self.cpu_s


class Counting(ScanProjection):
    """The projection, and when it has seen all records."""

    def expect(self, records: int) -> asyncio.Event:
        """Set when so many records were applied."""
        self._left, self._done, self.applies = records, asyncio.Event(), 0
        return self._done

    async def apply(self, partition: int, records: Sequence[Record], *, next_offset: int) -> None:
        """As ScanProjection's."""
        await super().apply(partition, records, next_offset=next_offset)
        self.applies += 1
        self._left -= len(records)
        if not self._left:
            self._done.set()


class Measured:
    """A store, and how much is written into it."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.documents = self.bytes = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._documents, name)

    async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        """As the store's."""
        self.documents += len(puts)
        self.bytes += sum(len(value) for put in puts for value in put.body.values() if isinstance(value, bytes))
        return await self._documents.bulk(collection, puts)

    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        """As the store's."""
        self.documents += 1
        return await self._documents.replace(collection, body, if_version=if_version)


def traits() -> list[scan_pb2.Traits]:
    chance = random.Random(1)
    countries = [f"{first}{second}" for first in "ABCDE" for second in "KLMN"]
    classes = [scan_pb2.SCAN_CLASS_PERSON] * 18 + [scan_pb2.SCAN_CLASS_BOT, scan_pb2.SCAN_CLASS_PREVIEW]
    return [
        scan_pb2.Traits(
            scan_class=chance.choice(classes),
            country=chance.choice(countries),
            device=chance.choice(["phone", "phone", "phone", "tablet", "desktop"]),
            browser=chance.choice(["Chrome Mobile", "Mobile Safari", "Firefox Mobile", "Samsung Internet", "Edge"]),
            os=chance.choice(["Android", "iOS", "Windows", "Mac OS X"]),
            referrer=chance.choice(["direct", "direct", "www.google.com", "l.instagram.com", "m.facebook.com"]),
            language=chance.choice(["de", "en", "fr", "it"]),
        )
        for _ in range(TRAITS)
    ]


def messages(scans: int, batch: int) -> Iterator[Message]:
    """Scans as a forwarder writes them, the partitions' batches in turn."""
    chance = random.Random(2)
    by_partition: list[list[int]] = [[] for _ in range(PARTITIONS)]
    for code in range(CODES):
        by_partition[partition_of(code_id(code), PARTITIONS)].append(code)
    all_traits = traits()
    trait_weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(TRAITS)))
    code_weights = [list(itertools.accumulate(1 / (code + 1) for code in codes)) for codes in by_partition]
    seq, last = 0, [0] * PARTITIONS
    for number in range(max(1, scans // batch)):
        partition = number % PARTITIONS
        codes = chance.choices(by_partition[partition], cum_weights=code_weights[partition], k=batch)
        chosen = chance.choices(range(TRAITS), cum_weights=trait_weights, k=batch)
        first, base_ms = seq + 1, START_MS + number * batch * 1_000 // SCANS_A_SECOND
        refs = {code: index for index, code in enumerate(dict.fromkeys(codes))}
        combinations = {one: index for index, one in enumerate(dict.fromkeys(chosen))}
        rows = []
        for code, one in zip(codes, chosen, strict=True):
            seq += 1
            rows.append(
                scan_pb2.Scan(
                    seq=seq, code=refs[code], traits=combinations[one], time_offset_ms=seq - first, visitor=chance.randrange(VISITORS) << 40
                )
            )
        value = scan_pb2.ScanBatch(
            source_id=SOURCE,
            prev_seq=last[partition],
            first_seq=first,
            last_seq=seq,
            base_time_ms=base_ms,
            codes=[scan_pb2.CodeRef(code_id=code_id(code), account_id=f"account-{code % ACCOUNTS}") for code in refs],
            traits=[all_traits[one] for one in combinations],
            scans=rows,
        )
        last[partition] = seq
        event = Event(f"scans:{first}", "/tracking", TYPE_TRACKING_SCANS, SOURCE, base_ms, value.SerializeToString())
        yield event.to_message(TRACKING_SCAN_V1.name, partition=partition)


def code_id(code: int) -> str:
    return f"019a0b2e-7c1e-7f3a-9d55-{code * 7919:012x}"


async def run(case: Case, scans: int, folder: Path, profile: cProfile.Profile | None) -> Result:
    bus = open_bus(f"sqlite:///{folder}/bus.db", clock=CLOCK, executor=ThreadExecutor("bus", 2), randomness=RANDOMNESS)
    await bus.ensure(TOPICS)
    records = 0
    source = messages(scans, case.batch)
    while several := list(itertools.islice(source, 200)):
        await bus.publish(several)
        records += len(several)
    store = open_documents(f"sqlite:///{folder}/analytics.db", executor=ThreadExecutor("documents", 4), randomness=RANDOMNESS)
    await store.ensure(*COLLECTIONS)
    measured = Measured(store)
    projection = Counting(measured, bus, owner="bench", partitions=PARTITIONS, cache_bytes=32_000_000)  # type: ignore[arg-type]
    done = projection.expect(records)
    before, started, in_loop = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter(), time.thread_time()
    if profile is not None:
        profile.enable()
    running = asyncio.ensure_future(
        run_projection(
            bus, TRACKING_SCAN_V1.name, "bench", projection, CLOCK, randomness=RANDOMNESS, max_records=case.max_records, wait_s=0.05
        )
    )
    await asyncio.wait([running, asyncio.ensure_future(done.wait())], return_when=asyncio.FIRST_COMPLETED)
    if profile is not None:
        profile.disable()
    after, ended, in_loop = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter(), time.thread_time() - in_loop
    if running.done():
        running.result()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stored = sum([total.rollup.scans async for total in Rollups(store).all(TOTALS)])
    if stored != records * case.batch:
        sys.exit(f"{records * case.batch:,} scans were published, {stored:,} are stored: the numbers mean nothing")
    await store.close()
    await bus.close()
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Result(records * case.batch, cpu_s, in_loop, ended - started, measured.documents, measured.bytes, projection.applies)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scans", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--profile", type=int, default=0, help="print where the time of this row goes, by function")
    asked = parser.parse_args()
    configure_logs("bench", "rollup", level="error")
    collect_rarely()  # as `lifecycle.run` does
    if asked.profile:
        profile = cProfile.Profile()
        measure(CASES[asked.profile - 1], asked.scans, profile)
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
        return
    print(f"bus -> rollup, {asked.scans:,} scans of {CODES:,} codes; aim {AIM:,} scans a CPU-second")
    print(f"{'':34} {'scans/CPU-s':>12} {'us/scan':>8} {'loop':>5} {'wall s':>7} {'scans/write':>12} {'bytes/scan':>11}")
    for case in CASES:
        # Small polls write so often that fewer scans tell as much.
        result = measure(case, asked.scans if case.max_records > PARTITIONS else asked.scans // 5, None)
        print(
            f"{case.name:34} {result.rate:>12,.0f} {1e6 / result.rate:>8.2f} {result.loop_s / result.cpu_s:>5.0%} {result.wall_s:>7.1f} "
            f"{result.scans / result.documents:>12.1f} {result.written_bytes / result.scans:>11.1f}",
            flush=True,
        )
    print(f"largest resident size {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def measure(case: Case, scans: int, profile: cProfile.Profile | None) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        return uvloop.run(run(case, scans, Path(folder), profile))


if __name__ == "__main__":
    main()
