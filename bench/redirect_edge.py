"""The scan edge with 100,000 links in memory and its spool on disk, and nothing else: what `redirect.py` measures.

Prints `ready`, and at its end the number of scans that it accepted.
"""

import asyncio
import gc
import signal
import sys
from pathlib import Path

import uvloop

from quietzone_kit.files import posix_files
from quietzone_kit.http import HttpServer
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_tracking.decide import Link, LinkState
from quietzone_tracking.edge import KEPT_HEADERS, Edge, EdgeOptions
from quietzone_tracking.spool import SpoolLimits, SpoolWriter

LINKS = 100_000
ACCOUNTS = 50


class Memory:
    """Every link is in memory."""

    def __init__(self, clock: SystemClock, randomness: SystemRandomness) -> None:
        accounts = [uuid7(clock, randomness) for _ in range(ACCOUNTS)]
        self._links = {
            slug: Link(
                slug, uuid7(clock, randomness), accounts[number % ACCOUNTS], f"https://www.example.com/menu/{number}", LinkState.ACTIVE, 1
            )
            for number, slug in ((number, f"c{number:06d}") for number in range(LINKS))
        }
        self.lookup = self._links.get

    async def resolve(self, slug: str) -> Link | None:
        """Nothing is elsewhere."""
        return self.lookup(slug)


class OneSalt:
    """The same salt every day."""

    def salt(self, utc_day: int) -> bytes | None:
        """Anything of 32 bytes."""
        return utc_day.to_bytes(32, "big")


async def main(port: int, folder: Path) -> None:
    clock, randomness = SystemClock(), SystemRandomness()
    spool = SpoolWriter.open(
        posix_files(folder), ThreadExecutor("spool"), clock, SpoolLimits(), new_source=lambda: uuid7(clock, randomness)
    )
    edge = Edge(Memory(clock, randomness), spool, clock, OneSalt(), EdgeOptions())
    server = HttpServer(edge.handle, clock, host="127.0.0.1", port=port, keep=KEPT_HEADERS)
    await server.start()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(spool.run()), group.create_task(edge.run())]
        gc.collect()
        gc.freeze()
        print("ready", flush=True)
        await stopped.wait()
        await server.stop(1)
        for task in running:
            task.cancel()
    await spool.close()
    print(spool.accepted, flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))
