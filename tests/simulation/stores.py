"""SQLite in memory for simulated processes: a database outlives its connections, a connection ends with its process."""

import sqlite3
from collections.abc import Callable
from itertools import count
from typing import Any
from weakref import ReferenceType, ref

from simulation.process import Process

MANY = 512
"""Cursors remembered before those that are gone are forgotten."""


_NUMBERS = count()


class Database:
    """One database file, kept in memory; `close` forgets it."""

    def __init__(self, name: str) -> None:
        self._url = f"file:/{name}-{next(_NUMBERS)}?vfs=memdb"  # a name of its own: no history meets what another left
        self._keeper = sqlite3.connect(self._url, uri=True)
        self._connections: list[ProcessConnection] = []

    def connector(self, process: Process) -> Callable[[], sqlite3.Connection]:
        """What opens a connection for a process: the factory that the adapters take."""
        return lambda: self.connect(process)

    def connect(self, process: Process) -> sqlite3.Connection:
        """A connection that refuses once its process is dead; what was not committed then is rolled back."""
        process.check()
        connection = sqlite3.connect(
            self._url, uri=True, isolation_level=None, check_same_thread=False, timeout=0, factory=ProcessConnection, cached_statements=256
        )
        assert isinstance(connection, ProcessConnection)
        connection.process = process
        connection.cursors = []
        process.at_death(connection.abandon)
        self._connections.append(connection)
        return connection

    def look(self) -> sqlite3.Connection:
        """The test's own connection."""
        return self._keeper

    def close(self) -> None:
        """Let the database go."""
        for connection in self._connections:
            connection.abandon()
        self._keeper.close()


class ProcessConnection(sqlite3.Connection):
    """A connection of one process, which can die before and after each commit: what comes between two of them is one effect."""

    process: Process
    cursors: list["ReferenceType[sqlite3.Cursor]"]
    committed: int = 0

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """As sqlite3's."""
        if args[0] == "COMMIT" and self.committed != self.total_changes:
            self.committed = self.total_changes
            self.process.touch()
            cursor = super().execute(*args)
            self.process.touch()
            return cursor
        self.process.check()
        return self._remembered(super().execute(*args))

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        """As sqlite3's."""
        self.process.check()
        return self._remembered(super().executemany(*args))

    def commit(self) -> None:
        """Refused: which of its calls begins and ends a transaction is for an adapter to say."""
        raise AssertionError("say COMMIT")

    def abandon(self) -> None:
        """What the operating system does when the process ends: locks go, and the database rolls back what was under way."""
        for reference in self.cursors:
            cursor = reference()
            if cursor is not None:
                cursor.close()  # else SQLite keeps the connection, with its locks, until the cursor is collected
        self.cursors.clear()
        super().close()

    def _remembered(self, cursor: sqlite3.Cursor) -> sqlite3.Cursor:
        self.cursors.append(ref(cursor))
        if len(self.cursors) > MANY:
            self.cursors = [cursor for cursor in self.cursors if cursor() is not None]
        return cursor
