"""What is to be delivered, who takes it, and what becomes of it: the border between those who decide and those who send. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, Protocol, TypeAlias

from quietzone_notification.delivery.headers import content_type_of, headers_of

Channel: TypeAlias = Literal["webhook", "mail", "push", "kafka"]

SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000

DELAYS_MS = (
    *(5 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS),
    *(10 * HOUR_MS, 14 * HOUR_MS, 20 * HOUR_MS, 24 * HOUR_MS),
)
"""From one attempt to the next, as Standard Webhooks advises (Deliverability and reliability): ten attempts within 75 hours."""
MAX_ATTEMPTS = 1 + len(DELAYS_MS)
SPREAD = 0.1
"""Of a delay: parts what failed together, and is still what was promised."""
MAX_RETRY_AFTER_MS = 24 * HOUR_MS
"""A receiver may ask for no more than our own longest wait."""

MAX_BODY_BYTES = 300_000
"""An event has 256 KiB at most, and what wraps it a little more; the sender has some hundred bodies in memory at once."""
KEPT_ATTEMPTS = 20
"""Of a delivery, the latest: two runs through the schedule."""
MAX_EXCERPT = 1_024
"""Characters of an answer that are kept, for people."""
MAX_ERROR = 300

OF_RULES = "rule:"
"""What causes of deliveries begin with that rules have asked for."""
CONFIRM_CAUSE = "reaction:confirm-subscription"
"""Of mails that ask a stranger for a confirmation. They hold a token, which nobody else may see, and are sent once: no account has them
shown, nor sent again, since each more would be to somebody who hasn't asked for any.
"""

_ID = re.compile(r"[A-Za-z0-9_:-]{1,128}")
_SHORT = re.compile(r"[!-~]{1,300}")


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """One message to one destination.

    `id` follows from what caused it, so that the same event decided upon twice is delivered once: 1 to 128 letters, digits, `_`, `:`, `-`.
    `cause` says why: `rule:<id>:<target>`, `subscription:<id>`, `reaction:<name>`, `test:<id>`. `destination` is an endpoint's id, a mail
    address or a topic, by `kind`. `max_attempts` and `max_age_ms` bound the retries where whoever asks wants fewer than the schedule has.
    """

    id: str
    account_id: str
    cause: str
    event_id: str
    event_type: str
    kind: Channel
    destination: str
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]
    max_attempts: int | None
    max_age_ms: int | None
    created_ms: int


class Outbound(Protocol):
    """Takes deliveries, durably."""

    async def enqueue(self, deliveries: Sequence[NewDelivery]) -> None:
        """Store what isn't stored yet; by id, repeats change nothing. Raises Unavailable: nobody knows how many were; repeat it."""


class InvalidDelivery(ValueError):
    """Nobody can deliver this: says what would do."""


