"""A real Varnish, with the configuration that docs has, forgets what it is told to and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from ports import Inline

from quietzone_kit.runtime import SystemClock, SystemRandomness
from quietzone_storage.copies import CopiesUnavailable, Purge, open_copies
from quietzone_storage.copies.requests import ask
from servers.process import free_port

pytestmark = pytest.mark.server("varnish")
RUN = SystemRandomness().token(4).hex()
ONE, OTHER = f"/files/{RUN}-one", f"/files/{RUN}-other"
Get = Callable[[str], Awaitable[int]]


@pytest.fixture
async def get(varnish_url: str) -> AsyncIterator[Get]:
    """Gets a path through Varnish: the how manieth answer of the server behind it that was."""
    answers = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answers
        target = (await reader.readline()).split(b" ")[1]
        while (await reader.readline()).strip():
            pass
        answers += 1
        body = b"%d" % answers
        tag = target.removeprefix(b"/files/").partition(b".")[0]
        head = b"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=300\r\nCache-Tag: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % (tag, len(body)) + body)
        writer.close()

    parts = urlsplit(varnish_url)
    origin = await asyncio.start_server(answer, "127.0.0.1", int(parse_qs(parts.query)["origin"][0]))
    async with origin, httpx.AsyncClient(base_url=f"http://{parts.netloc}") as client:

        async def get(path: str) -> int:
            return int((await client.get(path)).text)

        yield get


def base(varnish_url: str) -> str:
    return varnish_url.partition("?")[0]


@pytest.mark.parametrize(
    "what",
    [
        Purge("1", paths=(f"{ONE}.png",)),
        Purge("1", prefixes=(ONE,)),
        Purge("1", tags=(ONE.removeprefix("/files/"),)),
    ],
    ids=["path", "prefix", "tag"],
)
async def test_what_is_purged_is_asked_for_again_whatever_its_query_and_the_rest_is_kept(get: Get, varnish_url: str, what: Purge) -> None:
    paths = [f"{ONE}.png?e=1&s=a", f"{ONE}.png?e=2&s=b", f"{OTHER}.png?e=1&s=c"]
    before = [await get(path) for path in paths]
    assert [await get(path) for path in paths] == before

    await open_copies(base(varnish_url), Inline()).purge(what)
    after = [await get(path) for path in paths]

    assert list(map(int.__eq__, before, after)) == [False, False, True]
    await open_copies(base(varnish_url), Inline()).purge(Purge("2", prefixes=("/files/",)))


async def test_purging_what_isnt_there_is_no_fault(varnish_url: str) -> None:
    await open_copies(base(varnish_url), Inline()).purge(Purge("1", paths=("/files/nothing.png",)))


async def test_a_file_that_was_warmed_up_is_there_before_anybody_asks(get: Get, varnish_url: str) -> None:
    url = f"{ONE}.webp?e=1&s={SystemClock().now_ms()}"

    assert await ask("GET", base(varnish_url) + url, {}) == 200
    assert await get(url) == 1


async def test_a_cache_that_is_away_is_said_so() -> None:
    with pytest.raises(CopiesUnavailable, match="does it run"):
        await open_copies(f"http://127.0.0.1:{free_port()}", Inline()).purge(Purge("1", paths=("/files/a.png",)))
