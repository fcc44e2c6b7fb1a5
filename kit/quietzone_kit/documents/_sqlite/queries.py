"""Queries as SQL. Each statement is bound to the declared index (INDEXED BY): SQLite refuses it sooner than walk the table.

A page goes on after a position by up to one statement for each field of it, nearest first: those that share all its fields but the
key, those that share all but the last, and so on. Each is one range of the index; rows that lack a field (NULL, before all others)
stay simple that way, which they don't with row values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from quietzone_kit.documents import Collection, Index, Order, Query
from quietzone_kit.documents._bodies import MIN_INT, IndexValue
from quietzone_kit.documents._declared import index_of, present
from quietzone_kit.documents._sqlite.schema import index_name, quoted

_Term = tuple[str, IndexValue | bytes]
"""A condition with one placeholder and its value; without placeholder when it ends in NULL."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters; rows are `_version, _body` and the fields of `Plan.order`. A limit is added to both."""

    sql: str
    parameters: tuple[IndexValue | bytes, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is read: by which columns its results are ordered."""

    collection: Collection
    index: Index
    query: Query
    order: tuple[str, ...]

    def statements(self, after: Sequence[IndexValue] | None) -> Iterator[Statement]:
        """What brings the results after a position, or all, in order."""
        equals = [_equal(field, value) for field, value in zip(self.index.fields, self.query.equals, strict=False)]
        low, high = _range(self.order, self.query)
        descending = self.query.order is Order.DESCENDING
        if after is None:
            yield self._statement([*equals, *low, *high])
            return
        for depth in reversed(range(len(self.order))):
            same = [_equal(column, value) for column, value in zip(self.order[:depth], after, strict=False)]
            bounds = [] if depth else (low if descending else high)
            for beyond in _beyond(self.order[depth], after[depth], descending=descending, bounded=bool(low)):
                yield self._statement([*equals, *same, *beyond, *bounds])

    def _statement(self, terms: Sequence[_Term]) -> Statement:
        conditions = [f"{quoted(field)} IS NOT NULL" for field in present(self.index)] + [text for text, _ in terms]
        direction = " DESC" if self.query.order is Order.DESCENDING else ""
        columns = "".join(f", {quoted(column)}" for column in self.order)
        sql = (
            f"SELECT _version, _body{columns} FROM {quoted(self.collection.name)} "  # noqa: S608 - names were checked, values are bound
            f"INDEXED BY {index_name(self.collection, self.index)}"
        )
        if conditions:
            sql += f" WHERE {' AND '.join(conditions)}"
        if self.order:
            sql += " ORDER BY " + ", ".join(quoted(column) + direction for column in self.order)
        return Statement(sql + " LIMIT ?", tuple(value for text, value in terms if text.endswith("?")))


def plan(collection: Collection, query: Query) -> Plan:
    """How to read the query.

    Raises:
        KeyError: the collection declares no such index.
        ValueError: the index can't answer the query.
    """
    index = index_of(collection, query)
    rest = index.fields[len(query.equals) :]
    return Plan(collection, index, query, rest if index.unique else (*rest, "_key"))


def _equal(column: str, value: IndexValue) -> _Term:
    return (f"{quoted(column)} IS NULL", None) if value is None else (f"{quoted(column)} = ?", value)


def _range(order: Sequence[str], query: Query) -> tuple[list[_Term], list[_Term]]:
    """Lower and upper bound of the first free field; an end that isn't given is where the type ends (numbers < text < bytes)."""
    given = query.at_least if query.at_least is not None else query.below
    if given is None:
        return [], []
    first: IndexValue | bytes = MIN_INT if isinstance(given, int) else ""
    end: IndexValue | bytes = "" if isinstance(given, int) else b""
    column = quoted(order[0])
    return (
        [(f"{column} >= ?", first if query.at_least is None else query.at_least)],
        [(f"{column} < ?", end if query.below is None else query.below)],
    )


def _beyond(column: str, value: IndexValue, *, descending: bool, bounded: bool) -> list[list[_Term]]:
    """What comes after `value` in one column, as ranges of the index; `bounded` leaves out what lacks the field."""
    if not descending:
        return [[(f"{quoted(column)} >= ?", MIN_INT)]] if value is None else [[(f"{quoted(column)} > ?", value)]]
    if value is None:
        return []
    below: list[list[_Term]] = [[(f"{quoted(column)} < ?", value)]]
    return below if bounded or column == "_key" else [*below, [_equal(column, None)]]
