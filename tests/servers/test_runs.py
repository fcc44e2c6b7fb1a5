"""What a run of tests leaves behind: nothing, however it ends."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from house import until
from servers.process import NativeServer, ServerFailed
from servers.reaper import PID_FILE, clear, pid_text, started_at
from servers.run import Run

SLEEP = shutil.which("sleep") or "sleep"
TESTS = Path(__file__).parent.parent
RUN_WITH_A_SERVER = """
import sys, time
from pathlib import Path
from servers.process import NativeServer
from servers.run import Run
run = Run.begin(Path(sys.argv[1]))
server = run.use(NativeServer(("sleep", "600"), run.folder("sleeper"), lambda: True, url="", label=""))
print(server.pid, flush=True)
time.sleep(600)
"""


def sleeper(run: Run) -> NativeServer:
    return run.use(NativeServer(("sleep", "600"), run.folder("sleeper"), lambda: True, url="", label=""))


@contextmanager
def another_run(runs: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process with a run and a server of its own, and the server's pid."""
    command = (sys.executable, "-c", RUN_WITH_A_SERVER, str(runs))
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(TESTS)}) as other:
        assert other.stdout is not None
        yield other, int(other.stdout.readline())
        other.kill()


def test_servers_end_with_their_run(tmp_path: Path) -> None:
    with Run.begin(tmp_path) as run:
        pid = sleeper(run).pid
        assert pid is not None
        assert started_at(pid)

    assert not started_at(pid)


def test_the_folders_of_a_run_are_removed(tmp_path: Path) -> None:
    with Run.begin(tmp_path) as run:
        sleeper(run)

    assert list(tmp_path.iterdir()) == []


def test_servers_end_when_their_run_is_killed(tmp_path: Path) -> None:
    with another_run(tmp_path) as (other, server):
        other.send_signal(signal.SIGKILL)

        until(lambda: not started_at(server) and not list(tmp_path.iterdir()), "the reaper has cleared the run")


def test_a_run_leaves_another_one_alone(tmp_path: Path) -> None:
    with another_run(tmp_path) as (_, server):
        Run.begin(tmp_path).end()

        assert started_at(server)


def test_what_is_left_of_a_run_without_a_reaper_is_cleared_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / "1-0" / "sleeper"
    left.mkdir(parents=True)
    with subprocess.Popen((SLEEP, "600"), start_new_session=True) as process:
        (left / PID_FILE).write_text(pid_text(process.pid, left))

        Run.begin(tmp_path).end()

        assert process.wait(5) == -signal.SIGKILL


def test_a_folder_that_a_server_removes_meanwhile_stops_no_clearing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, left, look = tmp_path / "a-gone", tmp_path / "sleeper", os.scandir
    gone.mkdir()
    left.mkdir()

    def removed_before_it_is_looked_at(at: Any) -> Any:
        if at in (gone, str(gone)):
            gone.rmdir()
        return look(at)

    monkeypatch.setattr(os, "scandir", removed_before_it_is_looked_at)
    with subprocess.Popen((SLEEP, "600"), start_new_session=True) as process:
        (left / PID_FILE).write_text(pid_text(process.pid, left))

        clear(tmp_path)

        assert process.wait(5) == -signal.SIGKILL


def test_a_process_that_got_the_number_of_an_old_one_is_not_killed(tmp_path: Path) -> None:
    with subprocess.Popen((SLEEP, "600"), start_new_session=True) as process:
        (tmp_path / PID_FILE).write_text(f"{process.pid} 1 {tmp_path}")

        clear(tmp_path)

        assert process.poll() is None
        process.kill()


def test_a_copy_of_a_folder_ends_nothing(tmp_path: Path) -> None:
    own, copy = tmp_path / "own", tmp_path / "copy"
    own.mkdir()
    with subprocess.Popen((SLEEP, "600"), start_new_session=True) as process:
        (own / PID_FILE).write_text(pid_text(process.pid, own))
        shutil.copytree(own, copy)

        clear(copy)

        assert process.poll() is None
        process.kill()


def test_a_server_that_ends_by_itself_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    server = NativeServer(("sh", "-c", "echo no such disk; exit 3"), tmp_path, lambda: False, url="", label="")

    with pytest.raises(ServerFailed, match="no such disk"):
        server.start()
