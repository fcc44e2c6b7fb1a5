"""Memory before a server, by a clock that is moved by hand."""

import asyncio

import pytest
from ports import Hands
from unit.kit.cache.shelf import Shelf, layered

from quietzone_kit.cache import Hit, Keep
from quietzone_kit.cache._layered import MAX_OWED
from quietzone_kit.cache._memory import MAX_BYTES, MAX_ENTRIES, TRUSTED_S, UNHEARD_S

YEAR_S = 365 * 86_400


async def test_without_a_server_an_entry_without_time_to_live_stays_for_ever() -> None:
    clock = Hands()
    cache = layered(clock)
    await cache.set("key", b"value", Keep(ttl_s=0))
    clock.seconds += 10 * YEAR_S

    assert await cache.get("key") == Hit(b"value")


@pytest.mark.parametrize(("later_s", "expected"), [(299.9, Hit(b"value")), (300, None)])
async def test_an_entry_stays_for_its_time_to_live_and_no_longer(later_s: float, expected: Hit | None) -> None:
    clock = Hands()
    cache = layered(clock)
    await cache.set("key", b"value")
    clock.seconds += later_s

    assert await cache.get("key") == expected


async def test_memory_keeps_what_was_used_last() -> None:
    cache = layered(Hands())
    for number in range(MAX_ENTRIES):
        await cache.set(f"key-{number}", b"")
    await cache.get("key-0")
    await cache.set("one-more", b"")

    assert (await cache.get("key-0"), await cache.get("key-1")) == (Hit(b""), None)


async def test_memory_is_bounded_in_bytes_too() -> None:
    cache = layered(Hands())
    for number in range(MAX_BYTES // 1_000_000 + 1):
        await cache.set(f"key-{number}", bytes(1_000_000))

    assert (await cache.get("key-0"), await cache.get("key-2")) == (None, Hit(bytes(1_000_000)))


@pytest.mark.parametrize("value", [b"", None])
async def test_falsy_values_are_given_from_memory(value: bytes | None) -> None:
    shelf = Shelf()
    cache = layered(Hands(), shelf)
    await cache.set("key", value)
    asked = shelf.asked

    assert (await cache.get("key"), shelf.asked) == (Hit(value), asked)


@pytest.mark.parametrize(("is_heard", "trusted_s"), [(True, TRUSTED_S), (False, UNHEARD_S)])
async def test_memory_is_trusted_for_less_while_nobody_tells_of_changes(is_heard: bool, trusted_s: float) -> None:
    clock, shelf = Hands(), Shelf()
    cache = layered(clock, shelf)
    if is_heard:
        cache.heard()
    await cache.set("key", b"old", Keep(ttl_s=0))
    shelf.values["key"] = b"new"
    clock.seconds = trusted_s - 0.1
    before = await cache.get("key")
    clock.seconds = trusted_s

    assert (before, await cache.get("key")) == (Hit(b"old"), Hit(b"new"))


async def test_what_is_heard_while_an_entry_is_read_makes_it_be_read_again() -> None:
    shelf = Shelf()
    cache = layered(Hands(), shelf)
    shelf.values["key"] = b"old"
    shelf.hold.clear()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(cache.get("key"))
        await shelf.reading.wait()
        shelf.values["key"] = b"new"
        cache.hear(b"what no release says")  # then anything may have changed
        shelf.hold.set()

    assert (reading.result(), await cache.get("key")) == (Hit(b"new"), Hit(b"new"))


async def test_what_the_server_has_not_heard_is_not_taken_from_it_and_told_it_later() -> None:
    clock, shelf = Hands(), Shelf()
    cache = layered(clock, shelf)
    await cache.set("key", b"old", Keep(ttl_s=0))
    shelf.gone = True
    await cache.delete("key")
    await cache.invalidate("red")
    shelf.gone = False
    meanwhile = await cache.get("key")

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(cache.run())
        while len(shelf.forgot) < 2:
            await asyncio.sleep(0)
        running.cancel()

    assert (meanwhile, shelf.forgot, shelf.values) == (None, ["key", "red"], {})


async def test_what_was_set_while_the_server_was_gone_is_given_and_not_what_the_server_has() -> None:
    shelf = Shelf()
    cache = layered(Hands(), shelf)
    shelf.gone = True
    await cache.set("key", b"new")
    shelf.gone = False
    shelf.values["key"] = b"outdated"

    from_memory = await cache.get("key")
    cache._memory.clear()

    assert (from_memory, await cache.get("key")) == (Hit(b"new"), None)


async def test_a_change_that_reaches_the_server_does_not_pay_for_a_later_one_that_does_not() -> None:
    class Slow(Shelf):
        async def delete(self, key: str, said: bytes) -> None:
            await super().delete(key, said)
            await self.hold.wait()

    shelf = Slow()
    cache = layered(Hands(), shelf)
    shelf.hold.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(cache.delete("key"))
        await asyncio.sleep(0)
        shelf.gone = True
        await cache.set("key", b"new")
        shelf.gone = False
        shelf.hold.set()
    cache._memory.clear()
    shelf.values["key"] = b"outdated"

    assert await cache.get("key") is None


async def test_what_was_read_before_the_server_deleted_it_is_not_kept() -> None:
    class Late(Shelf):
        def __init__(self) -> None:
            super().__init__()
            self.may_delete = asyncio.Event()

        async def delete(self, key: str, said: bytes) -> None:
            await self.may_delete.wait()
            await super().delete(key, said)

    shelf = Late()
    cache = layered(Hands(), shelf)
    shelf.values["key"] = b"old"
    shelf.hold.clear()
    async with asyncio.TaskGroup() as group:
        deleting = group.create_task(cache.delete("key"))
        await asyncio.sleep(0)
        reading = group.create_task(cache.get("key"))
        await shelf.reading.wait()  # it has the old value, and not yet said so
        shelf.may_delete.set()
        await deleting
        shelf.hold.set()

    assert (reading.result(), await cache.get("key")) == (None, None)


async def test_what_is_owed_is_bounded() -> None:
    shelf = Shelf()
    cache = layered(Hands(), shelf)
    shelf.gone = True
    for number in range(MAX_OWED + 10):
        await cache.delete(f"key-{number}")

    assert len(cache._owed) == MAX_OWED


async def test_a_message_of_ones_own_is_not_heard_twice() -> None:
    cache, said = layered(Hands(), shelf := Shelf()), list[bytes]()

    async def keep(message: bytes) -> None:
        said.append(message)

    shelf.say = keep  # type: ignore[method-assign]
    with cache.subscribe("live") as live:
        await cache.publish("live", b"1")
        cache.hear(said[0])
        await cache.publish("live", b"2")

        assert [await live.receive(), await live.receive()] == [b"1", b"2"]


async def test_stale_values_are_given_without_a_task_only_once_loaded_anew() -> None:
    clock = Hands()
    cache = layered(clock)
    keep = Keep(ttl_s=10, stale_s=50)
    await cache.set("key", b"old", keep)
    clock.seconds = 10

    async def load() -> bytes | None:
        return b"new"

    assert await cache.get_or_load("key", load, keep) == b"new"
