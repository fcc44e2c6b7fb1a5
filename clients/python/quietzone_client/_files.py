"""Exports: waiting until one is done, and its file on a disk."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import BinaryIO

from quietzone_client import _requests as requests
from quietzone_client._calls import Calls
from quietzone_client._errors import ExportFailed, NoAnswer, QuietzoneError, UnexpectedAnswer
from quietzone_client._models import Export, ExportState
from quietzone_client._transports import Arriving

FIRST_LOOK_S = 0.2
LONGEST_LOOK_S = 5.0
"""Between two looks at an export that isn't done: they double from the first to the longest."""

_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):")


async def wait(calls: Calls, export_id: str, *, within_s: float, progress: Callable[[Export], None] | None) -> Export:
    """The export once it is done; `progress` is told of each look.

    Raises:
        ExportFailed: it is dead, or was cancelled.
        TimeoutError: it isn't done within `within_s`.
    """
    began_s, pause_s = calls.runtime.monotonic_s(), FIRST_LOOK_S
    while True:
        export = await calls.make(requests.get_export(export_id))
        if progress is not None:
            progress(export)
        if export.state == ExportState.DONE:
            return export
        if export.has_ended:
            raise ExportFailed(f"export {export.id} is {export.state}: {export.error or 'no reason given'}")
        if calls.runtime.monotonic_s() - began_s + pause_s > within_s:
            raise TimeoutError(f"export {export.id} is {export.state} after {within_s:.0f} s; it goes on, and can be waited for again")
        await calls.transport.sleep(pause_s)
        pause_s = min(LONGEST_LOOK_S, pause_s * 2)


async def download(calls: Calls, export_id: str, path: Path) -> int:
    """Write an export's file, and say how many bytes it has. `path` is replaced by a file that is whole and right, or left as it is.

    Raises:
        UnexpectedAnswer: what came isn't what the server said it would be.
        OSError: the file can't be written.
    """
    request, tries = requests.export_file(export_id), calls.tries()
    beside = path.with_name(f".{path.name}.{calls.runtime.name()}")
    file = await calls.transport.beside(lambda: beside.open("xb"))
    try:
        with file:
            while True:
                try:
                    async with calls.arriving(request) as answer:
                        size = await _write(calls, answer, file)
                        break
                except QuietzoneError as error:
                    wait_s = tries.wait_s(error)
                await calls.transport.sleep(wait_s)
        await calls.transport.beside(lambda: beside.replace(path))
    finally:
        await calls.transport.beside(lambda: beside.unlink(missing_ok=True))
    return size


async def _write(calls: Calls, answer: Arriving, file: BinaryIO) -> int:
    """Write an answer's body from the file's beginning; checks its length and Repr-Digest (RFC 9530)."""
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    file.truncate()

    def write(part: bytes) -> None:
        digest.update(part)
        file.write(part)

    async with aclosing(answer.parts()) as parts:
        async for part in parts:
            await calls.transport.beside(partial(write, part))
            size += len(part)
    _check(answer, digest.digest(), size)
    return size


def _check(answer: Arriving, digest: bytes, size: int) -> None:
    length = answer.headers.get("content-length", "")
    if length.isdigit() and int(length) != size:
        raise NoAnswer(f"{size:,} of {int(length):,} bytes came", sent=True)
    expected = sha256_in(answer.headers.get("repr-digest", ""))
    if expected is None:
        raise UnexpectedAnswer("the file has no SHA-256 in Repr-Digest: it can't be known to be whole")
    if digest != expected:
        raise UnexpectedAnswer("the file isn't what its Repr-Digest says: something on the way has changed it")


def sha256_in(header: str) -> bytes | None:
    """The SHA-256 in a Repr-Digest; None when it has none."""
    found = _DIGEST.search(header)
    if found is None:
        return None
    try:
        return base64.b64decode(found[1], validate=True)
    except binascii.Error:
        return None
