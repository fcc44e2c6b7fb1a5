"""Asking a server that somebody else has chosen, without being led where we don't want to go. Knows nothing of codes.

- A host's addresses are looked up once, checked (`addresses`), and connected to by number: no second look-up can bring another.
- Each redirect is followed by hand and checked like the first address. At most REDIRECTS; no cookies, no credentials, no proxy.
- Time is bounded for the connection and for all of it; the body isn't read: whoever sends gigabytes, or a byte a minute, waits for nobody.
- TLS is verified against the host's name.
"""

import asyncio
import contextlib
import email.utils
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import httpcore
from ada_url import URL

from quietzone_kit.outside import NoAddress, NotAllowed, Pinned, Resolver, allowed_addresses
from quietzone_kit.runtime import Clock

CONNECT_S = 5.0
"""For all addresses that are tried, TLS apart; a phone's owner has gone by then."""
TOTAL_S = 10.0
"""For look-up, redirects and answer together."""
REDIRECTS = 5
"""Browsers follow 20; who needs more than five has answered often enough to be there."""
PORTS = frozenset({80, 443, 8080, 8443})
"""Of web servers. Others would make us a port scanner in a stranger's hands."""
LONGEST_RETRY_AFTER_S = 24 * 3_600
"""Nobody may send us away for longer."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DEFAULT_PORTS = {"http:": 80, "https:": 443}


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP status, after redirects; `retry_after_s` is how long the server wants to be left alone."""

    status: int
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing that a browser could show; `reached` when it was HTTP all the same, so that somebody is there and our network is too."""

    reason: str
    reached: bool = False


@dataclass(frozen=True, slots=True)
class NotAsked:
    """Whoever it is isn't asked, for this reason."""

    reason: str


Answer: TypeAlias = Answered | NoAnswer | NotAsked


@dataclass(frozen=True, slots=True)
class _Head:
    """What of an answer is looked at."""

    status: int
    location: str | None
    retry_after: str | None
    sets_cookie: bool


class _Ends(Exception):
    """The journey ends here, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Asker:
    """Asks for web pages as `user_agent`, which should say who asks, and why. `private` allows addresses and ports of an intranet."""

    def __init__(
        self, resolver: Resolver, clock: Clock, *, user_agent: str, private: bool = False, tls: ssl.SSLContext | None = None
    ) -> None:
        self._resolver = resolver
        self._clock = clock
        self._user_agent = user_agent
        self._private = private
        self._tls = tls or httpcore.default_ssl_context()

    async def ask(self, url: str) -> Answer:
        """GET what `url` leads to, an http(s) URL in its WHATWG serialisation; within TOTAL_S."""
        try:
            async with asyncio.timeout(TOTAL_S):
                return await self._follow(URL(url))
        except TimeoutError:
            return NoAnswer(f"no answer within {TOTAL_S:g} s")
        except _Ends as end:
            return end.answer

    async def _follow(self, url: URL) -> Answer:
        been, needs_cookies = {_page(url)}, False
        for _ in range(1 + REDIRECTS):
            head = await self._get(url)
            answer = Answered(head.status, self._wait_s(head.retry_after))
            if head.status not in _REDIRECTS or head.location is None:
                return answer
            try:
                url = URL(head.location, base=url.href)
            except ValueError:
                return NoAnswer("it redirects to what isn't a URL", reached=True)
            if url.protocol not in _DEFAULT_PORTS:
                return answer  # an app's own address, which phones open
            needs_cookies = needs_cookies or head.sets_cookie
            if _page(url) in been and not needs_cookies:
                return NoAnswer("it redirects in a circle", reached=True)
            been.add(_page(url))
        return answer

    async def _get(self, url: URL) -> _Head:
        host, port = url.hostname.strip("[]"), int(url.port or _DEFAULT_PORTS[url.protocol])
        if port not in PORTS and not self._private:
            raise _Ends(NotAsked(f"port {port} isn't asked, only {', '.join(map(str, sorted(PORTS)))}"))
        backend = Pinned(await self._addresses(host, port))
        target = httpcore.URL(
            scheme=url.protocol.rstrip(":").encode(), host=host.encode(), port=port, target=f"{url.pathname}{url.search}".encode()
        )
        limits = {"connect": CONNECT_S, "read": TOTAL_S, "write": TOTAL_S}
        connection = httpcore.AsyncHTTPConnection(target.origin, self._tls, network_backend=backend)
        async with (
            _failures(),
            connection,
            connection.stream("GET", target, headers=self._headers(url), extensions={"timeout": limits}) as response,
        ):
            given = {name.lower(): value.decode("latin-1") for name, value in reversed(response.headers)}  # of several, the first
            return _Head(response.status, given.get(b"location"), given.get(b"retry-after"), b"set-cookie" in given)

    def _headers(self, url: URL) -> list[tuple[str, str]]:
        return [
            ("Host", url.host),
            ("User-Agent", self._user_agent),
            ("Accept", "text/html, */*;q=0.8"),
            ("Accept-Encoding", "identity"),
            ("Range", "bytes=0-0"),  # a hint that one byte would do: destinations are videos and menus of many megabytes too
            ("Connection", "close"),
        ]

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        """Addresses of a host that may be asked, one of each family."""
        try:
            return await allowed_addresses(self._resolver, host, port, private=self._private)
        except NoAddress as error:
            raise _Ends(NoAnswer(str(error))) from error
        except NotAllowed as error:
            raise _Ends(NotAsked(str(error))) from error

    def _wait_s(self, retry_after: str | None) -> int | None:
        """Seconds of a Retry-After (RFC 9110, 10.2.3); None when there is none that makes sense."""
        if retry_after is None:
            return None
        if retry_after.isdecimal() and retry_after.isascii():
            return min(int(retry_after[:9]), LONGEST_RETRY_AFTER_S)
        try:
            wanted_s = email.utils.parsedate_to_datetime(retry_after).timestamp()
        except (ValueError, OverflowError):
            return None
        return max(0, min(int(wanted_s - self._clock.now_ms() / 1000), LONGEST_RETRY_AFTER_S))


@contextlib.asynccontextmanager
async def _failures() -> AsyncIterator[None]:
    """What httpcore raises, as an answer."""
    try:
        yield
    except httpcore.ConnectTimeout as error:
        raise _Ends(NoAnswer(f"no connection within {CONNECT_S:g} s")) from error
    except httpcore.TimeoutException as error:
        raise _Ends(NoAnswer(f"no answer within {TOTAL_S:g} s")) from error
    except httpcore.ProtocolError as error:
        raise _Ends(NoAnswer("it says nothing, or what isn't HTTP")) from error
    except httpcore.NetworkError as error:
        raise _Ends(_broken(error)) from error


def _broken(error: httpcore.NetworkError) -> NoAnswer:
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return NoAnswer(f"its certificate isn't valid: {cause.verify_message}")
            case ssl.SSLError():
                return NoAnswer("no TLS connection can be made")
            case ConnectionRefusedError():
                return NoAnswer("it refuses the connection")
    return NoAnswer("it can't be reached" if isinstance(error, httpcore.ConnectError) else "it breaks the connection")


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__


def _page(url: URL) -> str:
    """A URL without its fragment, which servers don't see."""
    return str(url.href.partition("#")[0])
