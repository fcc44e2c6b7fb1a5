"""What only the MongoDB adapter promises: lost answers, servers that are gone, whose database it is, what it sends."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymongo
import pytest
from contract.documents.faults import Proxy
from contract.documents.stores import RANDOMNESS, driver, empty_store, is_mongodb_itself

from quietzone_kit.documents import (
    Collection,
    Documents,
    DocumentsError,
    DocumentsUnavailable,
    DuplicateKey,
    Index,
    Order,
    Outcome,
    Put,
    Query,
    Stored,
    VersionConflict,
    open_documents,
)
from quietzone_kit.runtime import Executor
from servers.packages import Packages

pytestmark = pytest.mark.server("mongodb")

THINGS = Collection(
    "things",
    key="id",
    indexes=(
        Index("by_owner", ("owner", "kind", "rank")),
        Index("by_outbox", ("shard", "waits_since"), sparse=True),
        Index("by_slug", ("owner", "slug"), unique=True),
    ),
)
TOLD_WITHIN_S = 5.0

Client = pymongo.MongoClient[dict[str, Any]]


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield from empty_store(request, "mongodb", tmp_path)


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with driver(database_url) as client:
        yield client


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    parts = urlsplit(database_url)
    proxy = Proxy(parts.hostname or "", parts.port or 27017)
    await proxy.start()
    yield proxy
    await proxy.close()


def through(proxy: Proxy, database_url: str, executor: Executor, options: str = "", user: str = "") -> Documents:
    name = urlsplit(database_url).path
    url = f"mongodb://{user}{proxy.address[0]}:{proxy.address[1]}{name}{options}"
    return open_documents(url, executor=executor, randomness=RANDOMNESS)


@pytest.fixture
async def store(proxy: Proxy, database_url: str, executor: Executor) -> AsyncIterator[Documents]:
    documents = through(proxy, database_url, executor)
    await documents.ensure(THINGS)
    yield documents
    await documents.close()


@pytest.fixture
async def other(database_url: str, executor: Executor) -> AsyncIterator[Documents]:
    """The same store, as another process reaches it."""
    documents = open_documents(database_url, executor=executor, randomness=RANDOMNESS)
    await documents.ensure(THINGS)
    yield documents
    await documents.close()


async def test_a_replacement_whose_answer_was_lost_succeeds(store: Documents, proxy: Proxy) -> None:
    await store.insert(THINGS, {"id": "a", "n": 1})
    proxy.lose = ["update"]

    stored = await store.replace(THINGS, {"id": "a", "n": 2}, if_version=1)

    assert stored == await store.get(THINGS, "a") == Stored({"id": "a", "n": 2}, 2)


async def test_an_insert_whose_answer_was_lost_succeeds(store: Documents, proxy: Proxy) -> None:
    proxy.lose = ["insert"]

    await store.insert(THINGS, {"id": "a", "owner": "me", "slug": "menu"})

    assert await store.get(THINGS, "a") == Stored({"id": "a", "owner": "me", "slug": "menu"}, 1)


async def test_a_deletion_whose_answer_was_lost_succeeds(store: Documents, proxy: Proxy) -> None:
    await store.insert(THINGS, {"id": "a"})
    proxy.lose = ["delete"]

    await store.delete(THINGS, "a", if_version=1)

    assert await store.get(THINGS, "a") is None


@pytest.mark.parametrize("command", ["insert", "update"])
async def test_an_increment_whose_answer_was_lost_counts_once(store: Documents, proxy: Proxy, command: str) -> None:
    if command == "update":
        await store.increment(THINGS, "a", "n", 0)
    proxy.lose = [command]

    stored = await store.increment(THINGS, "a", "n")

    assert stored.body == {"id": "a", "n": 1}
    assert await store.get(THINGS, "a") == stored


async def test_a_bulk_whose_answer_was_lost_has_the_outcomes_that_it_had(store: Documents, proxy: Proxy) -> None:
    await store.bulk(THINGS, [Put({"id": f"{n:03}"}, None) for n in range(100)])
    await store.increment(THINGS, "050", "n")
    proxy.lose = ["update", "insert"]

    outcomes = await store.bulk(
        THINGS, [Put({"id": f"{n:03}"}, 1) for n in range(100)] + [Put({"id": f"{n:03}"}, None) for n in range(100, 130)]
    )

    assert [n for n, outcome in enumerate(outcomes) if outcome is not Outcome.WRITTEN] == [50]
    assert proxy.lose == []


async def test_a_write_that_arrives_after_its_second_attempt_changes_nothing(store: Documents, proxy: Proxy) -> None:
    await store.insert(THINGS, {"id": "a", "n": 1})
    proxy.keep = ["update"]
    await store.replace(THINGS, {"id": "a", "n": 2}, if_version=1)

    (answer,) = await proxy.deliver()

    assert answer["n"] == 0
    assert await store.get(THINGS, "a") == Stored({"id": "a", "n": 2}, 2)


async def test_an_increment_that_arrives_after_its_second_attempt_counts_once(store: Documents, proxy: Proxy) -> None:
    await store.increment(THINGS, "a", "n")
    proxy.keep = ["update"]
    await store.increment(THINGS, "a", "n")

    await proxy.deliver()

    assert await store.increment(THINGS, "a", "n") == Stored({"id": "a", "n": 3}, 3)


async def test_of_a_lost_answer_that_others_have_written_over_nobody_pretends_to_know(
    store: Documents, other: Documents, proxy: Proxy
) -> None:
    await store.increment(THINGS, "a", "n")
    proxy.meanwhile = lambda: other.increment(THINGS, "a", "n")

    proxy.lose = ["update"]
    with pytest.raises(DocumentsUnavailable, match="read it first"):
        await store.increment(THINGS, "a", "n")
    proxy.lose = ["update"]
    with pytest.raises(VersionConflict):
        await store.replace(THINGS, {"id": "a", "n": 9}, if_version=3)


async def test_a_read_whose_answer_was_lost_is_read_again(store: Documents, proxy: Proxy) -> None:
    await store.insert(THINGS, {"id": "a"})
    proxy.lose = ["find"]

    assert await store.get(THINGS, "a") == Stored({"id": "a"}, 1)


async def test_a_stalled_connection_is_unavailable_in_time_and_works_again_afterwards(store: Documents, proxy: Proxy) -> None:
    await store.insert(THINGS, {"id": "a"})
    proxy.stall()
    started = asyncio.get_running_loop().time()

    with pytest.raises(DocumentsUnavailable, match=r"QUIETZONE_<SERVICE>_DOCUMENTS_URL"):
        await store.get(THINGS, "a")

    assert asyncio.get_running_loop().time() - started < TOLD_WITHIN_S
    proxy.resume()
    assert await store.get(THINGS, "a") == Stored({"id": "a"}, 1)


async def test_a_server_that_was_gone_is_found_again(store: Documents, proxy: Proxy) -> None:
    await store.insert(THINGS, {"id": "a"})
    await proxy.cut()
    with pytest.raises(DocumentsUnavailable):
        await store.get(THINGS, "a")

    await proxy.start()

    async with asyncio.timeout(5):
        assert await store.get(THINGS, "a") == Stored({"id": "a"}, 1)


async def test_half_closed_connections_are_opened_anew(store: Documents, proxy: Proxy) -> None:
    await asyncio.gather(*(store.insert(THINGS, {"id": str(n)}) for n in range(8)))
    proxy.half_close()

    assert await store.get(THINGS, "7") == Stored({"id": "7"}, 1)


async def test_an_unreachable_server_is_told_in_time_with_what_to_look_at(executor: Executor) -> None:
    documents = open_documents("mongodb://me:hush@127.0.0.1:9/quietzone_qr", executor=executor, randomness=RANDOMNESS)
    started = asyncio.get_running_loop().time()

    with pytest.raises(DocumentsUnavailable) as caught:
        await documents.ensure(THINGS)

    assert asyncio.get_running_loop().time() - started < TOLD_WITHIN_S
    assert str(caught.value) == (
        "mongodb://me@127.0.0.1:9/quietzone_qr: no server that takes writes within 2.3 s (127.0.0.1:9: [Errno 111] Connection refused): "
        "look whether the server runs and can be reached, and at QUIETZONE_<SERVICE>_DOCUMENTS_URL"
    )
    await documents.close()


async def test_a_caller_who_gives_up_needs_not_wait(store: Documents, proxy: Proxy) -> None:
    proxy.stall()
    started = asyncio.get_running_loop().time()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await store.insert(THINGS, {"id": "a"})

    assert asyncio.get_running_loop().time() - started < 1


async def test_too_many_waiting_calls_are_refused_at_once(store: Documents, proxy: Proxy) -> None:
    proxy.stall()
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(store.get(THINGS, "a")) for _ in range(1_000)]
        await asyncio.sleep(0)
        with pytest.raises(DocumentsUnavailable, match="1,000 calls wait"):
            await store.get(THINGS, "a")
        for task in waiting:
            task.cancel()


async def test_a_changed_password_is_read_from_its_file_without_a_restart(
    proxy: Proxy, database_url: str, executor: Executor, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("old\n")
    proxy.password = "old"  # noqa: S105
    options = f"?authMechanism=PLAIN&authSource=$external&password_file={secret}"
    documents = through(proxy, database_url, executor, options, user="me@")
    await documents.ensure(THINGS)

    proxy.password = "new"  # noqa: S105
    await proxy.cut()
    await proxy.start()
    with pytest.raises(DocumentsUnavailable, match="user or password is refused"):
        await documents.insert(THINGS, {"id": "a"})
    secret.write_text("new\n")

    assert await documents.insert(THINGS, {"id": "a"}) == Stored({"id": "a"}, 1)
    await documents.close()


async def test_a_password_file_that_is_not_there_is_unavailable_until_it_is(
    proxy: Proxy, database_url: str, executor: Executor, tmp_path: Path
) -> None:
    proxy.password = "hush"  # noqa: S105
    options = f"?authMechanism=PLAIN&authSource=$external&password_file={tmp_path}/password"
    documents = through(proxy, database_url, executor, options, user="me@")
    with pytest.raises(DocumentsUnavailable, match=r"password_file=.*password can't be read"):
        await documents.ensure(THINGS)

    (tmp_path / "password").write_text("hush")
    await documents.ensure(THINGS)
    await documents.close()


def certificate(folder: Path, name: str) -> Path:
    """A certificate of 127.0.0.1 with its key, in one file."""
    program = Packages().program("openssl", "openssl")
    own = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    made = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"))
    subprocess.run([program, "req", "-x509", *kind, *own, *made], check=True, capture_output=True, timeout=20)
    both = folder / f"{name}.pem"
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return both


async def test_a_changed_authority_is_read_from_its_file_without_a_restart(
    proxy: Proxy, database_url: str, executor: Executor, tmp_path: Path
) -> None:
    old, new, trusted = certificate(tmp_path, "old"), certificate(tmp_path, "new"), tmp_path / "ca.pem"
    trusted.write_text(old.read_text())
    await secure(proxy, old)
    documents = through(proxy, database_url, executor, f"?tls=true&tlsCAFile={trusted}")
    await documents.ensure(THINGS)

    await secure(proxy, new)
    with pytest.raises(DocumentsUnavailable, match="certificate"):
        await documents.insert(THINGS, {"id": "a"})
    trusted.write_text(new.read_text())

    assert await documents.insert(THINGS, {"id": "a"}) == Stored({"id": "a"}, 1)
    await documents.close()


async def secure(proxy: Proxy, file: Path) -> None:
    """Have it answer with this certificate, and no other way."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    await proxy.cut()
    await proxy.start(context)


