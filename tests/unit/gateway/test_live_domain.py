"""Filters, and changes taken together."""

import pytest
from unit.gateway.live_world import MENU, POSTER, event

from quietzone_gateway.live.domain import Event, Filter, Kind, Removed, Seen, folded, kinds_allowed, missing_scopes

ACTIVE = Filter(frozenset(Kind), where=(("state", "active"),))
PAUSED_CODE = {"state": "paused", "tags": ["summer"]}
ACTIVE_CODE = {"state": "active", "tags": ["summer", "menu"], "folder": "tables"}


def test_a_code_that_leaves_the_filter_is_told_as_removed() -> None:
    assert ACTIVE.seen(event(before=ACTIVE_CODE, after=PAUSED_CODE)) is Seen.REMOVED


def test_a_code_that_enters_the_filter_is_told_as_updated() -> None:
    assert ACTIVE.seen(event(before=PAUSED_CODE, after=ACTIVE_CODE)) is Seen.EVENT


def test_a_code_that_is_outside_before_and_after_is_not_told() -> None:
    assert ACTIVE.seen(event(before=PAUSED_CODE, after=PAUSED_CODE)) is Seen.NOT


def test_a_code_that_was_in_the_filter_is_told_when_it_is_deleted() -> None:
    assert ACTIVE.seen(event(Kind.CODE_DELETED, before=ACTIVE_CODE)) is Seen.EVENT


def test_a_code_that_was_outside_the_filter_is_not_told_when_it_is_deleted() -> None:
    assert ACTIVE.seen(event(Kind.CODE_DELETED, before=PAUSED_CODE)) is Seen.NOT


@pytest.mark.parametrize(
    ("name", "value", "seen"), [("tag", "menu", Seen.EVENT), ("tag", "men", Seen.NOT), ("folder", "tables", Seen.EVENT)]
)
def test_a_tag_is_one_of_a_codes_and_a_folder_is_its_own(name: str, value: str, seen: Seen) -> None:
    assert Filter(frozenset(Kind), where=((name, value),)).seen(event(Kind.CODE_CREATED, after=ACTIVE_CODE)) is seen


def test_a_code_without_the_field_is_outside_the_filter() -> None:
    assert Filter(frozenset(Kind), where=(("folder", "tables"),)).seen(event(Kind.CODE_CREATED, after=PAUSED_CODE)) is Seen.NOT


def test_other_codes_than_those_asked_for_are_not_told() -> None:
    wanted = Filter(frozenset(Kind), code_ids=frozenset({POSTER}))

    assert [wanted.seen(event(code_id=code_id)) for code_id in (MENU, POSTER)] == [Seen.NOT, Seen.EVENT]


def test_kinds_that_were_not_asked_for_are_not_told() -> None:
    assert Filter(frozenset({Kind.MILESTONE})).seen(event()) is Seen.NOT


def test_each_kind_asks_for_the_scope_of_what_it_tells() -> None:
    assert missing_scopes(Kind, {"codes:read"}) == ["analytics:read"]
    assert missing_scopes(Kind, {"exports:read"}) == ["analytics:read", "codes:read"]
    assert kinds_allowed({"analytics:read"}) == {Kind.SCANNED, Kind.MILESTONE}
    assert kinds_allowed({"exports:read"}) == {Kind.TASK_PROGRESS}


def test_created_and_then_changed_is_created_as_it_is_now() -> None:
    now = folded(event(Kind.CODE_CREATED, 1, after=PAUSED_CODE), event(Kind.CODE_UPDATED, 2, after=ACTIVE_CODE))

    assert isinstance(now, Event)
    assert (now.kind, now.id, now.fields) == (Kind.CODE_CREATED, "event-2", {"code": ACTIVE_CODE})


def test_two_changes_together_name_all_that_changed() -> None:
    first = Event(Kind.CODE_UPDATED, "1", "first", MENU, 1, {"changed": ["title", "state"]})
    then = Event(Kind.CODE_UPDATED, "2", "first", MENU, 2, {"changed": ["state", "destination"]})

    assert folded(first, then) == Event(Kind.CODE_UPDATED, "2", "first", MENU, 2, {"changed": ["title", "state", "destination"]})


def test_a_removal_is_what_is_left_of_all_before_it() -> None:
    removed = Removed("event-2", MENU, 2)

    assert folded(event(Kind.CODE_CREATED, 1), removed) == removed
