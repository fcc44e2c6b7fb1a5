"""Tables by DuckDB: one thread, bounded memory, no network, no other folder than our own."""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from quietzone_analytics.printed import NO_ROOM, TOO_MUCH
from quietzone_analytics.tables import NOTHING, CutOff, Draft, NoRoom, TableError
from quietzone_analytics.tables._place import PIECE_BYTES, Place, quoted
from quietzone_kit.processes import answer_of
from quietzone_kit.runtime import Executor, Randomness

if TYPE_CHECKING:
    from quietzone_analytics.tables._query import Query

T = TypeVar("T")

BY_BOUNDS = frozenset((signal.SIGXCPU, signal.SIGABRT))
"""Signals of the bounds that a process has, of the processor's time and of memory: another try would end alike."""


class DuckdbTables:
    """See Tables."""

    def __init__(self, folder: Path | None, *, executor: Executor, randomness: Randomness, max_bytes: int) -> None:
        self._above = (folder or Path(tempfile.gettempdir())) / f"quietzone-tables-{os.getuid()}"
        self._executor = executor
        self._randomness = randomness
        self._max_bytes = max_bytes
        self._sizes: dict[Draft, int] = {}
        self._place: Place | None = None
        self._opening = asyncio.Lock()
        self._querying, self._printing = asyncio.Lock(), asyncio.Lock()  # each takes its memory

    @property
    def held_bytes(self) -> int:
        """See Tables."""
        return sum(self._sizes.values())

    async def draft(self) -> Draft:
        """See Tables."""
        place = await self._opened()
        draft = Draft(self._randomness.token(12).hex())
        await self._run(partial(place.create, draft))
        self._sizes[draft] = 0
        return draft

    async def append(self, draft: Draft, data: bytes) -> None:
        """See Tables."""
        if self.held_bytes + len(data) > self._max_bytes:
            raise NoRoom(_no_room(self._max_bytes))
        place = await self._opened()
        await self._run(partial(place.append, draft, self._sizes[draft], data))
        self._sizes[draft] += len(data)

    async def size(self, draft: Draft) -> int:
        """See Tables."""
        return self._sizes[draft]

    async def pieces(self, draft: Draft) -> AsyncIterator[bytes]:
        """See Tables."""
        place = await self._opened()
        for start in range(0, self._sizes[draft], PIECE_BYTES):
            yield await self._run(partial(place.read, draft, start))

    async def drop(self, draft: Draft) -> None:
        """See Tables."""
        place = await self._opened()
        self._sizes.pop(draft, None)
        await self._run(partial(place.remove, draft))

    async def to_parquet(self, sources: Sequence[Draft], query: str, about: Mapping[str, str] = NOTHING) -> Draft:
        """See Tables."""
        told = ", ".join(f"{quoted(name)}: {quoted(value)}" for name, value in sorted({"made_by": "quietzone", **about}.items()))
        return await self._copy(sources, query, f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{told}}}")

    async def to_lines(self, source: Draft, query: str) -> Draft:
        """See Tables."""
        return await self._copy([source], query, "FORMAT json, ARRAY false")

    async def to_printed(self, source: Draft, form: str, about: Mapping[str, str]) -> Draft:
        """See Tables."""
        place = await self._opened()
        target = await self.draft()
        try:
            async with self._printing:
                scratch = await self._run(partial(place.scratch, target))
                paths = {"source": place.path(source), "target": place.path(target), "scratch": scratch}
                room = (self._max_bytes - self.held_bytes) // 2  # a workbook's rows lie in the scratch until it is done
                job = {"form": form, "about": dict(about), "room": max(0, room), **{name: str(path) for name, path in paths.items()}}
                _, code = await answer_of("quietzone_analytics.printed", json.dumps(job).encode(), max_bytes=0)
            _check(code, self._max_bytes)
            self._sizes[target] = await self._run(partial(place.size, target))
        except BaseException:
            await self.drop(target)
            raise
        finally:
            await self._run(partial(place.clear, target))
        return target

    async def close(self) -> None:
        """See Tables."""
        if self._place is not None:
            await self._executor.run(self._place.close)
        self._sizes.clear()

    async def _copy(self, sources: Sequence[Draft], query: str, form: str) -> Draft:
        place = await self._opened()
        target = await self.draft()
        try:
            async with self._querying:
                duck = await self._run(partial(_query, place.folder, self._max_bytes))
                try:
                    await self._run(partial(duck.copy, query, list(map(place.path, sources)), place.path(target), form))
                except asyncio.CancelledError:
                    duck.interrupt()
                    raise
                finally:
                    await self._run(duck.close)
            self._sizes[target] = await self._run(partial(place.size, target))
        except BaseException:
            await self.drop(target)
            raise
        return target

    async def _opened(self) -> Place:
        async with self._opening:
            if self._place is None:
                self._place = await self._run(partial(Place, self._above, self._randomness.token(12).hex()))
            return self._place

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._executor.run(work)
        except OSError as error:
            raise NoRoom(f"{self._above}: {error.strerror or error}; free some of that disk, or set QUIETZONE_ANALYTICS_TEMP") from error


def _no_room(max_bytes: int) -> str:
    return f"drafts would take more than {max_bytes:,} bytes: raise QUIETZONE_ANALYTICS_TEMP_BYTES, or ask for less"


def _check(code: int, max_bytes: int) -> None:
    """How the process that makes a file has ended."""
    if code == NO_ROOM:
        raise NoRoom(_no_room(max_bytes))
    if -code in BY_BOUNDS or code == TOO_MUCH:
        raise TableError("the file takes more time or memory than it may: ask for a shorter span, wider intervals or single codes")
    if code != 0:
        raise CutOff(f"the process that makes the file ended with {code}")


def _query(folder: Path, max_bytes: int) -> "Query":
    from quietzone_analytics.tables._query import Query  # noqa: PLC0415 - loads DuckDB, when it is needed and not on the event loop

    return Query(folder, max_bytes)
