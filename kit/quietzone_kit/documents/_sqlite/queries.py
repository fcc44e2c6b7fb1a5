"""Queries as SQL. Each statement is bound to the declared index (INDEXED BY): SQLite refuses it sooner than walk the table.

A page goes on after a position by up to one statement for each field of it, nearest first: those that share all its fields but the
key, those that share all but the last, and so on. Each is one range of the index; rows that lack a field (NULL, before all others)
stay simple that way, which they don't with row values. An index with `many` is one of a table of entries, of which each
brings its document.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from quietzone_kit.documents import Collection, Index, Order, Query
from quietzone_kit.documents._bodies import MIN_INT, IndexValue
from quietzone_kit.documents._declared import index_of, present
from quietzone_kit.documents._sqlite.entries import entries_of
from quietzone_kit.documents._sqlite.names import index_name, quoted

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
        equals = [_equal(self._column(field), value) for field, value in zip(self.index.fields, self.query.equals, strict=False)]
        order = [self._column(field) for field in self.order]
        low, high = _range(order, self.query)
        descending = self.query.order is Order.DESCENDING
        if after is None:
            yield self._statement([*equals, *low, *high])
            return
        for depth in reversed(range(len(self.order))):
            same = [_equal(column, value) for column, value in zip(order[:depth], after, strict=False)]
            bounds = [] if depth else (low if descending else high)
            whole = not low and self.order[depth] != "_key"  # with what lacks the field
            for beyond in _beyond(order[depth], after[depth], descending=descending, whole=whole):
                yield self._statement([*equals, *same, *beyond, *bounds])

    def _statement(self, terms: Sequence[_Term]) -> Statement:
        conditions = [f"{self._column(field)} IS NOT NULL" for field in present(self.index)] + [text for text, _ in terms]
        direction = " DESC" if self.query.order is Order.DESCENDING else ""
        order = [self._column(field) for field in self.order]
        documents = quoted(self.collection.name)
        columns = ", ".join([f"{documents}._version", f"{documents}._body", *order])
        sql = f"SELECT {columns} FROM {self._tables()}"  # noqa: S608 - names were checked, values are bound
        if conditions:
            sql += f" WHERE {' AND '.join(conditions)}"
        if order:
            sql += " ORDER BY " + ", ".join(column + direction for column in order)
        return Statement(sql + " LIMIT ?", tuple(value for text, value in terms if text.endswith("?")))

    def _tables(self) -> str:
        documents, by_index = quoted(self.collection.name), f"INDEXED BY {index_name(self.collection, self.index)}"
        if not self.index.many:
            return f"{documents} {by_index}"
        # CROSS: entries are what is walked, and not documents
        return f"{self._indexed} {by_index} CROSS JOIN {documents} ON {documents}._key = {self._indexed}._key"

    def _column(self, field: str) -> str:
        return f"{self._indexed}.{quoted(field)}"

    @property
    def _indexed(self) -> str:
        return entries_of(self.collection, self.index) if self.index.many else quoted(self.collection.name)


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
    return (f"{column} IS NULL", None) if value is None else (f"{column} = ?", value)


def _range(order: Sequence[str], query: Query) -> tuple[list[_Term], list[_Term]]:
    """Lower and upper bound of the first free field; an end that isn't given is where the type ends (numbers < text < bytes)."""
    given = query.at_least if query.at_least is not None else query.below
    if given is None:
        return [], []
    first: IndexValue | bytes = MIN_INT if isinstance(given, int) else ""
    end: IndexValue | bytes = "" if isinstance(given, int) else b""
    column = order[0]
    return (
        [(f"{column} >= ?", first if query.at_least is None else query.at_least)],
        [(f"{column} < ?", end if query.below is None else query.below)],
    )


def _beyond(column: str, value: IndexValue, *, descending: bool, whole: bool) -> list[list[_Term]]:
    """What comes after `value` in one column, as ranges of the index; with what lacks the field if the `whole` of it is read."""
    if not descending:
        return [[(f"{column} >= ?", MIN_INT)]] if value is None else [[(f"{column} > ?", value)]]
    if value is None:
        return []
    below: list[list[_Term]] = [[(f"{column} < ?", value)]]
    return [*below, [_equal(column, None)]] if whole else below
