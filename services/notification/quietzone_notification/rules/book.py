"""All rules in memory, ready to be held against events. Pure."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from quietzone_notification.delivery.domain import MAX_BODY_BYTES, NewDelivery
from quietzone_notification.events.domain import DEFAULT_BUS, Event
from quietzone_notification.patterns import RuleSet, compile_pattern
from quietzone_notification.rules.domain import Kind, Rule, Target, cause_of, kafka_topic
from quietzone_notification.rules.inputs import About, Make, TooLarge, compile_input
from quietzone_notification.streams.domain import KEY_HEADER, key_from

TRACKING, SCANNED = "quietzone.tracking", "QR Code Scanned"

OF_ALL_SCANS = frozenset({"source", "detail-type", "account"})
OF_A_CODE = OF_ALL_SCANS | {"detail.qrId"}
"""What is known of scans before they are looked at: of all of an account, and of those of one code."""

MAX_GONE = 10_000
"""Deleted rules whose last revision is remembered, at some 150 bytes: an older one of a rule comes seconds after a newer one, if at all."""

JSON, TEXT = "application/json", "text/plain; charset=utf-8"

DeriveId = Callable[..., str]
"""An id that is the same for the same texts."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A rule that matched an event. `deliveries` is for its targets, but for those of which `failed` says what was wrong."""

    rule: Rule
    deliveries: tuple[NewDelivery, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ready:
    rule: Rule
    inputs: tuple[Make, ...]


class RuleBook:
    """Rules by account and bus. Of each rule only the highest revision counts, in whatever order they come."""

    def __init__(self, derive: DeriveId) -> None:
        self._derive = derive
        self._revisions: dict[str, int] = {}
        self._gone: deque[str] = deque()
        self._ready: dict[str, _Ready] = {}
        self._sets: dict[tuple[str, str], RuleSet[str]] = {}
        self._of_scans: dict[str, RuleSet[str]] = {}

    def __len__(self) -> int:
        return len(self._ready)

    def __contains__(self, rule_id: str) -> bool:
        return rule_id in self._ready

    def admit(self, rule: Rule) -> None:
        """Take up a rule, or that it is gone or at rest.

        Raises:
            ValueError: this release can't read its pattern or an input; the rule is at rest here.
        """
        if rule.revision <= self._revisions.get(rule.rule_id, 0):
            return
        self._revisions[rule.rule_id] = rule.revision
        self._drop(rule.rule_id)
        if rule.deleted:
            self._gone.append(rule.rule_id)
            if len(self._gone) > MAX_GONE:
                self._revisions.pop(self._gone.popleft(), None)
        if rule.enabled and not rule.deleted:
            self._take(rule)

    def matching(self, event: Event, *, now_ms: int) -> Iterator[Matched]:
        """The rules that an event matches as the book is now, and what is to be delivered for each, made when it is asked for.

        Raises:
            InvalidEvent: its detail can't be read.
        """
        rules = self._sets.get((event.account_id, event.bus))
        if rules is None:
            return
        tree = event.tree()
        for ready in [self._ready[rule_id] for rule_id in sorted(rules.matching(tree))]:
            yield self._matched(ready, event, tree, now_ms)

    def may_match_scans(self, account_id: str, code_id: str) -> bool:
        """Whether some rule can match scans of this code, whatever they are like."""
        rules = self._of_scans.get(account_id)
        return rules is not None and bool(rules.matching(_of_scan(account_id) | {"detail": {"qrId": code_id}}))

    def _take(self, rule: Rule) -> None:
        pattern = compile_pattern(rule.pattern)
        inputs = tuple(compile_input(target.input) for target in rule.targets)
        self._sets.setdefault((rule.account_id, rule.bus), RuleSet()).add(rule.rule_id, pattern)
        self._ready[rule.rule_id] = _Ready(rule, inputs)
        if rule.bus == DEFAULT_BUS and pattern.only(OF_ALL_SCANS).matches(_of_scan(rule.account_id)):
            self._of_scans.setdefault(rule.account_id, RuleSet()).add(rule.rule_id, pattern.only(OF_A_CODE))

    def _drop(self, rule_id: str) -> None:
        ready = self._ready.pop(rule_id, None)
        if ready is None:
            return
        place = ready.rule.account_id, ready.rule.bus
        self._sets[place].remove(rule_id)
        if not len(self._sets[place]):
            del self._sets[place]
        scans = self._of_scans.get(ready.rule.account_id)
        if scans is not None and rule_id in scans:
            scans.remove(rule_id)
            if not len(scans):
                del self._of_scans[ready.rule.account_id]

    def _matched(self, ready: _Ready, event: Event, tree: dict[str, object], now_ms: int) -> Matched:
        about = About(ready.rule.rule_id, ready.rule.name, now_ms)
        deliveries: list[NewDelivery] = []
        failed: list[str] = []
        for target, make in zip(ready.rule.targets, ready.inputs, strict=True):
            try:
                made = make(event, tree, about)
            except TooLarge as error:
                failed.append(f"{target.target_id}: {error}")
                continue
            delivery = self._delivery(ready.rule, target, event, made, now_ms)
            if len(delivery.body) > MAX_BODY_BYTES:
                failed.append(f"{target.target_id}: as JSON it has {len(delivery.body):,} bytes; {MAX_BODY_BYTES:,} are the most")
            else:
                deliveries.append(delivery)
        return Matched(ready.rule, tuple(deliveries), tuple(failed))

    def _delivery(self, rule: Rule, target: Target, event: Event, made: str, now_ms: int) -> NewDelivery:
        body, content_type = _for_people(made) if target.kind is Kind.MAIL else (made, JSON)
        is_kafka = target.kind is Kind.KAFKA
        return NewDelivery(
            id=self._derive("rule delivery", event.id, rule.rule_id, target.target_id),
            account_id=rule.account_id,
            cause=cause_of(rule.rule_id, target.target_id),
            event_id=event.id,
            event_type=event.detail_type,
            kind=target.kind.word,
            destination=kafka_topic(rule.account_id, target.destination) if is_kafka else target.destination,
            body=body.encode("utf-8", "replace"),
            content_type=content_type,
            headers=self._keyed(event) if is_kafka else (),
            max_attempts=target.max_attempts,
            max_age_ms=target.max_age_ms,
            created_ms=now_ms,
        )

    def _keyed(self, event: Event) -> tuple[tuple[str, str], ...]:
        """By which key an event is known on Kafka: what it is about, so that one reader gets all of that."""
        about = event.resources[0] if event.resources else ""
        return ((KEY_HEADER, key_from(about) or self._derive("key of a record", about)),) if about else ()


def _of_scan(account_id: str) -> dict[str, object]:
    """What is known of every scan of an account before it is looked at."""
    return {"source": TRACKING, "detail-type": SCANNED, "account": account_id}


def _for_people(made: str) -> tuple[str, str]:
    """A body of mail: a text without its quotes, else the JSON."""
    read: object = json.loads(made) if made.startswith('"') else None
    return (read, TEXT) if isinstance(read, str) else (made, JSON)
