"""Why this side ends a live connection, and what it says then. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ending:
    """`name` is the reason that is told; `code` closes a WebSocket (RFC 6455, 7.4; 4000 and above are ours, by HTTP's numbers).

    `returns`: whether the client should come back by itself.
    """

    name: str
    code: int
    returns: bool = False


RELEASE = Ending("release", 1012, returns=True)
"""This process ends: another has the client's place."""

AGE = Ending("age", 1012, returns=True)
"""It was open for long: clients come to the processes that there are now."""

EXPIRED = Ending("expired", 4401)
REVOKED = Ending("revoked", 4401)
NOBODY = Ending("unauthenticated", 4401)
"""It didn't say in time, or not truly, who is there."""

REFUSED = Ending("refused", 4429)
FLOOD = Ending("flood", 1008)
STUCK = Ending("stuck", 1013)
"""The client takes nothing any more."""
