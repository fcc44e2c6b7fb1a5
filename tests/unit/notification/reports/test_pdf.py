"""The PDF of a week: made by a process of its own, whatever codes and accounts are called."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quietzone_kit.processes import answer_of
from quietzone_notification.reports.domain import Report, Week
from quietzone_notification.reports.pdf import pdf_of
from quietzone_notification.reports.printer import Printer, json_of
from quietzone_notification.reports.repository import MAX_REPORT_BYTES

TRICKS = ['#read("/etc/passwd")', "$x^2$", "= Heading", "\\", "*bold*", "#let x = 1", "🙂", "汉字", "\u202eabc", "a" * 200, '"', "#"]


def report(account: str = "Menus Ltd", titles: tuple[str, ...] = ("Menu", "Door"), days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)) -> Report:
    return Report(account, Week(1_772_409_600_000), days, len(titles) + 3, tuple((title, 100) for title in titles), before=20)


async def test_a_report_becomes_a_pdf_far_below_the_bound() -> None:
    made = await Printer().pdf(report("Menus Ltd " * 10, titles=("Menu " * 40,) * 10))

    assert made.startswith(b"%PDF")
    assert len(made) < MAX_REPORT_BYTES // 5


async def test_the_same_report_is_the_same_pdf() -> None:
    assert await Printer().pdf(report()) == await Printer().pdf(report())


@pytest.mark.parametrize("days", [(0,) * 7, (10**12,) * 7])
def test_any_numbers_can_be_shown(days: tuple[int, ...]) -> None:
    assert pdf_of(json_of(report(days=days))).startswith(b"%PDF")


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(TRICKS) | st.text(min_size=1, max_size=40), st.lists(st.sampled_from(TRICKS) | st.text(max_size=40), max_size=10))
def test_no_title_is_taken_for_anything_but_text(account: str, titles: list[str]) -> None:
    assert pdf_of(json_of(report(account.replace("\0", ""), tuple(title.replace("\0", "") for title in titles)))).startswith(b"%PDF")


async def test_a_process_that_is_given_nonsense_ends_and_says_so() -> None:
    async with asyncio.timeout(60):
        made, code = await answer_of("quietzone_notification.reports", b"{", max_bytes=1_000)

    assert (made, code != 0) == (b"", True)
