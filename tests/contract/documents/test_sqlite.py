"""What only the SQLite adapter promises: its file, its locks, group commit, lost answers."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from contract.documents.sqlite_faults import Faults
from contract.documents.stores import QUERIES, THINGS, THREE

from quietzone_kit.documents import (
    Collection,
    Connect,
    Documents,
    DocumentsError,
    DocumentsUnavailable,
    Index,
    Order,
    Put,
    Query,
    Stored,
    UnknownScheme,
    VersionConflict,
    open_documents,
)
from quietzone_kit.documents._sqlite import SqliteDocuments
from quietzone_kit.runtime import Executor, SystemRandomness

T = TypeVar("T")


@pytest.fixture
async def store(faults: Faults, executor: Executor) -> AsyncIterator[SqliteDocuments]:
    documents = SqliteDocuments(faults.connect, "store.db", executor=executor, randomness=SystemRandomness())
    await documents.ensure(THINGS)
    yield documents
    await documents.close()


def opened(path: Path | str, executor: Executor, connect: Connect | None = None) -> Documents:
    return open_documents(f"sqlite:///{path}", executor=executor, randomness=SystemRandomness(), connect=connect)


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("query", QUERIES)
async def test_each_page_of_a_query_is_read_from_its_index_without_sorting(store: SqliteDocuments, query: Query, order: Order) -> None:
    await store.bulk(THINGS, THREE)
    asked = Query(query.index, query.equals, query.at_least, query.below, order, 1)
    cursor = (await store.query(THINGS, asked)).cursor
    first = await store.explain(THINGS, asked)
    further = (
        []
        if cursor is None
        else await store.explain(THINGS, Query(query.index, query.equals, query.at_least, query.below, order, 1, cursor))
    )

    assert first + further
    assert {line.split(" (")[0] for line in first + further} <= {
        f"SEARCH things USING INDEX things.{query.index}",
        f"SCAN things USING INDEX things.{query.index}",
    }
    if query.equals:
        assert not any(line.startswith("SCAN") for line in first + further)


async def test_writes_whose_commit_was_refused_are_written_again(store: SqliteDocuments, faults: Faults) -> None:
    faults.refused = 1

    results = await asyncio.gather(*(store.increment(THINGS, "a", "n") for _ in range(20)))

    assert sorted(stored.version for stored in results) == list(range(1, 21))
    assert await store.get(THINGS, "a") == Stored({"id": "a", "n": 20}, 20)


async def test_a_commit_that_is_refused_twice_is_unavailable_and_nothing_was_written(store: SqliteDocuments, faults: Faults) -> None:
    faults.refused = 2

    with pytest.raises(DocumentsUnavailable, match="look at the machine's log"):
        await store.insert(THINGS, {"id": "a"})

    assert await store.get(THINGS, "a") is None
    await store.insert(THINGS, {"id": "a"})


async def test_of_a_lost_answer_that_others_have_written_over_nobody_pretends_to_know(store: SqliteDocuments, faults: Faults) -> None:
    await store.increment(THINGS, "a", "n")
    faults.lost = 1
    faults.meanwhile = lambda connection: connection.execute("UPDATE things SET _version = 3, _write = x'00'")

    with pytest.raises(DocumentsUnavailable, match="read it first"):
        await store.increment(THINGS, "a", "n")
    faults.lost = 1
    faults.meanwhile = lambda connection: connection.execute("UPDATE things SET _version = 5, _write = x'00'")
    with pytest.raises(VersionConflict):
        await store.replace(THINGS, {"id": "a"}, if_version=3)


async def test_writes_that_come_together_share_commits(store: SqliteDocuments, faults: Faults) -> None:
    before = faults.commits

    await asyncio.gather(*(store.insert(THINGS, {"id": f"{n}"}) for n in range(200)))

    assert faults.commits - before < 10


async def test_too_many_waiting_writes_are_refused_at_once(store: SqliteDocuments) -> None:
    results = await asyncio.gather(*(store.insert(THINGS, {"id": f"{n}"}) for n in range(1_500)), return_exceptions=True)

    refused = sum(isinstance(result, DocumentsUnavailable) for result in results)
    assert 0 < refused <= 500  # a commit may have made room on the way
    assert len((await store.scan(THINGS, limit=10_000)).items) == 1_500 - refused


class Gate:
    """An executor whose writes wait until it is opened."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner
        self.open = asyncio.Event()
        self.open.set()
        self.reached = asyncio.Event()

    async def run(self, work: Callable[[], T]) -> T:
        self.reached.set()
        await self.open.wait()
        return await self._inner.run(work)

    def close(self) -> None:
        self._inner.close()


