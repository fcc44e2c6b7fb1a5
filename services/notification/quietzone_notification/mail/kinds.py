"""Kinds of mail: what people can do without, and what not. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from quietzone_notification.delivery.domain import CONFIRM_CAUSE, Delivery

HOUSE = "_house"
"""Whose deliveries mails of the house are: no account has this id. They hold links that only their receivers may see."""

KIND_HEADER, TEMPLATE_HEADER, REPORT_HEADER = "x-mail-kind", "x-mail-template", "x-mail-report"
"""Of a delivery that says by itself what kind of mail it is, which template its body (a JSON object) fills, which report goes with it."""

CONFIRMATION, MESSAGES, EVENTS, NOTICES = "confirmation", "messages", "events", "notices"
CREATED, MILESTONE, WEEKLY, WELCOME = "created", "milestone", "weekly-summary", "welcome"


@dataclass(frozen=True, slots=True)
class Kind:
    """`is_wanted`: whether a person gets it who has said nothing. `is_ours`: it is the house's own, and nobody can do without."""

    is_wanted: bool = True
    is_ours: bool = False


KINDS: Mapping[str, Kind] = {
    CREATED: Kind(),  # a code is new
    MILESTONE: Kind(),  # a code's scans crossed a number
    WEEKLY: Kind(),
    NOTICES: Kind(),  # an endpoint was disabled, a quota is reached, and the like
    MESSAGES: Kind(),  # of topics
    EVENTS: Kind(),  # of rules
    CONFIRMATION: Kind(is_ours=True),  # of a subscription
    "security": Kind(is_ours=True),  # passwords, second factors, keys, addresses
    "invitation": Kind(is_ours=True),  # to an account
    WELCOME: Kind(is_ours=True),  # to who has signed up; sent once
}
"""The one table of kinds and their defaults. A kind, once there, is never taken away: it is stored, and in links of mails."""

OPTIONAL = tuple(name for name, kind in KINDS.items() if not kind.is_ours)
"""What can be unsubscribed from."""

SENDABLE = frozenset(KINDS) - {CONFIRMATION, MESSAGES, EVENTS}
"""What other parts may send; the rest is sent by topics and rules."""


class UnknownKind(ValueError):
    """Nothing that a mail can be: says what there is."""


def check_optional(kind: str) -> str:
    """A kind that can be unsubscribed from; raises UnknownKind."""
    if kind not in OPTIONAL:
        raise UnknownKind(f"use one of {', '.join(OPTIONAL)}")
    return kind


def check_sendable(kind: str, account_id: str) -> str:
    """A kind that another part may send for an account, or for the house; raises UnknownKind."""
    if kind not in SENDABLE:
        raise UnknownKind(f"use one of {', '.join(sorted(SENDABLE))}")
    if KINDS[kind].is_ours and account_id:
        raise UnknownKind(f"mails of kind {kind} are the house's: leave account_id out")
    if not KINDS[kind].is_ours and not account_id:
        raise UnknownKind(f"mails of kind {kind} are an account's: say which in account_id")
    return kind


def kind_of(delivery: Delivery) -> str:
    """What kind of mail a delivery is, by its cause, else by its header."""
    if delivery.cause == CONFIRM_CAUSE:
        return CONFIRMATION
    if delivery.cause.startswith("subscription:"):
        return MESSAGES
    if delivery.cause.startswith("rule:"):
        return EVENTS
    said = dict(delivery.headers).get(KIND_HEADER, NOTICES)
    return said if said in SENDABLE else NOTICES
