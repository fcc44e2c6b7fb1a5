"""What callers want rules to be: unchecked, and checked, with all that is wrong said at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from quietzone_kit.errors import Violations
from quietzone_kit.mail import check_address
from quietzone_notification.patterns import compile_pattern
from quietzone_notification.rules.domain import (
    MAX_RULE_BYTES,
    MAX_TARGETS,
    Kind,
    Target,
    Wanted,
    check_age,
    check_attempts,
    check_description,
    check_destination,
    check_kafka_name,
    check_name,
    size_of,
)
from quietzone_notification.rules.inputs import compile_input


@dataclass(frozen=True, slots=True)
class NewRule:
    """What somebody wants a rule to be, unchecked. `verified` are addresses of members that whoever asks vouches for."""

    bus: str
    name: str
    description: str
    enabled: bool
    pattern: str
    targets: Sequence[Target]
    expected_revision: int | None = None
    verified: Sequence[str] = ()


def drafted(new: NewRule) -> Wanted:
    """What somebody wants, checked but for what others know.

    Raises:
        InvalidInput: names each field that is wrong.
    """
    violations, weight = Violations(), 0
    with violations.field("name"):
        check_name(new.name)
    with violations.field("description"):
        check_description(new.description)
    with violations.field("pattern"):
        weight = compile_pattern(new.pattern).weight
    _check_targets(violations, new.targets)
    wanted = Wanted(new.description, new.enabled, new.pattern, tuple(new.targets), weight)
    if size_of(wanted) > MAX_RULE_BYTES:
        violations.add("targets", f"pattern and targets have {size_of(wanted):,} bytes together; the most is {MAX_RULE_BYTES:,}")
    violations.check()
    return wanted


def _check_targets(violations: Violations, targets: Sequence[Target]) -> None:
    if len(targets) > MAX_TARGETS:
        violations.add("targets", f"a rule has at most {MAX_TARGETS} targets, these are {len(targets)}")
    if len({target.target_id for target in targets}) < len(targets):
        violations.add("targets", "each has an id of its own")
    for number, target in enumerate(targets[:MAX_TARGETS]):
        _check_target(violations, f"targets[{number}]", target)


def _check_target(violations: Violations, at: str, target: Target) -> None:
    with violations.field(f"{at}.id"):
        check_name(target.target_id)
    with violations.field(f"{at}.destination"):
        check_destination(target.kind, target.destination)
        if target.kind is Kind.MAIL:
            check_address(target.destination)
    with violations.field(f"{at}.input"):
        compile_input(target.input)
    with violations.field(f"{at}.max_attempts"):
        check_attempts(target.max_attempts)
    with violations.field(f"{at}.max_age_ms"):
        check_age(target.max_age_ms)
    if target.dead_letters:
        with violations.field(f"{at}.dead_letter_topic"):
            check_kafka_name(target.dead_letters)
