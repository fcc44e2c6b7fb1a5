"""Connections to one SQLite database: one that writes, and as many that read as threads ask for at once."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from quietzone_kit.documents import Connect, DocumentsError, DocumentsUnavailable, UnknownScheme
from quietzone_kit.runtime import Randomness

APPLICATION_ID = 0x515A_444F  # 'QZDO': tells our stores from other files of SQLite, such as the bus
LAYOUT = 1  # of tables and columns; a store of a newer layout is refused
BUSY_TIMEOUT_MS = (
    2_000  # another process commits within milliseconds; longer than this something is wrong there, and callers have deadlines
)
LOG_ATTEMPTS, LOG_PAUSE_S = 100, 0.02  # processes that open a new file together: SQLite doesn't wait when it switches to the log
OLDEST_SQLITE = (3, 37)  # UPDATE FROM, and memory that connections share

_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA synchronous = FULL",  # in WAL mode NORMAL may lose acknowledged commits when the machine dies
    "PRAGMA temp_store = MEMORY",  # no files elsewhere
)
_WRITER_PRAGMAS = (
    "PRAGMA secure_delete = ON",  # a deleted visitors' salt can't be found in free pages; costs nothing that was measurable
    "PRAGMA wal_autocheckpoint = 4000",  # pages, 16 MB: a bulk of 1,000 documents writes about 2,000 and shouldn't always pay a checkpoint
    "PRAGMA journal_size_limit = 67108864",  # bytes the log keeps on disk after a slow reader has let it grow
    "PRAGMA cache_size = -16384",  # KiB: inner pages of the indexes of 100,000 documents; the default 2 MB made bulks 15 % slower
)
_READER_PRAGMAS = ("PRAGMA query_only = ON",)  # a bug can't write beside the queue


class Connections:
    """Opens what is needed when it is needed. `place` is only for messages."""

    def __init__(self, connect: Connect, place: str) -> None:
        self._connect = connect
        self._place = place
        self._guard = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    def writer(self) -> sqlite3.Connection:
        """The connection that writes; whoever uses it keeps others from it.

        Raises:
            DocumentsError: closed, or the file isn't a store of documents.
        """
        if self._writer is None:
            self._check_open()
            self._writer = self._open_writer()
        return self._writer

    def roll_back(self) -> None:
        """End a transaction that failed (SQLite has often done so itself); a connection that can't even do that is dropped."""
        if self._writer is None:
            return
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        except sqlite3.Error:
            self._writer.close()
            self._writer = None

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """A connection that reads, beside all others."""
        with self._guard:
            self._check_open()
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._open(_READER_PRAGMAS)
        try:
            yield connection
        finally:
            with self._guard:
                if self._closed:
                    connection.close()
                else:
                    self._idle.append(connection)

    def close(self) -> None:
        """Close all; a reader that is busy closes when it is done."""
        with self._guard:
            self._closed = True
            while self._idle:
                self._idle.pop().close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def explained(self, error: sqlite3.Error) -> DocumentsError:
        """What to tell a caller, and an operator, of an error of SQLite's."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the primary code of an extended one
        reason = _TRANSIENT.get(code)
        if reason is not None:
            return DocumentsUnavailable(f"{self._place}: {reason} ({error})")
        if isinstance(error, sqlite3.ProgrammingError):
            return DocumentsUnavailable(f"{self._place}: the connection is gone: open the store again ({error})")
        return DocumentsError(f"{self._place}: {_PERMANENT.get(code, 'SQLite refused')} ({error})")

    def _check_open(self) -> None:
        if self._closed:
            raise DocumentsError(f"{self._place}: the store was closed")

    def _open_writer(self) -> sqlite3.Connection:
        connection = self._open(_WRITER_PRAGMAS)
        try:
            self._identify(connection)
            self._use_log(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self, pragmas: tuple[str, ...]) -> sqlite3.Connection:
        connection = self._connect()
        try:
            for pragma in _PRAGMAS + pragmas:
                connection.execute(pragma).fetchall()
        except BaseException:
            connection.close()
            raise
        return connection

    def _use_log(self, connection: sqlite3.Connection) -> None:
        """With a write-ahead log readers don't wait for the writer, nor it for them; memory can't have one."""
        for attempt in range(1, LOG_ATTEMPTS + 1):
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            if mode in ("wal", "memory"):
                return
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt == LOG_ATTEMPTS:
                    raise
                time.sleep(LOG_PAUSE_S)
        raise DocumentsError(f"{self._place}: this file system can't hold a write-ahead log: put the store on a local disk")

    def _identify(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")  # one state of a store that another process may be making just now
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("ROLLBACK")
        if application != APPLICATION_ID and (application != 0 or tables):
            raise DocumentsError(f"{self._place}: a SQLite database, but not a store of documents: give a path of its own")
        if layout > LAYOUT:
            raise DocumentsError(f"{self._place}: written by a newer release (layout {layout}, this one knows {LAYOUT}): start that one")


def connect_to(place: str, randomness: Randomness) -> Connect:
    """Opens connections to the place in a URL: `/relative`, `//absolute` or `:memory:`.

    Raises:
        UnknownScheme: it is none of these.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise DocumentsError(f"SQLite 3.37 or newer is needed, and this Python has {sqlite3.sqlite_version}: use another Python")
    if place == ":memory:":
        name = f"file:/{randomness.token(8).hex()}?vfs=memdb"
        return lambda: sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False)
    if not place.startswith("/") or not place[1:]:
        raise UnknownScheme(f"sqlite://{place} has no path; use sqlite:///relative/path.db or sqlite:////absolute/path.db")
    return lambda: sqlite3.connect(place[1:], isolation_level=None, check_same_thread=False)


_TRANSIENT = {
    sqlite3.SQLITE_BUSY: f"another process has held the lock for more than {BUSY_TIMEOUT_MS} ms: try again; if it lasts, look for it",
    sqlite3.SQLITE_LOCKED: "another connection holds a lock: try again",
    sqlite3.SQLITE_FULL: "the disk is full: free some space, nothing else is needed",
    sqlite3.SQLITE_IOERR: "the disk can't be read or written: look at the machine's log",
    sqlite3.SQLITE_READONLY: "the file or its disk is read-only: make it writable",
    sqlite3.SQLITE_NOMEM: "no memory was left: give the process more",
}
_PERMANENT = {
    sqlite3.SQLITE_NOTADB: "not a database: give another path, or restore the file",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: stop all that use it, keep a copy, restore a backup",
    sqlite3.SQLITE_CANTOPEN: "can't be opened: make its folder, and let this user write there",
}
