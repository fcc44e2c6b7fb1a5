"""Records in Parquet: back as they were, and readable by anybody."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.analytics.archive.places import MemoryBlobs
from unit.analytics.memory import BrittleDocuments
from unit.analytics.scans import BOT, EDGE, NOON_MS, Seen, batch, closed, lost, record, seen

from quietzone.tracking.v1 import scan_pb2
from quietzone_analytics.archive.domain import File
from quietzone_analytics.archive.rebuild import CannotRebuild, Rebuild
from quietzone_analytics.archive.repository import Shelf
from quietzone_analytics.archive.rows import TO_ROWS, absent_line, line_of
from quietzone_analytics.tables import Draft, Tables
from quietzone_kit.bus import Record


async def parquet(tables: Tables, records: Sequence[Record]) -> Draft:
    lines = await tables.draft()
    await tables.append(lines, b"".join(line_of(one)[0] for one in records))
    return await tables.to_parquet([lines], TO_ROWS)


async def content(tables: Tables, draft: Draft) -> bytes:
    return b"".join([piece async for piece in tables.pieces(draft)])


async def back(tables: Tables, records: Sequence[Record]) -> list[Record]:
    """Records to a file and back."""
    blobs = MemoryBlobs()
    file = File("log-1", 0, records[0].offset, records[-1].offset)
    await blobs.put(file.key, await content(tables, await parquet(tables, records)))
    rebuild = Rebuild(BrittleDocuments(), Shelf(blobs, tables), tables, "log-1", partitions=1)
    return [one async for some in rebuild._records(file, 0) for one in some]


def of_code(code: str) -> scan_pb2.ScanBatch:
    return batch([Seen(1, code=code, visitor=2**64 - 1), Seen(2, code="b", scan_class=BOT, time_ms=NOON_MS - 5)], prev_seq=0)


def odd() -> list[scan_pb2.ScanBatch]:
    """Batches that rows alone can't give back."""
    unused, twice, order, classless, far, wrong = (of_code("a") for _ in range(6))
    unused.codes.add(code_id="c", account_id="acme")
    twice.traits.add().CopyFrom(twice.traits[0])
    twice.scans[1].traits = 2
    order.scans[0].code, order.scans[1].code = 1, 0
    classless.traits[0].scan_class = 9  # type: ignore[assignment] # of a newer release
    far.base_time_ms = 2**62
    wrong.scans[1].code = 7
    return [unused, twice, order, classless, far, wrong, scan_pb2.ScanBatch(source_id="none")]


async def test_every_record_comes_back_as_it_was(tables: Tables) -> None:
    values = [
        of_code("a"),
        batch(seen(range(3, 3_000)), prev_seq=2),
        lost(4, 6, prev_seq=3),
        closed(6, prev_seq=6),
        b"\xff\xff",
        *odd(),
        of_code("a").SerializeToString() + b"\xa0\x06\x01",  # a field of a newer release
        of_code("ä\x00'\"\n"),
    ]
    records = [record(value, offset, time_ms=NOON_MS + offset) for offset, value in enumerate(values)]
    records.append(record(b"abc", len(records), kind="quietzone.tracking.other"))
    records.append(Record("tracking.scan.v1", 0, len(records), -1, "", b"", (("raw", b"\xff\x00"), ("raw", b""))))

    assert await back(tables, records) == records


@given(
    st.lists(
        st.builds(
            Seen,
            seq=st.integers(1, 2**63),
            code=st.sampled_from(["a", "b", "c"]),
            country=st.text(max_size=3),
            time_ms=st.integers(NOON_MS - 10**9, NOON_MS + 10**9),
            visitor=st.integers(0, 2**64 - 1),
        ),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_batch_comes_back_as_it_was(tables: Tables, scans: list[Seen]) -> None:
    records = [record(batch(scans, prev_seq=0), 0), record(batch(scans, prev_seq=5), 1)]

    assert await back(tables, records) == records


async def test_the_same_records_are_the_same_bytes(tables: Tables) -> None:
    records = [record(of_code("a"), 0), record(closed(2, prev_seq=2), 1)]

    assert await content(tables, await parquet(tables, records)) == await content(tables, await parquet(tables, records))


async def test_batches_of_ours_are_not_kept_twice(tables: Tables, tmp_path: Path) -> None:
    file = tmp_path / "one.parquet"
    file.write_bytes(await content(tables, await parquet(tables, [record(of_code("a"), 0), record(lost(1, 2, prev_seq=0), 1)])))

    assert duckdb.sql(f"SELECT count(value) FROM '{file}'").fetchall() == [(0,)]  # noqa: S608 - our own path


async def test_duckdb_reads_the_archive_as_it_is(tables: Tables, tmp_path: Path) -> None:
    file = tmp_path / "scans" / "log=log-1" / "partition=00" / "0-1.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(await content(tables, await parquet(tables, [record(of_code("a"), 0), record(closed(2, prev_seq=2), 1)])))

    table = duckdb.read_parquet(f"{tmp_path}/scans/*/*/*.parquet", hive_partitioning=True).order('"offset", seq')
    shown = 'log, "offset", kind, source_id, seq, code_id, account_id, epoch_ms("time"), scan_class, country, visitor'
    rows = table.project(shown).fetchall()

    assert rows == [
        ("log-1", 0, "scans", EDGE, 1, "a", "acme", NOON_MS, "person", "DE", 2**64 - 1),
        ("log-1", 0, "scans", EDGE, 2, "b", "acme", NOON_MS - 5, "bot", "DE", 1),
        ("log-1", 1, "closed", EDGE, None, None, None, None, None, None, None),
    ]


async def test_an_offset_that_the_log_left_out_gives_no_record(tables: Tables) -> None:
    blobs, file = MemoryBlobs(), File("log-1", 0, 0, 1)
    lines = await tables.draft()
    await tables.append(lines, absent_line(0, NOON_MS) + line_of(record(closed(1, prev_seq=1), 1))[0])
    await blobs.put(file.key, await content(tables, await tables.to_parquet([lines], TO_ROWS)))
    rebuild = Rebuild(BrittleDocuments(), Shelf(blobs, tables), tables, "log-1", partitions=1)

    assert [one.offset async for some in rebuild._records(file, 0) for one in some] == [1]


@pytest.mark.parametrize("damage", [b"no parquet", b""], ids=["another file", "an empty file"])
async def test_a_damaged_file_is_named(tables: Tables, damage: bytes) -> None:
    blobs, file = MemoryBlobs(), File("log-1", 0, 0, 1)
    await blobs.put(file.key, damage)
    rebuild = Rebuild(BrittleDocuments(), Shelf(blobs, tables), tables, "log-1", partitions=1)

    with pytest.raises(CannotRebuild, match=r"partition=00/0{20}-0{19}1\.parquet"):
        _ = [some async for some in rebuild._records(file, 0)]


async def test_a_file_with_a_column_that_is_unknown_here_is_refused(tables: Tables) -> None:
    blobs, file = MemoryBlobs(), File("log-1", 0, 0, 0)
    lines = await tables.draft()
    await tables.append(lines, line_of(record(of_code("a"), 0))[0])
    newer = await tables.to_parquet([lines], f"SELECT *, 'map' AS campaign FROM ({TO_ROWS})")  # noqa: S608 - constant texts
    await blobs.put(file.key, await content(tables, newer))
    rebuild = Rebuild(BrittleDocuments(), Shelf(blobs, tables), tables, "log-1", partitions=1)

    with pytest.raises(CannotRebuild, match="columns campaign are unknown here: a newer release wrote it"):
        _ = [some async for some in rebuild._records(file, 0)]