async def test_a_caller_that_gives_up_before_its_turn_writes_nothing(faults: Faults, executor: Executor) -> None:
    gate = Gate(executor)
    store = SqliteDocuments(faults.connect, "store.db", executor=gate, randomness=SystemRandomness())
    await store.ensure(THINGS)
    gate.open.clear()
    gate.reached.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(store.insert(THINGS, {"id": "first"}))
        await gate.reached.wait()
        second = group.create_task(store.insert(THINGS, {"id": "second"}))
        third = group.create_task(store.insert(THINGS, {"id": "third"}))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        gate.open.set()
    await store.close()

    assert (first.done(), second.cancelled(), third.done()) == (True, True, True)
    rows = sqlite3.connect(faults.path).execute("SELECT _key FROM things ORDER BY _key").fetchall()
    assert rows == [("first",), ("third",)]


async def test_a_caller_that_gives_up_leaves_those_beside_it_alone(store: SqliteDocuments) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store.increment(THINGS, "a", "n")) for _ in range(100)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()

    stored = await store.get(THINGS, "a")
    assert stored is not None
    done = {task.result().version for task in tasks if not task.cancelled()}
    assert len(done) == 50
    assert max(done) <= int(str(stored.body["n"])) <= 100


async def test_reads_do_not_wait_for_a_writer_of_another_process(store: SqliteDocuments, faults: Faults) -> None:
    await store.insert(THINGS, {"id": "a"})
    other = sqlite3.connect(faults.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM things")

    assert await store.get(THINGS, "a") == Stored({"id": "a"}, 1)
    other.close()


async def test_a_lock_that_another_process_keeps_is_unavailable_after_a_while(store: SqliteDocuments, faults: Faults) -> None:
    other = sqlite3.connect(faults.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(DocumentsUnavailable, match="another process has held the lock for more than 2000 ms"):
        await store.insert(THINGS, {"id": "a"})

    other.close()
    await store.insert(THINGS, {"id": "a"})


async def test_a_full_disk_is_unavailable_until_there_is_room(store: SqliteDocuments, faults: Faults) -> None:
    writer = faults.connections[0]
    writer.execute("PRAGMA max_page_count = 30")

    with pytest.raises(DocumentsUnavailable, match="the disk is full"):
        await store.insert(THINGS, {"id": "a", "data": bytes(1_000_000)})

    writer.execute("PRAGMA max_page_count = 100000")
    await store.insert(THINGS, {"id": "a", "data": bytes(1_000_000)})


async def test_what_is_no_database_is_said_so(tmp_path: Path, executor: Executor) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("this is not a database at all, whatever it may be " * 50)

    with pytest.raises(DocumentsError, match="not a database: give another path"):
        await opened(path, executor).ensure(THINGS)


async def test_another_kind_of_database_is_left_alone(tmp_path: Path, executor: Executor) -> None:
    path = tmp_path / "bus.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE records (offset INTEGER)")
    other.commit()

    with pytest.raises(DocumentsError, match="not a store of documents"):
        await opened(path, executor).ensure(THINGS)

    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("records",)]
    other.close()


@pytest.mark.usefixtures("store")
async def test_a_store_of_a_newer_release_is_left_alone(faults: Faults, executor: Executor) -> None:
    faults.connections[0].execute("PRAGMA user_version = 2")

    with pytest.raises(DocumentsError, match="written by a newer release"):
        await opened(faults.path, executor).ensure(THINGS)


async def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path, executor: Executor) -> None:
    with pytest.raises(DocumentsError, match="make its folder"):
        await opened(tmp_path / "absent" / "store.db", executor).ensure(THINGS)


