"""clamd's INSTREAM (https://docs.clamav.net/manual/Usage/Scanning.html#clamd): chunks with their lengths, 0 at the end, one line back."""

import asyncio
import struct

from quietzone_storage.scanning import ScannerUnavailable

CONNECT_S = 5.0
ANSWER_S = 60.0
"""clamd unpacks what it is given, up to limits of its own that take some ten seconds."""
CHUNK_BYTES = 64_000
MAX_ANSWER_BYTES = 4_096


class Clamd:
    """See Scanner. A connection for each scan: clamd ends it anyway."""

    def __init__(self, host: str, port: int, *, socket: str = "") -> None:
        self._host = host
        self._port = port
        self._socket = socket

    async def scan(self, data: bytes) -> str | None:
        """See Scanner."""
        where = self._socket or f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await self._connect()
            try:
                async with asyncio.timeout(ANSWER_S):
                    answer = await _asked(reader, writer, data)
            finally:
                writer.close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ScannerUnavailable(f"clamd at {where} doesn't answer ({type(error).__name__}): does it run?") from error
        return _verdict(answer, where)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._socket:
            return await asyncio.open_unix_connection(self._socket, limit=MAX_ANSWER_BYTES)
        return await asyncio.open_connection(self._host, self._port, limit=MAX_ANSWER_BYTES)


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> str:
    writer.write(b"zINSTREAM\0")
    for start in range(0, len(data), CHUNK_BYTES):
        chunk = data[start : start + CHUNK_BYTES]
        writer.write(struct.pack(">I", len(chunk)) + chunk)
        await writer.drain()
    writer.write(struct.pack(">I", 0))
    await writer.drain()
    return (await reader.readuntil(b"\0")).rstrip(b"\0").decode("utf-8", "replace")


def _verdict(answer: str, where: str) -> str | None:
    said = answer.removeprefix("stream: ")
    if said == "OK":
        return None
    if said.endswith(" FOUND"):
        return said.removesuffix(" FOUND")
    raise ScannerUnavailable(f"clamd at {where} says {answer!r:.200}; is StreamMaxLength as large as an upload may be?")
