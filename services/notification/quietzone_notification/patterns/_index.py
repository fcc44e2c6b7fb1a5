"""Many alternatives as a tree in which an event meets few of them.

A node waits until it has more alternatives than can be tried at once, then spreads them: each goes below the one of its paths that tells
most, to a node of its own for each test there. An event goes down wherever one of its values passes a test, so that what it meets at the
end has much in common with it; that is tried in full. After BE-Tree (Sadoghi and Jacobsen, SIGMOD 2011), with a lookup
for each operator.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import TypeAlias
from weakref import WeakValueDictionary

from quietzone_notification.patterns._events import Found
from quietzone_notification.patterns._lookups import AddressTests, FoldedTests, PrefixTests, RangeTests, SuffixTests, WildcardTests
from quietzone_notification.patterns._reading import Field
from quietzone_notification.patterns._values import (
    AddressIs,
    AnythingBut,
    Cidr,
    Equals,
    Exists,
    Folded,
    Literal,
    Prefix,
    Range,
    Suffix,
    Test,
    Text,
    Value,
    Wildcard,
)

MOST_WAITING = 8  # a try costs about as much as a step down the tree, and a node more memory than an alternative
MOST_PLACES = 1_024  # of one alternative: paths with many values each would multiply; it is tried a little too often instead
MOST_LEVELS = 8  # rules that agree in the eight paths that tell most are hardly told apart by a ninth

_TELLS_LITTLE = 2

_PRESENT = Exists()
"""Stands for tests that nearly each value passes: `exists` and `anything-but`."""


class Shared:
    """How many alternatives of a tree have a test, wherever they are in it, and the one object for fields that are alike.

    Ten thousand rules ask for the same source: were it ten thousand fields, a processor would wait for each.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, Test | None], int] = {}
        self._fields: WeakValueDictionary[tuple[str, tuple[Test, ...], bool], Field] = WeakValueDictionary()

    def same(self, field: Field) -> Field:
        """The first of the fields that are alike."""
        return self._fields.setdefault((field.path, field.tests, field.absent), field)

    def count(self, fields: Sequence[Field], by: int) -> None:
        """Count an alternative's tests in (1) or out (-1)."""
        for field in fields:
            for key in _keys(field):
                count = self._counts.get((field.path, key), 0) + by
                if count:
                    self._counts[field.path, key] = count
                else:
                    del self._counts[field.path, key]

    def cost(self, field: Field) -> tuple[int, int, int]:
        """How little a field tells: by the kind of its tests, by how many have the most common of them, by their number."""
        keys = _keys(field)
        most = max(self._counts[field.path, key] for key in keys)
        return (max(map(_rank, keys)), most, len(keys))


class Entry:
    """An alternative of a rule, and the nodes that it is in."""

    __slots__ = ("fields", "places", "rule")

    def __init__(self, rule: Hashable, fields: Sequence[Field]) -> None:
        self.rule = rule
        self.fields = fields
        self.places: list[Node] = []


class Node:
    """Alternatives that have passed the same tests so far."""

    __slots__ = ("_absents", "_indexes", "above", "entries", "shared", "size", "used")

    def __init__(self, shared: "Shared", above: "tuple[Node, str, Test | None] | None" = None) -> None:
        self.shared = shared
        self.entries: dict[Entry, tuple[Field, ...]] = {}
        """To be tried here, each with the fields that are left: whoever came down here has passed the others, unless arrays part them."""
        self.size = 0
        """How many places of alternatives are here and below."""
        self._indexes: dict[str, _Index] = {}
        self._absents: dict[str, Node] = {}
        self.above = above
        self.used: frozenset[str] = above[0].used | {above[1]} if above is not None else frozenset()

    def insert(self, entry: Entry) -> None:
        """Place an alternative here or below."""
        field = self._best_field(entry)
        if field is None:
            self._place(entry)
        elif self._indexes or self._absents:
            self._push(entry, field)
        else:
            self._place(entry)
            if len(self.entries) > MOST_WAITING:
                self._spread()

    def below(self, found: Found, nodes: "list[Node]") -> None:
        """Add to `nodes` those that an event goes on to."""
        values, indexes = found.values, self._indexes
        if len(indexes) < len(values):
            for path, index in indexes.items():
                here = values.get(path)
                if here is not None:
                    index.find_all(here, nodes)
        else:
            for path, here in values.items():
                below = indexes.get(path)
                if below is not None:
                    below.find_all(here, nodes)
        for path, node in self._absents.items():
            if found.in_arrays or path not in values:
                nodes.append(node)

    def remove(self, entry: Entry) -> None:
        """Take an alternative out of this node, and nodes that have become empty out of the tree."""
        del self.entries[entry]
        self._grow(-1)
        node = self
        while node.above is not None and not node.size:
            above, path, test = node.above
            above.drop(path, test)
            node = above

    def _place(self, entry: Entry) -> None:
        self.entries[entry] = tuple(field for field in entry.fields if field.path not in self.used or _PRESENT in _keys(field))
        entry.places.append(self)
        self._grow(1)

    def _grow(self, by: int) -> None:
        node: Node | None = self
        while node is not None:
            node.size += by
            node = node.above[0] if node.above is not None else None

    def _spread(self) -> None:
        for entry in list(self.entries):
            field = self._best_field(entry)
            if field is not None:
                del self.entries[entry]
                entry.places.remove(self)
                self._grow(-1)
                self._push(entry, field)

    def _push(self, entry: Entry, field: Field) -> None:
        for key in _keys(field):
            self._child(field.path, key).insert(entry)

    def _best_field(self, entry: Entry) -> Field | None:
        """The field that tells most: exact values first, then those that fewest others have. None: nothing more is to be gained."""
        if len(self.used) >= MOST_LEVELS:
            return None
        best, least = None, (_TELLS_LITTLE + 1, 0, 0)
        places = math.prod(len(_keys(field)) for field in entry.fields if field.path in self.used)
        for field in entry.fields:
            if field.path not in self.used:
                cost = self.shared.cost(field)
                if cost < least and places * cost[-1] <= MOST_PLACES:
                    best, least = field, cost
        return best

    def _child(self, path: str, key: Test | None) -> "Node":
        if key is None:
            node = self._absents.get(path)
            if node is None:
                node = self._absents[path] = Node(self.shared, (self, path, None))
            return node
        index = self._indexes.get(path)
        if index is None:
            index = self._indexes[path] = _Index()
        node = index.nodes.get(key)
        if node is None:
            node = Node(self.shared, (self, path, key))
            index.add(key, node)
        return node

    def drop(self, path: str, key: Test | None) -> None:
        """Forget the node below a path and a test."""
        if key is None:
            del self._absents[path]
            return
        index = self._indexes[path]
        index.remove(key)
        if not index.nodes:
            del self._indexes[path]


