"""The two ways to send: blocking, and on an event loop. Each is thin, so that all that matters is written once (`_calls`).

The blocking one has coroutines that never wait for a loop: they block. `run` and `each` take what is written for a loop through them.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import httpx

from quietzone_client._errors import NoAnswer, UnexpectedAnswer
from quietzone_client._requests import Request
from quietzone_client._runtime import Runtime
from quietzone_client._version import __version__

T = TypeVar("T")

USER_AGENT = f"quietzone-client/{__version__}"
CONNECT_S = 5.0
WRITE_S = 20.0

KEPT_S = 5.0
"""An idle connection is kept for half of what the server keeps it, so that both seldom meet at its end."""

LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=KEPT_S)
"""Of one client. More calls at once wait for a connection, WAIT_S at most."""

WAIT_S = 30.0


class Arriving(Protocol):
    """An answer whose body is on its way; header names are in lower case."""

    status: int
    headers: Mapping[str, str]

    def parts(self) -> AsyncGenerator[bytes, None]:
        """The body; NoAnswer is raised when it breaks off."""


class Transport(Protocol):
    """How requests are sent, and what else waits."""

    def send(self, request: Request) -> AbstractAsyncContextManager[Arriving]:
        """Send a request, and give its answer as it arrives; raises NoAnswer."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def beside(self, work: Callable[[], T]) -> T:
        """The result of `work`, which blocks: files."""

    def lock(self) -> AbstractAsyncContextManager[object]:
        """Whoever has it is alone; the same one each time."""

    async def close(self) -> None:
        """Close all connections."""


def timeouts(request: Request) -> httpx.Timeout:
    """How long each step of a request may take."""
    return httpx.Timeout(connect=CONNECT_S, write=WRITE_S, read=request.read_s, pool=WAIT_S)


def checked_url(base_url: str) -> httpx.URL:
    """Where the API is.

    Raises:
        ValueError: nothing can be there.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{base_url!r} isn't the address of an API; http://localhost:8000 would do")
    return url


def lost(error: httpx.RequestError, base_url: httpx.URL) -> NoAnswer | UnexpectedAnswer:
    """What httpx tells of an answer that didn't come. Files are at another host than the API."""
    asked = error.request.url
    base_url = base_url if asked.host == base_url.host and asked.port == base_url.port else asked.copy_with(raw_path=b"/")
    if isinstance(error, httpx.TransportError):
        sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        return NoAnswer(f"{base_url} doesn't answer ({error or type(error).__name__})", sent=sent)
    return UnexpectedAnswer(f"{base_url} sent an answer that can't be read ({error or type(error).__name__})")


@dataclass(slots=True)
class _Blocking:
    """An answer that is read by blocking."""

    response: httpx.Response
    status: int
    headers: Mapping[str, str]

    async def parts(self) -> AsyncGenerator[bytes, None]:
        for part in self.response.iter_bytes():
            yield part


@dataclass(slots=True)
class _OnLoop:
    """An answer that is read on an event loop."""

    response: httpx.Response
    status: int
    headers: Mapping[str, str]

    async def parts(self) -> AsyncGenerator[bytes, None]:
        async for part in self.response.aiter_bytes():
            yield part


class BlockingTransport:
    """Sends by httpx.Client; several threads may use it at once."""

    def __init__(self, base_url: str, runtime: Runtime, transport: httpx.BaseTransport | None) -> None:
        """Raises ValueError: the URL can't be one."""
        self._url = checked_url(base_url)
        self._http = httpx.Client(base_url=self._url, headers={"user-agent": USER_AGENT}, limits=LIMITS, transport=transport)
        self._runtime = runtime
        self._lock = _BlockingLock()

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncGenerator[Arriving, None]:
        """Send a request, and give its answer as it arrives."""
        sent = self._http.build_request(
            request.method,
            request.path,
            params=dict(request.query) or None,  # {} would cut off the query of a whole URL
            headers=dict(request.headers),
            content=request.content,
            timeout=timeouts(request),
        )
        try:
            response = self._http.send(sent, stream=True)
            try:
                yield _Blocking(response, response.status_code, response.headers)
            finally:
                response.close()
        except httpx.RequestError as error:
            raise lost(error, self._url) from error

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        self._runtime.sleep(seconds)

    async def beside(self, work: Callable[[], T]) -> T:
        """The result of `work`."""
        return work()

    def lock(self) -> AbstractAsyncContextManager[object]:
        """Whoever has it is alone among threads."""
        return self._lock

    async def close(self) -> None:
        """Close all connections."""
        self._http.close()


class LoopTransport:
    """Sends by httpx.AsyncClient."""

    def __init__(self, base_url: str, runtime: Runtime, transport: httpx.AsyncBaseTransport | None) -> None:
        """Raises ValueError: the URL can't be one."""
        self._url = checked_url(base_url)
        self._http = httpx.AsyncClient(base_url=self._url, headers={"user-agent": USER_AGENT}, limits=LIMITS, transport=transport)
        self._runtime = runtime
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncGenerator[Arriving, None]:
        """Send a request, and give its answer as it arrives."""
        sent = self._http.build_request(
            request.method,
            request.path,
            params=dict(request.query) or None,  # {} would cut off the query of a whole URL
            headers=dict(request.headers),
            content=request.content,
            timeout=timeouts(request),
        )
        try:
            response = await self._http.send(sent, stream=True)
            try:
                yield _OnLoop(response, response.status_code, response.headers)
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            raise lost(error, self._url) from error

    @property
    def socket_address(self) -> str:
        """Where the API's WebSocket is."""
        scheme = "wss" if self._url.scheme == "https" else "ws"
        return str(self._url.copy_with(scheme=scheme, path=self._url.path.rstrip("/") + "/v1/ws"))

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._runtime.sleep_async(seconds)

    async def beside(self, work: Callable[[], T]) -> T:
        """The result of `work`, in a thread."""
        return await asyncio.to_thread(work)

    def lock(self) -> AbstractAsyncContextManager[object]:
        """Whoever has it is alone among tasks."""
        return self._lock

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


class _BlockingLock:
    """A thread's lock, as a loop's is used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine whose transport blocks: it never waits for a loop, and so ends at its first step."""
    try:
        work.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    work.close()
    raise RuntimeError("a blocking call waited for an event loop")


def each(items: AsyncGenerator[T, None]) -> Iterator[T]:
    """What a generator yields whose transport blocks."""
    try:
        while True:
            try:
                item = run(items.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(items.aclose())
