"""Many patterns at once: which of them an event matches, by work that hardly depends on how many there are."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from quietzone_notification.patterns._arrays import Trial
from quietzone_notification.patterns._events import Steps
from quietzone_notification.patterns._index import Entry, Node, Shared
from quietzone_notification.patterns._pattern import Pattern

MAX_RULES = 100_000  # of one set: about 2.4 kB each, and EventBridge gives a bus 300

RuleId = TypeVar("RuleId", bound=Hashable)


class RuleSet(Generic[RuleId]):
    """Rules by their ids. Changes take effect with the next event; they cost about as much as compiling the pattern did."""

    def __init__(self) -> None:
        self._steps = Steps()
        self._shared = Shared()
        self._root = Node(self._shared)
        self._entries: dict[RuleId, list[Entry]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, rule: RuleId) -> bool:
        return rule in self._entries

    def add(self, rule: RuleId, pattern: Pattern) -> None:
        """Add a rule, or give it another pattern.

        Raises:
            ValueError: there are `MAX_RULES` already.
        """
        if rule in self._entries:
            self.remove(rule)
        elif len(self._entries) >= MAX_RULES:
            raise ValueError(f"a set takes {MAX_RULES:,} rules; make another set for more")
        entries = self._entries[rule] = [Entry(rule, tuple(map(self._shared.same, fields))) for fields in pattern.alternatives]
        for entry in entries:
            self._shared.count(entry.fields, 1)
            self._root.insert(entry)
            for field in entry.fields:
                self._steps.add(field.path)

    def remove(self, rule: RuleId) -> None:
        """Take a rule out.

        Raises:
            KeyError: there is no such rule.
        """
        for entry in self._entries.pop(rule):
            for node in entry.places:
                node.remove(entry)
            self._shared.count(entry.fields, -1)
            for field in entry.fields:
                self._steps.remove(field.path)

    def matching(self, event: dict[str, object]) -> set[RuleId]:
        """The rules whose patterns an event matches: those for which `Pattern.matches` says so.

        Raises:
            InvalidEvent: a value at one of the rules' paths is nothing that JSON has.
        """
        found = self._steps.values_of(event)
        trial = Trial(found)
        matched: set[Hashable] = set()
        waiting = [self._root]
        while waiting:
            node = waiting.pop()
            for entry, left in node.entries.items():
                if entry.rule not in matched and trial.matches(entry.fields if found.in_arrays else left):
                    matched.add(entry.rule)
            if node.size > len(node.entries):
                node.below(found, waiting)
        return matched  # type: ignore[return-value] # entries know their rules as hashables only