@pytest.mark.parametrize("url", ["kafk://x", "sqlite", "", "sqlite:/x.db"])
def test_an_unknown_scheme_is_answered_with_the_known_one(url: str, executor: Executor) -> None:
    with pytest.raises(UnknownScheme, match="use sqlite:///path"):
        open_documents(url, executor=executor, randomness=SystemRandomness())


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite://store.db"])
def test_a_url_without_a_path_is_answered_with_examples(url: str, executor: Executor) -> None:
    with pytest.raises(UnknownScheme, match=r"sqlite:////absolute/path\.db"):
        open_documents(url, executor=executor, randomness=SystemRandomness())


async def test_a_path_is_relative_with_three_slashes(tmp_path: Path, executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    documents = open_documents("sqlite:///store.db", executor=executor, randomness=SystemRandomness())
    await documents.ensure(THINGS)
    await documents.close()

    assert (tmp_path / "store.db").is_file()


async def test_a_crash_of_a_simulated_process_leaves_what_was_committed(executor: Executor) -> None:
    url = "file:/simulated-crash?vfs=memdb"
    disk = sqlite3.connect(url, uri=True)
    handed_out: list[sqlite3.Connection] = []

    def connect() -> sqlite3.Connection:
        handed_out.append(sqlite3.connect(url, uri=True, isolation_level=None, check_same_thread=False))
        return handed_out[-1]

    before = opened("simulated.db", executor, connect)
    await before.ensure(THINGS)
    await before.insert(THINGS, {"id": "committed"})
    assert await before.get(THINGS, "committed")
    handed_out[0].execute("BEGIN IMMEDIATE")
    handed_out[0].execute("DELETE FROM things")
    for connection in handed_out:
        connection.close()
    with pytest.raises(DocumentsUnavailable, match="open the store again"):
        await before.get(THINGS, "committed")

    after = opened("simulated.db", executor, connect)
    await after.ensure(THINGS)
    assert await after.get(THINGS, "committed") == Stored({"id": "committed"}, 1)
    await after.close()
    disk.close()


@pytest.mark.usefixtures("store")
async def test_commits_survive_a_power_cut_as_far_as_settings_go(faults: Faults) -> None:
    assert faults.connections[0].execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert faults.connections[0].execute("PRAGMA synchronous").fetchone() == (2,)


TAGGED = Collection("tagged", key="id", indexes=(Index("by_tag", ("owner", "tags", "rank"), sparse=True, many="tags"),))


@pytest.mark.parametrize("order", list(Order))
async def test_each_page_by_an_element_is_read_from_its_entries_without_sorting(store: SqliteDocuments, order: Order) -> None:
    await store.ensure(TAGGED)
    await store.bulk(TAGGED, [Put({"id": f"{n}", "owner": "me", "tags": ["red"], "rank": 1}, None) for n in range(3)])
    asked = Query("by_tag", ("me", "red"), order=order, limit=1)
    cursor = (await store.query(TAGGED, asked)).cursor

    lines = await store.explain(TAGGED, asked) + await store.explain(TAGGED, replace(asked, after=cursor))

    assert {line.split(" (")[0] for line in lines} == {
        "SEARCH tagged.by_tag.entries USING COVERING INDEX tagged.by_tag",
        "SEARCH tagged USING INDEX sqlite_autoindex_tagged_1",
    }


async def test_entries_follow_what_a_release_writes_that_knows_nothing_of_them(store: SqliteDocuments, faults: Faults) -> None:
    await store.ensure(TAGGED)
    for key in "ab":
        await store.insert(TAGGED, {"id": key, "owner": "me", "tags": ["red"], "rank": 1})
    old = faults.connect()

    old.execute("UPDATE tagged SET _version = _version + 1, _write = x'00', owner = 'me', rank = NULL WHERE _key = 'a' AND _version = 1")
    old.execute("DELETE FROM tagged WHERE _key = 'b' AND _version = 1")

    assert (await store.query(TAGGED, Query("by_tag", ("me", "red")))).items == []
    assert old.execute('SELECT count(*) FROM "tagged.by_tag.entries"').fetchone() == (1,)
    old.close()
