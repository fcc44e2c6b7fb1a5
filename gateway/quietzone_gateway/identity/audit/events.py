"""What is told of a change: topic `gateway.audit.v1`. It goes into the outbox of the document that has changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from quietzone.gateway.v1 import audit_pb2
from quietzone_gateway.identity.domain import Actor
from quietzone_kit.events import Event
from quietzone_kit.outbox import Outgoing
from quietzone_kit.telemetry import traceparent
from quietzone_topics import GATEWAY_AUDIT_V1, TYPE_GATEWAY_AUDIT

SOURCE = "/quietzone/gateway"

MAX_CHARACTERS = 8_192
"""Of `before` and `after`: an account's longest field is an allow-list of 50 networks."""

Fields: TypeAlias = Mapping[str, object]
"""Fields of a thing by name, without secrets, as JSON has them."""


@dataclass(frozen=True, slots=True)
class Act:
    """One change: `action` is a kind of thing, a dot and a past participle; `target` is kind, colon, id. `revision` is that of the
    document `document` (kind, slash, id) after it; of several acts in one write each has its own `number`.
    """

    action: str
    target: str
    account_id: str
    document: str
    revision: int
    at_ms: int
    before: Fields = field(default_factory=dict)
    after: Fields = field(default_factory=dict)
    number: int = 0


def audited(actor: Actor, act: Act) -> Outgoing:
    """The event of an act. Its id follows from document and revision: sent twice it is the same."""
    before, after = differing(act.before, act.after)
    event_id = f"{act.document}.{act.revision}" + (f".{act.number}" if act.number else "")
    told = audit_pb2.AuditEvent(
        id=event_id,
        account_id=act.account_id,
        subject=actor.subject,
        action=act.action,
        target=act.target,
        before=before,
        after=after,
        at_ms=act.at_ms,
        address=actor.address,
    )
    event = Event(
        id=event_id,
        source=SOURCE,
        type=TYPE_GATEWAY_AUDIT,
        subject=act.account_id or act.target.partition(":")[2],
        time_ms=act.at_ms,
        data=told.SerializeToString(),
        traceparent=traceparent(),
    )
    return Outgoing(GATEWAY_AUDIT_V1.name, event)


def differing(before: Fields, after: Fields) -> tuple[str, str]:
    """The fields that differ, as they were and as they are, each as a JSON object."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return _json({name: before[name] for name in names if name in before}), _json({name: after[name] for name in names if name in after})


def _json(fields: Fields) -> str:
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text if len(text) <= MAX_CHARACTERS else json.dumps({"cut": f"{len(text):,} characters"})
