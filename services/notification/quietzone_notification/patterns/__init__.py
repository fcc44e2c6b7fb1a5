"""EventBridge's event patterns, as AWS's own engine (github.com/aws/event-ruler) reads them; docs/patterns.md has the language.

`compile_pattern` reads one, `Pattern` answers for one, `RuleSet` for many at once. Pure: an event comes as Python's `json` or
`read_event` makes it.
"""

from quietzone_notification.patterns._errors import InvalidEvent, InvalidPattern, TooComplex
from quietzone_notification.patterns._json import MAX_EVENT_BYTES, MAX_EVENT_DEPTH, MAX_PATTERN_CHARACTERS, MAX_PATTERN_DEPTH, read_event
from quietzone_notification.patterns._pattern import Alternative, Explanation, PathExplained, Pattern, compile_pattern
from quietzone_notification.patterns._reading import MAX_COMBINATIONS, MAX_FIELDS
from quietzone_notification.patterns._rules import MAX_RULES, RuleSet
from quietzone_notification.patterns._wildcards import MAX_WILDCARD_COMPLEXITY

__all__ = [
    "MAX_COMBINATIONS",
    "MAX_EVENT_BYTES",
    "MAX_EVENT_DEPTH",
    "MAX_FIELDS",
    "MAX_PATTERN_CHARACTERS",
    "MAX_PATTERN_DEPTH",
    "MAX_RULES",
    "MAX_WILDCARD_COMPLEXITY",
    "Alternative",
    "Explanation",
    "InvalidEvent",
    "InvalidPattern",
    "PathExplained",
    "Pattern",
    "RuleSet",
    "TooComplex",
    "compile_pattern",
    "read_event",
]
