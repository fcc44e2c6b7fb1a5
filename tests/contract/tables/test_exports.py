"""Exports in Parquet."""

from datetime import datetime
from pathlib import Path

import duckdb
from unit.analytics.exports.house import MIXED, Row, asked, installed, rows_of

from quietzone_analytics.exports import Format
from quietzone_analytics.tables import Tables


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


async def test_the_same_counts_are_the_same_bytes(tables: Tables) -> None:
    async with installed(tables) as house:
        await house.count(MIXED)

        assert await house.file(asked(Format.PARQUET)) == await house.file(asked(Format.PARQUET))


def _ms(row: Row) -> int:
    return int(datetime.fromisoformat(str(row["start"])).timestamp() * 1000)
