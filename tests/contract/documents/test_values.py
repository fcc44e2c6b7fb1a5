"""Every adapter: what goes in comes out."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quietzone_kit.documents import Collection, Documents, Index, InvalidDocument, Value

THINGS = Collection("things", key="id", indexes=(Index("by_rank", ("rank",)),))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXT | st.binary(max_size=50)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20)


@pytest.fixture(autouse=True)
async def declared(documents: Documents) -> None:
    await documents.ensure(THINGS)


@given(value=VALUES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_values_come_back_as_they_were(documents: Documents, value: Value) -> None:
    there = await documents.get(THINGS, "a")
    if there is None:
        await documents.insert(THINGS, {"id": "a", "value": value})
    else:
        await documents.replace(THINGS, {"id": "a", "value": value}, if_version=there.version)

    stored = await documents.get(THINGS, "a")

    assert stored is not None
    assert repr(_sorted(stored.body["value"])) == repr(_sorted(value))  # by repr, since 1 == 1.0 == True


NAMES = TEXT | st.sampled_from(["", ".", "a.b", "$set", "_id", "%", "%2E", "\0", "\n", "version", "__proto__"])


@given(fields=st.dictionaries(NAMES.filter(lambda name: name not in ("id", "rank")), LEAVES, max_size=6))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_field_may_have_any_name(documents: Documents, fields: dict[str, Value]) -> None:
    there = await documents.get(THINGS, "a")
    if there is None:
        await documents.insert(THINGS, {"id": "a", **fields})
    else:
        await documents.replace(THINGS, {"id": "a", **fields}, if_version=there.version)

    stored = await documents.get(THINGS, "a")

    assert stored is not None
    assert repr(_sorted(dict(stored.body))) == repr(_sorted({"id": "a", **fields}))


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, 10**30])
async def test_a_larger_int_than_64_bits_is_refused(documents: Documents, number: int) -> None:
    with pytest.raises(InvalidDocument, match=r"field count: .* doesn't fit into 64 bits"):
        await documents.insert(THINGS, {"id": "a", "count": [number]})


@pytest.mark.parametrize("value", [datetime(2026, 1, 1, tzinfo=UTC), (1, 2), {1}, bytearray(b"x"), object(), {1: "x"}, {"x": (1,)}])
async def test_other_types_are_refused_by_the_name_of_their_field(documents: Documents, value: object) -> None:
    with pytest.raises(InvalidDocument, match="field value:"):
        await documents.insert(THINGS, {"id": "a", "value": value})  # type: ignore[dict-item]


async def test_half_a_surrogate_pair_is_refused(documents: Documents) -> None:
    with pytest.raises(InvalidDocument, match="surrogate"):
        await documents.insert(THINGS, {"id": "a", "value": "\ud800"})


async def test_nesting_is_bounded(documents: Documents) -> None:
    value: Value = 1
    for _ in range(101):
        value = [value]

    with pytest.raises(InvalidDocument, match="nested"):
        await documents.insert(THINGS, {"id": "a", "value": value})


@pytest.mark.parametrize("rank", [1.5, True, b"x", [1]])
async def test_an_indexed_field_is_an_int_or_a_str(documents: Documents, rank: Value) -> None:
    with pytest.raises(InvalidDocument, match="field rank"):
        await documents.insert(THINGS, {"id": "a", "rank": rank})


def _sorted(value: object) -> object:
    """The names of a dict have no order in a store."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
