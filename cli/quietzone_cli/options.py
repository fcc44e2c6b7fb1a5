"""Options of commands that ask the API."""

from typing import Annotated

import typer

from quietzone_standalone.settings import DEFAULT_PORT

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
