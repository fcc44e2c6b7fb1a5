"""Counts from the archive are those that the log gave, byte for byte."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.analytics.archive.places import MemoryBlobs
from unit.analytics.scans import BOT, DAY_MS, NOON_MS, PREVIEW, Seen, batch, closed, lost, record, seen, source_id
from unit.analytics.world import LOG, World, bounds

from quietzone_analytics.archive import (
    COLLECTIONS,
    ArchiveProjection,
    Due,
    Rebuild,
    Shelf,
    check_empty,
    files_of,
)
from quietzone_analytics.archive import rebuild as rebuilding
from quietzone_analytics.archive import use_cases as archiving
from quietzone_analytics.tables import Tables
from quietzone_kit.bus import Record
from quietzone_kit.runtime import SystemClock


async def archived(records: Sequence[Record], tables: Tables, *, a_file: int = 4) -> MemoryBlobs:
    """The archive of a log, all of it."""
    world, blobs = await World.new(), MemoryBlobs()
    await world.store.ensure(*COLLECTIONS)
    due = Due(a_file, 10**9, 0, 10**9)
    archive = ArchiveProjection(world.store, blobs, tables, SystemClock(), owner="archive", due=due)
    await archive.claim(0, bounds(records))
    await archive.apply(0, records, next_offset=len(records))
    return blobs


async def rebuilt(blobs: MemoryBlobs, tables: Tables) -> World:
    """A store that was empty, from the archive."""
    world, shelf = await World.new(), Shelf(blobs, tables)
    await check_empty(world.store)
    counting = Rebuild(world.store, shelf, tables, LOG, partitions=1)
    for partition, files in (await files_of(shelf, LOG, 1)).items():
        await counting.partition(partition, files, lambda _: None)
    return world


def log_of(amounts: Sequence[int]) -> list[Record]:
    """Two sources that take turns, with all that can be in a log."""
    records, last = [], [0, 0]
    for offset, amount in enumerate(amounts):
        edge = offset % 2
        source, prev_seq = source_id(edge + 1), last[edge]
        if amount == 0:
            records.append(record(b"\xff", offset))
        elif amount == 1:
            records.append(record(lost(prev_seq + 1, prev_seq + 2, prev_seq=prev_seq, source=source), offset))
            last[edge] += 2
        elif amount == 2:
            records.append(record(batch(seen([prev_seq + 9]), prev_seq=prev_seq + 8, source=source), offset))  # a gap
        else:
            scans = [_scan(prev_seq + 1 + at) for at in range(amount)]
            records.append(record(batch(scans, prev_seq=prev_seq, source=source), offset, time_ms=NOON_MS + offset))
            last[edge] += amount
    records.append(record(closed(last[0], prev_seq=last[0], source=source_id(1)), len(records)))
    return records


def _scan(seq: int) -> Seen:
    return Seen(
        seq,
        code=f"code-{seq % 5}",
        scan_class=(BOT, PREVIEW, 1, 1, 1)[seq % 5],  # type: ignore[arg-type] # 1 is a person
        country="ABCDEF"[seq * seq % 6],
        time_ms=NOON_MS + seq * 3_600_000 % (3 * DAY_MS),
        visitor=seq * 2_654_435_761,
    )


@given(st.lists(st.integers(0, 40), min_size=1, max_size=9), st.integers(1, 9))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_documents_of_a_rebuild_are_those_of_counting(tables: Tables, amounts: list[int], a_file: int) -> None:
    log = log_of(amounts)
    world = await World.new()
    await world.count(*log)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archiving, "DRAFT_ROWS", 30)
        patch.setattr(rebuilding, "ROWS_AT_ONCE", 50)

        assert await (await rebuilt(await archived(log, tables, a_file=a_file), tables)).picture() == await world.picture()


async def test_counting_goes_on_behind_the_archive(tables: Tables) -> None:
    log = log_of([30, 12, 25, 9, 30])
    whole = await World.new()
    await whole.count(*log)

    world = await rebuilt(await archived(log[:3], tables), tables)
    assert (await world.state()).next_offset == 3
    await world.count(*log)

    assert await world.picture() == await whole.picture()


async def test_what_a_newer_release_says_of_scans_is_in_the_archive_and_does_not_hinder_counting(tables: Tables) -> None:
    log = log_of([12, 9, 1])
    newer = [replace(one, value=one.value + b"\xa0\x06\x01", headers=(*one.headers, ("ce_ofanewerrelease", b"1"))) for one in log]
    world = await World.new()
    await world.count(*log)

    blobs = await archived(newer, tables)
    rebuild = Rebuild(world.store, Shelf(blobs, tables), tables, LOG, partitions=1)
    back = [one for file in (await files_of(rebuild._shelf, LOG, 1))[0] async for some in rebuild._records(file, 0) for one in some]

    assert (back, await (await rebuilt(blobs, tables)).picture()) == (newer, await world.picture())


async def test_a_rebuild_publishes_no_milestone_again(tables: Tables) -> None:
    log = log_of([120])

    world = await rebuilt(await archived(log, tables), tables)

    assert (max(total.persons for total in (await world.totals()).values()) >= 10, world.bus.published) == (True, [])