_TextLookup: TypeAlias = PrefixTests[Node] | SuffixTests[Node] | FoldedTests[Node] | AddressTests[Node] | WildcardTests[Node]


class _Index:
    """The nodes below one path, by their tests."""

    __slots__ = ("_exact", "_finds", "_literals", "_present", "_ranges", "_texts", "nodes")

    def __init__(self) -> None:
        self.nodes: dict[Test, Node] = {}
        self._exact: dict[Value, Node] = {}
        self._literals: dict[Value, Node] = {}
        self._present: Node | None = None
        self._ranges: RangeTests[Node] = RangeTests()
        self._texts: dict[type, _TextLookup] = {}
        self._finds: list[Callable[[str, list[Node]], None]] = []

    def add(self, test: Test, node: Node) -> None:
        """Find a node by a test."""
        self.nodes[test] = node
        if isinstance(test, Exists):
            self._present = node
        elif isinstance(test, Range):
            self._ranges.add(test, node)
        elif isinstance(test, Text | Equals | Literal):
            self._values_of(test)[_value(test)] = node
        else:
            self._lookup(test).add(test, node)  # type: ignore[arg-type]

    def remove(self, test: Test) -> None:
        """Don't find a test's node any more."""
        del self.nodes[test]
        if isinstance(test, Exists):
            self._present = None
        elif isinstance(test, Range):
            self._ranges.remove(test)
        elif isinstance(test, Text | Equals | Literal):
            del self._values_of(test)[_value(test)]
        else:
            lookup = self._lookup(test)
            lookup.remove(test)  # type: ignore[arg-type]
            if not lookup:
                self._texts = {kind: each for kind, each in self._texts.items() if each is not lookup}
                self._finds = [each.find for each in self._texts.values()]

    def find_all(self, values: list[Value], nodes: list[Node]) -> None:
        """Add to `nodes` those whose tests one of the values passes."""
        if len(values) == 1:
            self._find(values[0], nodes)
        else:
            several: list[Node] = []
            for value in values:
                self._find(value, several)
            nodes += dict.fromkeys(several)

    def _find(self, value: Value, nodes: list[Node]) -> None:
        if isinstance(value, str):
            node = self._exact.get(value)
            for find in self._finds:
                find(value, nodes)
        elif value is None or isinstance(value, bool):
            node = self._literals.get(value)
        else:
            node = self._exact.get(value)
            if self._ranges and isinstance(value, int | float):
                self._ranges.find(value, nodes)
        if node is not None:
            nodes.append(node)
        if self._present is not None:
            nodes.append(self._present)

    def _values_of(self, test: Text | Equals | Literal) -> dict[Value, Node]:
        return self._literals if isinstance(test, Literal) else self._exact

    def _lookup(self, test: Test) -> _TextLookup:
        kind = AddressTests if isinstance(test, Cidr | AddressIs) else _LOOKUPS[type(test)]
        lookup = self._texts.get(kind)
        if lookup is None:
            lookup = self._texts[kind] = kind()
            self._finds.append(lookup.find)
        return lookup


_LOOKUPS: dict[type, type[_TextLookup]] = {Prefix: PrefixTests, Suffix: SuffixTests, Folded: FoldedTests, Wildcard: WildcardTests}


def _keys(field: Field) -> Sequence[Test | None]:
    """Tests of which a matching event passes one; None: it has no value there."""
    if any(isinstance(test, AnythingBut | Exists) for test in field.tests):
        return [_PRESENT, None] if field.absent else [_PRESENT]
    return [*field.tests, None] if field.absent else field.tests


def _rank(test: Test | None) -> int:
    """How little a test tells."""
    if test is None or isinstance(test, Exists):
        return _TELLS_LITTLE
    return 0 if isinstance(test, Text | Equals | Literal | AddressIs) or (isinstance(test, Folded) and test.part == "all") else 1


def _value(test: Text | Equals | Literal) -> Value:
    if isinstance(test, Text):
        return test.text
    return test.number if isinstance(test, Equals) else test.value
