"""Exports in Parquet, as workbooks and as PDF."""

import asyncio
import os
import signal
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from unit.analytics.exports.house import MIXED, Row, asked, installed, rows_of
from unit.analytics.printed.read import csv_of, pages, row, sheet
from unit.analytics.scans import Seen

from quietzone_analytics.exports import Format, create_export
from quietzone_analytics.queries import Interval
from quietzone_analytics.tables import CutOff, Draft, NoRoom, TableError, Tables, open_tables
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor
from quietzone_kit.tasks import State

ABOUT = {"zone": "UTC"}
PROCESS = "quietzone_analytics.printed"


async def test_parquet_holds_what_csv_holds(tables: Tables, tmp_path: Path) -> None:
    async with installed(tables) as house:
        await house.count(MIXED)
        rows = rows_of(await house.file(asked(zone="UTC")))
        (tmp_path / "x.parquet").write_bytes(await house.file(asked(Format.PARQUET, zone="UTC")))
    table = duckdb.read_parquet(f"{tmp_path}/x.parquet")
    read = table.project("code_id, epoch_ms(start), scans, bots, previews, visitor_days").fetchall()

    assert read == [(row["code_id"], _ms(row), row["scans"], row["bots"], row["previews"], row["visitor_days"]) for row in rows]


async def test_an_account_without_scans_gets_an_empty_table(tables: Tables, tmp_path: Path) -> None:
    async with installed(tables) as house:
        (tmp_path / "x.parquet").write_bytes(await house.file(asked(Format.PARQUET)))

    assert duckdb.read_parquet(f"{tmp_path}/x.parquet").fetchall() == []


async def test_a_workbook_holds_what_csv_holds(tables: Tables) -> None:
    async with installed(tables) as house:
        await house.count(MIXED)
        rows = rows_of(await house.file(asked(zone="UTC")))
        book = await house.file(asked(Format.XLSX, zone="UTC"))

    numbers = ("scans", "bots", "previews", "visitor_days")
    starts = [datetime.fromisoformat(str(each["start"])) for each in rows]
    assert sheet(book)[1:] == [
        (each["code_id"], start.replace(tzinfo=None), "+00:00", *(each[name] for name in numbers))
        for each, start in zip(rows, starts, strict=True)
    ]
    assert dict(sheet(book, "About"))["zone"] == "UTC"  # type: ignore[arg-type] # pairs


async def test_a_pdf_holds_what_csv_holds(tables: Tables) -> None:
    async with installed(tables) as house:
        await house.count(MIXED)
        found = pages(await house.file(asked(Format.PDF, zone="UTC")))

    assert len(found) == 2
    assert "3 scans" in found[0]
    assert found[1].split().count("door") == found[1].split().count("menu") == 3


@pytest.mark.parametrize("form", [Format.PARQUET, Format.XLSX, Format.PDF])
async def test_the_same_counts_are_the_same_bytes(tables: Tables, form: Format) -> None:
    async with installed(tables) as house:
        await house.count(MIXED)

        assert await house.file(asked(form)) == await house.file(asked(form))


@pytest.mark.parametrize("form", ["xlsx", "pdf"])
async def test_who_has_no_room_for_a_file_is_told_so(tmp_path: Path, form: str) -> None:
    executor = ThreadExecutor("tables", 2)
    tables = open_tables(tmp_path, executor=executor, randomness=SystemRandomness(), max_bytes=10_000)
    source = await drafted(tables, 200)

    with pytest.raises(NoRoom, match="QUIETZONE_ANALYTICS_TEMP_BYTES"):
        await tables.to_printed(source, form, ABOUT)

    assert (tables.held_bytes, left(tmp_path)) == (await tables.size(source), [source.name])
    await tables.close()
    executor.close()


async def test_a_file_that_nobody_waits_for_any_more_is_given_up(tables: Tables, tmp_path: Path) -> None:
    source = await drafted(tables, 100_000)
    making = asyncio.ensure_future(tables.to_printed(source, "xlsx", ABOUT))
    async with asyncio.timeout(30):
        while not any(path.name.endswith(".scratch") and [*path.iterdir()] for path in tmp_path.glob("*/*/*")):
            await asyncio.sleep(0.01)
        started = processes()
        making.cancel()
        await asyncio.wait([making])

    assert (making.cancelled(), len(started), processes()) == (True, 1, [])
    assert left(tmp_path) == [source.name]


@pytest.mark.parametrize(
    ("by", "told"),
    [(signal.SIGKILL, CutOff), (signal.SIGXCPU, TableError), (signal.SIGABRT, TableError)],
    ids=["somebody", "time", "memory"],
)
async def test_only_a_file_that_somebody_else_cut_off_is_worth_another_try(
    tables: Tables, tmp_path: Path, by: signal.Signals, told: type[Exception]
) -> None:
    source = await drafted(tables, 100_000)
    making = asyncio.ensure_future(tables.to_printed(source, "xlsx", ABOUT))
    async with asyncio.timeout(30):
        while not [*tmp_path.glob("*/*/*.scratch/*")]:
            await asyncio.sleep(0.01)
    (process,) = processes()
    os.kill(int(process), by)

    with pytest.raises(told):
        await making
    assert left(tmp_path) == [source.name]


async def test_a_workbook_that_takes_long_holds_up_no_parquet(tables: Tables) -> None:
    long = asyncio.ensure_future(tables.to_printed(await drafted(tables, 100_000), "xlsx", ABOUT))
    async with asyncio.timeout(30):
        while not processes():
            await asyncio.sleep(0.01)
        await tables.to_parquet([await drafted(tables, 1)], "SELECT * FROM read_csv({source})")
        still_made = not long.done()
        long.cancel()
        await asyncio.wait([long])

    assert still_made


async def test_a_file_of_more_rows_than_its_kind_has_is_refused_with_what_to_do(tables: Tables) -> None:
    async with installed(tables) as house:
        await house.count([Seen(number, code=f"code-{number}") for number in range(1, 11)])
        question = asked(Format.PDF, days=1_100, interval=Interval.DAY)
        export = await house.work((await create_export(house.tasks, "acme", question, request_id=None)).export_id)

    assert export.state is State.DEAD
    assert export.error is not None
    assert "at most 10,000 rows: ask for" in export.error


async def drafted(tables: Tables, count: int) -> Draft:
    source = await tables.draft()
    await tables.append(source, csv_of([row(number) for number in range(count)]).encode())
    return source


def left(folder: Path) -> list[str]:
    """Drafts, and what is beside them."""
    return [path.name for path in folder.glob("*/*/*")]


def processes() -> list[str]:
    """Those of ours that make a file."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent, command = path.joinpath("stat").read_text().rpartition(")")[2].split()[1], path.joinpath("cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == str(os.getpid()) and PROCESS in command:
            found.append(path.name)
    return found


def _ms(row: Row) -> int:
    return int(datetime.fromisoformat(str(row["start"])).timestamp() * 1000)
