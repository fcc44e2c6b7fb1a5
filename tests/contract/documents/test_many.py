"""Every adapter: an index over the elements of a list."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from contract.documents.stores import RANDOMNESS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quietzone_kit.documents import (
    Collection,
    Documents,
    DocumentsError,
    Index,
    InvalidCursor,
    InvalidDocument,
    Order,
    Put,
    Query,
    open_documents,
)
from quietzone_kit.documents.copy import copy
from quietzone_kit.documents.migrations import Migration, Migrations
from quietzone_kit.runtime import Executor, SystemClock

BY_TAG = Index("by_tag", ("owner", "tags", "rank"), sparse=True, many="tags")
THINGS = Collection("things", key="id", indexes=(BY_TAG, Index("by_rank", ("owner", "rank"))))

_numbers = itertools.count()


@pytest.fixture(autouse=True)
async def declared(documents: Documents) -> None:
    await documents.ensure(THINGS)


def thing(key: str, *tags: str, rank: int | None = 1, owner: str = "me") -> dict[str, Any]:
    return {"id": key, "owner": owner, "tags": list(tags), "rank": rank}


async def put(documents: Documents, *bodies: Mapping[str, Any]) -> None:
    await documents.bulk(THINGS, [Put(body, None) for body in bodies])


async def with_tag(documents: Documents, tag: str, collection: Collection = THINGS, **asked: Any) -> list[object]:
    page = await documents.query(collection, Query("by_tag", ("me", tag), **asked))
    return [stored.body["id"] for stored in page.items]


async def test_a_document_is_found_by_each_element(documents: Documents) -> None:
    await put(documents, thing("a", "red", "blue"), thing("b", "blue"))

    assert [await with_tag(documents, tag) for tag in ("red", "blue", "green")] == [["a"], ["a", "b"], []]


async def test_an_element_that_is_there_twice_finds_its_document_once(documents: Documents) -> None:
    await put(documents, thing("a", "red", "red"))

    assert await with_tag(documents, "red") == ["a"]


async def test_documents_with_an_element_come_in_the_order_of_the_next_field(documents: Documents) -> None:
    await put(documents, thing("a", "red", rank=3), thing("b", "red", rank=1), thing("c", "red", rank=2))

    assert await with_tag(documents, "red") == ["b", "c", "a"]
    assert await with_tag(documents, "red", order=Order.DESCENDING) == ["a", "c", "b"]


async def test_a_range_of_the_next_field_holds(documents: Documents) -> None:
    await put(documents, *(thing(str(rank), "red", rank=rank) for rank in range(6)))

    assert await with_tag(documents, "red", at_least=2, below=4) == ["2", "3"]


async def test_another_owners_documents_are_not_found(documents: Documents) -> None:
    await put(documents, thing("a", "red", owner="you"))

    assert await with_tag(documents, "red") == []


async def test_what_lacks_the_last_field_of_a_sparse_one_is_not_found(documents: Documents) -> None:
    await put(documents, thing("a", "red", rank=None))

    assert await with_tag(documents, "red") == []


async def test_a_document_without_the_list_is_in_no_entry_and_in_other_indexes(documents: Documents) -> None:
    await put(documents, {"id": "a", "owner": "me", "rank": 1}, {"id": "b", "owner": "me", "rank": 2, "tags": None}, thing("c", rank=3))

    assert await with_tag(documents, "red") == []
    assert [one.body["id"] for one in (await documents.query(THINGS, Query("by_rank", ("me",)))).items] == ["a", "b", "c"]


async def test_entries_follow_a_replacement(documents: Documents) -> None:
    await put(documents, thing("a", "red", "blue"))

    await documents.replace(THINGS, thing("a", "blue", "green", rank=2), if_version=1)

    assert [await with_tag(documents, tag) for tag in ("red", "blue", "green")] == [[], ["a"], ["a"]]


async def test_entries_follow_a_bulk_of_replacements(documents: Documents) -> None:
    await put(documents, *(thing(f"{number:03}", "red") for number in range(150)))

    await documents.bulk(THINGS, [Put(thing(f"{number:03}", "blue"), 1) for number in range(100)])

    assert (len(await with_tag(documents, "red")), len(await with_tag(documents, "blue", limit=200))) == (50, 100)


async def test_entries_stay_where_a_replacement_is_refused(documents: Documents) -> None:
    await put(documents, thing("a", "red"))

    await documents.bulk(THINGS, [Put(thing("a", "blue"), 7)])

    assert [await with_tag(documents, tag) for tag in ("red", "blue")] == [["a"], []]


async def test_entries_go_with_their_document(documents: Documents) -> None:
    await put(documents, thing("a", "red"))

    await documents.delete(THINGS, "a", if_version=1)
    await put(documents, thing("a", "blue"))

    assert [await with_tag(documents, tag) for tag in ("red", "blue")] == [[], ["a"]]


async def test_an_increment_of_the_next_field_moves_entries(documents: Documents) -> None:
    await put(documents, thing("a", "red", rank=1), thing("b", "red", rank=2))

    await documents.increment(THINGS, "a", "rank", 5)

    assert await with_tag(documents, "red") == ["b", "a"]


async def test_a_list_comes_back_as_it_was(documents: Documents) -> None:
    await put(documents, thing("a", "b", "a", "b", "Ä'\"\\ 𝄞"))

    stored = await documents.get(THINGS, "a")

    assert stored is not None
    assert stored.body["tags"] == ["b", "a", "b", "Ä'\"\\ 𝄞"]
    assert await with_tag(documents, "Ä'\"\\ 𝄞") == ["a"]


WRONG = {
    "no list": "red",
    "a number in it": ["red", 1],
    "an empty one in it": [""],
    "too long a one": ["x" * 201],
    "NUL": ["a\0"],
    "half of a pair": ["\ud800"],
    "too many": [f"{number}" for number in range(101)],
}


@pytest.mark.parametrize("tags", WRONG.values(), ids=WRONG.keys())
async def test_what_can_not_be_an_entry_is_refused_and_nothing_is_written(documents: Documents, tags: Any) -> None:
    with pytest.raises(InvalidDocument, match=r"tags|surrogate"):
        await documents.insert(THINGS, {"id": "a", "owner": "me", "tags": tags, "rank": 1})

    assert await documents.get(THINGS, "a") is None


async def test_a_list_may_have_as_many_elements_as_is_said(documents: Documents) -> None:
    await put(documents, thing("a", *(f"{number}" * 66 for number in range(100))))

    assert await with_tag(documents, "99" * 66) == ["a"]


@pytest.mark.parametrize("query", [Query("by_tag"), Query("by_tag", ("me",)), Query("by_tag", ("me",), at_least="a")], ids=str)
async def test_a_query_says_which_element(documents: Documents, query: Query) -> None:
    with pytest.raises(ValueError, match="by_tag is asked for one element of tags: give 2 equals"):
        await documents.query(THINGS, query)


MEANINGLESS = {
    "of no field": (Index("i", ("a",), many="b"),),
    "unique": (Index("i", ("a", "b"), many="b", unique=True),),
    "a list to one and not to another": (Index("i", ("a", "b"), many="b"), Index("j", ("b",))),
}


@pytest.mark.parametrize("indexes", MEANINGLESS.values(), ids=MEANINGLESS.keys())
async def test_an_index_that_can_not_be_is_refused(documents: Documents, indexes: tuple[Index, ...]) -> None:
    with pytest.raises(ValueError, match="collection wrong: "):
        await documents.ensure(Collection("wrong", key="id", indexes=indexes))


async def test_an_index_that_comes_later_holds_what_was_there_before(documents: Documents) -> None:
    bare = Collection("growing", key="id")
    await documents.ensure(bare)
    await documents.bulk(bare, [Put(thing(f"{number:04}", "red", f"{number}"), None) for number in range(1_100)])
    grown = Collection("growing", key="id", indexes=(BY_TAG,))

    assert await documents.missing(grown) == ["index by_tag of growing"]
    await documents.ensure(grown)

    assert await documents.missing(grown) == []
    assert len(await with_tag(documents, "red", grown, limit=2_000)) == 1_100
    assert await with_tag(documents, "1077", grown) == ["1077"]


async def test_a_second_index_over_the_same_list_holds_what_was_there_before(documents: Documents) -> None:
    await put(documents, thing("a", "red", rank=1))
    wider = Collection("things", key="id", indexes=(*THINGS.indexes, Index("of_all", ("tags", "rank"), many="tags")))

    await documents.ensure(wider)
    await documents.insert(wider, thing("b", "red", rank=2, owner="you"))

    page = await documents.query(wider, Query("of_all", ("red",)))
    assert [stored.body["id"] for stored in page.items] == ["a", "b"]


async def test_what_can_not_be_an_entry_is_said_before_an_index_is_made(documents: Documents) -> None:
    bare = Collection("growing", key="id")
    await documents.ensure(bare)
    await documents.insert(bare, {"id": "a", "owner": "me", "rank": 1, "tags": [1]})

    with pytest.raises(DocumentsError, match=r"field tags: .*; migrate it before it is indexed"):
        await documents.ensure(Collection("growing", key="id", indexes=(BY_TAG,)))


async def test_an_index_keeps_its_meaning(documents: Documents) -> None:
    other = Collection("things", key="id", indexes=(Index("by_tag", ("owner", "tags", "rank"), many="tags"),))

    with pytest.raises(DocumentsError, match="index by_tag is there with other fields"):
        await documents.ensure(other)


async def test_another_process_that_declares_less_keeps_entries_too(shared_url: str, executor: Executor) -> None:
    first = open_documents(shared_url, executor=executor, randomness=RANDOMNESS)
    await first.ensure(THINGS)
    second = open_documents(shared_url, executor=executor, randomness=RANDOMNESS)
    less = Collection("things", key="id")
    await second.ensure(less)

    await second.insert(less, thing("a", "red"))

    assert await with_tag(first, "red") == ["a"]
    await first.close()
    await second.close()


async def test_a_copy_has_entries(documents: Documents, executor: Executor) -> None:
    target = open_documents("sqlite://:memory:", executor=executor, randomness=RANDOMNESS)
    await put(documents, thing("a", "red"))

    await copy(documents, target, [THINGS], on_progress=lambda _name, _count: None)

    assert await with_tag(target, "red") == ["a"]
    await target.close()


async def test_a_migration_that_rewrites_leaves_every_document_in_its_entries(documents: Documents) -> None:
    await put(documents, thing("a", "red"), thing("b"))
    again = Migration("again", THINGS, lambda body: body, lambda body: body, rewrite=True)
    steps = Migrations(documents, (THINGS,), (again,), release="2", clock=SystemClock())
    await steps.migrate(lambda _line: None)

    await steps.contract(lambda _line: None)

    found = await documents.get_many(THINGS, ["a", "b"])
    assert {key: stored.version for key, stored in found.items()} == {"a": 2, "b": 2}
    assert await with_tag(documents, "red") == ["a"]


async def test_a_cursor_of_one_element_is_none_of_another(documents: Documents) -> None:
    await put(documents, thing("a", "red", "blue"), thing("b", "red", "blue"))
    page = await documents.query(THINGS, Query("by_tag", ("me", "red"), limit=1))

    with pytest.raises(InvalidCursor):
        await documents.query(THINGS, Query("by_tag", ("me", "blue"), limit=1, after=page.cursor))


@dataclass
class Model:
    """The store as a dictionary."""

    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def write(self, body: dict[str, Any]) -> None:
        key = body["id"]
        self.bodies[key], self.versions[key] = body, self.versions.get(key, 0) + 1

    def delete(self, key: str) -> None:
        del self.bodies[key], self.versions[key]

    def found(self, tag: str, *, reverse: bool) -> list[str]:
        fits = [body for body in self.bodies.values() if body["owner"] == "me" and tag in (body["tags"] or ()) and body["rank"] is not None]
        return [body["id"] for body in sorted(fits, key=lambda body: (body["rank"], body["id"]), reverse=reverse)]


KEYS, TAGS = st.sampled_from("abcdef"), st.lists(st.sampled_from(["red", "blue", "É"]), max_size=4)
BODIES = st.fixed_dictionaries(
    {"id": KEYS, "owner": st.sampled_from(["me", "me", "you"]), "tags": TAGS | st.none(), "rank": st.integers(0, 3) | st.none()}
)
WRITES = st.lists(
    st.tuples(st.just("put"), BODIES)
    | st.tuples(st.just("delete"), KEYS)
    | st.tuples(st.just("increment"), KEYS)
    | st.tuples(st.just("bulk"), st.lists(BODIES, max_size=6, unique_by=lambda body: body["id"])),
    max_size=12,
)


@given(writes=WRITES, limit=st.integers(1, 3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_written_each_element_finds_what_a_plain_search_finds(
    documents: Documents, writes: list[tuple[str, Any]], limit: int
) -> None:
    collection = Collection(f"things{next(_numbers)}", THINGS.key, THINGS.indexes)
    await documents.ensure(collection)
    model = Model()
    for kind, what in writes:
        await apply(documents, collection, model, kind, what)

    for tag, order in itertools.product(("red", "blue", "É"), Order):
        assert await pages(documents, collection, tag, order, limit) == model.found(tag, reverse=order is Order.DESCENDING)


async def apply(documents: Documents, collection: Collection, model: Model, kind: str, what: Any) -> None:
    if kind in ("put", "bulk"):
        bodies = [what] if kind == "put" else what
        await documents.bulk(collection, [Put(body, model.versions.get(body["id"])) for body in bodies])
        for body in bodies:
            model.write(body)
    elif kind == "delete" and what in model.bodies:
        await documents.delete(collection, what, if_version=model.versions[what])
        model.delete(what)
    elif kind == "increment" and what in model.bodies and model.bodies[what]["rank"] is not None:
        await documents.increment(collection, what, "rank")
        model.write({**model.bodies[what], "rank": model.bodies[what]["rank"] + 1})


async def pages(documents: Documents, collection: Collection, tag: str, order: Order, limit: int) -> list[object]:
    found: list[object] = []
    after = None
    while True:
        page = await documents.query(collection, Query("by_tag", ("me", tag), order=order, limit=limit, after=after))
        found += [stored.body["id"] for stored in page.items]
        after = page.cursor
        if after is None:
            return found
