"""The driver: the only module that imports motor, shaped so that pymongo's AsyncMongoClient drops in (docs/adr/0012).

Each call has a deadline, and a second attempt when the first one's answer was lost. The driver's own retries are off: they need
sessions, and a write that is tried again has to look whether it happened (`writes`).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeAlias, TypeVar

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from quietzone_kit.documents import MAX_BODY_BYTES, DocumentsError, DocumentsUnavailable, InvalidDocument
from quietzone_kit.documents._mongodb.place import SETTING, Place
from quietzone_kit.runtime import Executor
from quietzone_kit.urls import CredentialsUnreadable

Database: TypeAlias = "AsyncIOMotorDatabase[dict[str, Any]]"
Rows: TypeAlias = "AsyncIOMotorCollection[dict[str, Any]]"
_Driver: TypeAlias = "AsyncIOMotorClient[dict[str, Any]]"
T = TypeVar("T")

ATTEMPT_S = 2.3  # of two attempts; 500 times what a write takes, and an election of a new primary is not waited out
CALL_S = 4.9  # with waiting for a turn; callers are told within 5 s that a server is gone
INDEX_S = 600.0  # building an index over a grown collection; it goes on in the server should this pass, and `ensure` finds it done
AT_ONCE = 8  # calls under way: motor has 5 threads a core. More callers wait, and so they do in the server
MAX_WAITING = 1_000  # as many as SQLite's adapter lets wait; who comes later hears so instead of waiting longer
HEARTBEAT_MS = 2_000  # how soon a server that is gone is noticed between calls, so that its dead connections aren't tried one by one

_AUTHENTICATION_FAILED = frozenset({18, 8000})
_UNAUTHORIZED = 13
_UNANSWERED = frozenset({6, 7, 50, 64, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
"""Codes of servers that go down, step down or ran out of time; the list of the driver specifications (retryable reads and writes)
and those for time and write concern. Nobody knows then what happened."""
_DETAILS = re.compile(r"( \(configured timeouts: [^)]*\)|, (Timeout: .*|full error: .*)$)", re.DOTALL)


class _Unanswered(Exception):
    """The call may have been done or not; says why that isn't known."""


