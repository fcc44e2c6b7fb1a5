"""Whether an event has values for all fields of an alternative that match together.

Values match together unless they are in different elements of one array. An absent field has no value that would match together with
those of the fields before it, in the order of paths: as AWS's engine does it (StructuredFinder of event-ruler).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from quietzone_notification.patterns._events import FREE, Chain, Found
from quietzone_notification.patterns._reading import Field
from quietzone_notification.patterns._values import Value

Chosen: TypeAlias = frozenset[tuple[int, int]]
"""Of which arrays which element was chosen."""


class _Chains:
    """Chains as a tree: those that go together with what was chosen are found without looking at the others."""

    __slots__ = ("below", "end")

    def __init__(self, chains: Iterable[Chain] = ()) -> None:
        self.below: dict[int, dict[int, _Chains]] = {}
        self.end: Chain | None = None
        for chain in chains:
            node = self
            for array, index in chain:
                elements = node.below.setdefault(array, {})
                below = elements.get(index)
                if below is None:
                    below = elements[index] = _Chains()
                node = below
            node.end = chain

    def together_with(self, chosen: dict[int, int]) -> Iterable[Chain]:
        """Chains that name no other element of an array than the chosen one."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if node.end is not None:
                yield node.end
            for array, elements in node.below.items():
                index = chosen.get(array)
                if index is None:
                    waiting.extend(elements.values())
                elif index in elements:
                    waiting.append(elements[index])


@dataclass(frozen=True, slots=True)
class _Choice:
    """What there is to choose from for a field."""

    absent: bool
    """It may also have nothing."""
    fitting: set[Chain]
    """Chains of the values that fit."""
    present: set[Chain]
    """Chains of all its values."""
    arrays: set[int]


class Trial:
    """An event's values, held against one alternative after the other.

    Alternatives share fields: what a field finds among many values is found once.
    """

    __slots__ = ("_choices", "_fits", "found")

    def __init__(self, found: Found) -> None:
        self.found = found
        self._fits: dict[Field, bool] = {}
        self._choices: dict[Field, _Choice] = {}

    def matches(self, fields: Sequence[Field]) -> bool:
        """Whether all fields of an alternative match together."""
        values = self.found.values
        in_arrays = self.found.in_arrays
        for field in fields:
            here = values.get(field.path)
            if here is None:
                if not field.absent:
                    return False
            elif in_arrays and field.absent:
                continue
            elif not (field.matches(here[0]) if len(here) == 1 else self._any(field, here)):
                return False
        return not in_arrays or all(map(_match_together, self._groups(fields)))

    def _any(self, field: Field, values: list[Value]) -> bool:
        fits = self._fits.get(field)
        if fits is None:
            fits = self._fits[field] = any(field.fitting(values))
        return fits

    def _groups(self, fields: Sequence[Field]) -> list[list[_Choice]]:
        """The fields' choices; in different groups are those that no array is around together, so that one says nothing about the other."""
        groups: list[tuple[set[int], list[tuple[int, _Choice]]]] = []
        for number, field in enumerate(fields):
            choice = self._choice(field)
            apart, arrays, together = [], choice.arrays, [(number, choice)]
            for group in groups:
                if group[0].isdisjoint(choice.arrays):
                    apart.append(group)
                else:
                    arrays, together = arrays | group[0], group[1] + together
            groups = [*apart, (arrays, together)]
        return [[choice for _, choice in sorted(choices, key=lambda each: each[0])] for _, choices in groups]

    def _choice(self, field: Field) -> _Choice:
        choice = self._choices.get(field)
        if choice is None:
            values, chains = self.found.values.get(field.path, []), self.found.chains.get(field.path, ())
            present = set(chains)
            fitting = {chain for fits, chain in zip(field.fitting(values), chains, strict=True) if fits}
            arrays = {array for chain in present for array, _ in chain}
            choice = self._choices[field] = _Choice(field.absent, fitting, present, arrays)
        return choice


def _match_together(choices: list[_Choice]) -> bool:
    if len(choices) == 1:
        return bool(choices[0].fitting) or (choices[0].absent and not choices[0].present)
    arrays = set[int]().union(*(choice.arrays for choice in choices))
    if len(arrays) == 1 and not any(FREE in choice.present for choice in choices):
        return _match_in_one_array(choices)
    return _match_in_arrays(choices)


def _match_in_one_array(choices: list[_Choice]) -> bool:
    """What most events have: every value is in an element of the same array, and has to be in the one that was chosen."""
    chosen: set[Chain] = set()
    unchosen = True
    for choice in choices:
        after = choice.fitting if unchosen else choice.fitting & chosen
        chosen = after | (chosen - choice.present) if choice.absent else after
        unchosen = unchosen and choice.absent and not choice.present
        if not (chosen or unchosen):
            return False
    return True


def _match_in_arrays(choices: list[_Choice]) -> bool:
    """Choose for one field after the other. What was chosen is kept only for arrays that come again: there are hardly more of these
    states than elements in the event, where trying one choice after the other would multiply them.
    """
    states: set[Chosen] = {frozenset()}
    for choice, later in zip(choices, _arrays_behind(choices), strict=True):
        fitting = _Chains(choice.fitting)
        present = _Chains(choice.present if choice.absent else ())
        after: set[Chosen] = set()
        for state in states:
            chosen = dict(state)
            for chain in fitting.together_with(chosen):
                after.add(frozenset(pair for pair in (*state, *chain) if pair[0] in later))
                if not later:
                    break
            if choice.absent and not any(True for _ in present.together_with(chosen)):
                after.add(frozenset(pair for pair in state if pair[0] in later))
        if not after:
            return False
        states = after
    return True


def _arrays_behind(choices: list[_Choice]) -> list[set[int]]:
    """For each choice the arrays of those behind it."""
    behind: list[set[int]] = [set()]
    for choice in reversed(choices[1:]):
        behind.append(behind[-1] | choice.arrays)
    return behind[::-1]