async def test_an_authority_that_is_not_there_is_unavailable_until_it_is(database_url: str, executor: Executor, tmp_path: Path) -> None:
    url = f"{database_url}?tlsCAFile={tmp_path}/ca.pem"
    documents = open_documents(url, executor=executor, randomness=RANDOMNESS)

    with pytest.raises(DocumentsUnavailable, match=r"No such file or directory: '.*/ca\.pem'; see QUIETZONE"):
        await documents.ensure(THINGS)


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


async def test_stores_that_open_one_new_database_together_all_succeed(database_url: str, executor: Executor) -> None:
    stores = [open_documents(database_url, executor=executor, randomness=RANDOMNESS) for _ in range(4)]

    await asyncio.gather(*(store.ensure(THINGS) for store in stores))
    await asyncio.gather(*(store.increment(THINGS, "a", "n") for store in stores for _ in range(5)))

    assert await stores[0].get(THINGS, "a") == Stored({"id": "a", "n": 20}, 20)
    for store in stores:
        await store.close()


async def test_a_process_of_an_older_release_goes_on_filling_an_index_that_a_newer_one_added(
    database_url: str, other: Documents, executor: Executor
) -> None:
    bare = Collection("growing", key="id")
    indexed = Collection("growing", key="id", indexes=THINGS.indexes)
    old = open_documents(database_url, executor=executor, randomness=RANDOMNESS)
    await old.ensure(bare)
    await old.insert(bare, {"id": "a", "owner": "me", "slug": "menu"})
    await old.bulk(bare, [Put({"id": f"lacking{n}"}, None) for n in range(501)])
    await other.ensure(indexed)

    await old.insert(bare, {"id": "b", "owner": "me", "slug": "card"})
    with pytest.raises(DuplicateKey) as caught:
        await old.insert(bare, {"id": "c", "owner": "me", "slug": "card"})

    assert caught.value.index == "by_slug"
    page = await other.query(indexed, Query("by_slug", ("me",)))
    assert [stored.body["id"] for stored in page.items] == ["b", "a"]
    await old.close()


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


QUERIES = [
    Query("by_owner"),
    Query("by_owner", ("me",)),
    Query("by_owner", ("me",), at_least="a", below="z"),
    Query("by_owner", ("me", "menu"), below=5),
    Query("by_owner", ("me", "menu", 1)),
    Query("by_outbox", (1,)),
    Query("by_outbox"),
    Query("by_outbox", at_least=1),
    Query("by_slug", ("me",)),
    Query("by_slug", ("me", "menu")),
]


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("query", QUERIES)
async def test_each_page_of_a_query_is_read_from_its_index_without_sorting(
    store: Documents, proxy: Proxy, client: Client, query: Query, order: Order
) -> None:
    await store.bulk(
        THINGS,
        [Put({"id": f"{n}", "owner": "me", "kind": "menu", "rank": 1, "shard": 1, "waits_since": 1, "slug": n}, None) for n in range(3)],
    )
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


async def test_a_closed_store_says_so(store: Documents) -> None:
    await store.close()

    with pytest.raises(DocumentsError, match="was closed"):
        await store.get(THINGS, "a")
