"""The `quietzone` command."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from quietzone_cli import dlq, events, files, listen, operations, release, tail, tasks, topics, webhooks
from quietzone_cli import usage as usage_of
from quietzone_cli.errors import CommandFailed, TourFailed
from quietzone_cli.operations import BackendsOption, DataFolder
from quietzone_cli.options import API_URL, ApiKey, ApiUrl
from quietzone_cli.terminal import complain, console, finish
from quietzone_kit import telemetry
from quietzone_kit.runtime import SystemClock
from quietzone_kit.settings import describe
from quietzone_standalone.settings import DEFAULT_PORT, Backends, Installation, installation

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(topics.app, name="topics")
app.add_typer(dlq.app, name="dlq")
app.add_typer(release.app, name="release")
app.add_typer(files.app, name="files")
app.add_typer(tasks.app, name="tasks")
events.app.command()(tail.tail)
webhooks.app.command()(listen.listen)
app.add_typer(events.app, name="events")
app.add_typer(webhooks.app, name="webhooks")

Port = Annotated[int, typer.Option(envvar="PORT", help="The API's port; scans take the port 80 above it.")]
INTERRUPTED = 130  # as shells say it of SIGINT
Examples = Annotated[list[Path], typer.Option("--examples", help="CSV files with the columns title, destination, slug.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the drawn codes.")]
ScansUrl = Annotated[
    str | None,
    typer.Option(
        "--scans", envvar="QUIETZONE_SCANS_URL", help="Scan here, if the address in the short URLs doesn't lead to this installation yet."
    ),
]
FilesUrl = Annotated[
    str | None,
    typer.Option(
        "--files", envvar="QUIETZONE_FILES_URL", help="Fetch files here, if the host in their URLs doesn't lead to this installation yet."
    ),
]

EXAMPLES = sorted(Path("examples").glob("*.csv"))


def _show_version(wanted: bool) -> None:
    if wanted:
        console.print(telemetry.release(), highlight=False)
        raise typer.Exit


@app.callback()
def quietzone(
    *, show_version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False
) -> None:
    """Dynamic QR codes, counted exactly."""


@app.command()
def serve(
    data: DataFolder = Path("data"),
    port: Port = DEFAULT_PORT,
    backends: BackendsOption = Backends.EMBEDDED,
    *,
    tour: Annotated[bool, typer.Option("--tour", help="Take the tour once everything runs.")] = False,
    stop_after: Annotated[bool, typer.Option("--exit", help="Stop after the tour.")] = False,
) -> None:
    """Run everything on this machine, in one folder."""
    if stop_after and not tour:
        raise typer.BadParameter("--exit: only with --tour")
    try:
        place = installation(data, port, os.environ.get("QUIETZONE_SCAN_BASE_URL"), backends)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    finish(_serve(place, tour=tour, stop_after=stop_after))


@app.command(name="tour")
def tour_command(
    key: ApiKey,
    api: ApiUrl = API_URL,
    *,
    scans: ScansUrl = None,
    files_at: FilesUrl = None,
    examples: Examples = EXAMPLES,
    out: Out = Path("out"),
) -> None:
    """Create codes, draw them, scan them, and see them counted."""
    finish(_tour(api, key, examples, out, scans_url=scans.rstrip("/") if scans else None, files_url=files_at))


@app.command()
def reconcile(key: ApiKey, api: ApiUrl = API_URL) -> None:
    """Compare accepted, forwarded and stored scans; exit code 1 when they don't add up."""
    finish(_reconcile(api, key))


@app.command()
def trace(
    event_id: Annotated[str, typer.Argument(help="<source>:<number> of a scan, <code id>.<revision>, or milestone:<code id>:<threshold>.")],
    data: DataFolder = Path("data"),
    backends: BackendsOption = Backends.EMBEDDED,
) -> None:
    """Follow one event: spool, bus, count; exit code 1 when it hasn't come to its end."""
    finish(operations.trace(console, event_id, data, backends))


@app.command()
def doctor(data: DataFolder = Path("data"), backends: BackendsOption = Backends.EMBEDDED) -> None:
    """Look at bus, stores, spool and what waits in them; exit code 1 when something isn't well."""
    finish(operations.doctor(console, data, backends))


@app.command()
def migrate(
    source: Annotated[Backends, typer.Option("--from", help="Where it is: embedded.")],
    target: Annotated[Backends, typer.Option("--to", help="Where it goes: real, the servers that QUIETZONE_…_URL name.")],
    data: DataFolder = Path("data"),
) -> None:
    """Move an installation from its files to servers: no code and no count is lost. It stops scanning meanwhile."""
    if (source, target) != (Backends.EMBEDDED, Backends.REAL):
        raise typer.BadParameter("only --from embedded --to real can be done")
    finish(operations.move(console, data))


@app.command()
def cost(
    prometheus: Annotated[str, typer.Option("--prometheus", help="What collects our metrics.")] = "http://localhost:9090",
    prices: Annotated[Path | None, typer.Option("--prices", help="A TOML file with your prices; without it, examples.")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=90, help="How far to look back.")] = 30,
) -> None:
    """Price what was used, and advise requests, replicas and tiers."""
    from quietzone_cli.cost import cost as price  # noqa: PLC0415 - `serve` does without requests

    finish(price(console, SystemClock(), prometheus=prometheus, prices=prices, days=days))


@app.command()
def usage(key: ApiKey, api: ApiUrl = API_URL) -> None:
    """Show what the account has used of its plan, and what files it has."""
    finish(usage_of.show(api, key))