class Client:
    """Calls to one database; connects when it is first used."""

    def __init__(self, place: Place, executor: Executor) -> None:
        self._place = place
        self._executor = executor
        self._driver: _Driver | None = None
        self._connecting = asyncio.Lock()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._closed = False

    async def call(self, work: Callable[[Database, bool], Awaitable[T]], *, within_s: float | None = None) -> T:
        """What `work` gives; it is told whether this is the second attempt. What it raises of the port's own passes through.

        Raises:
            DocumentsUnavailable: no answer in time; it may have been done.
            DocumentsError: the server refused.
            InvalidDocument: too large for the server.
        """
        if self._waiting >= MAX_WAITING:
            raise DocumentsUnavailable(f"{self._place.shown}: {MAX_WAITING:,} calls wait for the server already: try again later")
        self._waiting += 1
        try:
            async with asyncio.timeout(within_s or CALL_S):
                return await self._twice(work, within_s or ATTEMPT_S)
        except TimeoutError as error:
            raise self._unavailable("no answer in time") from error
        except _Unanswered as error:
            raise self._unavailable(str(error)) from error
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Close connections; calls that are under way fail."""
        self._closed = True
        async with self._connecting:
            driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()  # the successor's is awaited

    async def _twice(self, work: Callable[[Database, bool], Awaitable[T]], within_s: float) -> T:
        async with self._turns:
            try:
                return await self._attempt(work, within_s, again=False)
            except _Unanswered:
                return await self._attempt(work, within_s, again=True)

    async def _attempt(self, work: Callable[[Database, bool], Awaitable[T]], within_s: float, *, again: bool) -> T:
        driver = await self._connected()
        try:
            with pymongo.timeout(within_s):  # sockets, and the server by maxTimeMS: what nobody waits for any more ends there too
                return await work(self._database(driver), again)
        except InvalidOperation as error:
            if not self._closed and driver is not self._driver:
                raise _Unanswered("the connection was opened anew meanwhile") from error
            raise self._was_closed() from error
        except PyMongoError as error:
            await self._explain(error, driver)

    async def _explain(self, error: PyMongoError, driver: _Driver) -> NoReturn:
        code = error.code if isinstance(error, OperationFailure) else None
        if isinstance(error, ServerSelectionTimeoutError):  # nothing was sent, and time is up
            await self._renew(driver)
            raise self._unavailable(f"no server that takes writes within {ATTEMPT_S} s ({_reason(error)})") from error
        if code in _AUTHENTICATION_FAILED:
            await self._renew(driver)
            raise _Unanswered(f"user or password is refused ({_reason(error)}); look at authSource too") from error
        if isinstance(error, ConnectionFailure | WriteConcernError) or code in _UNANSWERED or error.timeout:
            raise _Unanswered(_reason(error)) from error
        if code == _UNAUTHORIZED:
            raise DocumentsError(f"{self._place.shown}: give this user the role readWrite there ({_reason(error)})") from error
        if isinstance(error, DocumentTooLarge):
            raise InvalidDocument(f"a document has at most {MAX_BODY_BYTES:,} bytes ({_reason(error)})") from error
        if isinstance(error, ConfigurationError) and self._place.uri.startswith("mongodb+srv"):
            raise _Unanswered(_reason(error)) from error  # a name that can't be looked up now
        raise DocumentsError(f"{self._place.shown}: {_reason(error)}; see {SETTING}") from error

    async def _connected(self) -> _Driver:
        async with self._connecting:
            if self._closed:
                raise self._was_closed()
            if self._driver is None:
                self._driver = await self._opened()
            return self._driver

    async def _opened(self) -> _Driver:
        try:
            return self._driver_with(await self._executor.run(self._place.password))
        except CredentialsUnreadable as error:
            raise DocumentsUnavailable(f"{error}; see {SETTING}") from error
        except (PyMongoError, OSError) as error:
            may_pass = isinstance(error, OSError) or self._place.reads_files  # a file that is just being written
            kind = DocumentsUnavailable if may_pass else DocumentsError
            raise kind(f"{self._place.shown}: {_reason(error)}; see {SETTING}") from error

    def _driver_with(self, password: str | None) -> _Driver:
        secret: dict[str, Any] = {} if password is None else {"password": password}
        return AsyncIOMotorClient(
            self._place.uri,
            io_loop=asyncio.get_running_loop(),
            appname="quietzone",
            maxPoolSize=AT_ONCE,
            connectTimeoutMS=int(ATTEMPT_S * 1000),
            serverSelectionTimeoutMS=int(ATTEMPT_S * 1000),
            heartbeatFrequencyMS=HEARTBEAT_MS,
            retryWrites=False,
            retryReads=False,
            **secret,
        )

    def _database(self, driver: _Driver) -> Database:
        return driver.get_database(
            self._place.database,
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern(w="majority", j=True),
        )

    async def _renew(self, driver: _Driver) -> None:
        """Have the next call connect anew, since files of credentials may have changed. Others that use `driver` try again."""
        if not self._place.reads_files:
            return
        async with self._connecting:
            if self._driver is driver:
                self._driver = None
                driver.close()

    def _unavailable(self, reason: str) -> DocumentsUnavailable:
        return DocumentsUnavailable(f"{self._place.shown}: {reason}: look whether the server runs and can be reached, and at {SETTING}")

    def _was_closed(self) -> DocumentsError:
        return DocumentsError(f"{self._place.shown}: the store was closed")


def _reason(error: BaseException) -> str:
    """The driver's message without its time-outs, topology and repetition."""
    return _DETAILS.sub("", str(error)).strip() or type(error).__name__
