"""What every cache does, whatever it stands on."""

import asyncio

import pytest
from contract.cache.places import Loads, until

from quietzone_kit.cache import MAX_KEY_CHARACTERS, MAX_TAGS, MAX_VALUE_BYTES, Cache, Hit, Keep, _layered

SHORT = Keep(ttl_s=0.03)


async def gone(cache: Cache, key: str) -> bool:
    return await cache.get(key) is None


@pytest.mark.parametrize("value", [b"value", b"", b"0", bytes(range(256)), None], ids=["text", "empty", "zero", "binary", "absent"])
async def test_what_is_set_is_got(cache: Cache, value: bytes | None) -> None:
    await cache.set("key", value)

    assert await cache.get("key") == Hit(value)


async def test_what_was_never_set_is_not_there(cache: Cache) -> None:
    assert await cache.get("key") is None


async def test_a_second_value_takes_the_place_of_the_first(cache: Cache) -> None:
    await cache.set("key", b"first")
    await cache.set("key", b"second")

    assert await cache.get("key") == Hit(b"second")


async def test_what_is_deleted_is_gone(cache: Cache) -> None:
    await cache.set("key", b"value")
    await cache.set("other", b"value")
    await cache.delete("key")

    assert (await cache.get("key"), await cache.get("other")) == (None, Hit(b"value"))


async def test_an_entry_ends_with_its_time_to_live(cache: Cache) -> None:
    await cache.set("key", b"value", SHORT)

    await until(lambda: gone(cache, "key"))


async def test_without_a_time_to_live_an_entry_stays(cache: Cache) -> None:
    await cache.set("kept", b"value", Keep(ttl_s=0))
    await cache.set("short", b"value", SHORT)
    await until(lambda: gone(cache, "short"))

    assert await cache.get("kept") == Hit(b"value")


async def test_a_tag_ends_all_its_entries_and_no_others(cache: Cache) -> None:
    await cache.set("both", b"1", Keep(tags=("red", "blue")))
    await cache.set("red", b"2", Keep(tags=("red",)))
    await cache.set("blue", b"3", Keep(tags=("blue",)))
    await cache.set("none", b"4")

    await cache.invalidate("red")

    assert [await cache.get(key) for key in ("both", "red", "blue", "none")] == [None, None, Hit(b"3"), Hit(b"4")]


async def test_an_entry_that_is_set_after_its_tag_was_invalidated_is_there(cache: Cache) -> None:
    await cache.set("key", b"old", Keep(tags=("red",)))
    await cache.invalidate("red")
    await cache.set("key", b"new", Keep(tags=("red",)))

    assert await cache.get("key") == Hit(b"new")


@pytest.mark.parametrize("value", [b"value", b"", None])
async def test_a_value_is_loaded_once(cache: Cache, value: bytes | None) -> None:
    loads = Loads(value)

    got = [await cache.get_or_load("key", loads) for _ in range(3)]

    assert (got, loads.count) == ([value] * 3, 1)


async def test_absence_is_remembered_only_if_asked_for(cache: Cache) -> None:
    loads = Loads(None)

    for _ in range(3):
        await cache.get_or_load("key", loads, Keep(absent_s=None))

    assert loads.count == 3


async def test_absence_ends_with_its_own_time(cache: Cache) -> None:
    await cache.get_or_load("key", Loads(None), Keep(ttl_s=0, absent_s=0.03))

    await until(lambda: gone(cache, "key"))


async def test_callers_who_come_together_share_one_load(cache: Cache) -> None:
    loads = Loads()
    loads.go.clear()
    async with asyncio.TaskGroup() as group:
        callers = [group.create_task(cache.get_or_load("key", loads)) for _ in range(50)]
        await loads.began.wait()
        loads.go.set()

    assert (loads.count, {caller.result() for caller in callers}) == (1, {b"loaded"})


async def test_when_the_caller_who_loads_gives_up_another_goes_on(cache: Cache) -> None:
    loads = Loads()
    loads.go.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(cache.get_or_load("key", loads))
        await loads.began.wait()
        second = group.create_task(cache.get_or_load("key", loads))
        await asyncio.sleep(0)
        first.cancel()
        loads.go.set()

    assert second.result() == b"loaded"


