"""`quietzone dlq`: events that a consumer gave up, and what becomes of them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from quietzone_cli.errors import OperationFailed
from quietzone_cli.operations import BackendsOption, DataFolder, answers
from quietzone_cli.terminal import console, finish
from quietzone_kit.reaction import DeadLetters, Letter, Summary, Which
from quietzone_standalone.settings import Backends

app = typer.Typer(no_args_is_help=True, help="Events that a consumer gave up: look at them, have them handled again, or drop them.")

T = TypeVar("T")

Consumer = Annotated[str, typer.Argument(help="As `quietzone dlq list` names it.")]
Error = Annotated[str | None, typer.Option("--error", help="Only those that died of this error.")]
Key = Annotated[str | None, typer.Option("--key", help="Only those of this key, such as a code's id.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only this letter; may be given several times.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them.")]

PAGE = 20
REASON = 80  # characters of a reason in a table


@app.command(name="list")
def list_command(data: DataFolder = Path("data"), backends: BackendsOption = Backends.EMBEDDED) -> None:
    """How many letters wait for each consumer, and of what they died; exit code 1 when any do."""
    finish(_list(data, backends))


@app.command()
def show(
    consumer: Consumer, error: Error = None, key: Key = None, data: DataFolder = Path("data"), backends: BackendsOption = Backends.EMBEDDED
) -> None:
    """The first letters that wait, in the order in which they died."""
    finish(_show(consumer, Which(error, key), data, backends))


@app.command()
def redrive(
    consumer: Consumer,
    error: Error = None,
    key: Key = None,
    ids: Ids = None,
    *,
    data: DataFolder = Path("data"),
    backends: BackendsOption = Backends.EMBEDDED,
    everything: Everything = False,
) -> None:
    """Send letters back to the consumer that gave them up, and to no other; in order."""
    which = _which(error, key, ids, everything=everything)
    finish(_settle(consumer, which, data, backends, lambda dead: dead.redrive(which), how="sent back to"))


@app.command()
def drop(
    consumer: Consumer,
    error: Error = None,
    key: Key = None,
    ids: Ids = None,
    *,
    data: DataFolder = Path("data"),
    backends: BackendsOption = Backends.EMBEDDED,
    everything: Everything = False,
) -> None:
    """Have letters wait no more: they are never handled."""
    which = _which(error, key, ids, everything=everything)
    finish(_settle(consumer, which, data, backends, lambda dead: dead.drop(which), how="dropped for"))


def _which(error: str | None, key: str | None, ids: list[str] | None, *, everything: bool) -> Which:
    if everything == bool(error or key or ids):
        raise typer.BadParameter("say which: --error, --key or --id, or --all")
    return Which(error, key, frozenset(ids) if ids else None)


async def _list(data: Path, backends: Backends) -> int:
    from quietzone_standalone.operations.stores import CONSUMERS  # noqa: PLC0415 - `serve` does without all parts' code

    table = Table("consumer", "topic", "letters", "since", "of what")
    found = await answers(_summaries(data, backends))
    for consumer, summary in found.items():
        kinds = ", ".join(f"{error} {count}" for error, count in sorted(summary.by_error.items()))
        table.add_row(consumer, CONSUMERS[consumer].topic, str(summary.total), _time(summary.oldest_ms), escape(kinds))
    console.print(table)
    return 1 if any(summary.total for summary in found.values()) else 0


async def _summaries(data: Path, backends: Backends) -> dict[str, Summary]:
    from quietzone_standalone.operations.stores import CONSUMERS, open_bus_of  # noqa: PLC0415

    async with open_bus_of(data, backends) as bus:
        return {consumer: await DeadLetters(bus, reading.topic, reading.name).summary() for consumer, reading in CONSUMERS.items()}


async def _show(consumer: str, which: Which, data: Path, backends: Backends) -> int:
    page = await _ask(consumer, data, backends, lambda dead: dead.page(which, limit=PAGE))
    table = Table("letter", "key", "died", "attempts", "of what")
    for letter in page.letters:
        table.add_row(*_row(letter))
    console.print(table)
    if page.cursor is not None:
        console.print(f"and more; --error or --key show others than these {PAGE}")
    return 0


async def _settle(
    consumer: str, which: Which, data: Path, backends: Backends, settle: Callable[[DeadLetters], Awaitable[int]], *, how: str
) -> int:
    if which.ids:
        waiting = await _ask(consumer, data, backends, lambda dead: dead.page(Which(ids=which.ids), limit=len(which.ids or ())))
        if missing := which.ids - {letter.letter_id for letter in waiting.letters}:
            raise OperationFailed(f"no letter {', '.join(sorted(missing))} waits for {consumer}; see `quietzone dlq show {consumer}`")
    count = await _ask(consumer, data, backends, settle)
    if not count and which != Which():
        raise OperationFailed(f"no such letter waits for {consumer}; see `quietzone dlq show {consumer}`")
    console.print(f"[green]✓[/] {count} letters were {how} {escape(consumer)}", highlight=False)
    return 0


async def _ask(consumer: str, data: Path, backends: Backends, ask: Callable[[DeadLetters], Awaitable[T]]) -> T:
    from quietzone_standalone.operations.stores import CONSUMERS, open_bus_of  # noqa: PLC0415

    if consumer not in CONSUMERS:
        raise OperationFailed(f"no consumer {consumer!r}; there are {', '.join(CONSUMERS)}")

    reading = CONSUMERS[consumer]

    async def answer() -> T:
        async with open_bus_of(data, backends) as bus:
            return await ask(DeadLetters(bus, reading.topic, reading.name))

    return await answers(answer())


def _row(letter: Letter) -> tuple[str, ...]:
    death = letter.death
    reason = escape(f"{death.error}: {death.reason}"[:REASON])
    return letter.letter_id, escape(letter.key), _time(death.time_ms), str(death.attempts), reason


def _time(time_ms: int | None) -> str:
    return "" if time_ms is None else f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"
