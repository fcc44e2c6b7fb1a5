"""What can be asked of rules."""

from collections.abc import Sequence

from quietzone_kit.documents import InvalidCursor, VersionConflict
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound, ResourceExhausted, RevisionMismatch, Unavailable, Violations
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_notification.buses.repository import Buses
from quietzone_notification.buses.use_cases import has_bus
from quietzone_notification.destinations import Endpoints, refusal
from quietzone_notification.rules.domain import MAX_RULES, MAX_WEIGHT, Rule, Wanted, is_name, kafka_topic
from quietzone_notification.rules.repository import Held, Numbers, RuleExists, RulePage, Rules
from quietzone_notification.rules.requests import NewRule, drafted
from quietzone_notification.slots import free_slot

ATTEMPTS = 5  # people don't change a rule against each other: a fifth meeting means that something else is going on
MAX_PAGE = MAX_RULES
DEFAULT_PAGE = 50


class RuleDesk:
    """Makes, changes and takes away rules."""

    def __init__(self, rules: Rules, buses: Buses, endpoints: Endpoints, clock: Clock, randomness: Randomness) -> None:
        self.rules = rules
        self._buses = buses
        self._endpoints = endpoints
        self._clock = clock
        self._randomness = randomness

    async def put(self, account_id: str, new: NewRule) -> Rule:
        """Make a rule, or make the one of this name what is wanted; the same again changes nothing.

        Raises:
            InvalidInput: names each field that is wrong.
            NotFound: this account has no such bus.
            RevisionMismatch: the rule has another revision than the one that is expected, or there is one where none is.
            ResourceExhausted: the bus has as many as it may, or their patterns have as many alternatives together.
        """
        wanted = drafted(new)
        await self._check_destinations(account_id, new)
        if not await has_bus(self._buses, account_id, new.bus):
            raise NotFound(f"no bus {new.bus!r:.110}: make it first")
        for _ in range(ATTEMPTS):
            try:
                held = await self.rules.by_name(account_id, new.bus, new.name)
                _check_revision(held, new.expected_revision)
                if held is None:
                    return await self._make(account_id, new, wanted)
                after = held.rule.changed(wanted, self._clock.now_ms())
                if after != held.rule:
                    if after.weight > held.rule.weight:
                        _check_weight((await self.rules.page(account_id, new.bus, limit=MAX_RULES)).rules, after)
                    await self.rules.replace(held, after)
            except (RuleExists, VersionConflict):
                continue
            return after
        raise Unavailable(f"rule {new.name} changes all the time: try again")

    async def delete(self, account_id: str, bus: str, name: str, expected_revision: int | None) -> None:
        """Take a rule away.

        Raises:
            NotFound: this account has no such rule.
            RevisionMismatch: it has another revision than the one that is expected.
        """
        for _ in range(ATTEMPTS):
            held = await self._found(account_id, bus, name)
            _check_revision(held, expected_revision)
            try:
                await self.rules.replace(held, held.rule.gone(self._clock.now_ms()))
            except VersionConflict:
                continue
            return
        raise Unavailable(f"rule {name} changes all the time: try again")

    async def get(self, account_id: str, bus: str, name: str) -> tuple[Rule, Numbers]:
        """A rule and what it has done; raises NotFound."""
        rule = (await self._found(account_id, bus, name)).rule
        return rule, await self.rules.numbers(rule)

    async def _found(self, account_id: str, bus: str, name: str) -> Held:
        held = await self.rules.by_name(account_id, bus, name) if is_name(name) else None
        if held is None:
            raise NotFound(f"no rule {name!r:.70} on bus {bus!r:.110}")
        return held

    async def _make(self, account_id: str, new: NewRule, wanted: Wanted) -> Rule:
        slot = free_slot(await self.rules.slots(account_id, new.bus), MAX_RULES)
        if slot is None:
            raise ResourceExhausted(f"a bus has at most {MAX_RULES} rules: delete one, or make another bus")
        now_ms = self._clock.now_ms()
        rule = Rule(
            rule_id=uuid7(self._clock, self._randomness),
            account_id=account_id,
            bus=new.bus,
            name=new.name,
            description=wanted.description,
            enabled=wanted.enabled,
            pattern=wanted.pattern,
            targets=wanted.targets,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
            slot=slot,
            weight=wanted.weight,
        )
        _check_weight((await self.rules.page(account_id, new.bus, limit=MAX_RULES)).rules, rule)
        await self.rules.insert(rule)
        return rule

    async def _check_destinations(self, account_id: str, new: NewRule) -> None:
        violations = Violations()
        for number, target in enumerate(new.targets):
            if reason := await refusal(self._endpoints, account_id, target.kind, target.destination, new.verified):
                violations.add(f"targets[{number}].destination", reason)
        violations.check()


async def list_rules(rules: Rules, account_id: str, bus: str, *, page_size: int, page_token: str) -> RulePage:
    """The rules of a bus by name; a page size of 0 means 50, an empty token the first page.

    Raises:
        InvalidInput: a page size above 300 or below 0, or a token that no page gave.
    """
    if not 0 <= page_size <= MAX_PAGE:
        raise InvalidInput(FieldViolation("page_size", f"use 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}"))
    try:
        return await rules.page(account_id, bus, limit=page_size or DEFAULT_PAGE, after=page_token or None)
    except InvalidCursor as error:
        raise InvalidInput(FieldViolation("page_token", "not a token that a page of this list gave; leave it out to begin anew")) from error


async def dead_letter_topic(rules: Rules, account_id: str, cause: str) -> str | None:
    """Where on the bus a delivery that couldn't be sent is copied to, by its cause; None: nowhere, it is kept with the others."""
    kind, _, rest = cause.partition(":")
    rule_id, _, target_id = rest.partition(":")
    rule = await rules.get(account_id, rule_id) if kind == "rule" else None
    name = next((target.dead_letters for target in rule.targets if target.target_id == target_id), "") if rule else ""
    return kafka_topic(account_id, name) if name else None


def _check_weight(rules: Sequence[Rule], new: Rule) -> None:
    """See that one rule more, or another one in its place, isn't too much for the bus. Of some that are made at once more may come in."""
    weight = new.weight + sum(rule.weight for rule in rules if rule.rule_id != new.rule_id)
    if weight > MAX_WEIGHT:
        raise ResourceExhausted(
            f"the patterns of bus {new.bus} would have {weight:,} fields in all combinations of $or; {MAX_WEIGHT:,} are the most, and "
            f"this one has {new.weight:,}: write it with fewer alternatives, or make another bus"
        )


def _check_revision(held: Held | None, expected: int | None) -> None:
    revision = 0 if held is None else held.rule.revision
    if expected is not None and expected != revision:
        raise RevisionMismatch(f"the rule has revision {revision} by now: read it again" if revision else "there is no such rule")
