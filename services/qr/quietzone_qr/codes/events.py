"""What other parts are told of codes: topic `qr.code.v1`."""

from collections.abc import Mapping

from quietzone.qr.v1 import code_pb2
from quietzone_kit.events import Event
from quietzone_kit.telemetry import traceparent
from quietzone_qr.codes.domain import NOBODY, Act, Code, State
from quietzone_topics import TYPE_QR_CODE

SOURCE = "/quietzone/qr"

STATES: Mapping[State, "code_pb2.CodeState.ValueType"] = {
    State.ACTIVE: code_pb2.CODE_STATE_ACTIVE,
    State.PAUSED: code_pb2.CODE_STATE_PAUSED,
    State.DELETED: code_pb2.CODE_STATE_DELETED,
}

_COUNTED = ("revision", "updated_at_ms")  # they differ with every change, and say nothing about it


def code_event(before: Code | None, after: Code, act: Act = NOBODY) -> Event:
    """The event of one change; `before` is None when the code is new. Its id follows from code and revision: sent twice it is the same."""
    was = None if before is None else to_message(before)
    now = to_message(after)
    told = code_pb2.CodeEvent(
        kind=_kind(before, after),
        before=was,
        after=now,
        changed=() if was is None else _changed(was, now),
        subject=act.subject,
        reason=act.reason,
    )
    return Event(
        id=f"{after.code_id}.{after.revision}",
        source=SOURCE,
        type=TYPE_QR_CODE,
        subject=after.code_id,
        time_ms=after.updated_at_ms,
        data=told.SerializeToString(),
        traceparent=traceparent(),
    )


def to_message(code: Code) -> code_pb2.Code:
    """A code as other parts see it: its history stays here."""
    return code_pb2.Code(
        id=code.code_id,
        account_id=code.account_id,
        slug=code.slug,
        payload=code.payload,
        destination=code.destination,
        title=code.title,
        state=STATES[code.state],
        revision=code.revision,
        created_at_ms=code.created_at_ms,
        updated_at_ms=code.updated_at_ms,
        tags=code.tags,
        folder=code.folder,
        blocked=code.is_blocked,
    )


def _kind(before: Code | None, after: Code) -> "code_pb2.ChangeKind.ValueType":
    if before is None:
        return code_pb2.CHANGE_KIND_CREATED
    return code_pb2.CHANGE_KIND_DELETED if after.state is State.DELETED else code_pb2.CHANGE_KIND_CHANGED


def _changed(was: code_pb2.Code, now: code_pb2.Code) -> list[str]:
    """Names of the fields that differ, in the order of their numbers."""
    fields = sorted(code_pb2.Code.DESCRIPTOR.fields, key=lambda field: field.number)
    return [field.name for field in fields if field.name not in _COUNTED and getattr(was, field.name) != getattr(now, field.name)]
