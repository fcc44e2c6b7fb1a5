"""The servers of one run: each started once, when it is first asked for, and several at the same time.

The process that began the run has the `Pool`; its helpers (xdist's workers) ask it through a `Remote`.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client, Connection, Listener

from servers.catalogue import KINDS, Provided, Source, Unavailable
from servers.containers import Engine
from servers.packages import Packages, Say, to_stderr
from servers.process import Server
from servers.run import Run

ADDRESS = "QUIETZONE_TEST_SERVERS_AT"
"""Where a helper finds the pool: `<port> <key in hex>`."""

Answer = Provided | str
"""A server, or why it can't be had."""


class Pool:
    """Begins a run when the first server has to be started here."""

    def __init__(self, say: Say = to_stderr) -> None:
        self._source = Source(self._begun, packages=Packages(say), engine=Engine())
        self._threads = ThreadPoolExecutor(len(KINDS), "servers")
        self._lock = threading.Lock()
        self._asked: dict[str, Future[Answer]] = {}
        self._run: Run | None = None
        self._listener: Listener | None = None

    def ensure(self, names: Iterable[str]) -> dict[str, Answer]:
        """Each named server, or why it can't be had; waits for all of them."""
        with self._lock:
            for name in names:
                if name not in self._asked:
                    self._asked[name] = self._threads.submit(self._provide, name)
            asked = {name: self._asked[name] for name in names}
        return {name: future.result() for name, future in asked.items()}

    @property
    def provided(self) -> list[Provided]:
        """What was asked for and had so far."""
        answers = [future.result() for future in self._asked.values() if future.done() and not future.cancelled()]
        return [answer for answer in answers if isinstance(answer, Provided)]

    def serve_helpers(self) -> None:
        """From now on processes that inherit our environment can ask, by `Remote`."""
        key = os.urandom(16)
        self._listener = Listener(("127.0.0.1", 0), authkey=key)
        os.environ[ADDRESS] = f"{self._listener.address[1]} {key.hex()}"
        threading.Thread(target=self._accept, args=(self._listener,), name="servers", daemon=True).start()

    def close(self) -> None:
        """End all that was started here."""
        self._threads.shutdown(cancel_futures=True)
        if self._run is not None:
            self._run.end()
        if self._listener is not None:
            self._listener.close()
            os.environ.pop(ADDRESS, None)

    def _provide(self, name: str) -> Answer:
        try:
            return self._source.provide(KINDS[name])
        except Unavailable as error:
            return str(error)

    def _begun(self) -> Run:
        with self._lock:
            if self._run is None:
                self._run = Run.begin()
            return self._run

    def _accept(self, listener: Listener) -> None:
        while True:
            try:
                connection = listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._answer, args=(connection,), name="servers", daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        with connection, suppress(EOFError, ConnectionError):  # the helper was killed
            connection.send(self.ensure(connection.recv()))


class Remote:
    """The pool of the process that started this one."""

    def ensure(self, names: Iterable[str]) -> dict[str, Answer]:
        """As `Pool.ensure`."""
        port, _, key = os.environ[ADDRESS].partition(" ")
        with Client(("127.0.0.1", int(port)), authkey=bytes.fromhex(key)) as connection:
            connection.send(list(names))
            answers: dict[str, Answer] = connection.recv()
            return answers


@contextmanager
def own_servers() -> Iterator[Callable[[str], Server]]:
    """Starts servers by their kind's name, for somebody who breaks them; never those that variables name. They end with the block.

    Raises:
        Unavailable: from a call, when such a server can't be had.
    """
    with Run.begin() as run:
        source = Source(lambda: run, packages=Packages(), engine=Engine())
        yield lambda name: source.start(KINDS[name])[0]