async def test_what_a_load_raises_is_raised_and_not_remembered(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_layered, "WAIT_S", 60.0)  # for a lease that the failed load should have given back

    async def fails() -> bytes | None:
        raise ConnectionError("store gone")

    with pytest.raises(ConnectionError):
        await cache.get_or_load("key", fails)

    async with asyncio.timeout(5):  # half of what a lease lasts by itself
        assert await cache.get_or_load("key", Loads()) == b"loaded"


async def test_a_stale_value_is_given_while_it_is_loaded_anew(cache: Cache) -> None:
    keep = Keep(ttl_s=0.03, stale_s=60)
    await cache.set("key", b"old", keep)
    await until(lambda: gone(cache, "key"))
    loads = Loads(b"new")
    loads.go.clear()

    given = await cache.get_or_load("key", loads, keep)
    await loads.began.wait()
    again = await cache.get_or_load("key", loads, keep)
    loads.go.set()

    async def is_new() -> bool:
        return await cache.get_or_load("key", loads, keep) == b"new"

    await until(is_new)
    assert (given, again) == (b"old", b"old")


async def test_a_stale_value_whose_load_fails_is_given_further(cache: Cache) -> None:
    keep = Keep(ttl_s=0.03, stale_s=60)
    await cache.set("key", b"old", keep)
    await until(lambda: gone(cache, "key"))
    failed = asyncio.Event()

    async def fails() -> bytes | None:
        failed.set()
        raise ConnectionError("store gone")

    await cache.get_or_load("key", fails, keep)
    await failed.wait()

    assert await cache.get_or_load("key", fails, keep) == b"old"


@pytest.mark.parametrize("change", ["delete", "invalidate", "set"])
async def test_what_is_loaded_while_it_changes_is_not_kept(cache: Cache, change: str) -> None:
    loads = Loads(b"old")
    loads.go.clear()
    keep = Keep(tags=("red",))
    async with asyncio.TaskGroup() as group:
        group.create_task(cache.get_or_load("key", loads, keep))
        await loads.began.wait()
        match change:
            case "delete":
                await cache.delete("key")
            case "invalidate":
                await cache.invalidate("red")
            case _:
                await cache.set("key", b"new")
        loads.go.set()

    assert await cache.get("key") == (Hit(b"new") if change == "set" else None)


async def test_who_comes_after_a_change_does_not_join_a_load_from_before(cache: Cache) -> None:
    before, after = Loads(b"old"), Loads(b"new")
    before.go.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(cache.get_or_load("key", before))
        await before.began.wait()
        await cache.delete("key")
        given = await cache.get_or_load("key", after)
        before.go.set()

    assert given == b"new"


async def test_a_value_that_is_too_large_is_given_and_not_kept(cache: Cache) -> None:
    loads = Loads(bytes(MAX_VALUE_BYTES + 1))

    for _ in range(2):
        assert len(await cache.get_or_load("key", loads) or b"") == MAX_VALUE_BYTES + 1

    assert loads.count == 2


async def test_a_value_that_is_too_large_ends_what_was_there(cache: Cache) -> None:
    await cache.set("key", b"old")
    await cache.set("key", bytes(MAX_VALUE_BYTES + 1))

    assert await cache.get("key") is None


@pytest.mark.parametrize("key", ["", "x" * (MAX_KEY_CHARACTERS + 1), "a{b", "a}b"])
async def test_a_key_that_no_server_takes_is_refused(cache: Cache, key: str) -> None:
    with pytest.raises(ValueError, match="a key or tag has 1 to 512 characters"):
        await cache.get(key)


@pytest.mark.parametrize(("keep", "said"), [({"ttl_s": -1}, "0 or more"), ({"tags": ("x",) * (MAX_TAGS + 1)}, "at most 8")])
def test_a_wrong_keep_is_refused(keep: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Keep(**keep)  # type: ignore[arg-type]


async def test_a_message_reaches_its_topic_and_no_other(cache: Cache) -> None:
    with cache.subscribe("live") as live, cache.subscribe("other") as other:
        await cache.publish("live", b"1")
        await cache.publish("other", b"2")

        assert (await live.receive(), await other.receive()) == (b"1", b"2")


async def test_a_subscriber_that_is_too_slow_is_told_that_messages_are_lost(cache: Cache) -> None:
    with cache.subscribe("live") as live:
        for number in range(1_001):
            await cache.publish("live", str(number).encode())
        await cache.publish("live", b"after")

        assert [await live.receive(), await live.receive()] == [None, b"after"]


async def test_a_cache_that_is_there_says_so(cache: Cache) -> None:
    await cache.check()
