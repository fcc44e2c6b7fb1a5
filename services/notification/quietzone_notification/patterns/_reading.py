"""From a pattern's JSON to alternatives of fields.

A pattern without `$or` is one alternative: a set of paths, for each of which a value has to pass one of its tests. `$or` makes an
alternative of each of its objects, with all that stands outside. A path is its keys joined by dots, also where a key has dots itself;
a path that comes again replaces the one before, wherever it stood.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from quietzone_notification.patterns._errors import InvalidPattern, TooComplex
from quietzone_notification.patterns._json import MAX_PATTERN_CHARACTERS, MAX_PATTERN_DEPTH, Pairs, read_pattern
from quietzone_notification.patterns._operators import read_test
from quietzone_notification.patterns._several import Several
from quietzone_notification.patterns._values import Equals, Test, Text, Value

MAX_COMBINATIONS = (
    1_000  # EventBridge's own: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns-content-based-filtering.html
)
MAX_FIELDS = 20_000  # of all alternatives together: what is compared for one event within 50 ms, if no alternative fits

MANY = 50  # values of a path in an event, from which on lookups are made for them: that takes as long as some ten values

OR = "$or"
_RESERVED_IN_OR = frozenset(
    (
        *("exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr"),
        *("=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case"),
        *("date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"),
        *("ip-address-in-range", "ip-address-not-in-range"),
    )
)
"""Names of operators, ours and future ones, that can't be keys within `$or` (Constants of event-ruler)."""


class Field:
    """A path and what its values are tested for.

    `absent`: the path may also have no value. `tests` are none if it has to be absent.
    """

    __slots__ = ("__weakref__", "_exact", "_rest", "absent", "path", "tests")

    def __init__(self, path: str, tests: tuple[Test, ...], *, absent: bool) -> None:
        self.path = path
        self.tests = tests
        self.absent = absent
        self._exact = frozenset(test.text if isinstance(test, Text) else test.number for test in tests if isinstance(test, Text | Equals))
        self._rest = tuple(test for test in tests if not isinstance(test, Text | Equals))

    def matches(self, value: Value) -> bool:
        """Whether a value passes one of the tests."""
        if type(value) is not bool and value in self._exact:
            return True
        return any(test.matches(value) for test in self._rest)

    def fitting(self, values: Sequence[Value]) -> Iterator[bool]:
        """For each of some values whether it passes one of the tests."""
        if len(values) < MANY or not self._rest:
            return map(self.matches, values)
        several, exact = Several(self._rest), self._exact
        return ((type(value) is not bool and value in exact) or several.matches(value) for value in values)

    def wanted(self) -> tuple[str, ...]:
        """The tests, as JSON."""
        return (*map(str, self.tests), *(['{"exists": false}'] if self.absent else []))


Fields = dict[str, Field]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a reader is: the path of what stands here, with a dot behind it, the place in the pattern, and whether `$or` is around."""

    path: str = ""
    where: str = ""
    in_or: bool = False

    def at(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


@dataclass(slots=True)
class _Reader:
    """What counts while a pattern is read."""

    fields: int = 0

    def read(self, pairs: Pairs, place: _Place, before: list[Fields]) -> list[Fields]:
        """`before`, each with what an object adds."""
        if not pairs:
            raise InvalidPattern(place.where, "Empty objects are not allowed")
        for key, value in pairs:
            where = place.at(key)
            if key == OR:
                before = self._or(value, _Place(place.path, where, in_or=True), before)
            elif place.in_or and key in _RESERVED_IN_OR:
                raise InvalidPattern(where, f"{key} is reserved for operators and cannot be used inside {OR}")
            elif isinstance(value, Pairs):
                before = self.read(value, _Place(f"{place.path}{key}.", where, place.in_or), before)
            elif isinstance(value, list):
                before = self._add(_read_field(place.path + key, value, where), before)
            else:
                raise InvalidPattern(where, f'"{key}" must be an object or an array')
        return before

    def _or(self, value: object, place: _Place, before: list[Fields]) -> list[Fields]:
        if not isinstance(value, list):
            raise InvalidPattern(place.where, f"It must be an Array followed with {OR}.")
        if len(value) < 2:
            raise InvalidPattern(place.where, f"There must have at least 2 Objects in {OR} relationship.")
        after: list[Fields] = []
        for number, each in enumerate(value):
            here = _Place(place.path, f"{place.where}[{number}]", in_or=True)
            if not isinstance(each, Pairs):
                raise InvalidPattern(here.where, f"Only JSON object is allowed in array of {OR} relationship.")
            self._count(sum(map(len, before)), place.where)
            after += self.read(each, here, [fields.copy() for fields in before])
            if len(after) > MAX_COMBINATIONS:
                raise TooComplex(place.where, f"{OR} makes more than {MAX_COMBINATIONS:,} combinations; use several rules")
        return after

    def _add(self, field: Field, before: list[Fields]) -> list[Fields]:
        if field.path.count(".") >= MAX_PATTERN_DEPTH:  # dots nest, too
            raise InvalidPattern(field.path, f"it is nested too deeply; {MAX_PATTERN_DEPTH} levels are the most")
        self._count(len(before), field.path)
        for fields in before:
            fields[field.path] = field
        return before

    def _count(self, fields: int, where: str) -> None:
        self.fields += fields
        if self.fields > MAX_FIELDS:
            raise TooComplex(where, f"the alternatives of {OR} have more than {MAX_FIELDS:,} fields together; use several rules")


def read_fields(text: str, *, max_characters: int = MAX_PATTERN_CHARACTERS) -> list[tuple[Field, ...]]:
    """The alternatives of a pattern, each with its fields in the order of their paths.

    Raises:
        InvalidPattern: with path and reason.
    """
    read = read_pattern(text, max_characters=max_characters)
    if not isinstance(read, Pairs):
        raise InvalidPattern("", "Filter is not an object")
    # Java orders texts by their UTF-16; which absences see which element of an array depends on it.
    return [
        tuple(sorted(fields.values(), key=lambda field: field.path.encode("utf-16-be", "surrogatepass")))
        for fields in _Reader().read(read, _Place(), [{}])
    ]


def _read_field(path: str, values: list[object], where: str) -> Field:
    if not values:
        raise InvalidPattern(where, "Empty arrays are not allowed")
    tests = [read_test(value, f"{where}[{number}]") for number, value in enumerate(values)]
    return Field(path, tuple(dict.fromkeys(test for test in tests if test is not None)), absent=None in tests)