class State(Enum):
    """Where a delivery stands; all but the first are final until somebody has it tried again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """All attempts have failed, or it became too old."""
    DROPPED = "dropped"
    """Its endpoint is disabled or gone."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: `status` is the receiver's (None: no answer), `error` says what went wrong, `answer` is the beginning of its body."""

    at_ms: int
    took_ms: int
    url: str
    status: int | None = None
    error: str | None = None
    answer: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the receiver has taken it: any 2xx (Standard Webhooks); a redirect isn't followed, and has failed."""
        return self.status is not None and 200 <= self.status < 300 and self.error is None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it stands. `tries` are attempts since `since_ms`, when it was taken or last begun anew; `due_ms` while it is pending.

    `attempts` are the latest KEPT_ATTEMPTS.
    """

    delivery_id: str
    account_id: str
    cause: str
    event_id: str
    event_type: str
    kind: Channel
    destination: str
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]
    max_attempts: int
    max_age_ms: int | None
    created_ms: int
    since_ms: int
    state: State = State.PENDING
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()
    due_ms: int | None = None
    ended_ms: int | None = None
    error: str | None = None
    letter_ms: int | None = None
    """When it was given up, until whoever named a place for that was told there."""

    @property
    def lane(self) -> str:
        """What is delivered one beside the other: all for one destination."""
        return f"{self.kind}:{self.destination}"

    @property
    def rule_id(self) -> str | None:
        """The rule that asked for it, if one did."""
        return self.cause.removeprefix(OF_RULES).partition(":")[0] if self.cause.startswith(OF_RULES) else None

    @property
    def is_to_many(self) -> bool:
        """Whether it becomes others, one for each device: a push to a person or a topic."""
        return self.kind == "push" and not self.destination.startswith("device:")

    @property
    def is_asking(self) -> bool:
        """Whether it asks a stranger for a confirmation."""
        return self.cause == CONFIRM_CAUSE

    def is_too_old(self, at_ms: int) -> bool:
        """Whether it may not be tried any more at a moment: it has waited for longer than whoever asked for it wants."""
        return self.max_age_ms is not None and at_ms > self.since_ms + self.max_age_ms

    def attempted(self, attempt: Attempt, *, retry_after_ms: int | None, jitter: float, is_last: bool = False) -> "Delivery":
        """The delivery after an attempt. `jitter` is from -1 to 1; after the `is_last` there is no other, whatever the schedule has."""
        ended_ms = attempt.at_ms + attempt.took_ms
        tries, attempts = self.tries + 1, (*self.attempts, attempt)[-KEPT_ATTEMPTS:]
        if attempt.is_success:
            return replace(self, tries=tries, attempts=attempts, state=State.DELIVERED, due_ms=None, ended_ms=ended_ms, error=None)
        tried = replace(self, tries=tries, attempts=attempts)
        if is_last or tried.tries >= self.max_attempts:
            return tried.ended_as(State.DEAD, attempt.error or f"answered {attempt.status}", ended_ms)
        wait_ms = max(int(_delay_ms(tried.tries) * (1 + SPREAD * jitter)), min(retry_after_ms or 0, MAX_RETRY_AFTER_MS))
        if self.is_too_old(ended_ms + wait_ms):
            return tried.ended_as(State.DEAD, f"older than {self.max_age_ms:,} ms before its next attempt", ended_ms)
        return replace(tried, due_ms=ended_ms + wait_ms, error=attempt.error or f"answered {attempt.status}")

    def dropped(self, reason: str, at_ms: int) -> "Delivery":
        """The delivery as nobody tries it any more."""
        return self.ended_as(State.DROPPED, reason, at_ms)

    def again(self, at_ms: int) -> "Delivery":
        """The delivery from its beginning, due at once; what waits already is due at once."""
        return replace(self, state=State.PENDING, tries=0, since_ms=at_ms, due_ms=at_ms, ended_ms=None, letter_ms=None)

    def ended_as(self, state: State, error: str, at_ms: int) -> "Delivery":
        """The delivery as it has ended, and why: given up, so that a rule's target may want to hear of it."""
        letter_ms = at_ms if self.cause.startswith(OF_RULES) else None
        return replace(self, state=state, due_ms=None, ended_ms=at_ms, error=error[:MAX_ERROR], letter_ms=letter_ms)


def taken(new: NewDelivery, now_ms: int) -> Delivery:
    """A delivery that is due now.

    Raises:
        InvalidDelivery: it says why nobody could deliver it.
    """
    if not _ID.fullmatch(new.id):
        raise InvalidDelivery("a delivery's id has 1 to 128 letters, digits, _, : and -")
    for name, text in (("account_id", new.account_id), ("cause", new.cause), ("event_id", new.event_id), ("destination", new.destination)):
        if not _SHORT.fullmatch(text):
            raise InvalidDelivery(f"{name} of {new.id}: 1 to 300 characters of ASCII without spaces")
    if len(new.body) > MAX_BODY_BYTES:
        raise InvalidDelivery(f"the body of {new.id} has {len(new.body):,} bytes; {MAX_BODY_BYTES:,} are the most")
    content_type_of(new.content_type)
    return Delivery(
        delivery_id=new.id,
        account_id=new.account_id,
        cause=new.cause,
        event_id=new.event_id,
        event_type=new.event_type,
        kind=new.kind,
        destination=new.destination,
        body=new.body,
        content_type=new.content_type,
        headers=headers_of(new.headers),
        max_attempts=min(MAX_ATTEMPTS, new.max_attempts or MAX_ATTEMPTS),
        max_age_ms=new.max_age_ms,
        created_ms=new.created_ms,
        since_ms=now_ms,
        due_ms=now_ms,
    )


def _delay_ms(tries: int) -> int:
    return DELAYS_MS[min(tries, len(DELAYS_MS)) - 1]
