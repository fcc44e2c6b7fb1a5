"""Connections to SQLite whose commits go wrong."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Faults:
    """What goes wrong with the next commits: `lost` happen and say that they failed, `refused` don't happen."""

    path: Path
    lost: int = 0
    refused: int = 0
    meanwhile: Callable[[sqlite3.Connection], object] | None = None
    commits: int = 0
    connections: list[sqlite3.Connection] = field(default_factory=list)

    def connect(self) -> sqlite3.Connection:
        faults = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
                if sql != "COMMIT":
                    return super().execute(sql, *parameters)
                faults.commits += 1
                if faults.refused:
                    faults.refused -= 1
                    raise disk_error()
                cursor = super().execute(sql)
                if faults.lost:
                    faults.lost -= 1
                    if faults.meanwhile is not None:
                        faults.meanwhile(self)
                    raise disk_error()
                return cursor

        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, factory=Connection)
        self.connections.append(connection)
        return connection


def disk_error() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error
