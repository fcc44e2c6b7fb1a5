"""Every adapter: what it counts."""

import pytest
from prometheus_client import REGISTRY

from quietzone_kit.documents import Collection, Documents, DocumentsError, DuplicateKey, InvalidDocument, Put, VersionConflict

THINGS = Collection("counted_things", key="id")


@pytest.fixture(autouse=True)
async def declared(documents: Documents) -> None:
    await documents.ensure(THINGS)


def value(name: str, collection: Collection = THINGS, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"quietzone_documents_{name}", {"collection": collection.name, **labels}) or 0


async def test_calls_are_timed_by_operation(documents: Documents) -> None:
    gets, many = value("seconds_count", operation="get"), value("seconds_count", operation="get_many")

    await documents.get(THINGS, "a")

    assert (value("seconds_count", operation="get"), value("seconds_count", operation="get_many")) == (gets + 1, many)


async def test_conflicts_are_counted_by_kind(documents: Documents) -> None:
    await documents.insert(THINGS, {"id": "a"})
    versions = value("conflicts_total", operation="replace", kind="version")
    duplicates = value("conflicts_total", operation="insert", kind="duplicate")

    with pytest.raises(VersionConflict):
        await documents.replace(THINGS, {"id": "a"}, if_version=7)
    with pytest.raises(DuplicateKey):
        await documents.insert(THINGS, {"id": "a"})

    assert value("conflicts_total", operation="replace", kind="version") == versions + 1
    assert value("conflicts_total", operation="insert", kind="duplicate") == duplicates + 1


async def test_each_conflict_of_a_bulk_counts(documents: Documents) -> None:
    before = value("conflicts_total", operation="bulk", kind="version")

    await documents.bulk(THINGS, [Put({"id": str(number)}, 5) for number in range(3)])

    assert value("conflicts_total", operation="bulk", kind="version") == before + 3


async def test_what_the_store_refuses_is_an_error_and_what_no_store_takes_is_none(documents: Documents) -> None:
    undeclared = Collection("counted_nowhere", key="id")
    before = value("errors_total", undeclared, operation="get", error="refused")

    with pytest.raises(DocumentsError):
        await documents.get(undeclared, "a")
    with pytest.raises(InvalidDocument):
        await documents.insert(THINGS, {"id": ""})

    assert value("errors_total", undeclared, operation="get", error="refused") == before + 1
    assert value("errors_total", operation="insert", error="refused") == 0
