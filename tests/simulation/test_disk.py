from collections.abc import Iterator

import pytest

from simulation.chance import Chance
from simulation.disk import Disk
from simulation.loop import SimulatedLoop
from simulation.process import Process, ProcessDead


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    loop = SimulatedLoop(Chance("disk"))
    yield loop
    loop.finish()


def crashed(seed: int, loop: SimulatedLoop) -> bytes:
    """What is left of 1,000 bytes, 400 of them synced, when the machine crashes."""
    disk = Disk(Chance(str(seed)))
    file = disk.files(Process(loop, "writer")).create("folder/log")
    file.write(b"s" * 400)
    file.sync()
    file.write(b"u" * 600)
    disk.crash()
    return disk.content("folder/log")


def test_what_was_written_survives_a_killed_process(loop: SimulatedLoop) -> None:
    disk = Disk(Chance("1"))
    process = Process(loop, "writer")
    disk.files(process).create("log").write(b"text")

    process.kill()

    assert disk.content("log") == b"text"


@pytest.mark.parametrize("seed", range(50))
def test_what_was_synced_survives_the_machine(seed: int, loop: SimulatedLoop) -> None:
    assert crashed(seed, loop).startswith(b"s" * 400)


def test_what_was_not_synced_is_lost_in_part_or_whole_or_torn(loop: SimulatedLoop) -> None:
    ends = [crashed(seed, loop)[400:] for seed in range(200)]

    assert any(not end for end in ends)
    assert any(end and set(end) == {ord("u")} for end in ends)
    assert any(0 in end for end in ends)


def test_a_deleted_file_may_be_back_after_the_machine_crashed(loop: SimulatedLoop) -> None:
    def back(seed: int) -> bool:
        disk = Disk(Chance(str(seed)))
        files = disk.files(Process(loop, "p"))
        files.replace("state", b"old")
        files.delete("state")
        disk.crash()
        return disk.paths() == ["state"]

    assert {back(seed) for seed in range(20)} == {True, False}


def test_a_file_that_was_never_synced_may_lose_its_name(loop: SimulatedLoop) -> None:
    def left(seed: int) -> list[str]:
        disk = Disk(Chance(str(seed)))
        disk.files(Process(loop, "p")).create("log").write(b"text")
        disk.crash()
        return disk.paths()

    assert [] in [left(seed) for seed in range(20)]


def test_a_replaced_file_never_goes_back(loop: SimulatedLoop) -> None:
    disk = Disk(Chance("1"))
    files = disk.files(Process(loop, "p"))
    files.replace("state", b"old")
    files.replace("state", b"new")

    disk.crash()

    assert disk.content("state") == b"new"


def test_a_lock_ends_with_its_process(loop: SimulatedLoop) -> None:
    disk = Disk(Chance("1"))
    first, second = Process(loop, "first"), Process(loop, "second")
    assert disk.files(first).lock("lock") is not None
    assert disk.files(second).lock("lock") is None

    first.kill()

    assert disk.files(second).lock("lock") is not None


def test_a_full_disk_may_take_a_part(loop: SimulatedLoop) -> None:
    def written(seed: int) -> int:
        disk = Disk(Chance(str(seed)))
        file = disk.files(Process(loop, "p")).create("log")
        disk.faults.full = 1.0
        with pytest.raises(OSError, match="injected"):
            file.write(b"12345678")
        return len(disk.content("log"))

    assert len({written(seed) for seed in range(40)}) > 2


def test_a_dead_process_leaves_the_disk_alone(loop: SimulatedLoop) -> None:
    disk = Disk(Chance("1"))
    process = Process(loop, "p")
    file = disk.files(process).create("log")
    process.kill()

    with pytest.raises(ProcessDead):
        file.write(b"late")

    assert disk.content("log") == b""


def test_a_process_can_die_in_the_middle_of_a_write(loop: SimulatedLoop) -> None:
    def left(seed: int) -> int:
        disk = Disk(Chance(str(seed)))
        process = Process(loop, "p")
        file = disk.files(process).create("log")
        process.fuse = 2
        with pytest.raises(ProcessDead):
            file.write(b"12345678")
        return len(disk.content("log"))

    assert len({left(seed) for seed in range(40)}) > 4