@app.command()
def settings() -> None:
    """List every setting: name, type, default, and why one would change it. `quietzone serve` needs none of them."""
    from quietzone_standalone.roles import ROLES, SET_BY_SERVE  # noqa: PLC0415 - all parts' settings, which takes half a second
    from quietzone_standalone.secret import FILES as MADE_BY_SERVE  # noqa: PLC0415

    for setting in describe(*(role.settings for role in ROLES)):
        takes = setting.type + (f" ({setting.unit})" if setting.unit else "")
        default = "must be set" if setting.required else f"default {setting.default}" if setting.default else "not set"
        if setting.name in SET_BY_SERVE:
            default += " (`quietzone serve` does it)" if setting.required else " (`quietzone serve` sets it)"
        elif setting.name in MADE_BY_SERVE:
            default += " (`quietzone serve` makes one)"
        console.print(f"[bold cyan]{setting.name}[/]  {escape(f'{takes}; {default}')}", highlight=False, soft_wrap=True)
        console.print(Padding(escape(setting.why), (0, 0, 1, 4)), highlight=False)


def main() -> None:
    """Run the command."""
    # A command says itself what went wrong; of what libraries log people would see that a group on Kafka is new.
    logging.getLogger().addHandler(logging.NullHandler())
    app()


async def _serve(place: Installation, *, tour: bool, stop_after: bool) -> int:
    key = _key() if tour else ""
    toured = not tour
    try:
        with _until_asked_to_stop():
            async with _running(place):
                if tour:
                    toured = await _tour_of(place, key, fail=stop_after)
                if not stop_after:
                    console.print("Running; Ctrl-C stops it.")
                    await asyncio.Event().wait()
                console.print("Stopping")
    except asyncio.CancelledError:
        return 0 if toured or not stop_after else INTERRUPTED
    return 0


@contextmanager
def _until_asked_to_stop() -> Iterator[None]:
    """SIGINT or SIGTERM ends the block, whatever it does, by cancelling it; once, so that what it does at its end isn't cut off."""
    loop, main = asyncio.get_running_loop(), asyncio.current_task()

    def stop() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: None)
        console.print("Stopping")
        if main is not None:
            main.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    yield


@asynccontextmanager
async def _running(place: Installation) -> AsyncIterator[None]:
    started = time.monotonic()
    from quietzone_standalone.serve import running  # noqa: PLC0415 - all parts' code, which other commands do without

    async with running(place, lambda line: console.print(escape(line), style="yellow", highlight=False, soft_wrap=True)):
        console.print(_addresses(place, time.monotonic() - started), highlight=False)
        yield


async def _tour_of(place: Installation, key: str, *, fail: bool) -> bool:
    """Take the tour at our own addresses, whatever the short URLs say; unless told to `fail`, a tour that went wrong is only said."""
    try:
        await _tour(
            place.api_url,
            key,
            EXAMPLES,
            Path("out"),
            scans_url=f"http://localhost:{place.scan_port}",
            files_url=f"http://localhost:{place.files_port}",
        )
    except CommandFailed as error:
        if fail:
            raise
        complain(f"the tour failed: {error}")
    return True


async def _tour(
    api_url: str, key: str, examples: list[Path], out: Path, *, scans_url: str | None = None, files_url: str | None = None
) -> int:
    if not examples:
        raise TourFailed("no CSV files: name some with --examples, or run this where the folder examples/ is")
    from quietzone_cli.remote import connected  # noqa: PLC0415 - `serve` alone does without requests and images: 25 MB less
    from quietzone_cli.tour import run_tour  # noqa: PLC0415
    from quietzone_client import AsyncClient  # noqa: PLC0415

    async with connected(api_url, key) as api:
        await run_tour(api, console, partial(AsyncClient, api_url), examples=examples, folder=out, scans_url=scans_url, files_url=files_url)
    return 0


async def _reconcile(api_url: str, key: str) -> int:
    from quietzone_cli.remote import connected  # noqa: PLC0415

    async with connected(api_url, key) as api:
        found = await api.reconcile()
    table = Table(show_header=False)
    for name in ("accepted", "forwarded", "applied", "stored", "lost", "unrecorded"):
        table.add_row(name, str(getattr(found, name)))
    console.print(table)
    for problem in found.problems:
        console.print(f"[bold red]✗[/] {escape(problem)}", highlight=False, soft_wrap=True)
    if not found.problems:
        under_way = "" if found.settled else "; scans are on their way, so that the numbers differ yet"
        uncounted = f"; {found.unrecorded} redirects could not be recorded, ever" if found.unrecorded else ""
        console.print(f"[green]✓[/] every accepted scan adds up{under_way}{uncounted}")
    return 1 if found.problems else 0


def _key() -> str:
    key = os.environ.get("QUIETZONE_API_KEY")
    if not key:
        raise TourFailed(
            "the tour needs the account's API key: set QUIETZONE_API_KEY to the one that the first `quietzone serve` showed, "
            "or to a new one of 32 random characters or more"
        )
    return key


def _addresses(place: Installation, seconds: float) -> Table:
    table = Table(title=f"Quietzone is ready after {seconds:.1f} s", title_justify="left", show_header=False)
    table.add_row("API", f"{place.api_url}/v1")
    table.add_row("its description", f"{place.api_url}/openapi.json")
    table.add_row("scans", f"http://localhost:{place.scan_port}")
    table.add_row("files", f"http://localhost:{place.files_port}")
    table.add_row("data", str(place.data))
    return table


if __name__ == "__main__":
    main()
