"""How fast is a list of 20 codes, beside a plain FastAPI endpoint with a response_model that has the codes at hand?

Rounds alternate between the gateway of a whole machine (embedded stores; key, limits, problems, tags, metrics as in production) and the
plain endpoint on uvicorn with the same loop and parser, each alone on the first core; wrk loads from the second. Asked of the gateway are
a list that was asked for before (how programs poll) and one that never was. Exits with 1 when the median ratio of the first is below
the gate.

    python bench/api.py [--rounds 5] [--seconds 4] [--connections 16]
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from redirect import LOAD_CORE, SERVER_CORE, cpu_seconds, found, path_of

from house import KEY, House, fetch, free_port, house_in

GATE = 2.0
BUSY = 90.0
"""Percent of its core that a server must have used for its round to count: the load then waited for it, not it for the load."""

MAX_ATTEMPTS = 4
CODES = 20
HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    if missing := [tool for tool in ("wrk", "taskset") if not shutil.which(tool)]:
        print(f"{', '.join(missing)} not found. On Debian, as root: apt-get install wrk util-linux")
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="quietzone-bench-") as folder,
        house_in(Path(folder) / "data", {}) as house,
        plain() as (port, pid),
    ):
        return measure(house, (port, pid), options)


def measure(house: House, other: tuple[int, int], options: argparse.Namespace) -> int:
    for number in range(CODES):
        house.create(f"https://example.com/menu/{number}")
    gateway = house.supervisor.pids()["gateway serve"]
    subprocess.run([path_of("taskset"), "-a", "-p", "-c", SERVER_CORE, str(gateway)], check=True, capture_output=True)
    ours = f"{house.place.api_url}/v1/codes?limit={CODES}"
    theirs = f"http://127.0.0.1:{other[0]}/v1/codes"
    ratios: list[float] = []
    print(
        "| round | asked before, requests/s | µs CPU | plain FastAPI, requests/s | µs CPU | ratio |\n| --- | --- | --- | --- | --- | --- |"
    )
    for number in range(1, options.rounds * MAX_ATTEMPTS + 1):
        first, second = load(ours, gateway, options), load(theirs, other[1], options)
        valid = min(first[2], second[2]) >= BUSY
        if valid:
            ratios.append(first[0] / second[0])
        print(
            f"| {number} | {first[0]:,.0f} | {first[1]:.0f} | {second[0]:,.0f} | {second[1]:.0f} "
            f"| {first[0] / second[0]:.2f}{'' if valid else f' void ({first[2]:.0f} % and {second[2]:.0f} % of the core)'} |",
            flush=True,
        )
        if len(ratios) == options.rounds:
            break
    once = load(f"{ours}&sort_by=created_at", gateway, options, script=HERE / "new_questions.lua")
    print(f"\nNever asked before: {once[0]:,.0f} requests/s, {once[1]:.0f} µs CPU of the gateway each (with qr's own beside it)")
    if len(ratios) < options.rounds:
        print(f"VOID: only {len(ratios)} of {options.rounds} rounds were undisturbed; run it on a machine without other work")
        return 2
    median = statistics.median(ratios)
    print(f"Median of {len(ratios)} rounds: {median:.2f} of plain FastAPI (gate: {GATE})")
    return 0 if median >= GATE else 1


def load(url: str, pid: int, options: argparse.Namespace, script: Path | None = None) -> tuple[float, float, float]:
    """Requests a second, µs of the server's CPU for each, and the percentage of a core that it used."""
    used, began = cpu_seconds(pid), time.monotonic()
    command = [path_of("wrk"), "-t1", f"-c{options.connections}", f"-d{options.seconds}", "-H", f"Authorization: Bearer {KEY}"]
    command += ["-s", str(script)] if script else []
    text = subprocess.run([path_of("taskset"), "-c", LOAD_CORE, *command, url], capture_output=True, text=True, check=True).stdout
    used, took = cpu_seconds(pid) - used, time.monotonic() - began
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"not every request was answered:\n{text}")
    requests = int(found(r"(\d+) requests in", text))
    return float(found(r"Requests/sec:\s+([\d.]+)", text)), used / requests * 1e6, used / took * 100


@contextmanager
def plain() -> Iterator[tuple[int, int]]:
    """The endpoint to compare with: its port and process."""
    port = free_port()
    arguments = ["plain_api:app", "--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"]
    command = [path_of("taskset"), "-c", SERVER_CORE, sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), *arguments]
    with subprocess.Popen(command) as process:
        try:
            for _ in range(200):
                try:
                    fetch("GET", f"http://127.0.0.1:{port}/v1/codes", None, {})
                    break
                except OSError:
                    time.sleep(0.05)
            yield port, process.pid
        finally:
            process.terminate()


if __name__ == "__main__":
    sys.exit(main())
