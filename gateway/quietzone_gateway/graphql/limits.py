"""How much one GraphQL request may ask for. Pure: a parsed document in, its weight or a refusal out, before anything of it is run.

Fragments are filled in and equal fields merged, as execution does (https://spec.graphql.org/draft/#sec-Field-Collection), so that a
document weighs the same however it is written. All of this takes time in proportion to what MAX_SELECTIONS lets through; the rules of
GraphQL's own validation take more, so they come afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    ConstValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    visit,
)

from quietzone_gateway.graphql.costs import ASKING, COSTS, DEFAULT_COST, INTROSPECTION_SIZES, SIZES
from quietzone_gateway.graphql.settings import Limits

MAX_DOCUMENT_CHARACTERS = 16 * 1024
"""Twice the longest query that GitHub's or Shopify's own tools send."""

MAX_TOKENS = 2_000
"""A screen full of everything has 500; the parser takes 10 ms for these."""

MAX_COMMENTS = 200
"""The parser keeps each."""

PARSING: Mapping[str, Any] = {
    "max_lexical_tokens": MAX_TOKENS,
    "max_comments": MAX_COMMENTS,
    "max_source_length": MAX_DOCUMENT_CHARACTERS,
}
"""The parser's own names of these."""

MAX_OPERATIONS = 10
"""Of which one is run; tools that keep several in one file send them all."""

MAX_ROOT_FIELDS = 10
"""Each is a question to a service of its own."""

MAX_DIRECTIVES = 25

MAX_SELECTIONS = 1_000
"""Fields and fragments of all operations once fragments are filled in: twice what MAX_TOKENS holds with any use of it."""

MAX_REPEATS = 50
"""The same field at one place; fragments of components repeat `id`. Validation compares each pair: 0.1 s at worst."""

MAX_NESTING = 60
"""Braces within braces, with those of fragments, which the depth doesn't count."""

MAX_INTROSPECTION_DEPTH = 16
"""What tools send has 15: a type within eight lists and non-nulls."""

MAX_INTROSPECTION_COST = 30_000
"""The whole schema as tools ask for it is some 24,000 by INTROSPECTION_SIZES, and takes 70 ms."""


MAX_INT = 2**31 - 1
MAX_INT_DIGITS = 11
"""Of GraphQL's Int; a longer number is none."""


class QueryRefused(Exception):
    """The document asks for too much: `limit` names which limit, the message says what would do."""

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit


@dataclass(slots=True)
class Asked:
    """A field as it will be run: what was asked for at one place under one name, merged."""

    type_name: str
    name: str
    size: int
    times: int = 0
    inside: dict[tuple[str, str], "Asked"] = field(default_factory=dict)

    @property
    def cost(self) -> int:
        """What running it costs, with all that is inside, for each item that it brings."""
        own = COSTS.get(f"{self.type_name}.{self.name}", DEFAULT_COST)
        return own + self.size * sum(each.cost for each in self.inside.values())


Fields = dict[tuple[str, str], Asked]


def check(schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, object], limits: Limits) -> int:
    """Let the document pass; the complexity of its heaviest operation.

    Raises:
        QueryRefused: it asks for too much, or a fragment leads back to itself.
    """
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if len(operations) > MAX_OPERATIONS:
        raise QueryRefused("operations", f"{len(operations)} operations; send at most {MAX_OPERATIONS} together")
    _check_directives(document)
    walk = _Walk(schema, document, variables, limits)
    heaviest = max((walk.operation(operation) for operation in operations), default=0)
    walk.check_all_used()
    return heaviest


def _check_directives(document: DocumentNode) -> None:
    counter = _Directives()
    visit(document, counter)
    if counter.found > MAX_DIRECTIVES:
        raise QueryRefused("directives", f"{counter.found} directives; use at most {MAX_DIRECTIVES}")


class _Directives(Visitor):
    found = 0

    def enter_directive(self, _node: DirectiveNode, *_: object) -> None:
        self.found += 1


