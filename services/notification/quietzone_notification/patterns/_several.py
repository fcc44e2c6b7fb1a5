"""Several tests at one path, for the many values that an array has: each is looked up, where trying every test would multiply them."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from quietzone_notification.patterns._lookups import AddressTests, FoldedTests, PrefixTests, RangeTests, SuffixTests, WildcardTests
from quietzone_notification.patterns._values import AddressIs, AnythingBut, Cidr, Folded, Prefix, Range, Suffix, Test, Value, Wildcard

_Lookup: TypeAlias = PrefixTests[bool] | SuffixTests[bool] | FoldedTests[bool] | AddressTests[bool] | WildcardTests[bool]

_KINDS: dict[type, type[_Lookup]] = {
    Prefix: PrefixTests,
    Suffix: SuffixTests,
    Folded: FoldedTests,
    Wildcard: WildcardTests,
    Cidr: AddressTests,
    AddressIs: AddressTests,
}


class Several:
    """Tests, ready for many values."""

    __slots__ = ("_butts", "_finds", "_others", "_ranges")

    def __init__(self, tests: Iterable[Test]) -> None:
        lookups: dict[type[_Lookup], _Lookup] = {}
        self._ranges: RangeTests[bool] = RangeTests()
        self._butts: list[tuple[AnythingBut, Several]] = []
        self._others: list[Test] = []
        for test in tests:
            kind = _KINDS.get(type(test))
            if kind is not None:
                lookups.setdefault(kind, kind()).add(test, True)  # type: ignore[arg-type] # each kind takes its own
            elif isinstance(test, Range):
                self._ranges.add(test, True)
            elif isinstance(test, AnythingBut):
                self._butts.append((test, Several(test.tests)))
            else:
                self._others.append(test)
        self._finds: list[Callable[[str, list[bool]], None]] = [lookup.find for lookup in lookups.values()]

    def matches(self, value: Value) -> bool:
        """Whether a value passes one of the tests."""
        found: list[bool] = []
        if isinstance(value, str):
            for find in self._finds:
                find(value, found)
                if found:
                    return True
        elif self._ranges and type(value) in (int, float):
            self._ranges.find(value, found)  # type: ignore[arg-type] # it is a number
            if found:
                return True
        if any(not but.excludes(value) and not tests.matches(value) for but, tests in self._butts):
            return True
        return any(test.matches(value) for test in self._others)
