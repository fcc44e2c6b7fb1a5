"""Links, tracking's own picture of codes, and what a scan of one leads to."""

import re
from dataclasses import dataclass
from enum import Enum

SLUG = re.compile(r"[0-9A-Za-z_-]{1,64}")
"""What a slug can be (quietzone.qr.v1.Code.slug). Reserved paths have a dot, a slash or nothing, so that no link can be one."""

_DESTINATION = re.compile(r"[!-~]{1,2048}")  # printable ASCII: what WHATWG serialization leaves, and what can't end a header early


class LinkState(Enum):
    """Whether a link's scans are redirected."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    PAUSED = "paused"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Link:
    """A code as its scans need it; `revision` is the code's.

    Raises:
        ValueError: `destination` can't stand in a Location header (a deleted link may have none).
    """

    slug: str
    code_id: str
    account_id: str
    destination: str
    state: LinkState
    revision: int

    def __post_init__(self) -> None:
        if not _DESTINATION.fullmatch(self.destination) and (self.destination or self.state is not LinkState.DELETED):
            raise ValueError(f"destination of code {self.code_id}: 1 to 2048 printable ASCII characters are possible (serialize the URL)")


class Outcome(Enum):
    """What a scan leads to."""

    REDIRECT = "redirect"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    PAUSED = "paused"
    DELETED = "deleted"


# Looking a member of an Enum up costs more than all else that is decided for an active link.
_ACTIVE, _REDIRECT = LinkState.ACTIVE, Outcome.REDIRECT
_OTHERS = {LinkState.BLOCKED: Outcome.BLOCKED, LinkState.PAUSED: Outcome.PAUSED, LinkState.DELETED: Outcome.DELETED}


def decide(link: Link | None) -> Outcome:
    """What a scan leads to; None is a slug that names nothing."""
    if link is None:
        return Outcome.UNKNOWN
    if link.state is _ACTIVE:
        return _REDIRECT
    return _OTHERS[link.state]
