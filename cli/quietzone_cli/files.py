"""`quietzone files`: images of codes, uploads and prints, as the API has them."""

import asyncio
import mimetypes
from collections.abc import Awaitable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from quietzone_cli.asking import ask, newest, print_all, table_with
from quietzone_cli.errors import ApiError, OperationFailed
from quietzone_cli.options import API_URL, ApiKey, ApiUrl, id_of
from quietzone_cli.terminal import complain, console, finish

if TYPE_CHECKING:
    from quietzone_client import Asset, AsyncClient, Operation

app = typer.Typer(no_args_is_help=True, help="Images of codes in all their variants, uploads and prints.")

Id = Annotated[str, id_of("The asset's id; of a code's image it is the code's.")]
Kind = Annotated[str | None, typer.Option("--kind", help="code, upload or print.")]
State = Annotated[str | None, typer.Option("--state", help="pending, ready or quarantined; not together with --kind.")]
LOOK_S = 0.5
CLEANED_WITHIN_S = 3_600
"""As long as the service gives it."""


class Caption(StrEnum):
    """What stands below a code."""

    TITLE = "title"
    SLUG = "slug"
    SHORT_URL = "short_url"
    NONE = "none"


class PaperSize(StrEnum):
    """A size of sheets."""

    A4 = "a4"
    LETTER = "letter"


T = TypeVar("T")


@app.command(name="list")
def list_command(key: ApiKey, api: ApiUrl = API_URL, kind: Kind = None, state: State = None) -> None:
    """List files, newest first."""

    async def show(client: "AsyncClient") -> int:
        print_all(assets_in(await newest(client.assets.list(kind=kind, state=state))), "there is none")
        return 0

    finish(ask(api, key, show))


@app.command()
def show(asset_id: Id, key: ApiKey, api: ApiUrl = API_URL) -> None:
    """Show one with its files."""

    async def show_one(client: "AsyncClient") -> int:
        _print(await client.assets.get(asset_id))
        return 0

    finish(ask(api, key, show_one))


@app.command()
def url(
    asset_id: Id,
    key: ApiKey,
    api: ApiUrl = API_URL,
    *,
    variant: Annotated[str, typer.Option("--variant", help="Such as _thumb; the master without it.")] = "",
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            help="Another size: 16 to 2,048 pixels of the longer side; of codes 2 a module, so 58 at least, 194 for the largest symbols.",
        ),
    ] = None,
    media_type: Annotated[str | None, typer.Option("--type", help="Of another size: image/png, image/jpeg or image/webp.")] = None,
    expires_s: Annotated[
        int | None,
        typer.Option("--expires", help="How long it holds, in seconds; a week at most. By default an hour, or a day for what is used."),
    ] = None,
) -> None:
    """Print a URL by which anybody gets one file until it expires."""

    async def sign(client: "AsyncClient") -> int:
        signed = await client.assets.url(asset_id, variant, size=size, media_type=media_type, expires_s=expires_s)
        console.print(signed.url, highlight=False, soft_wrap=True)
        return 0

    finish(ask(api, key, sign))


@app.command()
def download(
    asset_id: Id,
    out: Annotated[Path, typer.Argument(help="Where the file is written.")],
    key: ApiKey,
    api: ApiUrl = API_URL,
    *,
    variant: Annotated[str, typer.Option("--variant", help="Such as _thumb; the master without it.")] = "",
) -> None:
    """Write one file here, checked by its SHA-256."""
    _check_place(out)

    async def fetch(client: "AsyncClient") -> int:
        return await _fetched(client, asset_id, out, variant)

    finish(ask(api, key, fetch))


@app.command()
def upload(paths: Annotated[list[Path], typer.Argument(help="PNG, JPEG, WebP, GIF or SVG.")], key: ApiKey, api: ApiUrl = API_URL) -> None:
    """Upload files, and wait until they were decoded and scanned."""

    async def send(client: "AsyncClient") -> int:
        for path, media_type in [(path, _media_type(path)) for path in paths]:  # all of them before the first is sent
            asset = await _of_file(path, client.assets.upload(_content(path), path.name, media_type))
            _print(await _waited(client, asset))
        return 0

    finish(ask(api, key, send))


