"""How fast is the redirect, with every scan recorded, beside a static web server that does as little as possible?

Rounds alternate between our edge (100,000 links in memory, spool on disk) and `nginx return 302` with a JSON access log, both pinned to
the first core; wrk loads from the second one, with 2,000 hot codes and browsers' headers. A round in which the server had less than
95 % of its core says nothing and is repeated. Exits with 1 when the median ratio is below the gate.

    python bench/redirect.py [--rounds 5] [--seconds 5] [--connections 64]
"""

import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SERVER_CORE, LOAD_CORE = "0", "1"
GATE = 0.5
BUSY = 95.0
MAX_ATTEMPTS = 4
"""Times the wished number of rounds before giving up: on a machine with other work, few rounds are undisturbed."""

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  log_format scan escape=json '{{"time":"$time_iso8601","address":"$remote_addr","request":"$request","status":$status,'
    '"referrer":"$http_referer","agent":"$http_user_agent","language":"$http_accept_language"}}';
  access_log {folder}/access.log scan;
  keepalive_requests 100000000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; location / {{ return 302 https://www.example.com/menu; }} }}
}}
"""


@dataclass(frozen=True, slots=True)
class Round:
    """What wrk saw, and the share of its core that the server used (percent)."""

    rate: float
    p99: str
    requests: int
    errors: str
    busy: float
    cpu_us: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    missing = [tool for tool in ("nginx", "wrk", "taskset") if not shutil.which(tool)]
    if missing:
        print(f"{', '.join(missing)} not found. On Debian, as root: apt-get install nginx-light wrk util-linux")
        return 2
    if len(os.sched_getaffinity(0)) < 2:
        print("This needs two cores: one for the server, one for the load.")
        return 2
    with tempfile.TemporaryDirectory(prefix=".bench-redirect-", dir=HERE) as folder:  # beside the code: /tmp may be no disk
        return measure(Path(folder), options)


def measure(folder: Path, options: argparse.Namespace) -> int:
    ratios: list[float] = []
    served = 0
    with edge(folder / "edge") as (edge_port, edge_process), nginx(folder) as (nginx_port, nginx_pid):
        for port, pid in ((edge_port, edge_process.pid), (nginx_port, nginx_pid)):
            served += load(port, pid, seconds=1, connections=options.connections).requests * (port == edge_port)
        print("| round | edge, requests/s | p99 | CPU | µs CPU/request | nginx, requests/s | p99 | CPU | µs CPU/request | ratio |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        for number in range(1, options.rounds * MAX_ATTEMPTS + 1):
            ours = load(edge_port, edge_process.pid, seconds=options.seconds, connections=options.connections)
            theirs = load(nginx_port, nginx_pid, seconds=options.seconds, connections=options.connections)
            served += ours.requests
            valid = min(ours.busy, theirs.busy) >= BUSY and not ours.errors and not theirs.errors
            if valid:
                ratios.append(ours.rate / theirs.rate)
            print(f"| {number} | {cells(ours)} | {cells(theirs)} | {ours.rate / theirs.rate:.2f}{'' if valid else ' void'} |", flush=True)
            if len(ratios) == options.rounds:
                break
        edge_process.send_signal(signal.SIGTERM)
        accepted = int(edge_process.communicate(timeout=30)[0])
    print(f"\n{served} redirects seen by wrk, {accepted} scans recorded")
    if accepted < served:
        print("FAILED: a redirect was served whose scan was not recorded")
        return 1
    return verdict(ratios, options)


def cells(found: Round) -> str:
    return f"{found.rate:,.0f}{found.errors} | {found.p99} | {found.busy:.0f} % | {found.cpu_us:.1f}"


def verdict(ratios: list[float], options: argparse.Namespace) -> int:
    if len(ratios) < options.rounds:
        print(f"VOID: only {len(ratios)} of {options.rounds} rounds were undisturbed; run it on a machine without other work")
        return 2
    median = statistics.median(ratios)
    print(f"Median of {len(ratios)} rounds: {median:.2f} of nginx (gate: {GATE})")
    return 0 if median >= GATE else 1


def load(port: int, pid: int, *, seconds: int, connections: int) -> Round:
    """One run of wrk, with the server's CPU time over it."""
    used, began = cpu_seconds(pid), time.monotonic()
    wrk = [
        path_of("wrk"),
        "-t1",
        f"-c{connections}",
        f"-d{seconds}",
        "--latency",
        "-s",
        str(HERE / "redirect.lua"),
        f"http://127.0.0.1:{port}/",
    ]
    text = subprocess.run([path_of("taskset"), "-c", LOAD_CORE, *wrk], capture_output=True, text=True, check=True).stdout
    used, took = cpu_seconds(pid) - used, time.monotonic() - began
    requests = int(found(r"(\d+) requests in", text))
    errors = "".join(f" ({line.strip()})" for line in text.splitlines() if "Non-2xx" in line or "Socket errors" in line)
    return Round(
        float(found(r"Requests/sec:\s+([\d.]+)", text)),
        found(r"(?m)^\s+99%\s+(\S+)", text),
        requests,
        errors,
        used / took * 100,
        used / requests * 1e6,
    )


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"wrk said something else than expected:\n{text}")
    return match[1]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def path_of(tool: str) -> str:
    return shutil.which(tool) or tool


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def edge(folder: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    port = free_port()
    command = [path_of("taskset"), "-c", SERVER_CORE, sys.executable, str(HERE / "redirect_edge.py"), str(port), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise SystemExit("the edge didn't start")
            yield port, process
        finally:
            process.terminate()


@contextmanager
def nginx(folder: Path) -> Iterator[tuple[int, int]]:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder.absolute(), port=port), encoding="utf-8")
    with subprocess.Popen([path_of("taskset"), "-c", SERVER_CORE, path_of("nginx"), "-c", str(config.absolute())]) as process:
        try:
            yield port, worker(process.pid)
        finally:
            process.terminate()


def worker(master: int) -> int:
    """The process that does nginx's work."""
    children = Path(f"/proc/{master}/task/{master}/children")
    for _ in range(100):
        if pids := children.read_text(encoding="ascii").split():
            return int(pids[0])
        time.sleep(0.05)
    raise SystemExit("nginx didn't start")


if __name__ == "__main__":
    sys.exit(main())
