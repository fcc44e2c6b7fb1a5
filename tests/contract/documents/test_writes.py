"""Every adapter: writes, versions, and what several writers at once see."""

import asyncio

import pytest

from quietzone_kit.documents import (
    MAX_BODY_BYTES,
    Collection,
    Documents,
    DocumentsError,
    DuplicateKey,
    Index,
    InvalidDocument,
    Outcome,
    Put,
    Query,
    Stored,
    VersionConflict,
)

CODES = Collection("codes", key="code_id", indexes=(Index("by_slug", ("host", "slug"), unique=True),))
PLAIN = Collection("plain", key="id")


@pytest.fixture(autouse=True)
async def declared(documents: Documents) -> None:
    await documents.ensure(CODES, PLAIN)


async def test_an_inserted_document_is_found_with_version_1(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "a", "title": "Menu"})

    assert await documents.get(PLAIN, "a") == Stored({"id": "a", "title": "Menu"}, 1)


async def test_what_is_not_there_is_none(documents: Documents) -> None:
    assert await documents.get(PLAIN, "a") is None


@pytest.mark.parametrize("key", ["", "x" * 201, "\ud800", "a\0b"])
async def test_a_key_that_no_document_can_have_is_not_there(documents: Documents, key: str) -> None:
    assert await documents.get(PLAIN, key) is None


async def test_many_are_found_by_their_keys_and_absent_ones_left_out(documents: Documents) -> None:
    await documents.bulk(PLAIN, [Put({"id": f"k{number}", "n": number}, None) for number in range(300)])

    found = await documents.get_many(PLAIN, [f"k{number}" for number in range(100, 400)])

    assert {key: stored.body["n"] for key, stored in found.items()} == {f"k{number}": number for number in range(100, 300)}


async def test_no_more_than_10000_are_got_at_once(documents: Documents) -> None:
    with pytest.raises(ValueError, match="at most 10,000"):
        await documents.get_many(PLAIN, [str(number) for number in range(10_001)])


async def test_a_key_is_taken_once(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "a"})

    with pytest.raises(DuplicateKey) as caught:
        await documents.insert(PLAIN, {"id": "a"})

    assert caught.value.index == "id"


async def test_a_replacement_counts_the_version_up(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "a", "n": 1})

    stored = await documents.replace(PLAIN, {"id": "a", "n": 2}, if_version=1)

    assert stored == await documents.get(PLAIN, "a") == Stored({"id": "a", "n": 2}, 2)


@pytest.mark.parametrize("version", [0, 2, 3])
async def test_another_version_is_not_replaced(documents: Documents, version: int) -> None:
    await documents.insert(PLAIN, {"id": "a", "n": 1})

    with pytest.raises(VersionConflict):
        await documents.replace(PLAIN, {"id": "a", "n": 2}, if_version=version)

    assert await documents.get(PLAIN, "a") == Stored({"id": "a", "n": 1}, 1)


async def test_what_is_not_there_is_not_replaced(documents: Documents) -> None:
    with pytest.raises(VersionConflict):
        await documents.replace(PLAIN, {"id": "a"}, if_version=1)


async def test_a_document_is_deleted_at_its_version_only(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "a"})
    with pytest.raises(VersionConflict):
        await documents.delete(PLAIN, "a", if_version=2)

    await documents.delete(PLAIN, "a", if_version=1)

    assert await documents.get(PLAIN, "a") is None
    with pytest.raises(VersionConflict):
        await documents.delete(PLAIN, "a", if_version=1)


async def test_fields_that_the_code_does_not_know_survive_a_write(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "a", "n": 1, "of_a_newer_release": {"deep": [1, b"2", None]}})
    stored = await documents.get(PLAIN, "a")
    assert stored is not None

    await documents.replace(PLAIN, {**stored.body, "n": 2}, if_version=stored.version)

    assert await documents.get(PLAIN, "a") == Stored({"id": "a", "n": 2, "of_a_newer_release": {"deep": [1, b"2", None]}}, 2)


async def test_fields_of_a_unique_index_are_taken_once(documents: Documents) -> None:
    await documents.insert(CODES, {"code_id": "1", "host": "h", "slug": "menu"})

    with pytest.raises(DuplicateKey) as caught:
        await documents.insert(CODES, {"code_id": "2", "host": "h", "slug": "menu"})

    assert caught.value.index == "by_slug"


