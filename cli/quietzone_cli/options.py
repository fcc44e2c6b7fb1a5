"""Options of commands that ask the API."""

from typing import Annotated, Any

import typer

from quietzone_standalone.settings import DEFAULT_PORT

NO_IDS = ("", ".", "..")
"""Such parts of a path would lead elsewhere."""

API_URL = f"http://localhost:{DEFAULT_PORT}"

ApiUrl = Annotated[str, typer.Option("--api", envvar="QUIETZONE_API_URL", help="Where the API answers.")]
ApiKey = Annotated[
    str,
    typer.Option(
        "--key",
        envvar="QUIETZONE_API_KEY",
        help="The account's API key; a command line shows in `ps`, the variable doesn't.",
        show_default=False,
    ),
]


def id_of(what: str) -> Any:
    """An argument that is an id, or ids, of something; one that can't be is refused before anybody is asked."""
    return typer.Argument(help=what, callback=_checked)


def _checked(given: str | list[str]) -> str | list[str]:
    for each in [given] if isinstance(given, str) else given:
        if each.strip() in NO_IDS:
            raise typer.BadParameter(f"{each!r} is no id: is the variable empty that it comes from?")
    return given
