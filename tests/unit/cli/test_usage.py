"""`quietzone usage`: the table of what was used."""

import io
from datetime import UTC, datetime

from rich.console import Console

from quietzone_cli.usage import table_of
from quietzone_client import StoredBytes, Usage, Use

MONTH = Use("bytes", "month", None, 1_000, 5_000, 4_000, datetime(2026, 12, 1, tzinfo=UTC))


def lines(usage: Usage) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=200).print(table_of(usage))
    return [" ".join(line.replace("│", " ").split()) for line in out.getvalue().splitlines()]


def test_what_is_counted_and_what_is_stored_are_shown() -> None:
    shown = lines(Usage("gold", (MONTH,), StoredBytes(5_000_000, 61_440, 4_938_560)))

    assert shown[0] == "plan gold"
    assert "bytes of answers a month 1,000 5,000 4,000 2026-12-01" in shown
    assert "bytes of files 61,440 5,000,000 4,938,560 as files are deleted" in shown


def test_what_is_stored_may_not_be_known() -> None:
    shown = lines(Usage("gold", (), StoredBytes(5_000_000)))

    assert "bytes of files not known now 5,000,000 as files are deleted" in shown
