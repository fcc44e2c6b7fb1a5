"""Every adapter: indexes, order and pages."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quietzone_kit.documents import (
    Collection,
    Documents,
    DocumentsError,
    DuplicateKey,
    Index,
    InvalidCursor,
    Order,
    Put,
    Query,
    Value,
)

BY_OWNER = Index("by_owner", ("owner", "rank"))
BY_OUTBOX = Index("by_outbox", ("shard", "waits_since"), sparse=True)
BY_SLUG = Index("by_slug", ("owner", "slug"), unique=True)
THINGS = Collection("things", key="id", indexes=(BY_OWNER, BY_OUTBOX, BY_SLUG))

_numbers = itertools.count()


def fresh() -> Collection:
    """A collection of its own, since examples of hypothesis share a store."""
    return Collection(f"things{next(_numbers)}", THINGS.key, THINGS.indexes)


async def ids_of(documents: Documents, collection: Collection, query: Query) -> list[Value]:
    return [stored.body["id"] for stored in (await documents.query(collection, query)).items]


async def all_pages(documents: Documents, collection: Collection, query: Query) -> list[Value]:
    """What page after page brings, checking that no page but the last has less than it was asked for."""
    found: list[Value] = []
    after = None
    while True:
        asked = Query(query.index, query.equals, query.at_least, query.below, query.order, query.limit, after)
        page = await documents.query(collection, asked)
        found += [stored.body["id"] for stored in page.items]
        if page.cursor is None:
            return found
        assert len(page.items) == query.limit
        after = page.cursor


@pytest.fixture(autouse=True)
async def declared(documents: Documents) -> None:
    await documents.ensure(THINGS)


async def put(documents: Documents, *bodies: Mapping[str, Any]) -> None:
    await documents.bulk(THINGS, [Put(body, None) for body in bodies])


async def test_an_index_is_read_by_its_first_fields_in_the_order_of_the_next(documents: Documents) -> None:
    await put(
        documents,
        {"id": "a", "owner": "me", "rank": 3},
        {"id": "b", "owner": "me", "rank": 1},
        {"id": "c", "owner": "you", "rank": 2},
        {"id": "d", "owner": "me", "rank": 2},
    )

    assert await ids_of(documents, THINGS, Query("by_owner", ("me",))) == ["b", "d", "a"]
    assert await ids_of(documents, THINGS, Query("by_owner", ("me",), order=Order.DESCENDING)) == ["a", "d", "b"]


async def test_a_range_takes_its_start_and_leaves_its_end(documents: Documents) -> None:
    await put(documents, *({"id": str(rank), "owner": "me", "rank": rank} for rank in range(10)))

    assert await ids_of(documents, THINGS, Query("by_owner", ("me",), at_least=3, below=6)) == ["3", "4", "5"]


async def test_a_range_of_numbers_leaves_text_out(documents: Documents) -> None:
    await put(documents, *({"id": str(number), "owner": "me", "rank": rank} for number, rank in enumerate((1, 5, "", "5", None))))

    assert await ids_of(documents, THINGS, Query("by_owner", ("me",), at_least=5)) == ["1"]
    assert await ids_of(documents, THINGS, Query("by_owner", ("me",), below=5)) == ["0"]
    assert await ids_of(documents, THINGS, Query("by_owner", ("me",), at_least="")) == ["2", "3"]
    assert await ids_of(documents, THINGS, Query("by_owner", ("me",), below="5")) == ["2"]


async def test_equal_ones_come_in_the_order_of_their_keys(documents: Documents) -> None:
    await put(documents, *({"id": key, "owner": "me", "rank": 1} for key in "cab"))

    assert await ids_of(documents, THINGS, Query("by_owner", ("me",))) == ["a", "b", "c"]


async def test_text_is_ordered_by_code_points(documents: Documents) -> None:
    await put(documents, *({"id": key, "owner": "me", "rank": key} for key in ("é", "Z", "a", "𝄞", "￿")))

    assert await ids_of(documents, THINGS, Query("by_owner", ("me",))) == ["Z", "a", "é", "￿", "𝄞"]


async def test_what_lacks_a_field_comes_first(documents: Documents) -> None:
    await put(documents, {"id": "a", "owner": "me", "rank": 1}, {"id": "b", "owner": "me"}, {"id": "c", "rank": 1})

    assert await ids_of(documents, THINGS, Query("by_owner")) == ["c", "b", "a"]


async def test_a_sparse_index_holds_only_what_has_its_last_field(documents: Documents) -> None:
    await put(documents, {"id": "a", "shard": 1, "waits_since": 5}, {"id": "b", "shard": 1})

    assert await ids_of(documents, THINGS, Query("by_outbox", (1,))) == ["a"]


async def test_a_document_leaves_a_sparse_index_with_its_field(documents: Documents) -> None:
    await put(documents, {"id": "a", "shard": 1, "waits_since": 5})

    await documents.replace(THINGS, {"id": "a", "shard": 1}, if_version=1)

    assert await ids_of(documents, THINGS, Query("by_outbox", (1,))) == []


async def test_a_unique_index_finds_the_one(documents: Documents) -> None:
    await put(documents, {"id": "a", "owner": "me", "slug": "menu"}, {"id": "b", "owner": "you", "slug": "menu"})

    assert await ids_of(documents, THINGS, Query("by_slug", ("you", "menu"), limit=1)) == ["b"]


async def test_an_increment_moves_a_document_in_an_index(documents: Documents) -> None:
    await put(documents, {"id": "a", "owner": "me", "rank": 1}, {"id": "b", "owner": "me", "rank": 2})

    await documents.increment(THINGS, "a", "rank", 5)

    assert await ids_of(documents, THINGS, Query("by_owner", ("me",))) == ["b", "a"]


@pytest.mark.parametrize(("order", "found"), [(Order.ASCENDING, ["3", "4", "5"]), (Order.DESCENDING, ["5", "4", "3"])])
async def test_a_range_holds_on_every_page(documents: Documents, order: Order, found: list[Value]) -> None:
    await put(documents, *({"id": str(rank), "owner": "me", "rank": rank} for rank in range(10)))

    assert await all_pages(documents, THINGS, Query("by_owner", ("me",), at_least=3, below=6, order=order, limit=1)) == found


async def test_a_full_last_page_has_no_cursor(documents: Documents) -> None:
    await put(documents, *({"id": str(rank), "owner": "me", "rank": rank} for rank in range(4)))

    page = await documents.query(THINGS, Query("by_owner", ("me",), limit=4))

    assert page.cursor is None


OWNERS = st.sampled_from(["me", "me", "me", "you", None])
RANKS = st.integers(-2, 3) | st.none() | st.sampled_from(["", "a", "b"])
BODIES = st.lists(st.fixed_dictionaries({"owner": OWNERS, "rank": RANKS, "shard": OWNERS, "waits_since": RANKS}), max_size=15)
QUERIES = st.builds(
    Query,
    st.sampled_from(["by_owner", "by_outbox"]),
    equals=st.sampled_from([("me",), ("me",), ("you",), ()]),
    at_least=st.none() | st.integers(-2, 1),
    below=st.none() | st.integers(0, 3),
    order=st.sampled_from(Order),
    limit=st.integers(1, 5),
) | st.builds(
    Query,
    st.sampled_from(["by_owner", "by_outbox"]),
    equals=st.just(("me",)),
    below=st.sampled_from(["", "a", "b"]),
    order=st.sampled_from(Order),
    limit=st.integers(1, 3),
)


@given(bodies=BODIES, query=QUERIES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_pages_bring_each_document_once_and_in_order(documents: Documents, bodies: list[dict[str, Value]], query: Query) -> None:
    collection = fresh()
    await documents.ensure(collection)
    kept = [{"id": f"{number:03}", **body} for number, body in enumerate(bodies)]
    await documents.bulk(collection, [Put(body, None) for body in kept])

    assert await all_pages(documents, collection, query) == expected(kept, query)


def expected(bodies: Sequence[dict[str, Value]], query: Query) -> list[Value]:
    """The model: filter and sort a list."""
    index = next(index for index in THINGS.indexes if index.name == query.index)
    depth = len(query.equals)

    def matches(body: dict[str, Value]) -> bool:
        if tuple(body[field] for field in index.fields[:depth]) != query.equals or (index.sparse and body[index.fields[-1]] is None):
            return False
        value: Any = body[index.fields[depth]]
        bounds: list[Any] = [bound for bound in (query.at_least, query.below) if bound is not None]
        if any(type(value) is not type(bound) for bound in bounds):
            return False
        return (query.at_least is None or value >= query.at_least) and (query.below is None or value < query.below)

    def place(body: dict[str, Value]) -> list[tuple[bool, bool, Any]]:
        values = [body[field] for field in (*index.fields[depth:], "id")]
        return [(value is not None, isinstance(value, str), 0 if value is None else value) for value in values]

    found = sorted(filter(matches, bodies), key=place, reverse=query.order is Order.DESCENDING)
    return [body["id"] for body in found]


@given(slugs=st.lists(st.sampled_from("abcdefgh") | st.none()), order=st.sampled_from(Order), limit=st.integers(1, 3))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_pages_of_a_unique_index_bring_each_document_once(
    documents: Documents, slugs: list[str | None], order: Order, limit: int
) -> None:
    collection = fresh()
    await documents.ensure(collection)
    for number, slug in enumerate(slugs):
        await documents.bulk(collection, [Put({"id": f"{number:03}", "owner": "me", "slug": slug}, None)])

    found = await all_pages(documents, collection, Query("by_slug", ("me",), order=order, limit=limit))

    first = {slug: f"{slugs.index(slug):03}" for slug in slugs if slug is not None}
    assert found == [first[slug] for slug in sorted(first, reverse=order is Order.DESCENDING)]


@given(
    inserts=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=12), order=st.sampled_from(Order), limit=st.integers(1, 4)
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_documents_that_come_while_pages_are_read_make_no_gaps_and_no_repeats(
    documents: Documents, inserts: list[tuple[int, int]], order: Order, limit: int
) -> None:
    collection = fresh()
    await documents.ensure(collection)
    await documents.bulk(collection, [Put({"id": f"old{rank:02}", "owner": "me", "rank": rank}, None) for rank in range(0, 20, 2)])
    found: list[Value] = []
    after = None
    for number in itertools.count():
        page = await documents.query(collection, Query("by_owner", ("me",), order=order, limit=limit, after=after))
        found += [stored.body["id"] for stored in page.items]
        if (after := page.cursor) is None:
            break
        for extra, (rank, _) in enumerate(inserts[number * 2 : number * 2 + 2]):
            await documents.insert(collection, {"id": f"new{number:02}{extra}", "owner": "me", "rank": rank})

    assert len(found) == len(set(found))
    assert [name for name in found if str(name).startswith("old")] == sorted(
        (f"old{rank:02}" for rank in range(0, 20, 2)), reverse=order is Order.DESCENDING
    )


async def test_a_scan_brings_all_documents_in_the_order_of_their_keys(documents: Documents) -> None:
    await put(documents, *({"id": f"{number:03}"} for number in reversed(range(25))))
    found: list[Value] = []
    after = None
    while True:
        page = await documents.scan(THINGS, limit=10, after=after)
        found += [stored.body["id"] for stored in page.items]
        if (after := page.cursor) is None:
            break

    assert found == [f"{number:03}" for number in range(25)]


async def cursor_of(documents: Documents, query: Query) -> str:
    await put(documents, *({"id": str(rank), "owner": "me", "rank": rank, "shard": "me", "waits_since": rank} for rank in range(4)))
    cursor = (await documents.query(THINGS, query)).cursor
    assert cursor is not None
    return cursor


@pytest.mark.parametrize(
    "other",
    [
        Query("by_owner", ("you",)),
        Query("by_owner", ("me",), order=Order.DESCENDING),
        Query("by_owner", ("me",), at_least=1),
        Query("by_owner", ("me",), below=9),
        Query("by_outbox", ("me",)),
        Query("by_owner"),
        Query("by_slug", ("me",)),
    ],
)
async def test_a_cursor_is_good_for_its_own_query_only(documents: Documents, other: Query) -> None:
    cursor = await cursor_of(documents, Query("by_owner", ("me",), limit=2))

    with pytest.raises(InvalidCursor):
        await documents.query(THINGS, Query(other.index, other.equals, other.at_least, other.below, other.order, after=cursor))


async def test_a_page_may_change_its_size_on_the_way(documents: Documents) -> None:
    cursor = await cursor_of(documents, Query("by_owner", ("me",), limit=1))

    assert await ids_of(documents, THINGS, Query("by_owner", ("me",), limit=2, after=cursor)) == ["1", "2"]


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "AAAA", "é", "kgGT", "k" * 5000])
async def test_what_is_no_cursor_is_refused(documents: Documents, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await documents.query(THINGS, Query("by_owner", ("me",), after=cursor))
    with pytest.raises(InvalidCursor):
        await documents.scan(THINGS, limit=1, after=cursor)


async def test_a_cursor_of_a_query_is_none_of_a_scan(documents: Documents) -> None:
    cursor = await cursor_of(documents, Query("by_owner", ("me",), limit=1))

    with pytest.raises(InvalidCursor):
        await documents.scan(THINGS, limit=1, after=cursor)


async def test_an_index_that_was_not_declared_is_a_key_error(documents: Documents) -> None:
    with pytest.raises(KeyError, match="by_title"):
        await documents.query(THINGS, Query("by_title"))


@pytest.mark.parametrize(
    "query",
    [
        Query("by_owner", ("me", 1, 2)),
        Query("by_owner", ("me", 1), at_least=1),
        Query("by_owner", ("me",), at_least=1, below="z"),
        Query("by_owner", ("me",), at_least=2**63),
        Query("by_owner", (2**70,)),
        Query("by_owner", ("\ud800",)),
        Query("by_owner", (True,)),
        Query("by_owner", (1.5,)),  # type: ignore[arg-type]
        Query("by_owner", ("me",), limit=0),
        Query("by_owner", ("me",), limit=10_001),
    ],
)
async def test_what_an_index_can_not_answer_is_refused(documents: Documents, query: Query) -> None:
    with pytest.raises(ValueError, match=r"index|page|surrogates"):
        await documents.query(THINGS, query)


async def test_declaring_twice_changes_nothing(documents: Documents) -> None:
    await put(documents, {"id": "a", "owner": "me", "rank": 1})

    await documents.ensure(THINGS, THINGS)

    assert await ids_of(documents, THINGS, Query("by_owner", ("me",))) == ["a"]


async def test_an_index_that_comes_later_holds_what_was_there_before(documents: Documents) -> None:
    bare = Collection("growing", key="id")
    await documents.ensure(bare)
    await documents.bulk(bare, [Put({"id": f"{number:04}", "owner": "me", "rank": -number}, None) for number in range(1_201)])

    await documents.ensure(indexed := Collection("growing", key="id", indexes=(BY_OWNER,)))

    assert await ids_of(documents, indexed, Query("by_owner", ("me",), limit=2)) == ["1200", "1199"]


async def test_a_unique_index_that_comes_too_late_is_refused_and_leaves_all_as_it_was(documents: Documents) -> None:
    bare = Collection("growing", key="id")
    await documents.ensure(bare)
    await documents.bulk(bare, [Put({"id": key, "owner": "me", "slug": "menu"}, None) for key in "ab"])

    with pytest.raises(DuplicateKey):
        await documents.ensure(Collection("growing", key="id", indexes=(BY_SLUG,)))

    assert len((await documents.scan(bare, limit=10)).items) == 2


async def test_an_index_keeps_its_meaning(documents: Documents) -> None:
    with pytest.raises(DocumentsError, match="give the new one a new name"):
        await documents.ensure(Collection("things", key="id", indexes=(Index("by_owner", ("owner",)),)))


@pytest.mark.parametrize("name", ["", "Things", "1st", "sqlite_things", "a.b", 'a"b', "x" * 61])
async def test_names_are_plain(documents: Documents, name: str) -> None:
    with pytest.raises(ValueError, match="begin with a letter"):
        await documents.ensure(Collection(name, key="id"))
    with pytest.raises(ValueError, match="begin with a letter"):
        await documents.ensure(Collection("fine", key="id", indexes=(Index("by_field", (name,)),)))
