"""What the audit log keeps of a change."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One change; fields as in `quietzone.gateway.v1.AuditEvent`. `entry_id` follows from the event that told of it."""

    entry_id: str
    account_id: str
    subject: str
    action: str
    target: str
    before: str
    after: str
    at_ms: int
    address: str
