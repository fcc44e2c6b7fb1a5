"""Where rules are kept: one document a rule, with its events until they are published; one that is deleted stays for a week."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Outcome, Put, Query, Stored, Value, VersionConflict
from quietzone_kit.documents.damaged import readable
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.outbox import OUTBOX_INDEX, OUTBOX_LEASES, Outgoing, replace_keeping_outbox, waiting, with_event
from quietzone_kit.telemetry import logger
from quietzone_notification.deadlines import store_answers
from quietzone_notification.rules.domain import MAX_RULES, Rule
from quietzone_notification.rules.events import rule_event
from quietzone_notification.slots import taken_slots
from quietzone_topics import NOTIFICATION_RULE_V1

log = logger(__name__)

RULES = Collection(
    "rules",
    key="rule_id",
    indexes=(
        Index("by_name", ("account_id", "bus", "live_name"), unique=True),  # deleted ones lack their name here
        Index("by_slot", ("account_id", "bus", "slot"), unique=True),  # the store itself refuses one more than there may be
        Index("by_gone", ("gone_at_ms",), sparse=True),
        OUTBOX_INDEX,
    ),
)
NUMBERS = Collection("rule_numbers", key="rule_id")
COLLECTIONS = (RULES, NUMBERS, OUTBOX_LEASES)

PAGE = 1_000
"""Rules of one page where all are read: 10 MB at most but for a few, which are as large as rules may be."""


class RuleExists(Exception):
    """A rule has this name, or this slot: look again."""


@dataclass(frozen=True, slots=True)
class Held:
    """A rule as it was read, with what the store needs to replace it."""

    rule: Rule
    stored: Stored


@dataclass(frozen=True, slots=True)
class RulePage:
    """Some rules; `next_token` brings those after them, None when there are none. `unreadable` are others, by id, each with the reason."""

    rules: tuple[Rule, ...]
    next_token: str | None
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a rule has done so far."""

    matched: int = 0
    failed: int = 0
    last_matched_at_ms: int | None = None
    delivered: int = 0
    given_up: int = 0

    def plus(self, more: "Numbers") -> "Numbers":
        """Both together."""
        last_ms = max(self.last_matched_at_ms or 0, more.last_matched_at_ms or 0) or None
        delivered, given_up = self.delivered + more.delivered, self.given_up + more.given_up
        return Numbers(self.matched + more.matched, self.failed + more.failed, last_ms, delivered, given_up)

    def without(self, kept: "Numbers") -> "Numbers":
        """What is left when some are kept."""
        delivered, given_up = self.delivered - kept.delivered, self.given_up - kept.given_up
        return Numbers(self.matched - kept.matched, self.failed - kept.failed, self.last_matched_at_ms, delivered, given_up)


