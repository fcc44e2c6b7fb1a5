from collections.abc import Iterator

import pytest

from simulation.chance import Chance
from simulation.loop import SimulatedLoop
from simulation.process import Process, ProcessDead
from simulation.stores import Database


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    loop = SimulatedLoop(Chance("stores"))
    yield loop
    loop.finish()


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database("test")
    database.look().execute("CREATE TABLE seen (number INTEGER)")
    yield database
    database.close()


def numbers(database: Database) -> list[int]:
    return [row[0] for row in database.look().execute("SELECT number FROM seen")]


def test_what_was_committed_survives_a_killed_process(loop: SimulatedLoop, database: Database) -> None:
    process = Process(loop, "writer")
    connection = database.connect(process)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO seen VALUES (1)")
    connection.execute("COMMIT")

    process.kill()

    assert numbers(database) == [1]


def test_what_was_not_committed_is_rolled_back_and_its_lock_is_free(loop: SimulatedLoop, database: Database) -> None:
    process = Process(loop, "writer")
    connection = database.connect(process)
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO seen VALUES (?)", [(1,), (2,)])
    unread = connection.execute("SELECT number FROM seen")

    process.kill()

    other = database.connect(Process(loop, "other"))
    other.execute("BEGIN IMMEDIATE")
    other.execute("COMMIT")
    assert numbers(database) == []
    del unread


@pytest.mark.parametrize(("fuse", "expected"), [(1, []), (2, [1])])
def test_a_process_can_die_before_and_after_its_commit(loop: SimulatedLoop, database: Database, fuse: int, expected: list[int]) -> None:
    process = Process(loop, "writer")
    connection = database.connect(process)
    process.fuse = fuse
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO seen VALUES (1)")
    with pytest.raises(ProcessDead):
        connection.execute("COMMIT")

    assert numbers(database) == expected


def test_a_dead_process_cannot_use_its_connection(loop: SimulatedLoop, database: Database) -> None:
    process = Process(loop, "writer")
    connection = database.connect(process)
    process.kill()

    with pytest.raises(ProcessDead):
        connection.execute("SELECT 1")


def test_a_database_takes_nothing_along_into_the_next_history() -> None:
    first = Database("same name")
    first.look().execute("CREATE TABLE seen (number INTEGER)")
    first.close()
    second = Database("same name")

    assert second.look().execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    second.close()
