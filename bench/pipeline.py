"""How many scans a second of our CPU time go from spool over the bus into rollups: the forwarder's and analytics' work together.

On Kafka, and beside it on the SQLite bus in the same run. A drained spool is the measure: what an edge wrote while the bus was away.
Documents are SQLite's both times. The server's own CPU time isn't ours and isn't counted.

    PYTHONPATH=tests python -m servers python bench/pipeline.py [scans]
"""

import asyncio
import os
import resource
import secrets  # noqa: TID251 - topics that no other run has
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent))

import forwarder
import rollup

from quietzone_analytics.app import COLLECTIONS
from quietzone_analytics.rollups import TOTALS, Rollups
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.documents import open_documents
from quietzone_kit.files import posix_files
from quietzone_kit.lifecycle import collect_rarely
from quietzone_kit.projection import run_projection
from quietzone_kit.runtime import ThreadExecutor
from quietzone_kit.telemetry import configure_logs
from quietzone_topics import TOPICS, TRACKING_SCAN_V1
from quietzone_tracking.forwarder.enrich import Agents

AIM = 40_000
"""Scans a CPU-second."""
ROUNDS = 3
MAX_RECORDS = 500


@dataclass(frozen=True, slots=True)
class Result:
    """CPU seconds of each half for so many scans."""

    scans: int
    forward_s: float
    count_s: float

    @property
    def rate(self) -> float:
        """Scans a CPU-second of both halves."""
        return self.scans / (self.forward_s + self.count_s)

    @property
    def line(self) -> str:
        """Columns of the table."""
        halves = f"{self.scans / self.forward_s:,.0f} | {self.scans / self.count_s:,.0f}"
        return f"{self.rate:,.0f} | {self.rate / AIM:.2f} | {halves}"


def main(scans: int) -> int:
    """Print the table; 1 when the aim isn't reached on Kafka."""
    configure_logs("bench", "pipeline", level="error")
    collect_rarely()  # as `lifecycle.run` does
    server = os.environ.get("QUIETZONE_BUS_URL", "")
    if not server.startswith("kafka://"):
        sys.exit("QUIETZONE_BUS_URL names no Kafka: run it under `PYTHONPATH=tests python -m servers`, or set it")
    print(f"{scans:,} scans from spool to rollup; aim {AIM:,} a CPU-second of ours on Kafka\n")
    print("| traffic | bus | round | scans/CPU-s | ratio to the aim | forwarder alone | analytics alone |\n| - | - | - | - | - | - | - |")
    agents = Agents()
    rates = []
    for case in forwarder.CASES[:2]:
        for number in range(1, ROUNDS + 1):
            for name in ("SQLite", "Kafka"):
                with tempfile.TemporaryDirectory() as folder:
                    url = f"sqlite:///{folder}/bus.db" if name == "SQLite" else f"{server}?prefix={secrets.token_hex(4)}."
                    result = uvloop.run(run(case, scans, Path(folder), url, agents))
                print(f"| {case.name} | {name} | {number} | {result.line} |", flush=True)
                if name == "Kafka" and case is forwarder.CASES[0]:
                    rates.append(result.rate)
    print(f"\nmedian on Kafka, {forwarder.CASES[0].name}: {statistics.median(rates):,.0f}, {statistics.median(rates) / AIM:.2f} of the aim")
    return 0 if statistics.median(rates) >= AIM else 1


async def run(case: forwarder.Case, scans: int, folder: Path, bus_url: str, agents: Agents) -> Result:
    """Forward a full spool, then count it; checks that all of it was counted."""
    files = posix_files(folder / "spool")
    forwarder.fill(files, case, scans, source=rollup.SOURCE)
    executor = ThreadExecutor("bus", 2)
    bus = open_bus(bus_url, clock=rollup.CLOCK, executor=executor, randomness=rollup.RANDOMNESS)
    await bus.ensure(TOPICS)
    forward_s = await forwarder.forward(files, bus, agents)
    count_s = await _count(bus, folder, scans)
    await bus.close()
    executor.close()
    return Result(scans, forward_s, count_s)


async def _count(bus: Bus, folder: Path, scans: int) -> float:
    bounds = [await bus.bounds(TRACKING_SCAN_V1.name, partition) for partition in range(rollup.PARTITIONS)]
    store = open_documents(f"sqlite:///{folder}/analytics.db", executor=ThreadExecutor("documents", 4), randomness=rollup.RANDOMNESS)
    await store.ensure(*COLLECTIONS)
    projection = rollup.Counting(store, bus, owner="bench", partitions=rollup.PARTITIONS, cache_bytes=32_000_000)
    done = projection.expect(sum(each.next - each.first for each in bounds))
    before = resource.getrusage(resource.RUSAGE_SELF)
    projecting = run_projection(
        bus, TRACKING_SCAN_V1.name, "bench", projection, rollup.CLOCK, randomness=rollup.RANDOMNESS, max_records=MAX_RECORDS, wait_s=0.05
    )
    running, waiting = asyncio.ensure_future(projecting), asyncio.ensure_future(done.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    after = resource.getrusage(resource.RUSAGE_SELF)
    if running.done():
        running.result()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stored = sum([total.rollup.scans async for total in Rollups(store).all(TOTALS)])
    if stored != scans:
        sys.exit(f"{scans:,} scans were spooled, {stored:,} are stored: the numbers mean nothing")
    await store.close()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 200_000))
