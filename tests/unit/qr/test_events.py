from hypothesis import given
from hypothesis import strategies as st
from unit.qr.codes import BORN_MS, CHANGES, SCAN, code

from quietzone.qr.v1.code_pb2 import CHANGE_KIND_CHANGED, CHANGE_KIND_CREATED, CHANGE_KIND_DELETED, CODE_STATE_DELETED, Code, CodeEvent
from quietzone_qr.codes.domain import Change, State, parse_destination
from quietzone_qr.codes.events import code_event, to_message
from quietzone_qr.codes.texts import parse_title


def told(before: object, after: object) -> CodeEvent:
    return CodeEvent.FromString(code_event(before, after).data)  # type: ignore[arg-type] # only to keep the tests short


def test_a_new_code_has_no_before() -> None:
    event = told(None, code())

    assert event.kind == CHANGE_KIND_CREATED
    assert not event.HasField("before")
    assert event.after == to_message(code())
    assert not event.changed


def test_a_change_tells_both_sides_and_names_the_fields_in_the_order_of_their_numbers() -> None:
    change = Change(parse_destination("https://example.com/new", SCAN), parse_title("New"), State.PAUSED)
    before, after = code(), code().changed(change, BORN_MS + 1)

    event = told(before, after)

    assert event.kind == CHANGE_KIND_CHANGED
    assert (event.before, event.after) == (to_message(before), to_message(after))
    assert list(event.changed) == ["destination", "title", "state"]


def test_a_deletion_tells_the_last_state_and_the_tombstone() -> None:
    before = code()

    event = told(before, before.deleted(BORN_MS + 1))

    assert event.kind == CHANGE_KIND_DELETED
    assert event.before == to_message(before)
    assert event.after.state == CODE_STATE_DELETED
    assert list(event.changed) == ["state"]


@given(CHANGES)
def test_exactly_the_fields_that_differ_are_named(change: Change) -> None:
    before = code()
    after = before.changed(change, BORN_MS + 1)

    event = told(before, after)

    differing = [field.name for field in Code.DESCRIPTOR.fields if getattr(event.before, field.name) != getattr(event.after, field.name)]
    assert list(event.changed) == [name for name in differing if name not in ("revision", "updated_at_ms")]


@given(st.integers(1, 5))
def test_the_event_of_a_revision_has_the_same_id_however_often_it_is_made(revisions: int) -> None:
    now = code()
    for revision in range(revisions):
        now = now.changed(Change(title=parse_title(str(revision))), BORN_MS)

    assert code_event(None, now).id == f"{now.code_id}.{revisions + 1}"


def test_the_code_is_the_key_so_that_its_events_keep_their_order() -> None:
    message = code_event(None, code()).to_message("qr.code.v1")

    assert message.key == code().code_id
    assert ("ce_type", b"quietzone.qr.code") in message.headers
