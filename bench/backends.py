"""Files, or the servers that `python -m servers` runs a bench on."""

import os
from argparse import ArgumentParser
from collections.abc import Mapping


def add_backends(parser: ArgumentParser) -> None:
    """`--backends embedded|real`."""
    parser.add_argument("--backends", choices=("embedded", "real"), default="embedded")


def urls_of(backends: str) -> Mapping[str, str]:
    """The product's variables that a house on them needs.

    Raises:
        SystemExit: nobody says where the servers are.
    """
    if backends == "embedded":
        return {}
    urls = {name: value for name, value in os.environ.items() if name.startswith("QUIETZONE_")}
    if "QUIETZONE_BUS_URL" not in urls:
        raise SystemExit("nothing says where the servers are: run it by PYTHONPATH=tests python -m servers python bench/… --backends real")
    return urls
