"""What commands share that ask the API: a client while they work, lists with a bound, and tables whose ids can be copied."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from rich.table import Table

from quietzone_cli.terminal import console

if TYPE_CHECKING:
    from quietzone_client import AsyncClient

Item = TypeVar("Item")
Work = Callable[["AsyncClient"], Awaitable[int]]

ID_WIDTH = 36
"""Of an id as RFC 9562 writes it."""
WORDS = frozenset({"name", "error", "url", "trouble", "targets"})
"""Columns that make room for the others."""
MAX_LISTED = 1_000
"""Lines; more is a matter for a program."""


async def ask(api: str, key: str, work: Work) -> int:
    """Do the work with a client of the API; its exit code.

    Raises:
        ApiError: the API refused something, or couldn't be reached.
    """
    from quietzone_cli.remote import BRIEF, connected  # noqa: PLC0415 - `serve` does without requests

    async with connected(api, key, BRIEF) as client:
        return await work(client)


async def newest(items: AsyncIterator[Item], limit: int = MAX_LISTED) -> list[Item]:
    """`limit` of them at most."""
    found: list[Item] = []
    async for item in items:
        found.append(item)
        if len(found) == limit:
            break
    return found


def table_with(*columns: str, of: str = "id", id_width: int = ID_WIDTH) -> Table:
    """One whose ids, of `id_width` characters at most, can be copied, however narrow the terminal is."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(of, no_wrap=True, min_width=id_width)
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name not in WORDS, min_width=len("12,345"))
    return table


def print_all(table: Table, otherwise: str, limit: int = MAX_LISTED) -> None:
    """A table of at most `limit` lines, or a sentence where it is empty."""
    if table.row_count == limit:
        table.caption = f"the newest {limit:,}"
    console.print(table if table.row_count else otherwise, highlight=False)


def time_of(moment: datetime | None) -> str:
    """A time in UTC; nothing without one."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}Z"


def one_line(text: str) -> str:
    """What somebody else wrote, such as a receiver's answer, without what would move the cursor of a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
