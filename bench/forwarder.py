"""How many scans a second of CPU the forwarder sends from spool to bus, and what the time goes to.

CPU time is of the whole process: reading, enriching, building batches, publishing to the SQLite bus in its threads. Scans have 2,000
hot codes of 100,000, real user agents in as many versions as the row says, and networks, referrers and languages drawn at random; so a
row's `clients` is how many different combinations there are. A frame is what one turn of an edge's loop accepted.

    python bench/forwarder.py [scans] [profile]
"""

import asyncio
import cProfile
import pstats
import random  # noqa: TID251 - seeded data
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from quietzone_kit.bus import Bus, Message, Position, Topic, open_bus
from quietzone_kit.files import Files, posix_files
from quietzone_kit.lifecycle import collect_rarely
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.telemetry import configure_logs
from quietzone_topics import TOPICS
from quietzone_tracking.forwarder import Forwarder
from quietzone_tracking.forwarder.enrich import Agents, Enricher, NoCountries
from quietzone_tracking.spool import SpooledScan
from quietzone_tracking.spool.frames import encode_frame, segment_seed
from quietzone_tracking.spool.layout import segment_path

SOURCE = "019a0b2f-0000-7000-8000-000000000001"
SEGMENT_BYTES = 16 * 1024 * 1024
START_MS = 1_772_445_600_000

USER_AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.{}.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.{}.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-A546B Build/{}; wv) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0 Mobile Safari/537.36",
    "WhatsApp/2.{}.20.0",
    "Mozilla/5.0 (compatible; Googlebot/2.{}; +http://www.google.com/bot.html)",
)
REFERRERS = (b"", b"", b"", b"https://www.google.com/", b"https://l.instagram.com/", b"android-app://com.google.android.gm/")
LANGUAGES = (b"de-DE,de;q=0.9,en;q=0.8", b"en-US,en;q=0.9", b"fr-FR,fr;q=0.9", b"")


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of traffic: scans a frame, versions of each user agent, networks."""

    name: str
    frame: int
    versions: int
    networks: int


CASES = (
    Case("busy edge: 32 scans a frame", 32, 20, 20),
    Case("half busy: 4 scans a frame", 4, 20, 20),
    Case("quiet: 1 scan a frame", 1, 20, 20),
    Case("32 a frame, clients from everywhere", 32, 20, 20_000),
    Case("32 a frame, every client new", 32, 1_000_000, 1_000_000),
)


class NoBus:
    """Takes everything and keeps nothing: what is left is the forwarder's own work."""

    async def ensure(self, topics: Sequence[Topic]) -> None:
        """Nothing."""

    async def partitions(self, topic: str) -> int:  # noqa: ARG002
        """As many as the topic has."""
        return 16

    async def publish(self, messages: Sequence[Message]) -> list[Position]:  # noqa: ARG002
        """Nothing."""
        return []


def scans(case: Case, number: int) -> list[SpooledScan]:
    chance = random.Random(1)
    found = []
    for seq in range(number):
        code = chance.randrange(2_000) if chance.random() < 0.9 else chance.randrange(100_000)
        agent = USER_AGENTS[chance.randrange(len(USER_AGENTS))].format(chance.randrange(case.versions))
        found.append(
            SpooledScan(
                f"019a0b2e-7c1e-7f3a-9d55-{code:012x}",
                "main",
                START_MS + seq,
                chance.getrandbits(64),
                chance.randrange(case.networks).to_bytes(3, "big"),
                agent.encode(),
                chance.choice(REFERRERS),
                chance.choice(LANGUAGES),
            )
        )
    return found


def fill(files: Files, case: Case, number: int, *, source: str = SOURCE) -> int:
    """Write a source's spool; returns its bytes."""
    every = scans(case, number)
    segment, offset, total = 1, 0, 0
    file = files.create(segment_path(source, segment))
    for first in range(0, number, case.frame):
        if offset >= SEGMENT_BYTES:
            segment, offset = first + 1, 0
            file = files.create(segment_path(source, segment))
        data = encode_frame(segment_seed(source, segment), offset, every[first : first + case.frame], first_seq=first + 1)
        file.write(data)
        offset += len(data)
        total += len(data)
    return total


async def forward(files: Files, bus: Bus, agents: Agents) -> float:
    """Drain the spool; returns seconds of CPU."""
    executor = ThreadExecutor("files")
    enricher = Enricher(agents, NoCountries())
    forwarder = Forwarder(files, bus, enricher, clock=SystemClock(), randomness=SystemRandomness(), executor=executor)
    forwarder.stop()
    forwarder._stop_by = float("inf")  # noqa: SLF001 - a bench may take longer than a stop
    started = time.process_time()
    await forwarder.run()
    spent = time.process_time() - started
    executor.close()
    return spent


async def to_sqlite(root: Path, files: Files, agents: Agents) -> float:
    executor = ThreadExecutor("bus", 2)
    bus = open_bus(f"sqlite:///{root}/bus.db", clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    await bus.ensure(TOPICS)
    spent = await forward(files, bus, agents)
    await bus.close()
    executor.close()
    return spent


async def to_nowhere(_root: Path, files: Files, agents: Agents) -> float:
    return await forward(files, NoBus(), agents)  # type: ignore[arg-type]


def measure(case: Case, number: int, agents: Agents, drain: Callable) -> tuple[float, int]:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory() as folder:
        files = posix_files(Path(folder))
        size = fill(files, case, number)
        return asyncio.run(drain(Path(folder), files, agents)), size


def main(number: int) -> None:
    configure_logs("bench", "forwarder", level="error")
    collect_rarely()  # as `lifecycle.run` does
    agents = Agents()
    print(f"{number:,} scans; 16 partitions; aim 50,000 scans a CPU-second")
    print(f"{'':38} {'bytes/scan':>10} {'scans/CPU-s':>12} {'us/scan':>8} {'without bus':>12}")
    for case in CASES:
        bare, size = measure(case, number, agents, to_nowhere)
        spent, _ = measure(case, number, agents, to_sqlite)
        print(f"{case.name:38} {size / number:>10.0f} {number / spent:>12,.0f} {spent / number * 1e6:>8.2f} {number / bare:>12,.0f}")
    print(f"largest resident size {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB (with the bench's own scans)")


def profile(number: int) -> None:
    """Where the first case's time goes, by function."""
    agents = Agents()
    profiler = cProfile.Profile()
    with tempfile.TemporaryDirectory() as folder:
        files = posix_files(Path(folder))
        fill(files, CASES[0], number)
        profiler.enable()
        asyncio.run(to_nowhere(Path(folder), files, agents))
        profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(15)


if __name__ == "__main__":
    count = next((int(text) for text in sys.argv[1:] if text.isdecimal()), 200_000)
    profile(count) if "profile" in sys.argv else main(count)
