"""Ends what a run of tests left behind: `python reaper.py FOLDER` waits until its standard input ends, then clears the folder.

The input is a pipe that the run holds; it ends with the run, however that ends (SIGKILL too). Standard library only: it starts in 20 ms.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PID_FILE = "server.pid"
"""`<pid> <start time> <folder>` in the folder of each process; in a copy of the folder it is nobody's."""
CONTAINER_FILE = "server.container"
"""The id of a container in its folder."""
GONE_WITHIN_S = 10.0


def clear(folder: Path) -> None:
    """Kill every process and remove every container that is noted below `folder`, then the folder."""
    pids = [pid for file in _below(folder, PID_FILE) if (pid := _alive(file)) is not None]
    for pid in pids:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    for file in _below(folder, CONTAINER_FILE):
        subprocess.run(["docker", "rm", "--force", file.read_text()], check=False, capture_output=True, timeout=60)  # noqa: S607
    until = time.monotonic() + GONE_WITHIN_S
    while any(_runs(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


def _below(folder: Path, name: str) -> list[Path]:
    # What runs still deletes folders of its own meanwhile: rglob would fail over them.
    return [Path(at, name) for at, _, files in os.walk(folder) if name in files]


def started_at(pid: int) -> str:
    """When a process started, in ticks since the machine did; a pid alone may be somebody else's by now. Empty if it is gone."""
    try:
        # Field 22; the second one, the name, may hold spaces and ends with the last bracket.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def pid_text(pid: int, folder: Path) -> str:
    """What PID_FILE says of a process."""
    return f"{pid} {started_at(pid)} {folder.resolve()}"


def _alive(pid_file: Path) -> int | None:
    with suppress(OSError, ValueError):
        pid, start, folder = pid_file.read_text().split(" ", 2)
        if started_at(int(pid)) == start and folder == str(pid_file.parent.resolve()):
            return int(pid)
    return None


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def main() -> None:
    """Wait for the end of the input, then clear."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    clear(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
