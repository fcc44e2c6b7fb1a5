"""What the audit log hears of people."""

from quietzone_gateway.identity.audit.events import Act, Fields
from quietzone_gateway.identity.users.domain import User


def user_act(action: str, before: User | None, after: User, account_id: str, at_ms: int) -> Act:
    """A change of a person, for the audit log of the account that he works in."""
    return Act(
        action,
        f"user:{after.user_id}",
        account_id,
        f"user/{after.user_id}",
        after.revision,
        at_ms,
        before=_fields(before) if before else {},
        after=_fields(after),
    )


def _fields(user: User) -> Fields:
    """What of a person the audit log may show: no address, which others of the account may not know."""
    return {
        "name": user.name,
        "verified": user.verified_at_ms is not None,
        "second_factor": user.has_second_factor,
        "recovery_codes": len(user.recovery),
        "password_at_ms": user.password_at_ms,
    }
