"""One HTTP/1.1 request on a connection of its own, whose answer's status is all that is wanted (RFC 9112)."""

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

WITHIN_S = 5.0
"""For all of it: a cache answers within milliseconds, and whoever purges has more to do."""
MAX_BODY_BYTES = 64_000
"""Read at once of an answer's body, which is thrown away."""


class Failed(Exception):
    """No answer, or none that can be understood: says why."""


async def ask(method: str, url: str, headers: Mapping[str, str]) -> int:
    """The status of the answer, when all of it has come: a cache keeps no file whose reader has gone. Raises Failed."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    try:
        async with asyncio.timeout(WITHIN_S):
            context = ssl.create_default_context() if is_tls else None
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if is_tls else 80), ssl=context)
            try:
                writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
                status = await reader.readline()
                while await reader.read(MAX_BODY_BYTES):
                    pass
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        raise Failed(str(error) or type(error).__name__) from error
    words = status.split(b" ")
    if len(words) < 2 or not words[1].isdigit():
        raise Failed("what answers isn't HTTP")
    return int(words[1])