class _Walk:
    """Through the operations of one document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, object], limits: Limits) -> None:
        self._schema = schema
        self._variables = variables
        self._limits = limits
        self._fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        self._entered: set[str] = set()
        self._defaults: dict[str, ConstValueNode | None] = {}
        self._selections = 0
        self._aliases = 0
        self._is_live = False

    def operation(self, operation: OperationDefinitionNode) -> int:
        self._aliases = 0
        self._is_live = operation.operation is OperationType.SUBSCRIPTION
        self._defaults = {each.variable.name.value: each.default_value for each in operation.variable_definitions or ()}
        root = self._schema.get_root_type(operation.operation)
        fields: Fields = {}
        self._collect(operation.selection_set, root, fields, _Place())
        if len(fields) > MAX_ROOT_FIELDS:
            raise QueryRefused("root fields", f"{len(fields)} fields at the top; ask for at most {MAX_ROOT_FIELDS}")
        introspection = sum(each.cost for each in fields.values() if each.name.startswith("__"))
        cost = sum(each.cost for each in fields.values() if not each.name.startswith("__"))
        if cost > self._limits.complexity:
            advice = "ask for smaller pages (`first`), for fewer fields of each item, or in several requests"
            raise QueryRefused("complexity", f"a complexity of {cost:,}, and at most {self._limits.complexity:,} is run: {advice}")
        if introspection > MAX_INTROSPECTION_COST:
            raise QueryRefused("introspection", "more of the schema than tools ask for: take it in parts, or from docs/schema.graphql")
        return cost

    def check_all_used(self) -> None:
        """Refuse fragments that no operation uses: GraphQL does too, but compares their fields first."""
        if unused := self._fragments.keys() - self._entered:
            raise QueryRefused("fragments", f"fragments that nothing uses: {', '.join(sorted(unused)[:3])}")

    def _collect(self, selections: SelectionSetNode, parent: GraphQLNamedType | None, into: Fields, place: "_Place") -> None:
        if place.nesting > MAX_NESTING:
            raise QueryRefused("depth", f"more than {MAX_NESTING} fields and fragments within each other")
        for selection in selections.selections:
            self._selections += 1
            if self._selections > MAX_SELECTIONS:
                raise QueryRefused("fields", f"more than {MAX_SELECTIONS:,} fields once fragments are filled in")
            if isinstance(selection, FieldNode):
                self._field(selection, parent, into, place)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = parent if condition is None else self._schema.get_type(condition.name.value)
                self._collect(selection.selection_set, inner, into, place.within())
            else:
                self._spread(selection.name.value, into, place)  # type: ignore[attr-defined] # nothing else is a selection

    def _spread(self, name: str, into: Fields, place: "_Place") -> None:
        if name in place.fragments:
            raise QueryRefused("fragments", f"the fragment {name} leads back to itself")
        fragment = self._fragments.get(name)
        if fragment is not None:  # else validation says so
            self._entered.add(name)
            condition = self._schema.get_type(fragment.type_condition.name.value)
            self._collect(fragment.selection_set, condition, into, place.within(name))

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, into: Fields, place: "_Place") -> None:
        name = node.name.value
        if node.alias is not None and node.alias.value != name:
            self._aliases += 1
            if self._aliases > self._limits.aliases:
                raise QueryRefused("aliases", f"more than {self._limits.aliases} fields with an alias; send several requests")
        type_name = "" if parent is None else parent.name
        if self._is_live and f"{type_name}.{name}" in ASKING:
            raise QueryRefused("live", f"{name} isn't told with an event, it is a question to a service: query it when you need it")
        inner = place.field(name)
        most = MAX_INTROSPECTION_DEPTH if inner.introspects else self._limits.depth
        if inner.depth > most:
            raise QueryRefused("depth", f"fields within each other more than {most} deep")
        definition = self._definition(parent, name)
        asked = into.setdefault((type_name, _key(node)), Asked(type_name, name, self._size(type_name, node, definition)))
        asked.times += 1
        if asked.times > MAX_REPEATS:
            raise QueryRefused("fields", f"the field {name} more than {MAX_REPEATS} times at one place")
        if node.selection_set is not None:
            named = None if definition is None else get_named_type(definition.type)
            self._collect(node.selection_set, named, asked.inside, inner)

    def _definition(self, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
        if name in _META:
            return _META[name]
        return parent.fields.get(name) if isinstance(parent, (GraphQLObjectType, GraphQLInterfaceType)) else None

    def _size(self, type_name: str, node: FieldNode, definition: GraphQLField | None) -> int:
        """How many items a field brings at most, as far as the request says."""
        if type_name.startswith("__"):
            return INTROSPECTION_SIZES.get(node.name.value, 1)
        size = SIZES.get(f"{type_name}.{node.name.value}", 1)
        return size if isinstance(size, int) else self._given(size, node, definition)

    def _given(self, name: str, node: FieldNode, definition: GraphQLField | None) -> int:
        argument = None if definition is None else definition.args.get(name)
        value: object = None if argument is None else argument.default_value
        for given in node.arguments or ():
            if given.name.value == name:
                told = self._value(given.value)
                value = value if told is None else told
        # JSON's 100.0 is an Int too; what is none, validation refuses.
        is_size = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= MAX_INT
        return int(value) if is_size else 1  # type: ignore[call-overload] # mypy doesn't see it through the name

    def _value(self, node: ValueNode | None) -> object:
        if isinstance(node, IntValueNode):
            return int(node.value[:MAX_INT_DIGITS])
        if not isinstance(node, VariableNode):
            return None
        name = node.name.value
        return self._variables[name] if name in self._variables else self._value(self._defaults.get(name))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: below how many fields, within which fragments."""

    depth: int = 0
    nesting: int = 0
    introspects: bool = False
    fragments: tuple[str, ...] = ()

    def field(self, name: str) -> "_Place":
        return _Place(self.depth + 1, self.nesting + 1, self.introspects or name in ("__schema", "__type"), self.fragments)

    def within(self, *fragment: str) -> "_Place":
        return _Place(self.depth, self.nesting + 1, self.introspects, (*self.fragments, *fragment))


_META = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}


def _key(node: FieldNode) -> str:
    return node.name.value if node.alias is None else node.alias.value