class Rules:
    """Rules of all accounts. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` tells the outbox's relay that an event waits."""
        self._documents = documents
        self._wake = wake

    async def by_name(self, account_id: str, bus: str, name: str) -> Held | None:
        """A rule of this account that wasn't deleted (index `by_name`)."""
        async with store_answers():
            page = await self._documents.query(RULES, Query("by_name", (account_id, bus, name), limit=1))
        return Held(rule_of(page.items[0]), page.items[0]) if page.items else None

    async def get(self, account_id: str, rule_id: str) -> Rule | None:
        """A rule of this account by key, also one that was deleted lately; None when there is none, or it is another account's."""
        async with store_answers():
            stored = await self._documents.get(RULES, rule_id)
        return None if stored is None or stored.body["account_id"] != account_id else rule_of(stored)

    async def page(self, account_id: str, bus: str, *, limit: int, after: str | None = None) -> RulePage:
        """The rules of a bus, by name (index `by_name`).

        Raises:
            InvalidCursor: `after` isn't a `next_token` of the same bus.
        """
        async with store_answers():
            page = await self._documents.query(RULES, Query("by_name", (account_id, bus), limit=limit, after=after))
        return RulePage(tuple(readable(RULES, page.items, rule_of)), page.cursor)

    async def has_any(self, account_id: str, bus: str) -> bool:
        """Whether a bus has rules, be they damaged (index `by_name`)."""
        async with store_answers():
            return bool((await self._documents.query(RULES, Query("by_name", (account_id, bus), limit=1))).items)

    async def slots(self, account_id: str, bus: str) -> set[int]:
        """The slots that the rules of a bus have (index `by_slot`)."""
        return await taken_slots(self._documents, RULES, account_id, bus, most=MAX_RULES)

    async def all(self, after: str | None = None) -> RulePage:
        """Rules of all accounts, deleted ones too, for whoever matches events: one that can't be read mustn't keep others from it."""
        async with store_answers():
            page = await self._documents.scan(RULES, limit=PAGE, after=after)
        rules, unreadable = [], []
        for stored in page.items:
            try:
                rules.append(rule_of(stored))
            except msgspec.ValidationError as error:
                unreadable.append((str(stored.body["rule_id"]), str(error)))
        return RulePage(tuple(rules), page.cursor, tuple(unreadable))

    async def insert(self, rule: Rule) -> None:
        """Add a rule, and the event that says so; raises RuleExists."""
        body = with_event(_body(rule), rule.rule_id, _outgoing(None, rule))
        try:
            async with store_answers():
                await self._documents.insert(RULES, body)
        except DuplicateKey as error:
            raise RuleExists(str(error)) from error
        self._wake()

    async def replace(self, held: Held, after: Rule) -> None:
        """Put `after` in the place of what was held, and add the event that says so. Fields of other releases stay as they are.

        Raises:
            VersionConflict: somebody else has changed it meanwhile.
            Unavailable: 100 events wait in it.
        """
        body = Unknown.of(held.stored.body, _body(held.rule)).beside(_body(after))
        async with store_answers():
            await replace_keeping_outbox(self._documents, RULES, held.stored, body, _outgoing(held.rule, after))
        self._wake()

    async def forget_gone(self, before_ms: int) -> int:
        """Remove what stays of rules that were deleted before a moment, and their numbers: a page of them (index `by_gone`)."""
        async with store_answers():
            page = await self._documents.query(RULES, Query("by_gone", at_least=0, below=before_ms, limit=PAGE))
        forgotten = 0
        for stored in page.items:
            if waiting(stored.body):
                continue  # the bus is away: whoever follows must still hear of it
            rule_id = str(stored.body["rule_id"])
            try:
                async with store_answers():
                    numbers = await self._documents.get(NUMBERS, rule_id)
                    if numbers is not None:
                        await self._documents.delete(NUMBERS, rule_id, if_version=numbers.version)
                    await self._documents.delete(RULES, rule_id, if_version=stored.version)
            except VersionConflict:
                continue  # another process does the same
            forgotten += 1
        return forgotten

    async def numbers(self, rule: Rule) -> Numbers:
        """What a rule has done, as far as it was added up."""
        async with store_answers():
            stored = await self._documents.get(NUMBERS, rule.rule_id)
        return Numbers() if stored is None else numbers_of(stored)

    async def add(self, added: Mapping[str, tuple[str, Numbers]]) -> set[str]:
        """Add to the numbers of rules, by id, of whose account each is; those ids that somebody else has added to meanwhile: again."""
        async with store_answers():
            found = await self._documents.get_many(NUMBERS, list(added))
        puts: dict[str, Put] = {}
        for rule_id, more in added.items():
            try:
                puts[rule_id] = _sum(found.get(rule_id), rule_id, *more)
            except msgspec.ValidationError as error:
                log.error("numbers of a rule can't be read, and stay as they are", rule=rule_id, error=str(error))  # noqa: TRY400
        async with store_answers():
            outcomes = await self._documents.bulk(NUMBERS, list(puts.values()))
        return {rule_id for rule_id, outcome in zip(puts, outcomes, strict=True) if outcome is not Outcome.WRITTEN}


def rule_of(stored: Stored) -> Rule:
    """The rule in a document; msgspec.ValidationError names the field that something else wrote or that was damaged."""
    return msgspec.convert(stored.body, Rule)


def numbers_of(stored: Stored) -> Numbers:
    """The numbers in a document; errors as `rule_of`."""
    return msgspec.convert(stored.body, Numbers)


def _body(rule: Rule) -> dict[str, Value]:
    """A rule as it is stored: its fields by their names, enums by value, tuples as lists, and what it is found by."""
    body: dict[str, Value] = msgspec.json.decode(msgspec.json.encode(rule))
    if rule.deleted:
        del body["slot"]
        return body | {"gone_at_ms": rule.updated_at_ms}
    return body | {"live_name": rule.name}


def _outgoing(before: Rule | None, after: Rule) -> Outgoing:
    return Outgoing(NOTIFICATION_RULE_V1.name, rule_event(before, after))


def _sum(stored: Stored | None, rule_id: str, account_id: str, more: Numbers) -> Put:
    after = more if stored is None else numbers_of(stored).plus(more)
    known: dict[str, Value] = {"rule_id": rule_id, "account_id": account_id, **msgspec.to_builtins(after)}
    return Put(known, None) if stored is None else Put({**stored.body, **known}, stored.version)
