"""gateway/README.md names what there is."""

from pathlib import Path

from quietzone_gateway.__main__ import ROLES
from quietzone_gateway.collections import COLLECTIONS

README = (Path(__file__).parents[3] / "gateway" / "README.md").read_text("utf-8")


def first_cells(heading: str) -> str:
    """The names in the first column of a section's table."""
    rows = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].split("\n")
    return " ".join(row.split("|")[1] for row in rows if row.startswith("|"))


def test_every_collection_stands_in_the_readme() -> None:
    assert [each.name for each in COLLECTIONS if f"`{each.name}`" not in first_cells("Store")] == []


def test_every_role_stands_in_the_readme() -> None:
    assert [role for role in {name.partition(" ")[0] for name in ROLES} if f"`{role}`" not in first_cells("Roles")] == []
