"""Events in: changes of codes (topic `qr.code.v1`), as links."""

import sys

from google.protobuf.message import DecodeError

from quietzone.qr.v1 import code_pb2
from quietzone_kit.bus import Record
from quietzone_kit.events import NotAnEvent, event_type
from quietzone_topics import TYPE_QR_CODE
from quietzone_tracking.decide import SLUG, Link, LinkState

_STATES = {
    code_pb2.CODE_STATE_ACTIVE: LinkState.ACTIVE,
    code_pb2.CODE_STATE_PAUSED: LinkState.PAUSED,
    code_pb2.CODE_STATE_DELETED: LinkState.DELETED,
}


class CorruptEvent(ValueError):
    """A record holds no change of a code that can be believed: says why."""


def link_of_record(record: Record) -> Link | None:
    """The link after the change that a record tells of; None when it tells of something that this release doesn't know.

    Raises:
        CorruptEvent: it should be a change of a code, and isn't.
    """
    try:
        if event_type(record.headers) != TYPE_QR_CODE:
            return None
        event = code_pb2.CodeEvent.FromString(record.value)
    except NotAnEvent as error:
        raise CorruptEvent(str(error)) from error
    except DecodeError as error:
        raise CorruptEvent(f"the value is no CodeEvent: {error}") from error
    if not event.HasField("after"):
        raise CorruptEvent("the event doesn't say what the code is after the change")
    return link_of_code(event.after)


def link_of_code(code: code_pb2.Code) -> Link:
    """A code as its scans need it; a deleted one without its destination, which nobody needs any more.

    Raises:
        CorruptEvent: a field breaks the contract.
    """
    state = _STATES.get(code.state)
    problem = (
        f"slug {code.slug!r:.80} is none"
        if not SLUG.fullmatch(code.slug)
        else f"code id of {len(code.id)} characters, 1 to 64 are possible"
        if not 0 < len(code.id) <= 64
        else f"account id of {len(code.account_id)} characters, 1 to 64 are possible"
        if not 0 < len(code.account_id) <= 64
        else f"revision {code.revision}, 1 is the lowest"
        if code.revision < 1
        else f"state {code.state} is unknown to this release"
        if state is None
        else None
    )
    if problem is not None or state is None:
        raise CorruptEvent(f"code {code.id!r:.80}: {problem}")
    if code.blocked and state is not LinkState.DELETED:
        state = LinkState.BLOCKED  # the code says PAUSED, for the sake of releases that know nothing of blocking
    destination = "" if state is LinkState.DELETED else code.destination
    try:
        return Link(code.slug, code.id, sys.intern(code.account_id), destination, state, code.revision)
    except ValueError as error:
        raise CorruptEvent(str(error)) from error
