"""Filter policies: EventBridge's patterns with SNS's own operators, limits and words.

Sources: https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html (string-value-matching, numeric-value-matching,
attribute-key-matching, and-or-logic) and https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html; the words
of errors are those that SNS answers with, as LocalStack has recorded them (tests/aws/services/sns/test_sns_filter_policy.snapshot.json).
"""

import json
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from quietzone_notification.filters._attributes import Attribute, values_of
from quietzone_notification.patterns import InvalidEvent, InvalidPattern, Pattern, TooComplex, compile_pattern, read_event

MAX_KEYS = 5  # SNS's; of a policy on bodies only the outermost count
MAX_COMBINATIONS = 150  # SNS's: the number of values of each array, times how deep it stands, multiplied; those of $or's objects are added
MAX_POLICY_BYTES = 262_144  # SNS's 256 KB

Scope: TypeAlias = Literal["MessageAttributes", "MessageBody"]

_TOO_COMPLEX = "Filter policy is too complex"
_OPERATORS = frozenset(("exactly", "prefix", "suffix", "equals-ignore-case", "cidr", "numeric", "exists", "anything-but"))
"""Those that SNS documents: EventBridge's, without wildcards."""


class InvalidFilter(ValueError):
    """A policy that SNS would refuse, in its words. `path` says where, as far as that can be said."""

    def __init__(self, reason: str, path: str = "", *, of: str = "FilterPolicy: ") -> None:
        super().__init__(f"Invalid parameter: {of}{reason}" + (f"\n at {path}" if path else ""))
        self.reason = reason
        self.path = path


class Readable:
    """A message as policies look at it: read when the first of them asks, and once for all of them."""

    __slots__ = ("_attributes", "_body", "_of_attributes", "_of_body")

    def __init__(self, attributes: Mapping[str, Attribute], body: str | bytes | dict[str, object]) -> None:
        self._attributes = attributes
        self._body = body
        self._of_attributes: dict[str, object] | None = None
        self._of_body: dict[str, object] | InvalidEvent | None = body if isinstance(body, dict) else None

    @property
    def has_attributes(self) -> bool:
        """Whether it has any, whatever they say."""
        return bool(self._attributes)

    def attributes(self) -> dict[str, object]:
        """The values of its attributes."""
        if self._of_attributes is None:
            self._of_attributes = values_of(self._attributes)
        return self._of_attributes

    def body(self) -> dict[str, object]:
        """The JSON object that its body is.

        Raises:
            InvalidEvent: it is none.
        """
        if self._of_body is None:
            try:
                self._of_body = self._body if isinstance(self._body, dict) else read_event(self._body)
            except InvalidEvent as error:
                self._of_body = error
        if isinstance(self._of_body, InvalidEvent):
            raise self._of_body
        return self._of_body


class Filter:
    """A compiled policy."""

    __slots__ = ("_pattern", "scope")

    def __init__(self, pattern: Pattern | None, scope: Scope) -> None:
        self._pattern = pattern
        self.scope = scope

    def matches(self, attributes: Mapping[str, Attribute], body: str | bytes | dict[str, object]) -> bool:
        """Whether a subscriber with this policy gets a message; `body` is its text, or what was read of it.

        With scope MessageBody a body that is no JSON object never matches.
        """
        return self.takes(Readable(attributes, body))

    def takes(self, message: Readable) -> bool:
        """As `matches`, of a message that many policies are held against. Without attributes none matches by them, not even for what isn't
        there (SNS: attribute-key-matching).
        """
        if self._pattern is None:
            return True
        try:
            if self.scope == "MessageAttributes":
                return message.has_attributes and self._pattern.matches(message.attributes())
            return self._pattern.matches(message.body())
        except InvalidEvent:
            return False


def compile_filter(json_text: str, scope: str = "MessageAttributes") -> Filter:
    """A policy of its JSON. An empty one lets everything through, as in SNS.

    Raises:
        InvalidFilter: as SNS would refuse it.
    """
    checked = _scope(scope)
    policy = _read(json_text)
    if not policy:
        return Filter(None, checked)
    if len(policy) > MAX_KEYS:
        raise InvalidFilter(f"Filter policy can not have more than {MAX_KEYS} keys")
    try:
        pattern = compile_pattern(json_text, max_characters=MAX_POLICY_BYTES)
    except TooComplex:
        raise InvalidFilter(_TOO_COMPLEX) from None
    except InvalidPattern as error:
        raise InvalidFilter(error.reason, error.path) from None
    if checked == "MessageAttributes" and _is_nested(policy):
        raise InvalidFilter("Filter policy scope MessageAttributes does not support nested filter policy", of="")
    if _combinations(policy, 1, 1) > MAX_COMBINATIONS:
        raise InvalidFilter(_TOO_COMPLEX)
    _check_operators(policy, "")
    return Filter(pattern, checked)


def _read(json_text: str) -> dict[str, object]:
    if len(json_text.encode("utf-8", "surrogatepass")) > MAX_POLICY_BYTES:
        raise InvalidFilter(f"Filter policy can not have more than {MAX_POLICY_BYTES:,} bytes")
    try:
        policy: object = json.loads(json_text)
    except (ValueError, RecursionError):
        raise InvalidFilter("failed to parse JSON.") from None
    if not isinstance(policy, dict):
        raise InvalidFilter("Filter is not an object")
    return policy


def _scope(text: str) -> Scope:
    for scope in get_args(Scope):
        if text == scope:
            return scope  # type: ignore[no-any-return] # get_args knows no types
    raise InvalidFilter(f"Invalid value [{text}]. Please use either MessageBody or MessageAttributes", of="FilterPolicyScope: ")


def _is_nested(policy: dict[str, object]) -> bool:
    """Whether a key has keys below it; `$or` has alternatives beside it."""
    for key, value in policy.items():
        if isinstance(value, dict):
            return True
        if key == "$or" and isinstance(value, list) and any(_is_nested(each) for each in value if isinstance(each, dict)):
            return True
    return False


def _combinations(policy: dict[str, object], depth: int, before: int) -> int:
    """`before`, multiplied by what a policy adds; not far beyond the most, since numbers of a deep one would fill the memory."""
    for key, value in policy.items():
        if isinstance(value, dict):
            before = _combinations(value, depth + 1, before)
        elif key == "$or" and isinstance(value, list):
            before = sum(_combinations(each, depth, before) for each in value if isinstance(each, dict))
        elif isinstance(value, list):
            before *= len(value) * depth
        before = min(before, MAX_COMBINATIONS + 1)
    return before


def _check_operators(policy: dict[str, object], path: str) -> None:
    """Refuse what EventBridge has and SNS doesn't document."""
    for key, value in policy.items():
        at = f"{path}{key}"
        if isinstance(value, dict):
            _check_operators(value, f"{at}.")
        elif isinstance(value, list):
            for number, member in enumerate(value):
                if isinstance(member, dict) and key == "$or":
                    _check_operators(member, f"{at}[{number}].")
                elif isinstance(member, dict):
                    _check_operator(member, f"{at}[{number}]")


def _check_operator(expression: dict[str, object], at: str) -> None:
    for operator, value in expression.items():
        if operator not in _OPERATORS:
            raise InvalidFilter(f"Unrecognized match type {operator}", at)
        if not isinstance(value, dict):
            continue
        if operator != "anything-but":
            raise InvalidFilter(f"{operator} match pattern must be a string", at)
        for inner in value:
            if inner != "prefix":
                raise InvalidFilter(f"Unsupported anything-but pattern: {inner}", at)