async def test_a_replacement_can_not_take_the_fields_of_another(documents: Documents) -> None:
    await documents.insert(CODES, {"code_id": "1", "host": "h", "slug": "menu"})
    await documents.insert(CODES, {"code_id": "2", "host": "h", "slug": "card"})

    with pytest.raises(DuplicateKey):
        await documents.replace(CODES, {"code_id": "2", "host": "h", "slug": "menu"}, if_version=1)

    assert await documents.get(CODES, "2") == Stored({"code_id": "2", "host": "h", "slug": "card"}, 1)


async def test_what_lacks_a_field_of_a_unique_index_does_not_count(documents: Documents) -> None:
    await documents.insert(CODES, {"code_id": "1", "host": "h"})
    await documents.insert(CODES, {"code_id": "2", "host": "h", "slug": None})
    await documents.insert(CODES, {"code_id": "3", "host": "h"})

    assert (await documents.query(CODES, Query("by_slug", ("h",)))).items == []


async def test_a_deleted_document_gives_its_unique_fields_back(documents: Documents) -> None:
    await documents.insert(CODES, {"code_id": "1", "host": "h", "slug": "menu"})
    await documents.delete(CODES, "1", if_version=1)

    stored = await documents.insert(CODES, {"code_id": "2", "host": "h", "slug": "menu"})

    assert stored.version == 1


async def test_collections_do_not_see_each_other(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "a"})

    assert await documents.get(CODES, "a") is None


async def test_an_increment_makes_what_is_absent(documents: Documents) -> None:
    assert await documents.increment(PLAIN, "a", "n", 5) == Stored({"id": "a", "n": 5}, 1)
    assert await documents.increment(PLAIN, "a", "m", -1) == Stored({"id": "a", "n": 5, "m": -1}, 2)


async def test_increments_at_once_all_count_and_each_sees_its_own_result(documents: Documents) -> None:
    results = await asyncio.gather(*(documents.increment(PLAIN, "a", "n") for _ in range(200)))

    assert sorted(int(str(stored.body["n"])) for stored in results) == list(range(1, 201))


@pytest.mark.parametrize("value", ["1", True, None, [1]])
async def test_what_is_not_a_number_is_not_incremented(documents: Documents, value: str | bool | list[int] | None) -> None:
    await documents.insert(PLAIN, {"id": "a", "n": value})  # type: ignore[dict-item]

    with pytest.raises(InvalidDocument, match="only a number"):
        await documents.increment(PLAIN, "a", "n")


async def test_an_increment_beyond_64_bits_is_refused(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "a", "n": 2**63 - 1})

    with pytest.raises(InvalidDocument, match="64 bits"):
        await documents.increment(PLAIN, "a", "n")


async def test_each_item_of_a_bulk_has_its_own_outcome(documents: Documents) -> None:
    await documents.insert(CODES, {"code_id": "there", "host": "h", "slug": "taken"})
    await documents.insert(CODES, {"code_id": "old", "n": 1})

    outcomes = await documents.bulk(
        CODES,
        [
            Put({"code_id": "new"}, None),
            Put({"code_id": "there"}, None),
            Put({"code_id": "old", "n": 2}, 1),
            Put({"code_id": "absent"}, 1),
            Put({"code_id": "other", "host": "h", "slug": "taken"}, None),
        ],
    )

    assert outcomes == [Outcome.WRITTEN, Outcome.CONFLICT, Outcome.WRITTEN, Outcome.CONFLICT, Outcome.DUPLICATE]


@pytest.mark.parametrize("size", [1, 15, 16, 17, 64, 65, 150, 1_000])
async def test_conflicts_in_a_bulk_of_any_size_are_told_apart(documents: Documents, size: int) -> None:
    await documents.bulk(PLAIN, [Put({"id": f"{number:04}", "n": 0}, None) for number in range(size)])
    stale = {0, size // 2, size - 1}
    for number in stale:
        await documents.increment(PLAIN, f"{number:04}", "n", 100)

    outcomes = await documents.bulk(PLAIN, [Put({"id": f"{number:04}", "n": 1}, 1) for number in range(size)])

    assert {number for number, outcome in enumerate(outcomes) if outcome is Outcome.CONFLICT} == stale
    found = await documents.get_many(PLAIN, [f"{number:04}" for number in range(size)])
    assert [stored.body["n"] for _, stored in sorted(found.items())] == [100 if number in stale else 1 for number in range(size)]


async def test_a_bulk_has_each_key_once(documents: Documents) -> None:
    with pytest.raises(ValueError, match="each key once"):
        await documents.bulk(PLAIN, [Put({"id": "a"}, None), Put({"id": "a"}, None)])


async def test_a_bulk_with_a_body_that_can_not_be_stored_writes_nothing(documents: Documents) -> None:
    with pytest.raises(InvalidDocument):
        await documents.bulk(CODES, [Put({"code_id": "a"}, None), Put({"code_id": "b", "slug": 1.5}, None)])

    assert await documents.get(CODES, "a") is None


async def test_an_empty_bulk_does_nothing(documents: Documents) -> None:
    assert await documents.bulk(PLAIN, []) == []


async def test_eight_writers_that_compare_and_swap_lose_nothing(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "a", "done": []})

    async def writer(name: int) -> None:
        for turn in range(10):
            while True:
                stored = await documents.get(PLAIN, "a")
                assert stored is not None
                done = stored.body["done"]
                assert isinstance(done, list)
                try:
                    await documents.replace(PLAIN, {"id": "a", "done": [*done, name * 10 + turn]}, if_version=stored.version)
                except VersionConflict:
                    continue
                break

    await asyncio.gather(*(writer(name) for name in range(8)))

    stored = await documents.get(PLAIN, "a")
    assert stored is not None
    assert (sorted(stored.body["done"]), stored.version) == (list(range(80)), 81)  # type: ignore[arg-type,type-var]


