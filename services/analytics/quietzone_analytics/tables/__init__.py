"""Tables on their way to and from files: drafts in a temporary folder, and Parquet, workbooks and PDFs made of them.

What is too large for memory waits in a draft: lines of JSON or CSV that grow piece by piece. `Tables` turns drafts into others by a
query; `open_tables` gives the adapter, which is DuckDB (ADR 13).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from quietzone_kit.runtime import Executor, Randomness


class NoRoom(Exception):
    """Drafts have no room left on the disk, or take more than they may: the message says what to do."""


class CutOff(Exception):
    """The process that makes a file was ended by somebody else, such as a machine without memory: another try may end otherwise."""


class TableError(Exception):
    """A file isn't a table as it was expected: says which and why. Trying again doesn't help."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A temporary file of one process."""

    name: str


NOTHING: Mapping[str, str] = {}


class Tables(Protocol):
    """Drafts, and queries over drafts that make another. A query names its drafts, one after the other, as `{source}`.

    Every call that writes can raise NoRoom.
    """

    @property
    def held_bytes(self) -> int:
        """What all drafts take."""

    async def draft(self) -> Draft:
        """A new, empty draft."""

    async def append(self, draft: Draft, data: bytes) -> None:
        """Write to a draft's end; what a failed call has written of `data` is cut off by the next."""

    async def size(self, draft: Draft) -> int:
        """Bytes in a draft."""

    def pieces(self, draft: Draft) -> AsyncIterator[bytes]:
        """A draft's bytes, a MB at a time."""

    async def drop(self, draft: Draft) -> None:
        """Remove a draft; nothing happens if it is gone."""

    async def to_parquet(self, sources: Sequence[Draft], query: str, about: Mapping[str, str] = NOTHING) -> Draft:
        """What `query` makes of drafts, as Parquet: the same bytes for the same rows. `about` becomes the file's key-value metadata.

        Raises:
            TableError: the query can't be answered.
        """

    async def to_lines(self, source: Draft, query: str) -> Draft:
        """What `query` makes of a draft, as lines of JSON.

        Raises:
            TableError: the draft isn't Parquet, or has other columns.
        """

    async def to_printed(self, source: Draft, form: str, about: Mapping[str, str]) -> Draft:
        """What `quietzone_analytics.printed` makes of a draft of CSV: `form` is `xlsx` or `pdf`.

        Raises:
            TableError: it takes more time or memory than it may.
            CutOff: see there.
        """

    async def close(self) -> None:
        """Remove all drafts."""


def open_tables(folder: Path | None, *, executor: Executor, randomness: Randomness, max_bytes: int) -> Tables:
    """Tables with their drafts in a folder of their own below `folder` (None: the machine's temporary folder), of `max_bytes` in all.

    Nothing is made, and DuckDB isn't loaded (35 MB), before the first call. Give the executor two threads: one is DuckDB's.
    """
    from quietzone_analytics.tables._duckdb import DuckdbTables  # noqa: PLC0415 - only who uses the adapter pays for it

    return DuckdbTables(folder, executor=executor, randomness=randomness, max_bytes=max_bytes)
