"""Events in: changes of codes (topic `qr.code.v1`), as what codes count as."""

from google.protobuf.message import DecodeError

from quietzone.qr.v1 import code_pb2
from quietzone_kit.bus import Record
from quietzone_kit.events import NotAnEvent, event_of
from quietzone_qr.counters.domain import Counted, Heard
from quietzone_topics import TYPE_QR_CODE

_STATES = {code_pb2.CODE_STATE_ACTIVE: "active", code_pb2.CODE_STATE_PAUSED: "paused", code_pb2.CODE_STATE_DELETED: None}


class Corrupt(ValueError):
    """A record holds no change of a code that can be believed: says why."""


def heard_of(record: Record) -> Heard | None:
    """What a record tells; None when it is of a type that this release doesn't know.

    Raises:
        Corrupt: it should be a change of a code, and isn't.
    """
    try:
        event = event_of(record)
        if event.type != TYPE_QR_CODE:
            return None
        told = code_pb2.CodeEvent.FromString(event.data)
    except (NotAnEvent, DecodeError) as error:
        raise Corrupt(str(error)) from error
    code = told.after
    if not (code.id and code.account_id and code.revision > 0) or code.state not in _STATES:
        raise Corrupt("the event tells of no code: `after` lacks id, account, revision or a state that is known")
    state = "blocked" if code.blocked else _STATES[code.state]
    is_new = told.kind == code_pb2.CHANGE_KIND_CREATED
    return Heard(
        Counted(code.id, code.account_id, code.revision, state, tuple(code.tags), code.folder),
        tells_tags=is_new or "tags" in told.changed,
        tells_folder=is_new or "folder" in told.changed,
    )
