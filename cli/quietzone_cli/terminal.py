"""Where commands print, and how they end."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from quietzone_cli.errors import CommandFailed
from quietzone_kit.settings import SettingsError
from quietzone_standalone.errors import DataFolderTaken, PortTaken, RoleFailed

LINE = 1_000
"""Columns where no terminal shows what is printed: whoever reads it line by line wants each whole."""

console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else LINE)
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
