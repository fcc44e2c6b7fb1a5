"""`quietzone events tail` and `webhooks listen`: what a line shows, what ends them, what they refuse."""

import asyncio
import os
import signal
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from quietzone_cli.__main__ import app
from quietzone_cli.errors import OperationFailed
from quietzone_cli.listen import check, new_secret
from quietzone_cli.tail import MAX_BEGINNING, line_of, until_stopped
from quietzone_client import BusEvent


def event(detail: str, source: str = "shop.till") -> BusEvent:
    text = f'{{"version": "0", "id": "o-17", "source": "shop.till", "detail": {detail}}}'
    return BusEvent("o-17", source, "Order Paid", datetime(2026, 11, 21, 12, 0, 0, 125_000, tzinfo=UTC), (), {}, text)


def test_a_line_has_time_source_type_and_the_detail_with_its_digits() -> None:
    assert line_of(event('{"total": 18.50}')) == '12:00:00.125  shop.till  Order Paid  {"total": 18.50}'


def test_a_long_detail_is_cut() -> None:
    line = line_of(event('{"note": "' + "x" * 500 + '"}'))

    assert line.endswith("x…")
    assert len(line.partition("Order Paid  ")[2]) == MAX_BEGINNING + 1


def test_nothing_of_an_event_is_obeyed_by_a_terminal() -> None:
    line = line_of(event('{"note": "\x9b2J"}', source="shop\x1b[31m"))

    assert (line.isprintable(), "shop·[31m" in line) == (True, True)


async def test_who_has_seen_enough_ends_it_with_0() -> None:
    async def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    assert await until_stopped(work()) == 0


async def test_what_fails_by_itself_fails() -> None:
    async def work() -> None:
        raise OperationFailed("no")

    with pytest.raises(OperationFailed):
        await until_stopped(work())


@pytest.mark.parametrize("address", ["localhost:3000", "ftp://localhost/", "http://"])
def test_an_address_that_is_none_is_refused_before_anything_is_asked(address: str) -> None:
    with pytest.raises(OperationFailed, match="http://localhost:3000/hook would do"):
        check(address, None)


def test_a_secret_that_is_none_is_refused() -> None:
    with pytest.raises(OperationFailed, match="whsec_"):
        check("http://localhost:3000/hook", "hunter2")


def test_no_two_runs_have_one_secret() -> None:
    assert new_secret() != new_secret()


@pytest.mark.parametrize("command", [["events", "tail"], ["webhooks", "listen"]])
def test_they_are_commands(command: list[str]) -> None:
    assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0
