"""Migrations on every adapter: nothing is lost beside a service that writes, nor when one is cut off or runs twice."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from contract.documents.stores import RANDOMNESS

from quietzone_kit.documents import (
    Body,
    Collection,
    Documents,
    DocumentsError,
    DocumentsUnavailable,
    Index,
    Put,
    Query,
    open_documents,
)
from quietzone_kit.documents import migrations as kit
from quietzone_kit.documents.migrations import DONE, Migration, Migrations, NewerStore, NotMigrated, declare, missing
from quietzone_kit.runtime import Executor, SystemClock

OLD = Collection("codes", key="id")
CODES = Collection("codes", key="id", indexes=(Index("by_name", ("name",)),))
PAGE = 4


def to_name(body: Body) -> Body:
    """The title becomes the name."""
    return body if body.get("name") == body["title"] else {**body, "name": body["title"]}


def without_title(body: Body) -> Body:
    return {name: value for name, value in body.items() if name != "title"}


RENAMED = Migration("2026-11-title-to-name", CODES, lambda body: to_name(body) if "title" in body else body, without_title)


class Cut(Exception):
    """The process ends here."""


class Watched:
    """A store of which a test hears before each call of a method; what it raises there, the call raises."""

    def __init__(self, documents: Documents, method: str, before: Callable[[], Any]) -> None:
        self._documents, self._method, self._before = documents, method, before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._documents, name)
        if name != self._method:
            return method

        async def call(*arguments: Any, **named: Any) -> Any:
            heard = self._before()
            if asyncio.iscoroutine(heard):
                await heard
            return await method(*arguments, **named)

        return call


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "PAGE", PAGE)


@pytest.fixture(autouse=True)
async def codes(documents: Documents) -> None:
    """Ten codes as the old release wrote them."""
    await documents.ensure(OLD)
    await documents.bulk(OLD, [Put({"id": f"c{number}", "title": f"Menu {number}", "scans": number}, None) for number in range(10)])


def steps(documents: object, *migrations: Migration, release: str = "2.0") -> Migrations:
    return Migrations(cast("Documents", documents), [CODES], migrations or (RENAMED,), release=release, clock=SystemClock())


async def bodies(documents: Documents) -> list[Body]:
    return [stored.body for stored in (await documents.scan(OLD, limit=100)).items]


def ignore(_line: str) -> None:
    """Nobody listens."""


async def test_migrating_adds_the_new_form_and_keeps_the_old(documents: Documents) -> None:
    said: list[str] = []

    await steps(documents).migrate(said.append)

    assert await bodies(documents) == [{"id": f"c{n}", "title": f"Menu {n}", "name": f"Menu {n}", "scans": n} for n in range(10)]
    assert said == [
        "made index by_name of codes, collection migrations",
        "2026-11-title-to-name: 10 documents of codes were given the new form",
    ]


async def test_what_the_old_release_reads_by_a_new_index_is_found(documents: Documents) -> None:
    await steps(documents).migrate(ignore)

    found = await documents.query(CODES, Query("by_name", ("Menu 7",)))

    assert [stored.body["id"] for stored in found.items] == ["c7"]


async def test_contracting_takes_the_old_form_away(documents: Documents) -> None:
    await steps(documents).migrate(ignore)

    await steps(documents).contract(ignore)

    assert await bodies(documents) == [{"id": f"c{number}", "name": f"Menu {number}", "scans": number} for number in range(10)]


async def test_what_the_old_release_wrote_after_migrating_is_migrated_before_it_is_contracted(documents: Documents) -> None:
    await steps(documents).migrate(ignore)
    await documents.insert(OLD, {"id": "late", "title": "Late"})
    stood = await documents.get(OLD, "c3")
    assert stood is not None
    await documents.replace(OLD, {**stood.body, "title": "Changed"}, if_version=stood.version)

    await steps(documents).contract(ignore)

    assert {body["id"]: body["name"] for body in await bodies(documents) if body["id"] in {"c3", "late"}} == {
        "c3": "Changed",
        "late": "Late",
    }


@pytest.mark.parametrize("step", ["migrate", "contract"])
async def test_a_second_time_changes_nothing(documents: Documents, step: str) -> None:
    await steps(documents).migrate(ignore)
    await getattr(steps(documents), step)(ignore)
    before = (await documents.scan(OLD, limit=100)).items
    said: list[str] = []

    await getattr(steps(documents), step)(said.append)

    assert (await documents.scan(OLD, limit=100)).items == before
    assert said[-1] == f"2026-11-title-to-name: {'migrated' if step == 'migrate' else 'contracted'} already"


async def test_an_empty_store_is_made_whole(documents: Documents) -> None:
    empty = Collection("empty", key="id")
    said: list[str] = []

    await Migrations(documents, [empty], (), release="2.0", clock=SystemClock()).migrate(said.append)

    assert said == ["made collection empty, collection migrations", "no documents are to be changed"]
    assert await missing(documents, [empty], ()) == []


@pytest.mark.parametrize("method", ["scan", "bulk", "replace"])
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_one_that_was_cut_off_goes_on_where_it_was(documents: Documents, method: str, at: int) -> None:
    calls = 0

    def cut() -> None:
        nonlocal calls
        calls += 1
        if calls == at + (method == "scan"):  # the first looks which migrations there are
            raise Cut

    with pytest.raises(Cut):
        await steps(Watched(documents, method, cut)).migrate(ignore)
    changed: list[int] = []
    await steps(Watched(documents, "bulk", lambda: changed.append(1))).migrate(ignore)

    assert all(body["name"] == body["title"] for body in await bodies(documents))
    assert len(changed) <= 4 - at  # ten documents are three pages


async def test_one_that_was_cut_off_while_contracting_goes_on_too(documents: Documents) -> None:
    await steps(documents).migrate(ignore)
    calls = 0

    def cut() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Cut

    with pytest.raises(Cut):
        await steps(Watched(documents, "bulk", cut)).contract(ignore)
    await steps(documents).contract(ignore)

    assert not any("title" in body for body in await bodies(documents))


async def test_two_at_once_change_each_document_once(documents: Documents) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(steps(documents).migrate(ignore))

    assert {stored.version for stored in (await documents.scan(OLD, limit=100)).items} == {2}
    assert all(body["name"] == body["title"] for body in await bodies(documents))


async def test_a_service_that_writes_meanwhile_loses_nothing(documents: Documents) -> None:
    counted = 0

    async def count() -> None:
        nonlocal counted
        if counted < 5:
            counted += 1
            await documents.increment(OLD, "c1", "scans")

    await steps(Watched(documents, "bulk", count)).migrate(ignore)

    stored = await documents.get(OLD, "c1")
    assert stored is not None
    assert stored.body == {"id": "c1", "title": "Menu 1", "name": "Menu 1", "scans": 1 + counted}


async def test_a_document_that_is_deleted_meanwhile_stays_deleted(documents: Documents) -> None:
    async def delete() -> None:
        if (stored := await documents.get(OLD, "c1")) is not None:
            await documents.delete(OLD, "c1", if_version=stored.version)

    await steps(Watched(documents, "bulk", delete)).migrate(ignore)

    assert await documents.get(OLD, "c1") is None


async def test_a_document_that_others_always_write_ends_it_with_advice(documents: Documents) -> None:
    async def count() -> None:
        await documents.increment(OLD, "c1", "scans")

    with pytest.raises(DocumentsUnavailable, match="others wrote the same documents 10 times meanwhile: run this again"):
        await steps(Watched(documents, "bulk", count)).migrate(ignore)


async def test_a_new_form_that_breaks_a_unique_index_is_said(documents: Documents) -> None:
    unique = Collection("codes", key="id", indexes=(Index("by_kind", ("kind",), unique=True),))
    alike = Migration("alike", unique, lambda body: {**body, "kind": "menu"}, lambda body: body)

    with pytest.raises(DocumentsError, match="collection codes: c1: another document has its new fields of a unique index"):
        await Migrations(documents, [unique], [alike], release="2.0", clock=SystemClock()).migrate(ignore)


async def test_what_was_not_migrated_is_not_contracted(documents: Documents) -> None:
    with pytest.raises(NotMigrated, match="2026-11-title-to-name isn't migrated yet: run `migrate`"):
        await steps(documents).contract(ignore)

    assert all("title" in body for body in await bodies(documents))


async def test_an_older_release_works_on_a_store_that_a_newer_one_has_migrated(documents: Documents) -> None:
    await steps(documents).migrate(ignore)

    await declare(documents, [OLD], ())


@pytest.mark.parametrize("whole", [True, False], ids=["contracted", "cut off while contracting"])
async def test_an_older_release_refuses_a_store_that_a_newer_one_has_contracted(documents: Documents, whole: bool) -> None:
    await steps(documents).migrate(ignore)

    def cut() -> None:
        if not whole:
            raise Cut

    try:
        await steps(Watched(documents, "bulk", cut)).contract(ignore)
    except Cut:
        assert not whole

    with pytest.raises(NewerStore, match=r"changed for good by release 2.0 \(migration 2026-11-title-to-name\), and this release would"):
        await declare(documents, [OLD], ())
    await declare(documents, [CODES], [RENAMED])


async def test_what_is_missing_is_said_and_nothing_is_written(documents: Documents) -> None:
    assert await missing(documents, [CODES], [RENAMED]) == ["index by_name of codes", "collection migrations"]

    assert await documents.missing(CODES, DONE) == ["index by_name of codes", "collection migrations"]


async def test_another_process_sees_what_was_done(shared_url: str, executor: Executor) -> None:
    first, second = (open_documents(shared_url, executor=executor, randomness=RANDOMNESS) for _ in range(2))
    await steps(first).migrate(ignore)

    assert await missing(second, [CODES], [RENAMED]) == []
    assert await missing(second, [CODES], [RENAMED, Migration("next", CODES, to_name, without_title)]) == ["migration next"]
    await first.close()
    await second.close()


async def test_a_migration_that_was_begun_only_is_missing(documents: Documents) -> None:
    def cut() -> None:
        raise Cut

    with pytest.raises(Cut):
        await steps(Watched(documents, "bulk", cut)).migrate(ignore)

    assert await missing(documents, [CODES], [RENAMED]) == ["migration 2026-11-title-to-name"]
    await steps(documents).migrate(ignore)
    assert await missing(documents, [CODES], [RENAMED]) == []


async def test_a_record_that_somebody_deletes_is_noticed(documents: Documents) -> None:
    async def delete() -> None:
        if (stored := await documents.get(DONE, RENAMED.name)) is not None:
            await documents.delete(DONE, RENAMED.name, if_version=stored.version)

    with pytest.raises(DocumentsError, match="isn't noted in the store any more"):
        await steps(Watched(documents, "bulk", delete)).migrate(ignore)
