"""Events in: what the audit log keeps. A log that hears of something twice keeps it once."""

import json
from collections.abc import Mapping

from quietzone.gateway.v1 import audit_pb2
from quietzone.qr.v1 import code_pb2
from quietzone_gateway.identity.audit.domain import Entry
from quietzone_gateway.identity.audit.repository import Log
from quietzone_gateway.identity.domain import SYSTEM
from quietzone_kit.events import Event
from quietzone_kit.ids import derived_id
from quietzone_kit.reaction import Unreadable
from quietzone_kit.words import Words
from quietzone_topics import TYPE_GATEWAY_AUDIT, TYPE_QR_CODE

OURS = "gateway-audit"
"""The consumer's group on `gateway.audit.v1`."""
CODES = "gateway-audit-codes"
"""The consumer's group on `qr.code.v1`."""

_ACTIONS: Mapping[int, str] = {
    code_pb2.CHANGE_KIND_CREATED: "code.created",
    code_pb2.CHANGE_KIND_CHANGED: "code.changed",
    code_pb2.CHANGE_KIND_DELETED: "code.deleted",
}
_STATES = Words(code_pb2.CodeState.items())

_TOLD_OF_NEW = ("slug", "destination", "title")


class KeepAudit:
    """Keeps what the gateway tells of itself, and what is told of codes."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def knows(self, event_type: str) -> bool:
        """Changes of accounts and codes."""
        return event_type in (TYPE_GATEWAY_AUDIT, TYPE_QR_CODE)

    async def react(self, event: Event) -> None:
        """Keep an entry; what is of no account nobody could read."""
        entry = entry_told(event) if event.type == TYPE_GATEWAY_AUDIT else code_entry(event)
        if entry.account_id:
            await self._log.keep(entry)


def entry_told(event: Event) -> Entry:
    """The entry that an event of the gateway tells; raises Unreadable, DecodeError."""
    told = audit_pb2.AuditEvent.FromString(event.data)
    if not (told.action and told.target and told.subject and told.at_ms):
        raise Unreadable("the event tells of no act: subject, action, target or time is missing")
    return Entry(
        entry_id=derived_id(event.source, event.id),
        account_id=told.account_id,
        subject=told.subject,
        action=told.action,
        target=told.target,
        before=told.before,
        after=told.after,
        at_ms=told.at_ms,
        address=told.address,
    )


def code_entry(event: Event) -> Entry:
    """The entry that a code's change is; raises Unreadable, DecodeError."""
    told = code_pb2.CodeEvent.FromString(event.data)
    if told.kind not in _ACTIONS or not (told.after.id and told.after.account_id):
        raise Unreadable("the event tells of no code's change: kind, id or account is missing")
    names = tuple(told.changed) or _TOLD_OF_NEW
    return Entry(
        entry_id=derived_id(event.source, event.id),
        account_id=told.after.account_id,
        subject=told.subject or SYSTEM,
        action=_ACTIONS[told.kind],
        target=f"code:{told.after.id}",
        before=_fields(told.before, names) if told.HasField("before") else "{}",
        after=_fields(told.after, names, reason=told.reason),
        at_ms=told.after.updated_at_ms,
        address="",
    )


def _fields(code: code_pb2.Code, names: tuple[str, ...], reason: str = "") -> str:
    """These fields of a code as a JSON object, lists and enums as people know them, and why an operator has changed them."""
    found = {name: _shown(code, name) for name in names if name in code_pb2.Code.DESCRIPTOR.fields_by_name}
    found |= {"reason": reason} if reason else {}
    return json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _shown(code: code_pb2.Code, name: str) -> object:
    if name == "state":
        return _STATES[code.state]
    value = getattr(code, name)
    return value if isinstance(value, (str, int, bool, float)) else [str(each) for each in value]
