"""Rules: which events of a bus go to which targets, as what. Pure."""

import re
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Literal

from quietzone_notification.patterns import MAX_FIELDS
from quietzone_notification.push.domain import check_push_destination
from quietzone_notification.rules.inputs import Input

MAX_RULES = 300  # of a bus, as EventBridge: each is about 2.4 kB of memory in every process that matches
MAX_WEIGHT = MAX_FIELDS
"""Of all patterns of a bus together: an event is held against them in one go, and those of other accounts wait for it (docs/limits.md)."""
MAX_TARGETS = 5  # of a rule, as EventBridge: an event becomes as many deliveries
MAX_NAME = 64  # of rules and targets, EventBridge's
MAX_DESCRIPTION = 512  # EventBridge's
MAX_DESTINATION = 254  # a mail address's
MAX_KAFKA_NAME = 100  # leaves room for `out.` and the account in Kafka's 249
MAX_ATTEMPTS = 10  # those that deliveries' schedule has
MIN_AGE_MS = 60_000  # EventBridge's
MAX_AGE_MS = 345_600_000  # four days: the schedule's last attempt is after three
MAX_RULE_BYTES = 65_536
"""Of pattern and targets together: a hundred changes wait in one document while the bus is away, and that has 8 MB."""

_NAME = re.compile(rf"[0-9A-Za-z._-]{{1,{MAX_NAME}}}")
_KAFKA_NAME = re.compile(rf"[0-9A-Za-z_-]{{1,{MAX_KAFKA_NAME}}}")
"""Without dots: no name of a topic of the house's own is one, and none leads out of the account's."""


KindName = Literal["webhook", "mail", "push", "kafka"]


class Kind(Enum):
    """How something is sent."""

    WEBHOOK = "webhook"
    MAIL = "mail"
    PUSH = "push"
    KAFKA = "kafka"

    @property
    def word(self) -> KindName:
        """What deliveries call it."""
        return self.value


@dataclass(frozen=True, slots=True)
class Target:
    """Who gets a rule's events. `dead_letters` names the account's Kafka topic for what couldn't be sent; empty: it is kept, not copied."""

    target_id: str
    kind: Kind
    destination: str
    input: Input = field(default_factory=Input)
    max_attempts: int | None = None
    max_age_ms: int | None = None
    dead_letters: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants a rule to be, checked."""

    description: str
    enabled: bool
    pattern: str
    targets: tuple[Target, ...]
    weight: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `slot` is its place among those of its bus, from 0; a `deleted` one has none, and no name that another couldn't have.
    `weight` is how many fields the alternatives of its pattern have together.
    """

    rule_id: str
    account_id: str
    bus: str
    name: str
    description: str
    enabled: bool
    pattern: str
    targets: tuple[Target, ...]
    created_at_ms: int
    updated_at_ms: int
    slot: int | None = None
    revision: int = 1
    deleted: bool = False
    weight: int = 0

    def changed(self, wanted: Wanted, at_ms: int) -> "Rule":
        """What it is when it is what somebody wants: the same when it is that already."""
        after = replace(
            self,
            description=wanted.description,
            enabled=wanted.enabled,
            pattern=wanted.pattern,
            targets=wanted.targets,
            weight=wanted.weight,
        )
        return self if after == self else replace(after, revision=self.revision + 1, updated_at_ms=at_ms)

    def gone(self, at_ms: int) -> "Rule":
        """What stays of it for a while, so that whoever follows learns that it is gone."""
        return replace(self, slot=None, deleted=True, revision=self.revision + 1, updated_at_ms=at_ms)


def check_name(text: str) -> str:
    """A name of a rule or a target.

    Raises:
        ValueError: says what would do.
    """
    if not is_name(text):
        raise ValueError(f"use 1 to {MAX_NAME} characters of 0-9 A-Z a-z . _ -")
    return text


def is_name(text: str) -> bool:
    """Whether a rule or a target can have this name."""
    return _NAME.fullmatch(text) is not None


def check_description(text: str) -> str:
    """What people say of a thing.

    Raises:
        ValueError: it is too long.
    """
    if len(text) > MAX_DESCRIPTION:
        raise ValueError(f"a description has at most {MAX_DESCRIPTION} characters, this one has {len(text)}")
    return text


def check_destination(kind: Kind, text: str) -> str:
    """Where something goes, as far as that can be told by its text.

    Raises:
        ValueError: says what would do.
    """
    if kind is Kind.KAFKA:
        return check_kafka_name(text)
    if kind is Kind.PUSH:
        return check_push_destination(text)
    if not 1 <= len(text) <= MAX_DESTINATION or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"a destination has 1 to {MAX_DESTINATION} printable ASCII characters, and no spaces")
    return text


def check_kafka_name(text: str) -> str:
    """The name of a topic of an account.

    Raises:
        ValueError: says what would do.
    """
    if not _KAFKA_NAME.fullmatch(text):
        raise ValueError(f"a topic's name has 1 to {MAX_KAFKA_NAME} characters of 0-9 A-Z a-z _ -")
    return text


def check_attempts(number: int | None) -> int | None:
    """How often something is tried.

    Raises:
        ValueError: says what would do.
    """
    if number is not None and not 1 <= number <= MAX_ATTEMPTS:
        raise ValueError(f"use 1 to {MAX_ATTEMPTS} attempts, or leave it out for {MAX_ATTEMPTS}")
    return number


def check_age(ms: int | None) -> int | None:
    """How old something may be when it is sent.

    Raises:
        ValueError: says what would do.
    """
    if ms is not None and not MIN_AGE_MS <= ms <= MAX_AGE_MS:
        raise ValueError(f"use {MIN_AGE_MS} to {MAX_AGE_MS} ms, or leave it out")
    return ms


def kafka_topic(account_id: str, name: str) -> str:
    """What an account's topic is called on the bus. No account reaches another's, nor the house's: none of these begins with `out.`."""
    return f"out.{account_id}.{name}"


def size_of(wanted: Wanted) -> int:
    """Bytes of what MAX_RULE_BYTES bounds."""
    texts = [wanted.pattern, wanted.description]
    for target in wanted.targets:
        texts += [target.target_id, target.destination, target.dead_letters]
    return sum(len(text.encode()) for text in texts) + sum(target.input.size for target in wanted.targets)


def cause_of(rule_id: str, target_id: str) -> str:
    """What a delivery says of a rule that has caused it."""
    return f"rule:{rule_id}:{target_id}"
