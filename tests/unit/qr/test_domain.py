import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.qr.codes import BORN_MS, CHANGES, SCAN, code

from quietzone_qr import rendering
from quietzone_qr.codes.domain import (
    DESTINATIONS_KEPT,
    MAX_ORIGIN,
    MAX_SLUG,
    TRANSITIONS,
    Change,
    InvalidScanBase,
    InvalidTransition,
    ScanBase,
    State,
    parse_destination,
)
from quietzone_qr.codes.texts import MAX_TITLE, InvalidTitle, parse_title

TIMES = st.integers(BORN_MS - 10_000, BORN_MS + 10_000)


@given(st.lists(st.tuples(CHANGES, TIMES), max_size=30))
def test_each_change_that_shows_adds_one_to_the_revision(history: list[tuple[Change, int]]) -> None:
    before = code()
    for change, at_ms in history:
        after = before.changed(change, at_ms)
        shows = replace(after, revision=0, updated_at_ms=0) != replace(before, revision=0, updated_at_ms=0)
        assert after.revision == before.revision + shows
        before = after


@given(st.lists(st.tuples(CHANGES, TIMES), max_size=30))
def test_what_is_printed_never_changes(history: list[tuple[Change, int]]) -> None:
    now = code()
    for change, at_ms in history:
        now = now.changed(change, at_ms)

    assert (now.code_id, now.account_id, now.slug, now.payload, now.created_at_ms) == (
        code().code_id,
        code().account_id,
        "menu",
        "https://q.example/menu",
        BORN_MS,
    )


@given(st.lists(st.tuples(CHANGES, TIMES), max_size=30))
def test_the_history_of_destinations_goes_forward_though_the_clock_is_set_back(history: list[tuple[Change, int]]) -> None:
    now = code()
    for change, at_ms in history:
        now = now.changed(change, at_ms)

    versions = now.destinations
    assert [version.revision for version in versions] == sorted({version.revision for version in versions})
    assert [version.since_ms for version in versions] == sorted(version.since_ms for version in versions)
    assert versions[-1].since_ms <= now.updated_at_ms


def test_a_change_to_what_is_so_already_is_none() -> None:
    before = code()

    assert before.changed(Change(before.destination, before.title, before.state), BORN_MS + 1) is before


def test_a_new_destination_is_kept_with_the_revision_and_time_it_came() -> None:
    after = code().changed(Change(destination=parse_destination("https://example.com/new", SCAN)), BORN_MS + 5)

    assert [(version.destination, version.revision, version.since_ms) for version in after.destinations] == [
        ("https://example.com/", 1, BORN_MS),
        ("https://example.com/new", 2, BORN_MS + 5),
    ]


def test_only_the_last_hundred_destinations_are_kept() -> None:
    now = code()
    for number in range(150):
        now = now.changed(Change(destination=parse_destination(f"https://example.com/{number}", SCAN)), BORN_MS)

    assert len(now.destinations) == DESTINATIONS_KEPT
    assert now.destinations[-1].destination == "https://example.com/149"


def test_a_deleted_code_keeps_its_last_destination() -> None:
    assert code().deleted(BORN_MS + 1).destination == code().destination


@pytest.mark.parametrize("state", State)
def test_what_was_deleted_stays_deleted(state: State) -> None:
    tombstone = code().deleted(BORN_MS + 1)

    if state is State.DELETED:
        with pytest.raises(InvalidTransition, match="deleted already"):
            tombstone.deleted(BORN_MS + 2)
    else:
        with pytest.raises(InvalidTransition, match="can't become"):
            tombstone.changed(Change(state=state), BORN_MS + 2)


def test_a_deleted_code_takes_no_other_change() -> None:
    with pytest.raises(InvalidTransition, match="can't be changed"):
        code().deleted(BORN_MS + 1).changed(Change(title=parse_title("new")), BORN_MS + 2)


def test_every_state_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(State)


@given(st.text(max_size=300))
def test_an_accepted_title_is_normal_shows_and_is_a_fixed_point(text: str) -> None:
    try:
        title = parse_title(text)
    except InvalidTitle:
        return

    assert parse_title(title) == title
    assert unicodedata.is_normalized("NFC", title)
    assert len(title) <= MAX_TITLE


def test_a_title_is_measured_in_normal_form() -> None:
    assert len(parse_title("u\u0308" * MAX_TITLE)) == MAX_TITLE


@pytest.mark.parametrize("text", ["a\nb", "\x00", "a\u2028b", "\ud800", "\x7f", "a\u202eb", "\u2066"])
def test_a_title_with_what_does_not_show_or_turns_its_neighbours_is_refused(text: str) -> None:
    with pytest.raises(InvalidTitle, match="remove it"):
        parse_title(text)


def test_a_title_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidTitle, match="at most 200 characters, this one has 201"):
        parse_title("x" * 201)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("https://Q.example:443/", "https://q.example"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_a_scan_base_is_the_root_of_a_web_host(text: str, origin: str) -> None:
    assert ScanBase.parse(text).origin == origin


@pytest.mark.parametrize(
    "text", ["", "q.example", "ftp://q.example", "https://q.example/s", "https://q.example/?a", "https://me@q.example"]
)
def test_another_scan_base_is_refused_with_one_that_would_do(text: str) -> None:
    with pytest.raises(InvalidScanBase, match=r"https://q\.example\.com would do"):
        ScanBase.parse(text)


def test_a_scan_base_that_is_too_long_for_a_symbol_is_refused() -> None:
    with pytest.raises(InvalidScanBase, match="becomes part of each symbol: use at most 447"):
        ScanBase.parse("https://" + "a." * 230 + "example")


def test_the_longest_payload_is_what_a_symbol_may_hold() -> None:
    assert MAX_ORIGIN + 1 + MAX_SLUG == rendering.MAX_PAYLOAD_BYTES
