"""The making of a code. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Creation:
    """What is kept of it; fields as in `quietzone.analytics.v1.Creation`."""

    code_id: str
    account_id: str
    subject: str
    target_domain: str
    created_at_ms: int
