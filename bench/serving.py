"""How many stored images a second does an installation's file server give out, and how late is the last percent at half that?

The thumbnails of 100 codes, by their signed URLs, of a whole machine (`quietzone serve`) whose storage has the first core; wrk loads from
the second, over loopback. Rounds alternate with nginx, which has the same bytes as files. Half load: each connection pauses between
requests, so that half of what was measured before comes in all. With `--alone` the house's other processes are paused meanwhile, which
otherwise need some of the same two cores. Exits with 1 below the aims.

    python bench/serving.py [--rounds 3] [--seconds 4] [--connections 64] [--alone]
    PYTHONPATH=tests python -m servers python bench/serving.py --backends real
"""

import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from backends import add_backends, urls_of
from redirect import LOAD_CORE, SERVER_CORE, cpu_seconds, found, path_of, worker

from house import House, fetch, free_port, house_in, until

AIM, P99_AIM_MS = 5_000, 5.0
CODES = 100
HERE = Path(__file__).parent
NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 100000000;
  types {{ image/jpeg jpeg; }}
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Round:
    """Answers a second, the time by which 99 % were there (ms), and the server's CPU for each (µs)."""

    rate: float
    p99_ms: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Server:
    """Where it answers, its process, and the file of paths that it is asked for."""

    port: int
    pid: int
    urls: Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--alone", action="store_true")
    add_backends(parser)
    options = parser.parse_args()
    if missing := [tool for tool in ("nginx", "wrk", "taskset") if not shutil.which(tool)]:
        print(f"{', '.join(missing)} not found. On Debian, as root: apt-get install nginx-light wrk util-linux")
        return 2
    urls = urls_of(options.backends)
    with tempfile.TemporaryDirectory(prefix=".bench-serving-", dir=HERE) as name, house_in(Path(name) / "data", urls) as house:
        folder = Path(name)
        signed = drawn(house)
        storage = house.supervisor.pids()["storage serve"]
        subprocess.run([path_of("taskset"), "-a", "-p", "-c", SERVER_CORE, str(storage)], check=True, capture_output=True)
        others = [pid for pid in house.supervisor.pids().values() if pid != storage] if options.alone else []
        with nginx(folder, signed) as (port, pid), paused(others):
            return measure(Server(house.place.files_port, storage, folder / "ours.txt"), Server(port, pid, folder / "theirs.txt"), options)


def drawn(house: House) -> Sequence[str]:
    """Signed URLs of thumbnails, all of which are there."""
    codes = [house.create(f"https://example.com/{number}") for number in range(CODES)]

    def url(code_id: str) -> str | None:
        answer = house.request("GET", f"/v1/assets/{code_id}/url?variant=_thumb&expires_s=86400")
        return str(answer.json["url"]) if answer.status == 200 else None

    until(lambda: url(codes[-1]["id"]) is not None, "codes are drawn", within_s=60)
    return [found for code in codes if (found := url(code["id"])) is not None]


def measure(storage: Server, other: Server, options: argparse.Namespace) -> int:
    load(storage, options)
    print(f"\nOn {options.backends} backends:\n")
    print("| round | storage, files/s | p99, ms | µs CPU/file | nginx, files/s | p99, ms | µs CPU/file | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    rates, ratios = [], []
    for number in range(1, options.rounds + 1):
        ours, theirs = load(storage, options), load(other, options)
        rates.append(ours.rate)
        ratios.append(ours.rate / theirs.rate)
        print(f"| {number} | {cells(ours)} | {cells(theirs)} | {ratios[-1]:.2f} |", flush=True)
    rate = statistics.median(rates)
    late = []
    for number in range(1, options.rounds + 1):
        ours, theirs = load(storage, options, per_second=rate / 2), load(other, options, per_second=rate / 2)
        late.append(ours.p99_ms)
        print(f"| half, {number} | {cells(ours)} | {cells(theirs)} | {ours.p99_ms / theirs.p99_ms:.2f} (p99) |", flush=True)
    p99_ms = statistics.median(late)
    print(f"\nMedian {rate:,.0f}/s, {rate / AIM:.2f} of the aim ({AIM:,}), {statistics.median(ratios):.2f} of nginx")
    print(f"p99 at half load {p99_ms:.2f} ms, {p99_ms / P99_AIM_MS:.2f} of the aim ({P99_AIM_MS:g} ms)")
    return 0 if rate >= AIM and p99_ms <= P99_AIM_MS else 1


def cells(one: Round) -> str:
    return f"{one.rate:,.0f} | {one.p99_ms:.2f} | {one.cpu_us:.0f}"


def load(server: Server, options: argparse.Namespace, per_second: float = 0.0) -> Round:
    """One run of wrk: as fast as it goes, or `per_second` over all connections."""
    command = [path_of("taskset"), "-c", LOAD_CORE, path_of("wrk"), "-t1", f"-c{options.connections}", f"-d{options.seconds}", "--latency"]
    delay_ms = options.connections / per_second * 1000 if per_second else 0.0
    environment = os.environ | {"URLS": str(server.urls), "DELAY_MS": f"{delay_ms:.2f}"}
    ran, used = [*command, "-s", str(HERE / "serving.lua"), f"http://127.0.0.1:{server.port}/"], cpu_seconds(server.pid)
    text = subprocess.run(ran, capture_output=True, text=True, check=True, env=environment).stdout
    used = cpu_seconds(server.pid) - used
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"not every request was answered:\n{text}")
    number, unit = found(r"(?m)^\s+99%\s+([\d.]+\w+)", text), {"us": 0.001, "ms": 1.0, "s": 1000.0}
    digits = number.rstrip("ums")
    late_ms = float(digits) * unit[number.removeprefix(digits)]
    return Round(float(found(r"Requests/sec:\s+([\d.]+)", text)), late_ms, used / int(found(r"(\d+) requests in", text)) * 1e6)


@contextmanager
def paused(pids: Sequence[int]) -> Iterator[None]:
    """Processes that do nothing meanwhile."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def nginx(folder: Path, urls: Sequence[str]) -> Iterator[tuple[int, int]]:
    """A static server of the same bytes, on the same core: its port and process; lists both servers' paths for wrk."""
    paths = [urlsplit(url) for url in urls]
    (folder / "files").mkdir()
    for url, path in zip(urls, paths, strict=True):
        (folder / path.path.lstrip("/")).write_bytes(fetch("GET", url, None, {}).body)
    (folder / "ours.txt").write_text("".join(f"{path.path}?{path.query}\n" for path in paths), encoding="ascii")
    (folder / "theirs.txt").write_text("".join(f"{path.path}\n" for path in paths), encoding="ascii")
    port, config = free_port(), folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder.absolute(), port=port), encoding="utf-8")
    with subprocess.Popen([path_of("taskset"), "-c", SERVER_CORE, path_of("nginx"), "-c", str(config.absolute())]) as process:
        try:
            until(lambda: _answers(port), "nginx answers")
            yield port, worker(process.pid)
        finally:
            process.terminate()


if __name__ == "__main__":
    sys.exit(main())
