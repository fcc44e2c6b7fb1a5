"""Lanes: one connection each, used by one operation at a time, off the event loop.

Operations that wait while another is under way share the next transaction. For the writing lane that is group commit: one flush to the
disk for all of them.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from quietzone_kit.bus import BusError, BusUnavailable, Connect
from quietzone_kit.bus._sqlite.log import prepare
from quietzone_kit.runtime import Executor

T = TypeVar("T")

MAX_WAITING = 1_000
"""Operations that may wait: at some 10,000 operations a second, what is behind these would wait for longer than it is worth."""

MAX_BATCH = 100
"""Operations of one transaction, so that none waits long for the others' work."""

MAX_BATCH_BYTES = 8_000_000
"""Bytes that one transaction writes, about: some 50 ms during which no other process can write."""

BUSY_TIMEOUT_S = 5.0
"""How long another process may hold the write lock: the longest transaction takes a hundredth of it."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    operation: Callable[[sqlite3.Connection], Any]
    size: int
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: Any = None
    error: Exception | None = None


class Lane:
    """Runs operations in the order in which they came.

    `connect` makes a connection in autocommit mode that any thread may use; `name` says in errors which file it is of; `begin` is the
    statement that starts a transaction.
    """

    def __init__(self, name: str, connect: Connect, executor: Executor, *, begin: str) -> None:
        self._name = name
        self._connect = connect
        self._executor = executor
        self._begin = begin
        self._connection: sqlite3.Connection | None = None
        self._waiting: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    async def run(self, operation: Callable[[sqlite3.Connection], T], *, size: int = 0) -> T:
        """What `operation` returns, once its transaction is committed. `size` is how many bytes it writes.

        An operation that raises has no effect, the others of its transaction have theirs; an error of SQLite's undoes them all. When the
        caller is cancelled, an operation that waits is dropped, and one that is under way is completed.

        Raises:
            BusUnavailable: the file can't be read or written now, or too many operations wait.
        """
        if self._closed:
            raise BusError(f"{self._name} is closed")
        if len(self._waiting) >= MAX_WAITING:
            raise BusUnavailable(f"{MAX_WAITING} operations wait for {self._name}: call again when the disk has caught up")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(operation, size, future))
        if self._worker is None:
            # Not a caller's task: a caller may be cancelled, and the others' operations are in the same transaction.
            self._worker = asyncio.create_task(self._work(), name="bus lane")  # noqa: TID251 - ends by itself; `close` waits for it
        return await future

    async def close(self) -> None:
        """Do what waits, then let go of the connection."""
        self._closed = True
        if self._worker is not None:
            await asyncio.wait([self._worker])
        if self._connection is not None:
            await self._executor.run(self._connection.close)
            self._connection = None

    async def _work(self) -> None:
        try:
            while batch := self._take():
                await self._serve(batch)
        finally:
            self._worker = None

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < MAX_BATCH and size < MAX_BATCH_BYTES:
            waiting = self._waiting.popleft()
            if not waiting.future.done():
                batch.append(waiting)
                size += waiting.size
        return batch

    async def _serve(self, batch: list[_Waiting]) -> None:
        try:
            outcomes = await self._executor.run(partial(self._transact, batch))
        except sqlite3.Error as error:
            outcomes = [_Outcome(error=explain(error, self._name))] * len(batch)
        except Exception as error:  # noqa: BLE001 - raised where the operations are waited for
            outcomes = [_Outcome(error=error)] * len(batch)
        except BaseException:  # the loop is ending
            for waiting in (*batch, *self._waiting):
                waiting.future.cancel()
            self._waiting.clear()
            raise
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.future.done():
                continue
            if outcome.error is None:
                waiting.future.set_result(outcome.result)
            else:
                waiting.future.set_exception(outcome.error)

    def _transact(self, batch: list[_Waiting]) -> list[_Outcome]:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._open()
        try:
            connection.execute(self._begin)
            outcomes = [_attempt(connection, waiting.operation) for waiting in batch]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise
        return outcomes

    def _open(self) -> sqlite3.Connection:
        connection = self._connect()
        try:
            prepare(connection, self._name)
        except BaseException:
            connection.close()
            raise
        return connection


def _attempt(connection: sqlite3.Connection, operation: Callable[[sqlite3.Connection], Any]) -> _Outcome:
    connection.execute("SAVEPOINT operation")
    try:
        outcome = _Outcome(result=operation(connection))
    except sqlite3.Error:
        raise
    except Exception as error:  # noqa: BLE001 - raised where this operation is waited for
        connection.execute("ROLLBACK TO operation")
        outcome = _Outcome(error=error)
    connection.execute("RELEASE operation")
    return outcome


def explain(error: sqlite3.Error, name: str) -> BusError:
    """What SQLite reports, as an error of the bus that says what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code: https://sqlite.org/rescode.html
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return BusUnavailable(
                f"another process has kept {name} locked for {BUSY_TIMEOUT_S:g} s: find it (`fuser -v {name}`), end it if it hangs"
            )
        case sqlite3.SQLITE_FULL:
            return BusUnavailable(f"the disk with {name} is full: free some space, then it goes on by itself")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return BusUnavailable(f"{name} can't be opened for writing ({error}): check that its folder is there and who may write to it")
        case sqlite3.SQLITE_IOERR:
            return BusUnavailable(f"the disk with {name} fails ({error}): look at the kernel's log")
        case _:
            return BusError(f"{name} can't be used ({error}): if it is damaged, restore it or start with a new one")
