"""What a document weighs, and which ones are refused; the attacks themselves are in tests/contract/gateway/test_graphql_attacks.py."""

from dataclasses import replace

import pytest
from graphql import get_introspection_query, get_named_type, is_object_type, parse
from hypothesis import given
from hypothesis import strategies as st
from strawberry.types.base import StrawberryObjectDefinition

from quietzone_gateway.graphql.costs import ASKING, COSTS, SIZES
from quietzone_gateway.graphql.limits import MAX_REPEATS, MAX_SELECTIONS, QueryRefused, check
from quietzone_gateway.graphql.schema import Schema
from quietzone_gateway.graphql.settings import Limits

LIMITS = Limits()
WHOLE = Schema(LIMITS)
SCHEMA = WHOLE.core
PAGE = "query Page($first: Int! = 20) { codes(first: $first) { edges { node { id slug title totalScans } } } }"


def refused(document: str, limits: Limits = LIMITS, **variables: object) -> str:
    """By which limit; empty when it passes."""
    try:
        check(SCHEMA, parse(document), variables, limits)
    except QueryRefused as error:
        return error.limit
    return ""


def complexity(document: str, **variables: object) -> int:
    return check(SCHEMA, parse(document), variables, replace(LIMITS, complexity=10**8))


def test_a_page_costs_its_question_and_its_fields_times_its_items() -> None:
    assert complexity(PAGE) == 10 + 20 * 4


@pytest.mark.parametrize("given", [50, 50.0])
def test_the_length_of_a_page_counts_however_it_is_given(given: float) -> None:
    assert complexity(PAGE, first=given) == complexity("{ codes(first: 50) { edges { node { id slug title totalScans } } } }")


def test_without_a_length_the_default_of_the_schema_counts() -> None:
    assert complexity("{ codes { edges { node { id } } } }") == complexity("{ codes(first: 20) { edges { node { id } } } }")


@pytest.mark.parametrize("given", [float("nan"), float("inf"), -5, True, "20", None, [], 10**400])
def test_a_length_that_is_none_is_left_to_validation(given: object) -> None:
    assert refused(PAGE, first=given) == ""


def test_a_length_without_end_doesnt_take_time() -> None:
    assert refused("{ codes(first: " + "9" * 10_000 + ") { edges { node { id } } } }") == ""


def test_lists_within_lists_multiply() -> None:
    inner = "analytics { countries(first: 500) { values { value scans } } }"

    assert complexity("{ codes(first: 2) { edges { node { " + inner + " } } } }") > 2 * 500 * 2


FIELDS = ["id", "slug", "title", "folder", "revision", "createdAt"]


@given(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=20), st.data())
def test_a_document_weighs_the_same_however_it_is_written(names: list[str], data: st.DataObject) -> None:
    parts = []
    fragments = []
    for number, name in enumerate(names):
        form = data.draw(st.sampled_from(["plain", "inline", "spread"]))
        parts.append({"plain": name, "inline": f"... on Code {{ {name} }}", "spread": f"...F{number}"}[form])
        if form == "spread":
            fragments.append(f"fragment F{number} on Code {{ {name} }}")
    written = f"{{ code(id: 1) {{ {' '.join(parts)} }} }} {' '.join(fragments)}"

    assert complexity(written) == complexity(f"{{ code(id: 1) {{ {' '.join(set(names))} }} }}")


def test_each_operation_of_a_document_is_weighed() -> None:
    assert refused("query A { me { plan } } query B { codes(first: 9999) { edges { node { id } } } }") == "complexity"


def test_what_tools_ask_of_the_schema_passes() -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )

    assert refused(query) == ""


def test_the_limits_of_the_installation_count() -> None:
    aliased = "{ a: me { plan } b: me { plan } }"

    assert [refused(aliased, replace(LIMITS, aliases=most)) for most in (2, 1)] == ["", "aliases"]


def test_depth_counts_fields_and_not_fragments() -> None:
    nested = "{ codes { edges { ... on CodeEdge { ... { node { ...F } } } } } } fragment F on Code { id }"

    assert [refused(nested, replace(LIMITS, depth=most)) for most in (4, 3)] == ["", "depth"]


