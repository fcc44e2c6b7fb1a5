"""`quietzone events`: events of your own put on buses, patterns tried on events, and what rules have matched."""

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.markup import escape
from rich.table import Table

from quietzone_cli.asking import ask, newest, print_all, table_with, time_of
from quietzone_cli.errors import CommandFailed, OperationFailed
from quietzone_cli.options import API_URL, ApiKey, ApiUrl
from quietzone_cli.terminal import complain, console, finish

if TYPE_CHECKING:
    from quietzone_client import AsyncClient, Entry, Rule

app = typer.Typer(no_args_is_help=True, help="Put events of your own, try patterns on events, see what rules have matched.")

LINES_AT_ONCE = 10
"""What one request takes."""
BYTES_AT_ONCE = 900_000
"""Of details: a request takes 1 MB, with sources, types and resources."""
MAX_LINE_BYTES = 1024 * 1024
"""Of one line: four times what an event may have, so that it is the API that says which is too large."""
RULES_AT_ONCE = 8
"""That are asked for beside each other: a bus of 300 rules takes a second or two, and nobody else notices."""

Bus = Annotated[str, typer.Option("--bus", help="Where they come to.")]
OfBus = Annotated[str, typer.Argument(help="Whose rules.")]


@dataclass(frozen=True, slots=True)
class Line:
    """A detail, and the number of its line, from 1 on."""

    number: int
    detail: str


@app.command()
def put(
    source: Annotated[str, typer.Argument(help="Who tells it, such as shop.till; not quietzone.…, which the house's own events have.")],
    detail_type: Annotated[str, typer.Argument(help="What kind of event it is, such as 'Order Paid'.")],
    detail: Annotated[str, typer.Argument(help="A JSON object; @FILE for one in a file; - for many from stdin, each in a line.")],
    key: ApiKey,
    api: ApiUrl = API_URL,
    *,
    bus: Bus = "default",
    resource: Annotated[list[str] | None, typer.Option("--resource", help="What it is about; several in their order.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", help="Of your choice: the same again under it puts nothing twice.")
    ] = None,
) -> None:
    """Put an event on a bus, or many; exit code 1 when some weren't taken, which it names."""

    async def send(client: "AsyncClient") -> int:
        from quietzone_client import Entry  # noqa: PLC0415 - `serve` does without requests

        def entry(line: Line) -> "Entry":
            return Entry(source, detail_type, line.detail, resource or (), bus)

        if detail == "-":
            return await _put_lines(client, sys.stdin.buffer, entry, idempotency_key)
        return await _put_one(client, entry(Line(1, text_of(detail))), idempotency_key)

    finish(ask(api, key, send))


@app.command(name="test-pattern")
def try_pattern(
    pattern: Annotated[str, typer.Argument(help="A JSON object, or @FILE.")],
    event: Annotated[str, typer.Argument(help="A JSON object, or @FILE; it needs only what is looked at.")],
    key: ApiKey,
    api: ApiUrl = API_URL,
) -> None:
    """Say whether an event matches a pattern, and why; exit code 1 when it doesn't."""

    async def attempt(client: "AsyncClient") -> int:
        tried = await client.events.test_pattern(text_of(pattern), text_of(event))
        console.print(tried.explanation, markup=False, highlight=False, soft_wrap=True)
        return 0 if tried.matches else 1

    finish(ask(api, key, attempt))


@app.command()
def rules(key: ApiKey, bus: OfBus = "default", api: ApiUrl = API_URL) -> None:
    """List the rules of a bus, with what they have matched since they were made."""

    async def show(client: "AsyncClient") -> int:
        found = await newest(client.rules.list(bus=bus))
        print_all(rules_in(await _with_numbers(client, found)), f"the bus {escape(bus)} has no rules")
        return 0

    finish(ask(api, key, show))


