"""MongoDB gone, stalled, or with answers that come late."""

import asyncio

import pytest
from contract.documents.faults import Proxy
from contract.documents.stores import RANDOMNESS, THINGS

from quietzone_kit.documents import (
    Documents,
    DocumentsUnavailable,
    Stored,
    VersionConflict,
    open_documents,
)
from quietzone_kit.runtime import Executor

pytestmark = pytest.mark.server("mongodb")


TOLD_WITHIN_S = 5.0


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
