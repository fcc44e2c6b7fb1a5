"""A real clamd finds what its database knows, and says nothing of the rest."""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from unit.storage.test_files import chunk, image

from quietzone_storage.scanning import ScannerUnavailable, open_scanner
from servers.clamd import EICAR, NAME
from servers.process import Server, free_port

INFECTED = image()[:33] + chunk(b"tEXt", b"Comment\0" + EICAR) + image()[33:]


@pytest.mark.server("clamd")
async def test_an_image_is_clean(clamd_url: str) -> None:
    assert await open_scanner(clamd_url).scan(image(size=(900, 900))) is None


@pytest.mark.server("clamd")
async def test_what_everybody_knows_is_found_by_its_name(clamd_url: str) -> None:
    assert await open_scanner(clamd_url).scan(EICAR) == f"{NAME}.UNOFFICIAL"


@pytest.mark.server("clamd")
async def test_what_hides_in_an_image_is_found(clamd_url: str) -> None:
    assert await open_scanner(clamd_url).scan(INFECTED) == f"{NAME}.UNOFFICIAL"


@pytest.mark.server("clamd")
async def test_what_is_as_large_as_an_upload_may_be_is_scanned(clamd_url: str) -> None:
    assert await open_scanner(clamd_url).scan(zlib.compress(b"x") + bytes(20_000_000)) is None


@pytest.mark.server("clamd", own=True)
async def test_a_scanner_that_was_stopped_is_unavailable(own_server: Callable[[str], Server]) -> None:
    server = own_server("clamd")
    scanner = open_scanner(server.url)
    await asyncio.to_thread(server.stop)

    with pytest.raises(ScannerUnavailable, match="does it run"):
        await scanner.scan(b"x")


async def test_a_scanner_that_nobody_runs_is_unavailable() -> None:
    with pytest.raises(ScannerUnavailable):
        await open_scanner(f"clamd://127.0.0.1:{free_port()}").scan(b"x")


@pytest.mark.parametrize("answer", [b"INSTREAM size limit exceeded. ERROR\0", b"stream: \0", b"nonsense\0", b"", b"x" * 10_000])
async def test_an_answer_that_makes_no_sense_lets_nothing_through(answer: bytes) -> None:
    async with saying(answer) as url:
        with pytest.raises(ScannerUnavailable):
            await open_scanner(url).scan(b"data")


@asynccontextmanager
async def saying(answer: bytes) -> AsyncIterator[str]:
    """A server that takes a stream to its end, and says this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\0")
        while (size := struct.unpack(">I", await reader.readexactly(4))[0]) > 0:
            await reader.readexactly(size)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"clamd://127.0.0.1:{server.sockets[0].getsockname()[1]}"
