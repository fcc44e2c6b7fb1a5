"""One server as a process of this machine: started, waited for, stopped, killed, paused.

Each process has a folder for its data, its log and its pid. The pid file is what `reaper` ends a killed run by.
"""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from servers.reaper import PID_FILE, pid_text

READY_WITHIN_S = 180.0
"""Kafka takes 5 s on two idle cores, s3mock 11; both have been seen to take more than a minute beside other work."""
STOPPED_WITHIN_S = 20.0
LOG_LINES = 15
FIRST_PORT, PORTS = 10_000, 12_000
"""Below the ports that Linux gives to outgoing connections (32,768 on), so that a killed server finds its port free again."""


class ServerFailed(Exception):
    """A server didn't come up; says why, with the last lines of its log."""


class Server(Protocol):
    """A server that tests use, and what they may do to it. `start` after `stop` or `kill` is on the same data and ports."""

    @property
    def url(self) -> str:
        """Where it is, as our settings say it."""

    @property
    def label(self) -> str:
        """What really runs, with its version."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What else its clients need in their environment."""

    def start(self) -> None:
        """Start it and wait until it answers."""

    def stop(self) -> None:
        """Stop it cleanly."""

    def kill(self) -> None:
        """End it with SIGKILL."""

    def pause(self) -> None:
        """Stop its clock: connections stay open, nothing is answered."""

    def resume(self) -> None:
        """End a pause."""


class Process:
    """A command with a folder; `answers` says whether the server inside is ready."""

    def __init__(self, command: Sequence[str], folder: Path, answers: Callable[[], bool]) -> None:
        self.command = tuple(command)
        self.folder = folder
        self.log = folder / "log"
        self._answers = answers
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process's number while it runs."""
        return None if self._running is None else self._running.pid

    def launch(self) -> None:
        """Start the process, without waiting for the server."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            # A session of its own: a Ctrl-C at the terminal is pytest's to handle.
            self._running = subprocess.Popen(
                self.command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        pid = self._running.pid
        (self.folder / PID_FILE).write_text(pid_text(pid, self.folder))

    def wait_ready(self) -> None:
        """Wait until the server answers.

        Raises:
            ServerFailed: it ended, or `READY_WITHIN_S` passed.
        """
        until = time.monotonic() + READY_WITHIN_S
        while not self._answers():
            if self._running is None or self._running.poll() is not None:
                raise ServerFailed(f"ended by itself; {self.last_words()}")
            if time.monotonic() > until:
                raise ServerFailed(f"didn't answer within {READY_WITHIN_S:.0f} s; {self.last_words()}")
            time.sleep(0.05)

    def start(self) -> None:
        """Start it and wait until it answers; does nothing while it runs."""
        if self._running is None:
            self.launch()
            self.wait_ready()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that isn't enough."""
        self._signal(signal.SIGTERM)
        self._wait()

    def kill(self) -> None:
        """SIGKILL."""
        self._signal(signal.SIGKILL)
        self._wait()

    def pause(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def last_words(self) -> str:
        """The end of the log."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:] if self.log.exists() else []
        return "the end of its log:\n" + "\n".join(f"    {line[:300]}" for line in lines or ["(empty)"])

    def _signal(self, number: signal.Signals) -> None:
        if self._running is not None and self._running.poll() is None:
            os.killpg(self._running.pid, number)

    def _wait(self) -> None:
        if self._running is None:
            return
        try:
            self._running.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._running.pid, signal.SIGKILL)
            self._running.wait(STOPPED_WITHIN_S)
        self._running = None
        (self.folder / PID_FILE).unlink(missing_ok=True)


class NativeServer(Process):
    """A server that is one process."""

    def __init__(self, command: Sequence[str], folder: Path, answers: Callable[[], bool], *, url: str, label: str) -> None:
        super().__init__(command, folder, answers)
        self.url = url
        self.label = label
        self.environment: Mapping[str, str] = {}


def says(port: int, question: bytes, answer: bytes) -> bool:
    """Whether the server at `port` of this machine answers `question` with something that begins with `answer`."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(question)
            return not answer or connection.recv(len(answer)) == answer
    except OSError:
        return False


def output_of(*command: str) -> str:
    """What a short command prints, its errors included; empty if it can't be run."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).decode(errors="replace")


def version_in(text: str) -> str:
    """The first version number in a text, such as 7.0.15."""
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else "of unknown version"


class _Ports:
    """Ports that were free when asked for. Each process begins somewhere else, so that two runs at once don't meet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = os.getpid() * 37 % PORTS

    def take(self) -> int:
        with self._lock:
            for _ in range(PORTS):
                port = FIRST_PORT + self._next
                self._next = (self._next + 1) % PORTS
                if _is_free(port):
                    return port
        raise ServerFailed(f"no port between {FIRST_PORT} and {FIRST_PORT + PORTS} is free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


free_port = _Ports().take
