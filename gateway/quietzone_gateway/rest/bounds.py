"""How long a request may take and how large its body may be, by its address."""

import re
from dataclasses import dataclass

from quietzone_gateway.rpc import RECONCILE_S, WARM_UP_S
from quietzone_kit.rpc import DEFAULT_DEADLINE_S

MAX_BULK_ROWS = 10_000
MAX_BULK_BYTES = 16 * 1024 * 1024
"""1.6 KB a row: a destination of 1 KB with title and tags."""

BULK_S = 900.0
"""Symbols are drawn and read back at some 100 a second here; nine times that."""

DESCRIPTION_S = 60.0
"""For the first request for it, which makes it: two seconds of a core, of which a busy machine has little."""

DEAD_LETTERS_S = 60.0
"""Each question reads all that died within 30 days: 20,000 letters take some seconds. What is settled until then stays so."""

FILE_S = 3_600.0
"""For the file of an export: 2 GB at 5 Mbit/s. Each of its parts has the deadline of a call."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """`within_s` is for all that a request asks of services together, its body included."""

    within_s: float = DEFAULT_DEADLINE_S
    body_bytes: int = (
        64 * 1024
    )  # a code with the longest destination and title is 3 KB; this leaves room for what JSON makes of other scripts

    @property
    def is_long(self) -> bool:
        """Whether nobody waits for the end of it: then it holds no place among the requests under way."""
        return self.within_s > DEFAULT_DEADLINE_S


DEFAULT = Bounds()

MAX_EVENTS_BYTES = 4 * 1024 * 1024
MAX_EVENT_BYTES = 1024 * 1024
MAX_RULE_BYTES = 256 * 1024
"""For what services take (1 MB of events, 256 KB of one event or message, 64 KB of a rule): escapes of JSON make it up to three times as
much where it isn't in ASCII.
"""

_OTHERS = (
    (re.compile(r"/openapi\.json"), Bounds(within_s=DESCRIPTION_S)),
    (re.compile(r"/v1/reconcile"), Bounds(within_s=RECONCILE_S)),
    (re.compile(r"/v1/operator/dead-letters(/.*)?"), Bounds(within_s=DEAD_LETTERS_S)),
    (re.compile(r"/v1/exports/[^/]+/file"), Bounds(within_s=FILE_S)),
    (re.compile(r"/v1/assets/warm-up"), Bounds(within_s=WARM_UP_S)),
    (re.compile(r"/v1/codes/bulk"), Bounds(within_s=BULK_S, body_bytes=MAX_BULK_BYTES)),
    (re.compile(r"/v1/events"), Bounds(body_bytes=MAX_EVENTS_BYTES)),
    (re.compile(r"/v1/events/test-pattern|/v1/topics/[^/]+/messages"), Bounds(body_bytes=MAX_EVENT_BYTES)),
    (re.compile(r"/v1/event-buses/[^/]+/rules/[^/]+"), Bounds(body_bytes=MAX_RULE_BYTES)),
)


def bounds_of(path: str) -> Bounds:
    """Of an address; those of most are the same."""
    return next((bounds for pattern, bounds in _OTHERS if pattern.fullmatch(path)), DEFAULT)
