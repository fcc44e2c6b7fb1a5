"""How long does a machine take to be ready, how much memory does it hold when idle, and when does a scan show in analytics?

    python bench/standalone.py [--scans 300]
    PYTHONPATH=tests python -m servers python bench/standalone.py --backends real

Each scan is watched by itself: from its redirect's answer to the first answer of analytics that counts it. What is promised: ready ≤ 3 s,
memory ≤ 400 MB, p99 ≤ 1.5 s; on real servers, where only the last is measured, p99 ≤ 2 s.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from backends import add_backends, urls_of
from processes import children, memory_mb

from house import KEY, House, free_port, house_in

READY_S, MEMORY_MB, VISIBLE_S, VISIBLE_ON_SERVERS_S = 3.0, 400.0, 1.5, 2.0
STARTS = 5
IDLE_FOR_S = 5.0
COMMAND = Path(sys.executable).with_name("quietzone")


def main() -> int:
    """Measure and print; 1 when a promise isn't kept."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scans", type=int, default=300)
    add_backends(options)
    chosen = options.parse_args()
    print("| what | measured | promised | ratio |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="quietzone-bench-") as folder:
        data = Path(folder) / "data"
        if chosen.backends == "real":
            return 0 if _show_visible(data, chosen.scans, urls_of(chosen.backends), VISIBLE_ON_SERVERS_S) else 1
        starts = [_start(data) for _ in range(STARTS)]
        with _serving(data) as pid:
            time.sleep(IDLE_FOR_S)
            memory = {_title(one): memory_mb(one) for one in (pid, *children(pid))}
        ready = statistics.median(starts)
        rss, pss = (sum(row[column] for row in memory.values()) for column in (0, 1))
        spread = f"{min(starts):.2f} to {max(starts):.2f}"
        print(f"| ready, median of {STARTS} starts ({spread}) | {ready:.2f} s | {READY_S} s | {ready / READY_S:.2f} |")
        print(f"| idle memory, sum of resident sets | {rss:.0f} MB | {MEMORY_MB:.0f} MB | {rss / MEMORY_MB:.2f} |")
        print(f"| the same with shared pages counted once (PSS) | {pss:.0f} MB | {MEMORY_MB:.0f} MB | {pss / MEMORY_MB:.2f} |")
        seen = _show_visible(data, chosen.scans, {}, VISIBLE_S)
    print("\n| process | resident set | PSS |\n| --- | --- | --- |")
    for title, (resident, proportional) in memory.items():
        print(f"| {title} | {resident:.0f} MB | {proportional:.0f} MB |")
    return 0 if ready <= READY_S and pss <= MEMORY_MB and seen else 1


def _show_visible(data: Path, scans: int, urls: Mapping[str, str], promised_s: float) -> bool:
    """Whether scans show in time."""
    with house_in(data, urls) as house:
        visible = sorted(_visible(house, scans))
    p99 = visible[int(len(visible) * 0.99)]
    print(f"| scan → visible, p50 of {scans} | {statistics.median(visible):.3f} s | | |")
    print(f"| scan → visible, p99 of {scans} | {p99:.3f} s | {promised_s} s | {p99 / promised_s:.2f} |")
    return p99 <= promised_s


def _start(data: Path) -> float:
    started = time.monotonic()
    with _serving(data):
        return time.monotonic() - started


@contextmanager
def _serving(data: Path) -> Iterator[int]:
    """`quietzone serve`, answering scans and API calls; gives its process id."""
    port = free_port()
    environment = {**os.environ, "QUIETZONE_API_KEY": KEY}
    with subprocess.Popen([COMMAND, "serve", "--data", data, "--port", str(port)], env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            while not (_answers(port) and _answers(port + 80)):
                if process.poll() is not None:
                    raise SystemExit("quietzone serve ended by itself; its message is above")
                time.sleep(0.005)
            yield process.pid
        finally:
            process.send_signal(signal.SIGINT)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/robots.txt", timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _visible(house: House, scans: int) -> list[float]:
    code = house.create("https://example.com/visible")
    while house.scan(code["slug"], method="HEAD").status != 302:
        time.sleep(0.01)
    took = []
    for number in range(1, scans + 1):
        house.scan(code["slug"])
        answered = time.monotonic()
        while house.total(code["id"]) < number:
            time.sleep(0.002)
        took.append(time.monotonic() - answered)
    return took


def _title(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return " ".join(words[2:4]).removeprefix("quietzone_") if "-m" in words else "supervisor"


if __name__ == "__main__":
    sys.exit(main())
