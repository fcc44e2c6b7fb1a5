"""Many changes: rows in requests of a size, results as they come, and what breaks off is gone on with where it was."""

import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from quietzone_client import _requests as requests
from quietzone_client._calls import Calls
from quietzone_client._errors import NoAnswer, NotFound, Problem, QuietzoneError, UnexpectedAnswer, problem
from quietzone_client._inputs import Delete, Row
from quietzone_client._models import Code
from quietzone_client._transports import Arriving

ROWS_AT_ONCE = 1_000
"""Rows of one request: 10 s of creating. The API takes ten times as many; these cost less to send again."""

BYTES_AT_ONCE = 8 * 1024 * 1024
"""Of one request: half of what the API takes, so that the largest row (64 KiB) still fits on top."""

MAX_LINE_BYTES = 1024 * 1024
"""Of one result: a code is 10 KB at most."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row: its `number` from 1 on, and the code as it is now, None when it was deleted or the row failed."""

    number: int
    row: Row
    code: Code | None = None
    error: Problem | None = None

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Lot:
    """The rows of one request: as they were given, and as lines. `first` is the number of the first."""

    first: int
    rows: tuple[Row, ...]
    lines: tuple[bytes, ...]

    def body(self, done: int) -> bytes:
        """The lines to send when the first `done` have results: blank in their place, since a row's name has its number in it."""
        return b"\n" * done + b"\n".join(self.lines[done:])


def lots(rows: Iterable[Row]) -> Iterator[Lot]:
    """Rows in requests of a size; they are taken from the iterable as they are needed."""
    first, size = 1, 0
    taken: list[Row] = []
    lines: list[bytes] = []
    for row in rows:
        line = json.dumps(row.row(), ensure_ascii=False, separators=(",", ":")).encode()
        taken.append(row)
        lines.append(line)
        size += len(line)
        if len(taken) == ROWS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield Lot(first, tuple(taken), tuple(lines))
            first, size = first + len(taken), 0
            taken, lines = [], []
    if taken:
        yield Lot(first, tuple(taken), tuple(lines))


async def bulk(calls: Calls, rows: Iterable[Row], *, idempotency_key: str | None) -> AsyncGenerator[RowResult, None]:
    """A result for each row, in order.

    Raises:
        QuietzoneError: the API can't be asked, or refuses all rows; those without a result may have been done.
    """
    name = idempotency_key or calls.runtime.name()
    for lot in lots(rows):
        async with aclosing(_results(calls, lot, f"{name}-{lot.first}")) as results:
            async for result in results:
                yield result


async def _results(calls: Calls, lot: Lot, name: str) -> AsyncGenerator[RowResult, None]:
    done, tries = 0, calls.tries()
    while done < len(lot.rows):
        try:
            async with (
                calls.arriving(requests.bulk(lot.body(done), idempotency_key=name)) as answer,
                aclosing(_lines(answer)) as lines,
            ):
                async for line in lines:
                    if "row" in line:
                        yield _result(lot, done, line, in_doubt=tries.in_doubt)
                        done += 1
                        tries.begin_anew()
            _check_all_came(lot, done)
        except QuietzoneError as error:
            await calls.transport.sleep(tries.wait_s(error))


async def _lines(answer: Arriving) -> AsyncGenerator[Mapping[str, Any], None]:
    """The lines of NDJSON."""
    rest = b""
    async with aclosing(answer.parts()) as parts:
        async for part in parts:
            *whole, rest = (rest + part).split(b"\n")
            for line in whole:
                yield _object(line)
            if len(rest) > MAX_LINE_BYTES:
                raise UnexpectedAnswer(f"a result of more than {MAX_LINE_BYTES:,} bytes")
    if rest:
        yield _object(rest)


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnexpectedAnswer(f"a line that isn't JSON where a row's result was expected: {line[:80]!r}") from error
    if not isinstance(found, dict):
        raise UnexpectedAnswer(f"no result of a row: {line[:80]!r}")
    return found


def _result(lot: Lot, done: int, line: Mapping[str, Any], *, in_doubt: bool) -> RowResult:
    """The result of the next row. A code that is gone when its deletion is tried again was deleted by the try before."""
    if line["row"] != done + 1 or done >= len(lot.rows):
        raise UnexpectedAnswer(f"a result of row {line['row']} where that of row {done + 1} was expected")
    result = RowResult(lot.first + done, lot.rows[done])
    if line.get("problem") is not None:
        error = problem(line["status"], line["problem"])
        return result if in_doubt and isinstance(error, NotFound) and isinstance(result.row, Delete) else replace(result, error=error)
    return result if line.get("code") is None else replace(result, code=Code.of(line["code"]))


def _check_all_came(lot: Lot, done: int) -> None:
    if done < len(lot.rows):
        raise NoAnswer(f"the answer ended after {done} of {len(lot.rows)} results", sent=True)
