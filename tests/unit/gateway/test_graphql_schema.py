"""docs/schema.graphql, which clients are made from, against the code."""

import runpy
from pathlib import Path

from graphql import build_schema
from graphql.utilities import find_breaking_changes

MAKER = runpy.run_path(str(Path(__file__).parents[3] / "docs" / "make_schema.py"))
COMMITTED = MAKER["SCHEMA"].read_text("utf-8")
NOW = MAKER["schema"]()


def test_no_change_breaks_clients_of_the_committed_schema() -> None:
    assert MAKER["broken"](NOW) == []


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert NOW == COMMITTED, "run .venv/bin/python docs/make_schema.py"


def test_a_field_that_goes_away_is_seen_as_breaking() -> None:
    changes = find_breaking_changes(build_schema(COMMITTED), build_schema(COMMITTED.replace("  edges: [CodeEdge!]!\n", "", 1)))

    assert [change.description for change in changes] == ["Field CodeConnection.edges was removed."]


def test_every_type_and_root_field_says_what_it_is() -> None:
    schema = build_schema(COMMITTED)
    types = [kind for name, kind in schema.type_map.items() if not name.startswith("__")]
    roots = [root.fields for root in (schema.query_type, schema.mutation_type, schema.subscription_type) if root is not None]

    assert [kind.name for kind in types if not kind.description] == []
    assert [name for fields in roots for name, field in fields.items() if not field.description] == []
