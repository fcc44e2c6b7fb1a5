"""Writes whose answer is lost: they happened, and the caller is told so."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from contract.documents.faults import Proxy, through
from contract.documents.sqlite_faults import Faults
from contract.documents.stores import RANDOMNESS, THINGS, stores

from quietzone_kit.documents import Documents, Outcome, Put, Stored
from quietzone_kit.documents._sqlite import SqliteDocuments
from quietzone_kit.runtime import Executor


@dataclass(frozen=True, slots=True)
class Lossy:
    """A store; `lose` loses the answers of its next writes, of each MongoDB command that is named, or of SQLite's next commit."""

    documents: Documents
    lose: Callable[..., None]


@pytest.fixture
async def sqlite(faults: Faults, executor: Executor) -> AsyncIterator[Lossy]:
    def lose(*_commands: str) -> None:
        faults.lost = 1

    documents = SqliteDocuments(faults.connect, "store.db", executor=executor, randomness=RANDOMNESS)
    await documents.ensure(THINGS)
    yield Lossy(documents, lose)
    await documents.close()


@pytest.fixture
async def mongodb(proxy: Proxy, database_url: str, executor: Executor) -> AsyncIterator[Lossy]:
    def lose(*commands: str) -> None:
        proxy.lose = list(commands)

    documents = through(proxy, database_url, executor)
    await documents.ensure(THINGS)
    yield Lossy(documents, lose)
    await documents.close()


@pytest.fixture(params=stores("sqlite", "mongodb"))
def lossy(request: pytest.FixtureRequest) -> Lossy:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Lossy)
    return found


async def test_a_replacement_whose_answer_was_lost_succeeds(lossy: Lossy) -> None:
    await lossy.documents.insert(THINGS, {"id": "a", "n": 1})
    lossy.lose("update")

    stored = await lossy.documents.replace(THINGS, {"id": "a", "n": 2}, if_version=1)

    assert stored == await lossy.documents.get(THINGS, "a") == Stored({"id": "a", "n": 2}, 2)


async def test_an_insert_whose_answer_was_lost_succeeds(lossy: Lossy) -> None:
    lossy.lose("insert")

    await lossy.documents.insert(THINGS, {"id": "a", "owner": "me", "slug": "menu"})

    assert await lossy.documents.get(THINGS, "a") == Stored({"id": "a", "owner": "me", "slug": "menu"}, 1)


async def test_a_deletion_whose_answer_was_lost_succeeds(lossy: Lossy) -> None:
    await lossy.documents.insert(THINGS, {"id": "a"})
    lossy.lose("delete")

    await lossy.documents.delete(THINGS, "a", if_version=1)

    assert await lossy.documents.get(THINGS, "a") is None


@pytest.mark.parametrize("command", ["insert", "update"])
async def test_an_increment_whose_answer_was_lost_counts_once(lossy: Lossy, command: str) -> None:
    if command == "update":
        await lossy.documents.increment(THINGS, "a", "n", 0)
    lossy.lose(command)

    stored = await lossy.documents.increment(THINGS, "a", "n")

    assert stored.body == {"id": "a", "n": 1}
    assert await lossy.documents.get(THINGS, "a") == stored


async def test_a_bulk_whose_answer_was_lost_has_the_outcomes_that_it_had(lossy: Lossy) -> None:
    await lossy.documents.bulk(THINGS, [Put({"id": f"{n:03}"}, None) for n in range(100)])
    await lossy.documents.increment(THINGS, "050", "n")
    lossy.lose("update", "insert")

    outcomes = await lossy.documents.bulk(
        THINGS, [Put({"id": f"{n:03}"}, 1) for n in range(100)] + [Put({"id": f"{n:03}"}, None) for n in range(100, 130)]
    )

    assert [n for n, outcome in enumerate(outcomes) if outcome is not Outcome.WRITTEN] == [50]
