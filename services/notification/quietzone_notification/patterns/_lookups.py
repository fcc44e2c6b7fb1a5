"""From a value to the tests that it passes, without trying each of them: one class for each kind of test.

A lookup holds something of the caller's for each test, and gives it for every test that a value passes.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Generic, TypeVar

from quietzone_notification.patterns._addresses import Address, Network, masked, read_address
from quietzone_notification.patterns._values import AddressIs, Cidr, Folded, Prefix, Range, Suffix, Wildcard, fold

T = TypeVar("T")

GRAM = 6  # characters of a wildcard by which it is found: fewer would be shared by more, more would miss short texts
WIDE = 32  # ends of other ranges within a range, from which on it isn't held for each of them


class Prefixes(Generic[T]):
    """Texts that values begin with, by their length: a look for each length that there is, up to the value's."""

    def __init__(self) -> None:
        self._by_length: dict[int, dict[str, T]] = {}
        """In the order of the lengths."""

    def __bool__(self) -> bool:
        return bool(self._by_length)

    def get(self, text: str) -> T | None:
        """What a text holds."""
        return self._by_length.get(len(text), {}).get(text)

    def add(self, text: str, held: T) -> None:
        """Hold something for a text."""
        texts = self._by_length.get(len(text))
        if texts is None:
            texts = self._by_length[len(text)] = {}
            self._by_length = dict(sorted(self._by_length.items()))
        texts[text] = held

    def remove(self, text: str) -> None:
        """Forget a text."""
        texts = self._by_length[len(text)]
        del texts[text]
        if not texts:
            del self._by_length[len(text)]

    def find(self, value: str, found: list[T]) -> None:
        """Add to `found` what is held for beginnings of a value."""
        size = len(value)
        for length, texts in self._by_length.items():
            if length > size:
                return
            held = texts.get(value[:length])
            if held is not None:
                found.append(held)


class Suffixes(Prefixes[T]):
    """Texts that values end with."""

    def find(self, value: str, found: list[T]) -> None:
        """Add to `found` what is held for ends of a value."""
        size = len(value)
        for length, texts in self._by_length.items():
            if length > size:
                return
            held = texts.get(value[size - length :])
            if held is not None:
                found.append(held)


class PrefixTests(Generic[T]):
    """`prefix`."""

    def __init__(self) -> None:
        self._texts: Prefixes[T] = Prefixes()
        self.find = self._texts.find

    def __bool__(self) -> bool:
        return bool(self._texts)

    def add(self, test: Prefix, held: T) -> None:
        """Hold something for a test."""
        self._texts.add(test.text, held)

    def remove(self, test: Prefix) -> None:
        """Forget a test."""
        self._texts.remove(test.text)


class SuffixTests(Generic[T]):
    """`suffix`."""

    def __init__(self) -> None:
        self._texts: Suffixes[T] = Suffixes()
        self.find = self._texts.find

    def __bool__(self) -> bool:
        return bool(self._texts)

    def add(self, test: Suffix, held: T) -> None:
        """Hold something for a test."""
        self._texts.add(test.text, held)

    def remove(self, test: Suffix) -> None:
        """Forget a test."""
        self._texts.remove(test.text)


class FoldedTests(Generic[T]):
    """`equals-ignore-case`, of the whole, a beginning or an end."""

    def __init__(self) -> None:
        self._whole: dict[str, T] = {}
        self._parts: dict[str, Prefixes[T]] = {"prefix": Prefixes(), "suffix": Suffixes()}

    def __bool__(self) -> bool:
        return bool(self._whole or any(self._parts.values()))

    def add(self, test: Folded, held: T) -> None:
        """Hold something for a test."""
        if test.part == "all":
            self._whole[test.text] = held
        else:
            self._parts[test.part].add(test.text, held)

    def remove(self, test: Folded) -> None:
        """Forget a test."""
        if test.part == "all":
            del self._whole[test.text]
        else:
            self._parts[test.part].remove(test.text)

    def find(self, value: str, found: list[T]) -> None:
        """Add to `found` what is held for the tests that a value passes."""
        folded = fold(value)
        held = self._whole.get(folded)
        if held is not None:
            found.append(held)
        for part in self._parts.values():
            if part:
                part.find(folded, found)


class AddressTests(Generic[T]):
    """`cidr`, and exact values that are addresses: by the length of the network's prefix."""

    def __init__(self) -> None:
        self._networks: dict[tuple[int, int], dict[int, T]] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def add(self, test: Cidr | AddressIs, held: T) -> None:
        """Hold something for a test."""
        network = _network(test)
        self._networks.setdefault((network.bits, network.prefix), {})[network.number] = held

    def remove(self, test: Cidr | AddressIs) -> None:
        """Forget a test."""
        network = _network(test)
        numbers = self._networks[network.bits, network.prefix]
        del numbers[network.number]
        if not numbers:
            del self._networks[network.bits, network.prefix]

    def find(self, value: str, found: list[T]) -> None:
        """Add to `found` what is held for the tests that a value passes."""
        address = read_address(value)
        if address is None:
            return
        for (bits, prefix), numbers in self._networks.items():
            if bits == address.bits:
                held = numbers.get(masked(address, prefix))
                if held is not None:
                    found.append(held)


