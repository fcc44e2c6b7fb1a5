"""Do limits hold over replicas? Three processes share a Redis and are asked twice what the limit allows, evenly.

What is allowed is the burst and what comes by time from the first call to the last but one: for what comes later nobody may have asked.
Exits with 1 when a line is beyond +1 % / -0 %.

    python bench/limits.py [--seconds 8]
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import REGISTRY

from quietzone_kit.limits import Rate, open_limits
from quietzone_kit.runtime import SystemClock, SystemRandomness

REPLICAS = 3
LOAD = 2.0
MOST, LEAST = 1.01, 1.0
LEAD_S = 2.0
"""For the processes to start and to connect, before the first call."""

CASES = {
    "free: 10 a minute": Rate(10, 60_000, 10),
    "standard: 50 a second, burst 100": Rate(50, 1_000, 100),
    "enterprise: 1,000 a minute": Rate(1_000, 60_000, 1_000),
    "500 a second, burst 500": Rate(500, 1_000, 500),
}


@dataclass(frozen=True, slots=True)
class Ran:
    """What one process was granted, and what that took."""

    asked: int
    granted: int
    trips: int
    p99_ms: float
    first: float
    last: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        url, case, begin, number = options.child
        print(json.dumps(asyncio.run(child(url, CASES[case], float(begin) + int(number) * 0.003, options.seconds))))
        return 0
    if not shutil.which("redis-server"):
        print("redis-server not found. On Debian, as root: apt-get install redis-server")
        return 2
    with redis() as url:
        print(f"{'limit':36}{'asked':>8}{'allowed':>9}{'granted':>9}{'ratio':>8}{'trips':>8}{'p99 ms':>8}")
        return max([measure(url, case, options.seconds) for case in CASES])


def measure(url: str, case: str, seconds: float) -> int:
    begin = time.monotonic() + LEAD_S
    command = [sys.executable, __file__, "--seconds", str(seconds), "--child", f"{url}?prefix=bench{begin}", case, str(begin)]
    children = [subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE) for number in range(REPLICAS)]
    ran = [Ran(**json.loads(process.communicate(timeout=seconds + 30)[0])) for process in children]
    rate = CASES[case]
    span = max(each.last for each in ran) - min(each.first for each in ran) - pause_of(rate, seconds) / REPLICAS
    allowed = int(rate.burst + span * 1000 * rate.count / rate.period_ms)
    granted, asked, trips = (sum(getattr(each, name) for each in ran) for name in ("granted", "asked", "trips"))
    ratio = granted / allowed
    print(f"{case:36}{asked:>8,}{allowed:>9,}{granted:>9,}{ratio:>8.3f}{trips:>8,}{max(each.p99_ms for each in ran):>8.2f}")
    return 0 if LEAST <= ratio <= MOST else 1


async def child(url: str, rate: Rate, begin: float, seconds: float) -> dict[str, float]:
    limits = open_limits(url, clock=SystemClock(), randomness=SystemRandomness())
    took, granted = [], 0
    pause = pause_of(rate, seconds)
    first = begin
    async with asyncio.TaskGroup() as group:
        running = group.create_task(limits.run())
        for call in range(int(seconds / pause) + 1):
            await asyncio.sleep(max(0.0, begin + call * pause - time.monotonic()))
            began = time.monotonic()
            first = began if call == 0 else first
            granted += (await limits.take("account", {"all": rate})).granted
            took.append(time.monotonic() - began)
        running.cancel()
    trips = REGISTRY.get_sample_value("quietzone_cache_server_seconds_count", {"operation": "take"})
    await limits.close()
    p99_ms = sorted(took)[int(len(took) * 0.99)] * 1000
    return {"asked": len(took), "granted": granted, "trips": int(trips or 0), "p99_ms": p99_ms, "first": first, "last": began}


def pause_of(rate: Rate, seconds: float) -> float:
    """Between two calls of a process, for the load of all."""
    return REPLICAS * seconds / (LOAD * (rate.burst + seconds * 1000 * rate.count / rate.period_ms))


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """A Redis for the occasion."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
    program = shutil.which("redis-server") or "redis-server"
    process = subprocess.Popen([program, "--bind", "127.0.0.1", "--port", str(port), *quiet], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if time.monotonic() > until:
                raise SystemExit("redis-server doesn't start")
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
