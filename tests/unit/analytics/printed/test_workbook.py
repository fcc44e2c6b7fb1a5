"""Workbooks: what goes in comes out, as text, times and numbers."""

import io
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.analytics.printed.read import BERLIN, cells, row, sheet, written

from quietzone_analytics.exports.domain import COLUMNS as SOURCE
from quietzone_analytics.printed.rows import COLUMNS, Row, read_rows, sheets_of
from quietzone_analytics.printed.workbook import write_workbook

IDS = st.text(st.sampled_from("-_=+@abcXYZ019"), min_size=1, max_size=40)
COUNTS = st.integers(0, 2**53)
MAYBE = st.none() | COUNTS
ZONES = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)) if quarters else UTC)
STARTS = st.builds(
    lambda minutes, zone: datetime(2020, 1, 1, tzinfo=zone) + timedelta(minutes=15 * minutes), st.integers(0, 1_000_000), ZONES
)
ROWS = st.lists(st.builds(Row, IDS, STARTS, COUNTS, MAYBE, MAYBE, MAYBE), max_size=20)


def workbook(rows: list[Row], about: dict[str, str] | None = None) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "x.xlsx"
        write_workbook(rows, about or {}, target, scratch=Path(folder))
        return target.read_bytes()


@given(rows=ROWS)
def test_rows_come_back_as_they_were(rows: list[Row]) -> None:
    found = sheet(workbook(rows))

    assert found[0] == COLUMNS
    assert found[1:] == [cells(each) for each in rows]


@given(rows=ROWS, most=st.integers(1, 7))
@settings(max_examples=20, deadline=None)  # 20 sheets are 40 files
def test_rows_that_a_sheet_has_no_room_for_go_on_in_the_next(rows: list[Row], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr("quietzone_analytics.printed.workbook.SHEET_ROWS", most)
        patch.setattr("quietzone_analytics.printed.rows.SHEET_ROWS", most)
        book, sheets = workbook(rows), sheets_of(written(Path(folder) / "x.csv", rows))
    names = ["Scans", *(f"Scans {number}" for number in range(2, sheets + 1))]

    assert openpyxl.load_workbook(io.BytesIO(book)).sheetnames == [*names, "About"]
    found = [sheet(book, name) for name in names]
    assert {each[0] for each in found} == {COLUMNS}
    assert [cell for each in found for cell in each[1:]] == [cells(each) for each in rows]
    assert all(len(each) == most + 1 for each in found[:-1])


@given(rows=ROWS)
def test_rows_of_a_csv_are_read_as_they_were(rows: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = list(read_rows(written(Path(folder) / "x.csv", rows)))

    assert [(cells(each), each.start) for each in found] == [(cells(each), each.start) for each in rows]


@pytest.mark.parametrize("code_id", ["-1+1", "=1+1", "@SUM(A1)", "+1", "2026", "https://example.com/"])
def test_an_id_is_text_whatever_it_begins_with(code_id: str, tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(workbook([row(code_id=code_id)]))

    cell = openpyxl.load_workbook(tmp_path / "x.xlsx")["Scans"]["A2"]

    assert (cell.data_type, cell.value, cell.hyperlink) == ("s", code_id, None)


def test_the_head_stays_and_filters(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(workbook([row(1), row(2)]))

    found = openpyxl.load_workbook(tmp_path / "x.xlsx")["Scans"]

    assert (found.freeze_panes, found.auto_filter.ref, found["A1"].font.bold) == ("A2", "A1:G3", True)


def test_a_time_is_shown_as_clocks_show_it_with_its_offset(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(workbook([row(start=datetime(2026, 3, 1, 0, 30, tzinfo=BERLIN))]))

    found = openpyxl.load_workbook(tmp_path / "x.xlsx")["Scans"]

    assert (found["B2"].value, found["B2"].number_format, found["C2"].value) == (datetime(2026, 3, 1, 0, 30), "yyyy-mm-dd hh:mm", "+01:00")  # noqa: DTZ001 - cells have no zone


def test_a_sheet_tells_the_question() -> None:
    assert sheet(workbook([], {"from": "2026-03-01", "zone": "Europe/Berlin"}), "About") == [
        ("from", "2026-03-01"),
        ("zone", "Europe/Berlin"),
    ]


def test_the_same_rows_are_the_same_bytes() -> None:
    rows = [row(number) for number in range(100)]

    assert workbook(rows) == workbook(rows)


def test_the_columns_are_those_of_the_writer_and_an_offset() -> None:
    assert tuple(name for name in COLUMNS if name != "offset") == SOURCE