def test_the_deepest_that_our_types_allow_passes() -> None:
    assert refused("{ exports(first: 1) { edges { node { code { analytics { countries { values { value } } } } } } } }") == ""


def test_an_alias_that_changes_nothing_is_none() -> None:
    assert refused("{ me: me { plan: plan } }", replace(LIMITS, aliases=0)) == ""


def test_fields_that_fragments_repeat_pass_up_to_a_bound() -> None:
    def repeated(times: int) -> str:
        return refused("{ me { " + "plan " * times + "} }")

    assert [repeated(MAX_REPEATS), repeated(MAX_REPEATS + 1)] == ["", "fields"]


def test_fragments_count_each_time_they_are_used() -> None:
    fields = " ".join(f"f{number}" for number in range(100))
    spreads = " ".join(f"a{number}: code(id: {number}) {{ ...F }}" for number in range(MAX_SELECTIONS // 100 + 1))

    assert refused(f"{{ {spreads} }} fragment F on Code {{ {fields} }}") == "fields"


def test_what_the_schema_doesnt_have_is_left_to_validation() -> None:
    assert refused("{ nothing { at(all: 1) { ...Here } } }") == ""


def test_a_table_names_only_what_the_schema_has() -> None:
    fields = {f"{name}.{field}" for name, kind in SCHEMA.type_map.items() for field in getattr(kind, "fields", ())}

    assert COSTS.keys() | SIZES.keys() <= fields


def test_an_argument_that_says_how_long_a_list_is_is_one_of_the_field() -> None:
    named = {name: argument for name, argument in SIZES.items() if isinstance(argument, str)}

    assert [name for name, argument in named.items() if argument not in _arguments(name)] == []


def _arguments(name: str) -> list[str]:
    kind, _, field = name.partition(".")
    return list(SCHEMA.type_map[kind].fields[field].args)  # type: ignore[attr-defined]


def test_what_waits_for_a_service_is_known_as_such() -> None:
    """What subscriptions can show is made of types that they reach."""
    reached: set[str] = set()
    waiting = [SCHEMA.subscription_type]
    while waiting:
        kind = waiting.pop()
        if kind is not None and kind.name not in reached:
            reached.add(kind.name)
            waiting += [named for field in getattr(kind, "fields", {}).values() if is_object_type(named := get_named_type(field.type))]
    definitions = [
        found for name in reached - {"Subscription"} if isinstance(found := WHOLE.get_type_by_name(name), StrawberryObjectDefinition)
    ]
    asking = {
        f"{definition.name}.{WHOLE.config.name_converter.get_graphql_name(field)}"
        for definition in definitions
        for field in definition.fields
        if field.is_async
    }

    assert asking == ASKING


def test_every_list_of_the_schema_has_a_size() -> None:
    def is_list(kind: object) -> bool:
        return "[" in str(kind)

    lists = {
        f"{name}.{field}"
        for name, kind in SCHEMA.type_map.items()
        if not name.startswith("__")
        for field, definition in getattr(kind, "fields", {}).items()
        if is_list(definition.type) and hasattr(definition, "args")
    }

    assert lists - SIZES.keys() - UNSIZED == set()


UNSIZED = {
    # As long as the list around them says.
    "Breakdown.values",
    "AssetConnection.edges",
    "CodeConnection.edges",
    "ExportConnection.edges",
    "OperationConnection.edges",
    "TaskConnection.edges",
    "EventRuleConnection.edges",
    "TopicConnection.edges",
    "TopicSubscriptionConnection.edges",
    "DeliveryConnection.edges",
    "PushDeviceConnection.edges",
    # Short ones of texts.
    "Mutation.purgeCopies",
    "Code.tags",
    "Me.scopes",
    "Problem.errors",
    "CodeEvent.changed",
    "Facets.states",
    "PatternPath.wanted",
    "PatternPath.found",
    "Webhook.headerNames",
    "PushDevice.topics",
}