async def test_of_many_who_insert_one_key_one_succeeds(documents: Documents) -> None:
    results = await asyncio.gather(*(documents.insert(PLAIN, {"id": "a", "by": name}) for name in range(20)), return_exceptions=True)

    assert sum(isinstance(result, Stored) for result in results) == 1
    assert sum(isinstance(result, DuplicateKey) for result in results) == 19


async def test_of_many_who_delete_one_document_one_succeeds(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "a"})

    results = await asyncio.gather(*(documents.delete(PLAIN, "a", if_version=1) for _ in range(20)), return_exceptions=True)

    assert results.count(None) == 1


async def test_a_failing_write_leaves_those_beside_it_alone(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "taken"})

    results = await asyncio.gather(
        *(documents.insert(PLAIN, {"id": "taken" if number % 3 == 0 else f"k{number}"}) for number in range(30)), return_exceptions=True
    )

    assert [isinstance(result, DuplicateKey) for result in results] == [number % 3 == 0 for number in range(30)]


async def test_a_body_that_changes_after_the_call_was_stored_as_it_was(documents: Documents) -> None:
    inner: list[int] = [1]
    async with asyncio.TaskGroup() as group:
        group.create_task(documents.insert(PLAIN, {"id": "a", "inner": inner}))  # type: ignore[dict-item]
        await asyncio.sleep(0)
        inner.append(2)

    stored = await documents.get(PLAIN, "a")
    assert stored is not None
    assert stored.body["inner"] == [1]


@pytest.mark.parametrize("key", ["", "x" * 201, "\ud800", "a\0b", 7, None])
async def test_a_key_is_a_str_of_1_to_200_characters(documents: Documents, key: object) -> None:
    with pytest.raises(InvalidDocument, match="the key id must be"):
        await documents.insert(PLAIN, {"id": key})  # type: ignore[dict-item]


async def test_a_document_has_a_bounded_size(documents: Documents) -> None:
    with pytest.raises(InvalidDocument, match="at most 8,000,000"):
        await documents.insert(PLAIN, {"id": "a", "data": bytes(MAX_BODY_BYTES)})


async def test_a_large_document_comes_back(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "a", "data": bytes(MAX_BODY_BYTES - 100)})

    stored = await documents.get(PLAIN, "a")

    assert stored is not None
    assert stored.body["data"] == bytes(MAX_BODY_BYTES - 100)


async def test_a_collection_that_was_not_declared_is_said_so(documents: Documents) -> None:
    undeclared = Collection("undeclared", key="id")

    with pytest.raises(DocumentsError, match="call ensure first"):
        await documents.get(undeclared, "a")
    with pytest.raises(DocumentsError, match="call ensure first"):
        await documents.insert(undeclared, {"id": "a"})


async def test_arguments_that_no_document_can_match_fail_alone(documents: Documents) -> None:
    await documents.insert(PLAIN, {"id": "a"})

    results = await asyncio.gather(
        documents.insert(PLAIN, {"id": "b"}),
        documents.replace(PLAIN, {"id": "a"}, if_version=2**63),
        documents.delete(PLAIN, "a", if_version=2**63),
        documents.delete(PLAIN, "\ud800", if_version=1),
        documents.increment(PLAIN, "\ud800", "n"),
        documents.bulk(PLAIN, [Put({"id": "a"}, 2**63)]),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [Stored, ValueError, ValueError, VersionConflict, InvalidDocument, ValueError]
