"""`quietzone usage`: what an account has used of its plan."""

from typing import TYPE_CHECKING

from rich.table import Table

from quietzone_cli.terminal import console

if TYPE_CHECKING:
    from quietzone_client import Usage

WHAT = {"bytes": "bytes of answers"}
"""Units whose own name would be taken for something else."""


async def show(api_url: str, key: str) -> int:
    """Ask, and print the table."""
    from quietzone_cli.remote import BRIEF, connected  # noqa: PLC0415 - `serve` does without requests

    async with connected(api_url, key, BRIEF) as client:
        console.print(table_of(await client.usage()), highlight=False)
    return 0


def table_of(usage: "Usage") -> Table:
    """A line for each thing that is counted, and one for files, whose use nobody knows while storage is away."""
    table = Table("", "used", "limit", "left", "begins anew (UTC)", title=f"plan {usage.plan}", title_justify="left")
    for use in usage.items:
        what = f"{WHAT.get(use.unit, use.unit)} a {use.period}" + (f" ({use.method_class})" if use.method_class else "")
        table.add_row(what, f"{use.used:,}", _number(use.limit), _number(use.left), f"{use.resets_at:%Y-%m-%d}")
    stored = usage.stored_bytes
    used = "not known now" if stored.used is None else f"{stored.used:,}"
    table.add_row("bytes of files", used, _number(stored.limit), _number(stored.left), "as files are deleted")
    return table


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
