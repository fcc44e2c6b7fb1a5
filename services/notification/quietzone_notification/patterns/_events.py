"""The values of an event at the paths that somebody asks for, taken in one walk.

A path is the keys on the way to a leaf, joined by dots; a key with dots stands for several. Arrays aren't in paths: their members
stand where the array stands. But each value knows the *chain* of the array elements around it, because values of different elements
of one array don't match together (ArrayMembership of event-ruler). Only objects and arrays are elements; a text or a number
in an array belongs to all of it.
"""

from collections.abc import Mapping
from typing import TypeAlias

from quietzone_notification.patterns._values import Value, normal

Chain: TypeAlias = tuple[tuple[int, int], ...]
"""(array, index) from the outermost array to the innermost. An array's number is its own within an event."""

FREE: Chain = ()
"""Of a value outside of arrays' elements."""


class Steps:
    """Paths as a tree of their steps, each with how often it was added."""

    __slots__ = ("below", "path", "times")

    def __init__(self) -> None:
        self.below: dict[str, Steps] = {}
        self.path: str | None = None
        self.times = 0

    def add(self, path: str) -> None:
        """Ask for a path, once more."""
        node = self
        for step in path.split("."):
            node = node.below.setdefault(step, Steps())
        node.path = path
        node.times += 1

    def remove(self, path: str) -> None:
        """Take back one `add`."""
        way = [(self, "")]
        for step in path.split("."):
            way.append((way[-1][0].below[step], step))
        node = way[-1][0]
        node.times -= 1
        if not node.times:
            node.path = None
        for (above, _), (below, step) in zip(reversed(way[:-1]), reversed(way), strict=False):
            if below.path is None and not below.below:
                del above.below[step]

    def values_of(self, event: Mapping[str, object]) -> "Found":
        """The values of an event at these paths.

        Raises:
            InvalidEvent: one of them is nothing that JSON has.
        """
        found = Found()
        self.collect(event, FREE, found)
        return found

    def collect(self, event: Mapping[str, object], chain: Chain, found: "Found") -> None:
        """Add to `found` the values of an object that stands here."""
        steps = self.below
        for key, value in event.items():
            step = steps.get(key) or ("." in key and self._dotted(key))
            if not step:
                continue
            kind = type(value)
            if kind is dict:
                step.collect(value, chain, found)  # type: ignore[arg-type] # isinstance would say so, in twice the time
            elif kind is list:
                step.collect_array(value, chain, found)  # type: ignore[arg-type]
            elif step.path is not None:
                found.add(step.path, value, chain)

    def _dotted(self, key: str) -> "Steps | None":
        node: Steps | None = self
        for step in key.split("."):
            node = node.below.get(step) if node is not None else None
        return node

    def collect_array(self, members: list[object], around: Chain, found: "Found") -> None:
        """The same for an array. Arrays in arrays are taken in turn, not by calls: an event may have thousands."""
        waiting = [(members, around)]
        while waiting:
            members, chain = waiting.pop()
            number = found.number_array()
            for index, member in enumerate(members):
                kind = type(member)
                if kind is dict:
                    if self.below:
                        found.in_arrays = True
                        self.collect(member, (*chain, (number, index)), found)  # type: ignore[arg-type]
                elif kind is list:
                    found.in_arrays = True
                    waiting.append((member, (*chain, (number, index))))  # type: ignore[arg-type]
                elif self.path is not None:
                    found.add(self.path, member, chain)


class Found:
    """Values by path, each with its chain."""

    __slots__ = ("_arrays", "chains", "in_arrays", "values")

    def __init__(self) -> None:
        self.values: dict[str, list[Value]] = {}
        self.chains: dict[str, list[Chain]] = {}
        self.in_arrays = False
        """Whether any chain isn't free. While it isn't set, `chains` needn't be looked at."""
        self._arrays = 0

    def add(self, path: str, leaf: object, chain: Chain) -> None:
        """One more value at a path."""
        value = leaf if type(leaf) is str else normal(leaf)
        values = self.values.get(path)
        if values is None:
            self.values[path] = [value]
            self.chains[path] = [chain]
        else:
            values.append(value)
            self.chains[path].append(chain)

    def number_array(self) -> int:
        """A number for an array."""
        self._arrays += 1
        return self._arrays
