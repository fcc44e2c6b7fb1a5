import asyncio

import pytest
from ports import Inline
from unit.tracking.spool.machine import Machine, StillClock

from quietzone_tracking.spool import NotRecorded, Numbers, SourceTaken, SpooledScan, SpoolLimits, SpoolWriter, read_numbers, sources
from quietzone_tracking.spool.layout import lock_path, segments

SCAN = SpooledScan("code", "account", 1_700_000_000_000, 0, b"", b"agent", b"", b"")


async def test_numbers_begin_with_1_and_go_on(machine: Machine) -> None:
    writer = machine.writer()

    assert [writer.append([SCAN] * 2), writer.append([SCAN]), writer.append([SCAN] * 3)] == [2, 3, 6]


async def test_a_full_segment_is_followed_by_another(machine: Machine) -> None:
    writer = machine.writer(limits=SpoolLimits(segment_bytes=1))
    for _ in range(3):
        writer.append([SCAN])

    assert segments(machine.files, "source") == [1, 2, 3]


async def test_what_is_appended_survives_the_machine_after_a_flush(machine: Machine) -> None:
    writer = machine.writer()
    writer.append([SCAN] * 2)
    await writer.flush()

    assert writer.flushed_seq == 2


async def test_running_flushes_by_itself(machine: Machine) -> None:
    writer = machine.writer(limits=SpoolLimits(flush_interval_ms=1))
    flushed = asyncio.Event()
    writer.on_flush(lambda last_seq: flushed.set() if last_seq == 2 else None)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(writer.run())
        writer.append([SCAN] * 2)
        await flushed.wait()
        running.cancel()

    assert writer.flushed_seq == 2


async def test_whoever_waits_for_flushes_does_not_wait_for_the_interval(machine: Machine) -> None:
    writer = machine.writer(limits=SpoolLimits(flush_interval_ms=600_000))
    flushed = asyncio.Queue[int]()
    writer.on_flush(flushed.put_nowait, at_once=True)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(writer.run())
        for _ in range(2):
            writer.append([SCAN])
            last_seq = await flushed.get()
        running.cancel()

    assert last_seq == 2


async def test_a_failed_append_accepts_nothing(machine: Machine) -> None:
    writer = machine.writer()
    writer.append([SCAN])
    machine.disk.faults.full = 1.0

    with pytest.raises(NotRecorded) as refused:
        writer.append([SCAN])

    assert (refused.value.reason, writer.accepted) == ("disk", 1)


async def test_numbers_of_a_failed_append_are_not_used_again(machine: Machine) -> None:
    writer = machine.writer()
    writer.append([SCAN])
    machine.disk.faults.full = 1.0
    with pytest.raises(NotRecorded):
        writer.append([SCAN] * 2)
    machine.disk.faults.full = 0.0

    assert (writer.append([SCAN]), writer.accepted) == (4, 2)


async def test_appends_that_keep_failing_leave_no_files(machine: Machine) -> None:
    writer = machine.writer()
    machine.disk.faults.full = 1.0
    for _ in range(10):
        with pytest.raises(NotRecorded):
            writer.append([SCAN])

    assert segments(machine.files, "source") == []


async def test_an_append_whose_segment_cannot_be_created_is_refused(machine: Machine) -> None:
    writer = machine.writer()
    machine.disk.faults.failing_name = 1.0

    with pytest.raises(NotRecorded, match="injected: create"):
        writer.append([SCAN])


async def test_after_a_failed_flush_a_new_segment_begins(machine: Machine) -> None:
    writer = machine.writer()
    writer.append([SCAN])
    machine.disk.faults.failing_sync = 1.0
    await writer.flush()
    machine.disk.faults.failing_sync = 0.0
    writer.append([SCAN])

    assert segments(machine.files, "source") == [1, 2]


async def test_a_failed_flush_is_told_and_counted(machine: Machine) -> None:
    writer = machine.writer()
    told: list[tuple[int, int]] = []
    writer.on_flush(lambda last_seq: told.append((last_seq, writer.flushed_seq)))
    writer.append([SCAN])
    machine.disk.faults.failing_sync = 1.0
    await writer.flush()

    assert (told, writer.failed_flushes) == ([(1, 0)], 1)


async def test_a_full_spool_records_nothing_more(machine: Machine) -> None:
    writer = machine.writer(limits=SpoolLimits(spool_bytes=80))
    writer.append([SCAN] * 2)

    with pytest.raises(NotRecorded) as refused:
        writer.append([SCAN])

    assert refused.value.reason == "full"


async def test_a_spool_that_was_drained_records_again(machine: Machine) -> None:
    writer = machine.writer(limits=SpoolLimits(segment_bytes=1, spool_bytes=80))
    writer.append([SCAN] * 2)
    machine.files.delete_folder("spool/source")
    await writer.publish_numbers()

    assert writer.append([SCAN]) == 3


async def test_what_other_sources_left_counts_against_the_bound(machine: Machine) -> None:
    limits = SpoolLimits(spool_bytes=80)
    machine.writer("first", limits).append([SCAN] * 2)

    with pytest.raises(NotRecorded):
        machine.writer("second", limits).append([SCAN])


async def test_the_numbers_say_what_was_accepted_and_what_was_not(machine: Machine) -> None:
    writer = machine.writer()
    writer.append([SCAN] * 2)
    writer.count_unrecorded(3)
    await writer.publish_numbers()

    assert read_numbers(machine.files, "source") == Numbers(2, 3, 2, StillClock().now_ms(), closed=False)


async def test_closing_flushes_and_says_so(machine: Machine) -> None:
    writer = machine.writer()
    writer.append([SCAN] * 2)
    await writer.close()

    assert writer.flushed_seq == 2
    assert read_numbers(machine.files, "source") == Numbers(2, 0, 2, StillClock().now_ms(), closed=True)


async def test_closing_lets_the_lock_go(machine: Machine) -> None:
    writer = machine.writer()
    held = machine.files.lock(lock_path("source"))
    await writer.close()

    assert held is None
    assert machine.files.lock(lock_path("source")) is not None


async def test_numbers_that_cannot_be_written_are_written_later(machine: Machine) -> None:
    writer = machine.writer()
    writer.append([SCAN])
    machine.disk.faults.failing_name = 1.0
    await writer.publish_numbers()
    machine.disk.faults.failing_name = 0.0
    await writer.publish_numbers()

    numbers = read_numbers(machine.files, "source")
    assert numbers is not None
    assert numbers.accepted == 1


async def test_a_source_folder_that_somebody_holds_is_left_alone(machine: Machine) -> None:
    names = iter(["taken", "free"])
    assert machine.files.lock(lock_path("taken"))
    writer = SpoolWriter.open(machine.disk.files(machine.edge), Inline(), StillClock(), SpoolLimits(), new_source=lambda: next(names))

    assert writer.source_id == "free"


async def test_an_edge_that_finds_no_free_source_says_so(machine: Machine) -> None:
    assert machine.files.lock(lock_path("source"))

    with pytest.raises(SourceTaken):
        machine.writer()


def test_a_folder_without_sources_has_none(machine: Machine) -> None:
    assert sources(machine.files) == []


def test_numbers_that_cannot_be_read_are_none(machine: Machine) -> None:
    machine.files.replace("spool/source/numbers", b"{")

    assert read_numbers(machine.files, "source") is None
