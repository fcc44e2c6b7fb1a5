import asyncio

import pytest

from quietzone_kit import verify as kit
from quietzone_kit.bus import BusUnavailable
from quietzone_kit.lifecycle import NotDone
from quietzone_kit.verify import Checks


async def well() -> str:
    return "answers"


async def away() -> str:
    raise BusUnavailable("no broker at kafka:9092")


async def broken() -> str:
    raise KeyError("title")


async def test_each_check_is_a_line_and_the_rest_is_looked_at_all_the_same() -> None:
    said: list[str] = []
    checks = Checks(said.append)

    seen = [await checks.see("store", well), await checks.see("bus", away), await checks.see("codes", broken), await checks.see("qr", well)]

    assert seen == [True, False, False, True]
    assert said == [
        "ok      store: answers",
        "FAILED  bus: no broker at kafka:9092",
        "FAILED  codes: KeyError: 'title'",
        "ok      qr: answers",
    ]


async def test_failed_checks_are_named_at_the_end() -> None:
    checks = Checks(lambda _: None)
    await checks.see("store", well)
    await checks.see("bus", away)

    with pytest.raises(NotDone, match="1 of 2 checks failed: bus"):
        checks.end()


async def test_with_all_well_the_end_says_nothing() -> None:
    checks = Checks(lambda _: None)
    await checks.see("store", well)

    checks.end()


async def test_what_gives_no_answer_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "WITHIN_S", 0.01)
    said: list[str] = []

    async def hang() -> str:
        await asyncio.Event().wait()
        return ""

    await Checks(said.append).see("bus", hang)

    assert said == ["FAILED  bus: no answer within 0.01 s"]