def rules_in(rules: Iterable["Rule"]) -> Table:
    """Each with when it matched last below its name."""
    table = table_with("matched", "failed", "delivered", "given up", "targets", of="rule, and when it matched last")
    for rule in rules:
        name = escape(rule.name) if rule.enabled else f"{escape(rule.name)} [yellow](off)[/]"
        targets = ", ".join(f"{target.id} ({target.kind})" for target in rule.targets)
        done = rule.numbers
        if done is None:  # it was deleted meanwhile
            table.add_row(name, "", "", "", "", escape(targets))
            continue
        last = time_of(done.last_matched_at)
        counts = (f"{number:,}" for number in (done.matched, done.failed, done.delivered, done.given_up))
        table.add_row(f"{name}\n{last}" if last else name, *counts, escape(targets))
    return table


def text_of(given: str) -> str:
    """JSON as it was given, or as the file has it that `@` names; what it says is left to the API.

    Raises:
        OperationFailed: there is no such file, or it is no text.
    """
    if not given.startswith("@"):
        return given
    path = Path(given[1:])
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise OperationFailed(f"{path} can't be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise OperationFailed(f"{path} isn't in UTF-8, as JSON is (byte {error.start + 1})") from error


def lines_of(file: BinaryIO) -> Iterator[Line]:
    """Lines of NDJSON, without blank ones.

    Raises:
        OperationFailed: a line is longer than any event may be, or isn't in UTF-8.
    """
    for number in count(1):
        line = file.readline(MAX_LINE_BYTES + 1)
        if not line:
            return
        if len(line) > MAX_LINE_BYTES:
            raise OperationFailed(f"line {number:,} has more than {MAX_LINE_BYTES:,} bytes; an event has 256 KB at most")
        try:
            detail = line.decode().strip()
        except UnicodeDecodeError as error:
            raise OperationFailed(f"line {number:,} isn't in UTF-8, as JSON is (byte {error.start + 1})") from error
        if detail:
            yield Line(number, detail)


def lots_of(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """As many lines as one request takes, as soon as they are there."""
    lot: list[Line] = []
    size = 0
    for line in lines:
        length = len(line.detail.encode())
        if lot and size + length > BYTES_AT_ONCE:
            yield lot
            lot, size = [], 0
        lot.append(line)
        size += length
        if len(lot) == LINES_AT_ONCE:
            yield lot
            lot, size = [], 0
    if lot:
        yield lot


async def _put_one(client: "AsyncClient", entry: "Entry", name: str | None) -> int:
    [result] = await client.events.put([entry], idempotency_key=name)
    if not result.ok:
        complain(f"{result.error_code}: {result.error_message}")
        return 1
    console.print(f"[green]✓[/] {result.event_id}", highlight=False)
    return 0


async def _put_lines(client: "AsyncClient", file: BinaryIO, entry: Callable[[Line], "Entry"], name: str | None) -> int:
    """Put what stdin has. Reading it holds up nothing: there is nothing else to do meanwhile."""
    from quietzone_client import QuietzoneError  # noqa: PLC0415 - `serve` does without requests

    taken = refused = done = 0
    try:
        for lot in lots_of(lines_of(file)):
            key = None if name is None else f"{name}-{lot[0].number}"
            results = await client.events.put([entry(line) for line in lot], idempotency_key=key)
            for line, result in zip(lot, results, strict=True):
                if not result.ok:
                    complain(f"line {line.number:,}: {result.error_code}: {result.error_message}")
            refused += sum(not result.ok for result in results)
            taken += sum(result.ok for result in results)
            done = lot[-1].number
    except (QuietzoneError, CommandFailed):
        complain(f"{taken:,} events were put; what comes after line {done:,} wasn't, as far as is known")
        raise
    console.print(f"[green]✓[/] {taken:,} events were put", highlight=False)
    if refused:
        complain(f"{refused:,} weren't taken")
    return 1 if refused else 0


async def _with_numbers(client: "AsyncClient", rules: Sequence["Rule"]) -> list["Rule"]:
    """The rules with what they have done, which lists leave out."""
    from quietzone_client import NotFound  # noqa: PLC0415 - `serve` does without requests

    async def now(rule: "Rule") -> "Rule":
        try:
            return await client.rules.get(rule.name, bus=rule.bus)
        except NotFound:
            return rule

    found: list[Rule] = []
    for first in range(0, len(rules), RULES_AT_ONCE):
        found += await asyncio.gather(*map(now, rules[first : first + RULES_AT_ONCE]))
    return found
