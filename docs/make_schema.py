"""Writes docs/schema.graphql, what clients generate their code from, as the code has it.

    .venv/bin/python docs/make_schema.py

A change that breaks clients is refused: add the new beside the old, and mark the old as deprecated. `--breaking` writes it all the same.
"""
# ruff: noqa: INP001 - a script beside the documents, not a package

import sys
from pathlib import Path

from graphql import build_schema
from graphql.utilities import find_breaking_changes

from quietzone_gateway.graphql.schema import Schema
from quietzone_gateway.graphql.settings import Limits

SCHEMA = Path(__file__).parent / "schema.graphql"


def schema() -> str:
    """The schema as the code has it."""
    return Schema(Limits()).as_str() + "\n"


def broken(now: str) -> list[str]:
    """What clients of the committed schema would miss, one sentence each."""
    if not SCHEMA.exists():
        return []
    return [change.description for change in find_breaking_changes(build_schema(SCHEMA.read_text("utf-8")), build_schema(now))]


if __name__ == "__main__":
    written = schema()
    if (found := broken(written)) and "--breaking" not in sys.argv[1:]:
        sys.exit("\n".join(("this breaks clients:", *found)))
    SCHEMA.write_text(written, "utf-8")