@app.command(name="print")
def print_command(  # noqa: PLR0913 - each is an option
    out: Annotated[Path, typer.Argument(help="Where the file is written: a PDF, or a ZIP with --archive.")],
    key: ApiKey,
    api: ApiUrl = API_URL,
    *,
    code: Annotated[list[str] | None, typer.Option("--code", help="A code's id; several in their order.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="All codes with it.")] = None,
    folder: Annotated[str | None, typer.Option("--folder", help="All codes in it.")] = None,
    archive: Annotated[bool, typer.Option("--archive", help="Each code as PNG and SVG in a ZIP, instead of labels.")] = False,
    title: Annotated[str, typer.Option("--title", help="What the file is called.")] = "",
    caption: Annotated[Caption, typer.Option("--caption", help="What stands below a code.")] = Caption.TITLE,
    paper: Annotated[PaperSize, typer.Option("--paper")] = PaperSize.A4,
    columns: Annotated[int, typer.Option("--columns", help="Labels beside each other.", min=1, max=10)] = 4,
    rows: Annotated[int, typer.Option("--rows", help="Labels one below the other.", min=1, max=20)] = 6,
    cut_marks: Annotated[bool, typer.Option("--cut-marks/--no-cut-marks")] = True,
) -> None:
    """Print labels of codes to cut out, or pack their files: those named, or all with a tag or in a folder."""
    if sum(each is not None for each in (code, tag, folder)) != 1:
        raise typer.BadParameter("say which codes: give one of --code, --tag and --folder")
    _check_place(out)

    async def make(client: "AsyncClient") -> int:
        from quietzone_client import Selection, Sheet  # noqa: PLC0415 - `serve` does without requests

        sheet = Sheet(caption.value, paper.value, columns, rows, cut_marks)
        chosen = Selection(code, tag, folder)
        asset = await client.assets.print(chosen, form="archive" if archive else "sheets", title=title, sheet=sheet)
        await _waited(client, asset)
        return await _fetched(client, asset.id, out, otherwise="; it was printed, and is kept for a week")

    finish(ask(api, key, make))


@app.command(name="clean-up")
def clean_up(
    key: ApiKey,
    api: ApiUrl = API_URL,
    *,
    prefix: Annotated[
        str, typer.Option("--prefix", help="Only codes/, uploads/ or prints/, or one of them with the beginning of an id.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Move files that weren't used for long where they cost less, or delete them, by their age."""

    async def tidy(client: "AsyncClient") -> int:
        operation = await _ended(client, await client.assets.clean_up(prefix, dry_run=dry_run))
        if operation.report is None:
            raise ApiError(f"the clean-up is {operation.state}: {operation.error or 'no reason given'}")
        table = Table(show_header=False)
        for name in ("processed", "warmed", "archived", "deleted", "kept", "bytes"):
            table.add_row(name, f"{getattr(operation.report, name):,}")
        console.print(table, highlight=False)
        return 0

    finish(ask(api, key, tidy))


@app.command()
def move(
    asset_id: Id,
    tier: Annotated[str, typer.Argument(help="hot, warm, cold or archive; hot brings back what is archived.")],
    key: ApiKey,
    api: ApiUrl = API_URL,
) -> None:
    """Have an upload's files moved to a tier."""

    async def begin(client: "AsyncClient") -> int:
        operation = await client.assets.move(asset_id, tier)
        console.print(f"[green]✓[/] operation {operation.id} is {operation.state}; `files operations` shows how far it is", highlight=False)
        return 0

    finish(ask(api, key, begin))


@app.command()
def purge(asset_ids: Annotated[list[str], id_of("Assets, 20 at most.")], key: ApiKey, api: ApiUrl = API_URL) -> None:
    """Have copies of files forgotten at the CDN; what changes or goes is purged without that."""

    async def forget(client: "AsyncClient") -> int:
        await client.assets.purge(asset_ids)
        console.print("[green]✓[/] copies are forgotten")
        return 0

    finish(ask(api, key, forget))


@app.command(name="warm-up")
def warm_up(
    asset_ids: Annotated[list[str], id_of("Assets, 20 at most.")],
    key: ApiKey,
    api: ApiUrl = API_URL,
    *,
    expires_s: Annotated[int, typer.Option("--expires", help="How long their URLs hold, in seconds; a week at most.")] = 3600,
) -> None:
    """Have copies of files made at the CDN before anybody asks, and list the URLs to give to readers."""

    async def fetch(client: "AsyncClient") -> int:
        for warmed in await client.assets.warm_up(asset_ids, expires_s=expires_s):
            told = f"[red]✗[/] {warmed.name}: {escape(warmed.failure)}" if warmed.failure else f"[green]✓[/] {escape(warmed.url or '')}"
            console.print(told, highlight=False, soft_wrap=True)
        return 0

    finish(ask(api, key, fetch))


@app.command()
def cancel(operation_id: Annotated[str, id_of("As `files operations` lists it.")], key: ApiKey, api: ApiUrl = API_URL) -> None:
    """End an operation; what it has done stays done."""

    async def end(client: "AsyncClient") -> int:
        await client.operations.cancel(operation_id)
        console.print(f"[green]✓[/] {escape(operation_id)} is cancelled", highlight=False)
        return 0

    finish(ask(api, key, end))


@app.command()
def operation(operation_id: Annotated[str, id_of("As `files operations` lists it.")], key: ApiKey, api: ApiUrl = API_URL) -> None:
    """Show how far an operation is."""

    async def show_one(client: "AsyncClient") -> int:
        console.print(operations_in([await client.operations.get(operation_id)]), highlight=False)
        return 0

    finish(ask(api, key, show_one))


@app.command()
def operations(key: ApiKey, api: ApiUrl = API_URL) -> None:
    """List what is done in the background, newest first."""

    async def show_all(client: "AsyncClient") -> int:
        print_all(operations_in(await newest(client.operations.list())), "nothing was done in the last week")
        return 0

    finish(ask(api, key, show_all))


@app.command()
def delete(asset_id: Id, key: ApiKey, api: ApiUrl = API_URL) -> None:
    """Delete an upload or a print; the image of a code goes with its code."""

    async def remove(client: "AsyncClient") -> int:
        await client.assets.delete(asset_id)
        console.print(f"[green]✓[/] {escape(asset_id)} is deleted", highlight=False)
        return 0

    finish(ask(api, key, remove))


def assets_in(assets: Iterable["Asset"]) -> Table:
    """A line for each."""
    table = table_with("kind", "state", "tier", "bytes", "name")
    for asset in assets:
        table.add_row(asset.id, asset.kind, asset.state, asset.tier, f"{asset.bytes:,}", escape(asset.name))
    return table


def operations_in(operations: Iterable["Operation"]) -> Table:
    """Each with the asset that it is about below its own id: beside each other both are too wide for a terminal."""
    table = table_with("kind", "state", "done", "error", of="id, and of what")
    for each in operations:
        name = each.id if each.asset_id is None else f"{each.id}\n{each.asset_id}"
        table.add_row(name, each.kind, each.state, f"{each.done:,}", escape(each.error or ""))
    return table


def _check_place(out: Path) -> None:
    """See that a file can be there, before anything is made for it."""
    if out.is_dir() or not out.parent.is_dir():
        complain(f"{out} can't be written: {'Is a directory' if out.is_dir() else 'No such file or directory'}")
        raise typer.Exit(1)


async def _fetched(client: "AsyncClient", asset_id: str, out: Path, variant: str = "", *, otherwise: str = "") -> int:
    """Write a file of an asset; what stands `otherwise` says what is left when that fails."""
    try:
        size = await client.assets.download(asset_id, out, variant)
    except OSError as error:
        raise OperationFailed(f"{out} can't be written: {error.strerror or error}{otherwise}") from error
    console.print(f"[green]✓[/] {escape(str(out))}: {size:,} bytes", highlight=False)
    return 0


async def _of_file(path: Path, sent: Awaitable[T]) -> T:
    """Do something with a file; says which when it is refused."""
    from quietzone_client import Problem, ServerError  # noqa: PLC0415 - `serve` does without requests

    try:
        return await sent
    except ServerError:
        raise  # it isn't the file's fault
    except Problem as error:
        raise ApiError(f"{path.name}: {error}") from error


async def _ended(client: "AsyncClient", operation: "Operation") -> "Operation":
    try:
        async with asyncio.timeout(CLEANED_WITHIN_S):
            while operation.finished_at is None:
                await asyncio.sleep(LOOK_S)
                operation = await client.operations.get(operation.id)
    except TimeoutError as error:
        raise ApiError(f"operation {operation.id} is {operation.state}; `files operations` shows how far it is") from error
    return operation


async def _waited(client: "AsyncClient", asset: "Asset") -> "Asset":
    try:
        return await client.assets.wait(asset.id)
    except TimeoutError as error:
        raise ApiError(str(error)) from error


def _print(asset: "Asset") -> None:
    why = f": {escape(asset.reason)}" if asset.reason else ""
    table = Table("file", "type", "pixels", "bytes", title=f"{asset.id} {escape(asset.name)} {asset.state}{why}", title_justify="left")
    for file in asset.files:
        table.add_row(file.name, file.media_type, f"{file.width} x {file.height}" if file.width else "", f"{file.size:,}")
    console.print(table, highlight=False)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OperationFailed(f"{path} can't be read: {error.strerror or error}") from error


def _media_type(path: Path) -> str:
    """By its name; raises OperationFailed for what can't be an image."""
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise OperationFailed(f"{path} can't be read: {error.strerror or error}") from error
    if is_empty:
        raise OperationFailed(f"{path.name} is empty")
    found, _ = mimetypes.guess_type(path.name)
    if found is None:
        raise OperationFailed(f"{path.name}: what it is can't be told from its name; end it in .png, .jpg, .webp, .gif or .svg")
    if not found.startswith("image/"):
        raise OperationFailed(f"{path.name} is {found} by its name: PNG, JPEG, WebP, GIF and SVG are taken")
    return found
