"""Queries as filters of MongoDB's, each of one range of one index.

A page goes on after a position by some filters, nearest first: those documents that share all its fields but the key, those that
share all but the last, and so on. What lies beyond a value is cut by type (absent < numbers < text), since MongoDB compares within one
type only. So each filter is one range, which its index finds without walking past others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from quietzone_kit.documents import Collection, Index, Order, Query
from quietzone_kit.documents._bodies import MAX_INT, MIN_INT, IndexValue
from quietzone_kit.documents._declared import index_of, present
from quietzone_kit.documents._mongodb.forms import Row
from quietzone_kit.documents._mongodb.layout import path

Sort: TypeAlias = list[tuple[str, int]]

_Range: TypeAlias = dict[str, Any] | None
"""What a field must be; None: absent."""

_NUMBERS: _Range = {"$gte": MIN_INT, "$lte": MAX_INT}
_TEXT: _Range = {"$gte": ""}


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is read: with which index, and by which fields of MongoDB's documents its results are ordered."""

    index: Index
    query: Query
    order: tuple[str, ...]

    @property
    def sort(self) -> Sort:
        """The order as the driver takes it."""
        return [(field, -1 if self._descending else 1) for field in self.order]

    def filters(self, after: Sequence[IndexValue] | None) -> Iterator[Row]:
        """What finds the results after a position, or all, in order; the last ones may find nothing."""
        if after is None:
            yield self._filter(self._ranged())
            return
        for depth in reversed(range(len(self.order))):
            same: dict[str, _Range | IndexValue] = dict(zip(self.order[:depth], after, strict=False))
            for beyond in self._beyond(self.order[depth], after[depth]):
                if depth == 0 and (ranged := self._ranged()):
                    yield self._filter({self.order[0]: {**(ranged[self.order[0]] or {}), **(beyond or {})}})
                else:
                    yield self._filter({**same, self.order[depth]: beyond})

    def position(self, found: Row) -> list[IndexValue]:
        """Where a result stands in the order."""
        values = (found["_id"] if field == "_id" else found["body"].get(field.removeprefix("body.")) for field in self.order)
        return [int(value) if isinstance(value, int) else value for value in values]

    @property
    def _descending(self) -> bool:
        return self.query.order is Order.DESCENDING

    def _ranged(self) -> dict[str, _Range]:
        """The condition on the first free field, if the query has one."""
        bounds = {"$gte": self.query.at_least, "$lt": self.query.below}
        given = {operator: bound for operator, bound in bounds.items() if bound is not None}
        return {self.order[0]: given} if given else {}

    def _filter(self, free: dict[str, Any]) -> Row:
        fields = [path(self.index, field) for field in self.index.fields]
        made: Row = {**dict(zip(fields, self.query.equals, strict=False)), **free}
        for field in present(self.index):
            if made.get(path(self.index, field)) is None:  # else the condition says so already
                made[path(self.index, field)] = {"$exists": True}
        return made

    def _beyond(self, field: str, value: IndexValue) -> list[_Range]:
        """What comes after `value` in one field, as ranges in order; a range of the query leaves out other types."""
        alone = field == "_id" or (field == self.order[0] and bool(self._ranged()))
        if self._descending:
            if value is None:
                return []
            below: list[_Range] = [{"$lt": value}] if isinstance(value, int) or alone else [{"$lt": value}, _NUMBERS]
            return below if alone or field.removeprefix("body.") in present(self.index) else [*below, None]
        if value is None:
            return [_NUMBERS, _TEXT]
        return [{"$gt": value}] if isinstance(value, str) or alone else [{"$gt": value}, _TEXT]


def plan(collection: Collection, query: Query) -> Plan:
    """How to read the query; raises KeyError, ValueError."""
    index = index_of(collection, query)
    rest = tuple(f"body.{field}" for field in index.fields[len(query.equals) :])
    return Plan(index, query, rest if index.unique else (*rest, "_id"))
