"""What processes that share a server see of each other."""

import asyncio

import pytest
from contract.cache.places import Loads, process, raw, until

from quietzone_kit.cache import Cache, Hit, Keep, open_cache
from quietzone_kit.cache._redis import RedisServer
from quietzone_kit.cache._server import Claim
from quietzone_kit.runtime import SystemClock, SystemRandomness

Pair = tuple[Cache, Cache]


async def test_what_one_sets_the_other_gets(pair: Pair) -> None:
    await pair[0].set("key", b"value", Keep(tags=("red",)))

    assert await pair[1].get("key") == Hit(b"value")


async def test_what_one_loaded_the_other_need_not_load(pair: Pair) -> None:
    loads = Loads()
    for cache in pair:
        await cache.get_or_load("key", loads)

    assert loads.count == 1


async def test_both_at_once_load_once(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quietzone_kit.cache._layered.WAIT_S", 10.0)  # a busy machine is slow
    claims = 0

    async def claimed(server: RedisServer, key: str, keep: Keep) -> Claim | None:
        nonlocal claims
        answer = await claim(server, key, keep)
        claims += 1
        return answer

    claim = RedisServer.claim
    monkeypatch.setattr(RedisServer, "claim", claimed)
    loads = Loads()
    loads.go.clear()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        callers = [group.create_task(cache.get_or_load("key", loads)) for cache in pair]
        while claims < 2:
            await asyncio.sleep(0.001)
        loads.go.set()

    assert (loads.count, [caller.result() for caller in callers]) == (1, [b"loaded"] * 2)


async def test_a_load_that_takes_long_elsewhere_is_not_waited_for(pair: Pair) -> None:
    slow = Loads()
    slow.go.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(pair[0].get_or_load("key", slow))
        await slow.began.wait()
        got = await pair[1].get_or_load("key", Loads(b"own"))
        slow.go.set()

    assert got == b"own"


async def test_what_one_deletes_the_other_forgets(pair: Pair) -> None:
    await pair[0].set("key", b"value")
    await pair[1].get("key")  # in its memory now

    await pair[0].delete("key")

    await until(lambda: _gone(pair[1]))


async def test_what_one_sets_anew_the_other_sees(pair: Pair) -> None:
    await pair[0].set("key", b"old")
    await pair[1].get("key")

    await pair[0].set("key", b"new")

    async def is_new() -> bool:
        return await pair[1].get("key") == Hit(b"new")

    await until(is_new)


async def test_a_tag_that_one_invalidates_ends_the_others_entries(pair: Pair) -> None:
    await pair[0].set("key", b"value", Keep(tags=("red",)))
    await pair[1].get("key")

    await pair[0].invalidate("red")

    await until(lambda: _gone(pair[1]))


async def test_what_one_loads_while_the_other_deletes_it_is_not_kept(pair: Pair) -> None:
    loads = Loads(b"old")
    loads.go.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(pair[0].get_or_load("key", loads))
        await loads.began.wait()
        await pair[1].delete("key")
        loads.go.set()

    assert [await cache.get("key") for cache in pair] == [None, None]


async def test_what_one_loads_while_the_other_invalidates_its_tag_is_not_kept(pair: Pair) -> None:
    loads = Loads(b"old")
    loads.go.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(pair[0].get_or_load("key", loads, Keep(tags=("red",))))
        await loads.began.wait()
        await pair[1].invalidate("red")
        loads.go.set()

    await until(lambda: _gone(pair[0]))
    assert await pair[1].get("key") is None


async def test_a_message_of_one_reaches_the_other_once(pair: Pair) -> None:
    with pair[0].subscribe("live") as here, pair[1].subscribe("live") as there:
        await pair[0].publish("live", b"1")
        await pair[0].publish("live", b"2")

        assert [await there.receive(), await there.receive()] == [b"1", b"2"]
        assert [await here.receive(), await here.receive()] == [b"1", b"2"]


async def test_a_tag_that_the_server_evicted_never_makes_an_old_entry_valid(shared_url: str) -> None:
    tagged = Keep(tags=("red",))
    async with process(shared_url) as cache, process(shared_url) as other, raw(shared_url) as server:
        await cache.set("key", b"old", tagged)
        await server.delete(_prefix(shared_url) + ":t:{red}")
        await cache.set("another", b"value", tagged)  # makes the tag again

        assert (await other.get("key"), await other.get("another")) == (None, Hit(b"value"))


async def test_a_tag_lives_as_long_as_the_longest_of_its_entries(shared_url: str) -> None:
    async with process(shared_url) as cache, raw(shared_url) as server:
        lives = []
        for ttl_s in (100, 10, 200, 0, 10):
            await cache.set("key", b"value", Keep(ttl_s=ttl_s, stale_s=7, absent_s=None, tags=("red",)))
            lives.append(await server.ttl(_prefix(shared_url) + ":t:{red}"))

    assert lives == [107, 107, 207, -1, -1]


async def test_an_entry_without_time_to_live_has_none_on_the_server(shared_url: str) -> None:
    async with process(shared_url) as cache, raw(shared_url) as server:
        await cache.set("key", b"", Keep(ttl_s=0))

        assert await server.ttl(_prefix(shared_url) + ":v:{key}") == -1


async def test_bytes_of_another_form_are_a_miss(shared_url: str) -> None:
    async with process(shared_url) as cache, raw(shared_url) as server:
        for stored in (b"", b"garbage", b"\x94\x02\x00\x80\xa1x"):
            await server.set(_prefix(shared_url) + ":v:{key}", stored)

            assert await cache.get("key") is None


async def test_without_its_task_a_cache_works_and_loads_stale_values_itself(shared_url: str) -> None:
    cache = open_cache(shared_url, clock=SystemClock(), randomness=SystemRandomness())
    keep = Keep(ttl_s=0.03, stale_s=60)
    await cache.set("key", b"old", keep)
    await until(lambda: _gone(cache))

    assert await cache.get_or_load("key", Loads(b"new"), keep) == b"new"
    await cache.close()


async def _gone(cache: Cache) -> bool:
    return await cache.get("key") is None


def _prefix(url: str) -> str:
    return url.rpartition("=")[2]