class WildcardTests(Generic[T]):
    """`wildcard`: found by a beginning, an end or some characters between, whichever fewest others share; then tried."""

    def __init__(self) -> None:
        self._beginnings: Prefixes[dict[Wildcard, T]] = Prefixes()
        self._ends: Suffixes[dict[Wildcard, T]] = Suffixes()
        self._grams: dict[int, dict[str, dict[Wildcard, T]]] = {}
        self._anchors: dict[Wildcard, tuple[str, str]] = {}

    def __bool__(self) -> bool:
        return bool(self._anchors)

    def add(self, test: Wildcard, held: T) -> None:
        """Hold something for a test."""
        anchors = [("beginning", test.pieces[0]), ("end", test.pieces[-1]), *(("gram", gram) for gram in _grams(test.pieces[1:-1]))]
        kind, text = min(anchors, key=lambda anchor: (not anchor[1], len(self._group(*anchor) or ()), -len(anchor[1])))
        group = self._group(kind, text)
        if group is None:
            group = {}
            if kind == "gram":
                self._grams.setdefault(len(text), {})[text] = group
            else:
                self._texts(kind).add(text, group)
        group[test] = held
        self._anchors[test] = (kind, text)

    def remove(self, test: Wildcard) -> None:
        """Forget a test."""
        kind, text = self._anchors.pop(test)
        group = self._group(kind, text)
        if group is None:
            raise KeyError(test)
        del group[test]
        if group:
            return
        if kind != "gram":
            self._texts(kind).remove(text)
            return
        del self._grams[len(text)][text]
        if not self._grams[len(text)]:
            del self._grams[len(text)]

    def find(self, value: str, found: list[T]) -> None:
        """Add to `found` what is held for the tests that a value passes."""
        groups: list[dict[Wildcard, T]] = []
        if self._beginnings:
            self._beginnings.find(value, groups)
        if self._ends:
            self._ends.find(value, groups)
        for length, grams in self._grams.items():
            there = {value[at : at + length] for at in range(len(value) - length + 1)}
            groups += [grams[gram] for gram in there & grams.keys()]
        for group in groups:
            found += [held for test, held in group.items() if test.matches(value)]

    def _group(self, kind: str, text: str) -> dict[Wildcard, T] | None:
        return self._grams.get(len(text), {}).get(text) if kind == "gram" else self._texts(kind).get(text)

    def _texts(self, kind: str) -> Prefixes[dict[Wildcard, T]]:
        return self._beginnings if kind == "beginning" else self._ends


class RangeTests(Generic[T]):
    """`numeric` ranges: between two ends of ranges every number is in the same ones. Made anew at the first look after a change."""

    def __init__(self) -> None:
        self._tests: dict[Range, T] = {}
        self._made: _Ranges[T] | None = None

    def __bool__(self) -> bool:
        return bool(self._tests)

    def add(self, test: Range, held: T) -> None:
        """Hold something for a test."""
        self._tests[test] = held
        self._made = None

    def remove(self, test: Range) -> None:
        """Forget a test."""
        del self._tests[test]
        self._made = None

    def find(self, value: float, found: list[T]) -> None:
        """Add to `found` what is held for the tests that a number passes."""
        if self._made is None:
            self._made = _Ranges([item for item in self._tests.items() if item[0].low <= item[0].high])
        self._made.find(value, found)


class _Ranges(Generic[T]):
    """Narrow ranges by the gaps between ends that they cover, wide ones as an interval tree: each takes room for itself only."""

    __slots__ = ("_ends", "_gaps", "_wide")

    def __init__(self, items: list[tuple[Range, T]]) -> None:
        self._ends = sorted({end for test, _ in items for end in (test.low, math.nextafter(test.high, math.inf))})
        self._gaps: list[list[T]] = [[] for _ in range(len(self._ends) + 1)]
        wide = []
        for test, held in items:
            first, behind = bisect_right(self._ends, test.low), bisect_right(self._ends, test.high) + 1
            if behind - first > WIDE:
                wide.append((test, held))
                continue
            for gap in self._gaps[first:behind]:
                gap.append(held)
        self._wide: _Centre[T] | None = _Centre(wide) if wide else None

    def find(self, value: float, found: list[T]) -> None:
        """Add what is held for ranges that a value is in."""
        found += self._gaps[bisect_right(self._ends, value)]
        node = self._wide
        while node is not None:
            node = node.find(value, found)


class _Centre(Generic[T]):
    """A node of an interval tree (de Berg et al., Computational Geometry, 10.1): ranges that hold a number, by their ends, and those wholly
    below and above it.
    """

    __slots__ = ("_above", "_at", "_below", "_by_high", "_by_low", "_highs", "_lows")

    def __init__(self, items: list[tuple[Range, T]]) -> None:
        ends = sorted(end for test, _ in items for end in (test.low, test.high))
        self._at = ends[len(ends) // 2]
        here = [item for item in items if item[0].low <= self._at <= item[0].high]
        by_low = sorted(here, key=lambda item: item[0].low)
        by_high = sorted(here, key=lambda item: item[0].high)
        self._lows, self._by_low = [test.low for test, _ in by_low], [held for _, held in by_low]
        self._highs, self._by_high = [test.high for test, _ in by_high], [held for _, held in by_high]
        below, above = [item for item in items if item[0].high < self._at], [item for item in items if item[0].low > self._at]
        self._below: _Centre[T] | None = _Centre(below) if below else None
        self._above: _Centre[T] | None = _Centre(above) if above else None

    def find(self, value: float, found: list[T]) -> "_Centre[T] | None":
        """Add what holds a value here; where to look next."""
        if value < self._at:
            found += self._by_low[: bisect_right(self._lows, value)]
            return self._below
        found += self._by_high[bisect_left(self._highs, value) :]
        return self._above if value > self._at else None


def _network(test: Cidr | AddressIs) -> Network:
    if isinstance(test, Cidr):
        return test.network
    address: Address = test.address
    return Network(address.bits, address.bits, address.number)


def _grams(pieces: Iterable[str]) -> set[str]:
    """What to find a text by that has these pieces in it."""
    return {piece[at : at + GRAM] for piece in pieces if piece for at in range(max(1, len(piece) - GRAM + 1))}
