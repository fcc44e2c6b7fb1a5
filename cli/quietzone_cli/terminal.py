"""Where commands print, and how they end."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from quietzone_cli.errors import CommandFailed
from quietzone_kit.settings import SettingsError
from quietzone_standalone.errors import DataFolderTaken, PortTaken, RoleFailed

console = Console()
errors = Console(stderr=True)


def finish(work: Coroutine[Any, Any, int]) -> None:
    """Do the work and exit with its code; what people can do something about is said in a sentence, with code 1."""
    try:
        code = asyncio.run(work)
    except (CommandFailed, SettingsError, PortTaken, DataFolderTaken, RoleFailed) as error:
        complain(str(error))
        code = 1
    raise typer.Exit(code)


def complain(sentence: str) -> None:
    """Say what went wrong."""
    errors.print(f"[bold red]✗[/] {escape(sentence)}", highlight=False, soft_wrap=True)
