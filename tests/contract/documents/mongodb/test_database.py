"""What only the MongoDB adapter promises: whose database it is, and what it sends."""

from typing import Any

import pytest
from contract.documents.faults import Proxy
from contract.documents.stores import QUERIES, RANDOMNESS, THINGS, THREE, Client, is_mongodb_itself

from quietzone_kit.documents import (
    Collection,
    Documents,
    DocumentsError,
    Index,
    Order,
    Put,
    Query,
    open_documents,
)
from quietzone_kit.documents.migrations import Migration, Migrations
from quietzone_kit.runtime import Executor, SystemClock

pytestmark = pytest.mark.server("mongodb")


async def test_a_database_of_somebody_else_is_left_alone(client: Client, database_url: str, executor: Executor) -> None:
    database = client.get_default_database()
    database["orders"].insert_one({"_id": 1})
    documents = open_documents(database_url, executor=executor, randomness=RANDOMNESS)

    with pytest.raises(DocumentsError, match=r"holds what isn't this store's \(orders\): name an empty database"):
        await documents.ensure(THINGS)

    assert database.list_collection_names() == ["orders"]
    await documents.close()


@pytest.mark.usefixtures("store")
async def test_a_collection_that_somebody_made_beside_ours_is_refused(client: Client, database_url: str, executor: Executor) -> None:
    client.get_default_database()["made_by_hand"].insert_one({"_id": 1})
    documents = open_documents(database_url, executor=executor, randomness=RANDOMNESS)

    with pytest.raises(DocumentsError, match="made_by_hand"):
        await documents.ensure(Collection("made_by_hand", key="id"))
    await documents.close()


@pytest.mark.usefixtures("store")
async def test_a_store_of_a_newer_release_is_left_alone(client: Client, database_url: str, executor: Executor) -> None:
    client.get_default_database()["_quietzone"].update_one({"_id": "store"}, {"$set": {"layout": 2}})
    documents = open_documents(database_url, executor=executor, randomness=RANDOMNESS)

    with pytest.raises(DocumentsError, match="start the release that wrote it"):
        await documents.ensure(THINGS)
    await documents.close()


async def test_what_no_index_takes_is_said_before_one_is_made(store: Documents) -> None:
    bare = Collection("growing", key="id")
    await store.ensure(bare)
    await store.insert(bare, {"id": "a", "owner": [1]})

    with pytest.raises(DocumentsError, match=r"document a: field owner .*; migrate it"):
        await store.ensure(Collection("growing", key="id", indexes=THINGS.indexes))


async def test_people_can_read_documents_with_the_servers_own_tools(store: Documents, client: Client) -> None:
    await store.insert(THINGS, {"id": "a", "owner": "me", "slug": "menu", "gone": None, "n": 7})

    found = client.get_default_database()["things"].find_one({"body.slug": "menu"})

    assert found is not None
    assert found["body"] == {"id": "a", "owner": "me", "slug": "menu", "n": 7}
    assert (found["version"], found["none"]) == (1, ["gone"])


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("query", QUERIES)
async def test_each_page_of_a_query_is_read_from_its_index_without_sorting(
    store: Documents, proxy: Proxy, client: Client, query: Query, order: Order
) -> None:
    await store.bulk(THINGS, THREE)
    proxy.seen.clear()
    first = await store.query(THINGS, Query(query.index, query.equals, query.at_least, query.below, order, 1))
    if first.cursor is not None:
        await store.query(THINGS, Query(query.index, query.equals, query.at_least, query.below, order, 1, first.cursor))

    finds = [command for command in proxy.seen if "find" in command]
    assert finds
    for find in finds:
        assert find["hint"] == query.index
        assert _follows(client.get_default_database()["things"].index_information()[query.index]["key"], find, len(query.equals))
        assert not is_mongodb_itself(client) or _stages(client, find) <= {"LIMIT", "FETCH", "IXSCAN"}


def _follows(keys: list[tuple[str, int]], find: dict[str, Any], equal: int) -> bool:
    """Whether an index brings documents in the order that is asked for: its first fields are equal, the others one way."""
    fields = [name for name, _ in keys]
    ordered = list(find.get("sort", {}))
    directions = set(find.get("sort", {}).values())
    return set(fields[:equal]) <= set(find["filter"]) and fields[equal : equal + len(ordered)] == ordered and len(directions) <= 1


def _stages(client: Client, find: dict[str, Any]) -> set[str]:
    asked = {name: find[name] for name in ("find", "filter", "hint", "sort", "limit") if name in find}
    plan = client.get_default_database().command("explain", asked)["queryPlanner"]["winningPlan"]
    plan = plan.get("queryPlan", plan)
    stages = set()
    while plan is not None:
        stages.add(plan["stage"])
        plan = plan.get("inputStage")
    return stages


async def test_entries_that_an_older_release_took_away_come_back_with_what_is_written_again(store: Documents, client: Client) -> None:
    tagged = Collection("tagged", key="id", indexes=(Index("by_tag", ("tags", "rank"), many="tags"),))
    await store.ensure(tagged)
    await store.insert(tagged, {"id": "a", "tags": ["red"], "rank": 1})
    rows = client.get_default_database()["tagged"]
    row = rows.find_one({"_id": "a"})
    assert row is not None
    rows.replace_one({"_id": "a"}, {name: value for name, value in row.items() if name != "many"})  # it replaces the whole of a row
    again = Migration("again", tagged, lambda body: body, lambda body: body, rewrite=True)
    steps = Migrations(store, (tagged,), (again,), release="2", clock=SystemClock())
    await steps.migrate(lambda _line: None)
    lost = (await store.query(tagged, Query("by_tag", ("red",)))).items

    await steps.contract(lambda _line: None)

    assert lost == []
    assert [one.body["id"] for one in (await store.query(tagged, Query("by_tag", ("red",)))).items] == ["a"]


async def test_every_write_waits_for_the_journal_of_a_majority_and_no_driver_tries_again(store: Documents, proxy: Proxy) -> None:
    proxy.seen.clear()
    await store.insert(THINGS, {"id": "a"})
    await store.replace(THINGS, {"id": "a"}, if_version=1)
    await store.increment(THINGS, "a", "n")
    await store.bulk(THINGS, [Put({"id": "b"}, None), Put({"id": "a"}, 3)])
    await store.delete(THINGS, "a", if_version=4)

    writes = [command for command in proxy.seen if next(iter(command)) in ("insert", "update", "delete")]
    assert len(writes) == 6
    assert [write for write in writes if write.get("writeConcern") != {"w": "majority", "j": True} or "txnNumber" in write] == []


async def test_every_read_sees_what_a_majority_has(store: Documents, proxy: Proxy) -> None:
    await store.get(THINGS, "a")
    await store.get_many(THINGS, ["a", "b"])
    await store.scan(THINGS, limit=1)
    await store.query(THINGS, Query("by_owner"))

    levels = [command["readConcern"]["level"] for command in proxy.seen if "find" in command and command["find"] == "things"]
    assert levels[-4:] == ["majority"] * 4
