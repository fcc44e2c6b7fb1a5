"""When a tour is content with reconcile, and what it makes of live updates."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from quietzone_cli.tour.live import Heard
from quietzone_cli.tour.steps import Plan, has_arrived, is_of
from quietzone_client import Code, CodeState, Event, Kind, Reconciliation, Reset, ScanCount, Summary

FIRST = Reconciliation(accepted=10, forwarded=10, applied=9, stored=9, lost=0, unrecorded=0, sources=(), problems=())


def test_numbers_that_meet_have_arrived() -> None:
    assert has_arrived(FIRST, replace(FIRST, stored=10))


def test_what_is_under_way_has_not_arrived() -> None:
    assert not has_arrived(FIRST, FIRST)


def test_while_others_scan_it_is_enough_that_what_was_accepted_first_is_stored() -> None:
    assert has_arrived(FIRST, replace(FIRST, accepted=50, forwarded=45, stored=10))
    assert not has_arrived(FIRST, replace(FIRST, accepted=50, forwarded=45, stored=9))


NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def scanned(event_id: str, device: str = "phone") -> Event:
    return Event(Kind.SCANNED, event_id, "code", NOON, None, (), {"device": device}, "cursor", "")


def test_scans_that_are_told_are_counted_once() -> None:
    heard = Heard([])

    for event in (scanned("a"), scanned("b"), scanned("a")):
        heard.take(event)

    assert heard.scans == 2


def test_a_summary_counts_as_the_scans_that_it_is_of() -> None:
    heard = Heard([])

    heard.take(scanned("a"))
    heard.take(Summary((ScanCount("code", 5, NOON, NOON),), (), "cursor", ""))

    assert heard.scans == 6


def test_a_scan_by_each_kind_of_device_is_kept_to_be_shown() -> None:
    heard = Heard([])

    for number, device in enumerate(("phone", "phone", "tablet")):
        heard.take(scanned(str(number), device))

    assert [(device, event.id) for device, event in heard.samples.items()] == [("phone", "0"), ("tablet", "2")]


async def test_nobody_waits_for_scans_that_were_missed() -> None:
    heard = Heard([])
    heard.take(Reset("slow", "cursor", ""))

    assert await heard.until_scanned(10, within_s=0.01)


async def test_scans_that_are_never_told_are_not_waited_for_longer() -> None:
    assert not await Heard([]).until_scanned(1, within_s=0.01)


@pytest.mark.parametrize(
    ("written", "kept", "same"),
    [
        ("https://example.com/menu", "https://example.com/menu#120000", True),
        ("https://hafenmuseum-süd.example/öffnungszeiten", "https://xn--hafenmuseum-sd-ssb.example/%C3%B6ffnungszeiten", True),
        ("https://EXAMPLE.com", "https://example.com/", True),
        ("https://example.com/menu", "https://example.com/drinks", False),
        ("no address at all", "https://example.com/", False),
    ],
)
def test_a_code_of_an_earlier_tour_is_known_however_its_address_was_written(written: str, kept: str, same: bool) -> None:
    code = Code("id", "slug", "https://q.example/slug", kept, "Menu", CodeState.ACTIVE, (), "", 1, NOON, NOON)

    assert is_of(Plan("Menu", written, None), code) is same
