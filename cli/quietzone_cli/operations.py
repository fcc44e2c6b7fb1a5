"""Commands for operators, who have the bus and the stores at hand: they work without the API."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID, TextColumn
from rich.table import Table

from quietzone_cli.errors import OperationFailed
from quietzone_kit.bus import BusError
from quietzone_kit.documents import DocumentsError
from quietzone_kit.errors import QuietzoneError
from quietzone_standalone.settings import DEFAULT_PORT, Backends, installation

DataFolder = Annotated[Path, typer.Option("--data", help="Folder of the installation.")]
BackendsOption = Annotated[
    Backends,
    typer.Option("--backends", envvar="BACKENDS", help="embedded: files in the data folder; real: the servers of QUIETZONE_…_URL."),
]


T = TypeVar("T")

WITHIN_S = 300.0
"""A log of 30 days is read in minutes."""


async def trace(console: Console, event_id: str, data: Path, backends: Backends) -> int:
    """Show the way of one event; 1 when it hasn't come to its end."""
    from quietzone_standalone.operations.stores import open_stores  # noqa: PLC0415 - other commands do without all parts' code
    from quietzone_standalone.operations.trace import Step, follow_event  # noqa: PLC0415

    async def follow() -> list[Step]:
        async with open_stores(data, backends) as stores:
            return await follow_event(stores, event_id)

    steps = await answers(follow())
    table = Table(show_header=False)
    for step in steps:
        table.add_row("[green]✓[/]" if step.reached else "[yellow]…[/]", step.place, escape(step.said))
    console.print(table)
    return 0 if all(step.reached for step in steps) else 1


async def doctor(console: Console, data: Path, backends: Backends) -> int:
    """Show each finding as it comes; 1 when something isn't well."""
    from quietzone_standalone.operations.doctor import examine  # noqa: PLC0415

    sick = 0
    async for finding in examine(data, backends):
        sick += not finding.is_well
        mark = "[green]✓[/]" if finding.is_well else "[bold red]✗[/]"
        console.print(f"{mark} {finding.name}: {escape(finding.said)}", highlight=False, soft_wrap=True)
    return 1 if sick else 0


async def move(console: Console, data: Path) -> int:
    """Move an installation from its files to servers."""
    from quietzone_standalone.operations.migrate import MigrationFailed, migrate  # noqa: PLC0415

    with Progress(TextColumn("{task.description:<20}"), TextColumn("{task.completed:>12,.0f} documents"), console=console) as shown:
        bars: dict[str, TaskID] = {}

        def advance(collection: str, count: int) -> None:
            if collection not in bars:
                bars[collection] = shown.add_task(collection, total=None)
            shown.update(bars[collection], completed=count)

        try:
            found = await migrate(
                installation(data, DEFAULT_PORT, None), lambda line: console.print(escape(line), highlight=False), advance
            )
        except (BusError, DocumentsError, QuietzoneError, MigrationFailed) as error:
            raise OperationFailed(f"{error}; what {data} holds is as it was") from error
    console.print(f"[green]✓[/] {found.codes[1]} codes and {found.scans[1]} scans, before and after", highlight=False)
    console.print("Start it with `quietzone serve --backends real`, in the same data folder: its spool stays where it is.")
    return 0


async def answers(asked: Awaitable[T]) -> T:
    """What was asked of the bus and the stores; raises OperationFailed when they don't answer, or refuse."""
    try:
        async with asyncio.timeout(WITHIN_S):
            return await asked
    except (BusError, DocumentsError, QuietzoneError, ValueError) as error:
        raise OperationFailed(str(error)) from error
    except TimeoutError as error:
        raise OperationFailed(f"no answer within {WITHIN_S:.0f} s: is the bus up, and the log not too long to be read?") from error
