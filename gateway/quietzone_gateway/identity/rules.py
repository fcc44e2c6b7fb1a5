"""What an installation has decided about people, as its settings say."""

from dataclasses import dataclass
from typing import Literal

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long what somebody holds is good for. `leeway_ms` is how long a refresh token brings again what it has brought."""

    session_ms: int
    cookie_ms: int
    token_ms: int
    leeway_ms: int
    invitation_ms: int
    verification_ms: int
    reset_ms: int


@dataclass(frozen=True, slots=True)
class Guesses:
    """How often a password may be wrong within `within_ms`: for an e-mail address from one network, from one network for all addresses, and
    for an e-mail address from all networks.
    """

    of_both: int
    of_network: int
    of_address: int
    within_ms: int


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may sign up, how long what he is given lasts, how often he may be wrong, and what the installation is called in apps."""

    sign_up: Literal["open", "invited", "closed"]
    lifetimes: Lifetimes
    guesses: Guesses
    issuer: str


def in_words(lasts_ms: int) -> str:
    """A length of time as people say it, in the largest unit that it is whole in: `1 day`, `90 minutes`."""
    unit, length_ms = next(
        each for each in (("day", DAY_MS), ("hour", HOUR_MS), ("minute", MINUTE_MS), ("second", SECOND_MS)) if lasts_ms % each[1] == 0
    )
    number = lasts_ms // length_ms
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
