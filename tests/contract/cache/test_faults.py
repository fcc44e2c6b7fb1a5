"""A server that is gone, slow, back again or refuses: calls get slower, none fails, and nothing outdated is given."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.cache.places import Loads, command, process, server, until

from quietzone_kit.cache import Cache, CacheUnavailable, Hit, Keep, open_cache
from quietzone_kit.runtime import SystemClock, SystemRandomness
from servers.process import NativeServer
from servers.run import Run

pytestmark = pytest.mark.server("redis")


@pytest.fixture
def own(run: Run) -> Iterator[NativeServer]:
    """A Redis that a test may break."""
    started = run.use(server(run.folder("redis-own")))
    yield started
    started.resume()
    started.kill()


async def within(seconds: float, cache: Cache, key: str) -> Hit | None:
    async with asyncio.timeout(seconds):
        return await cache.get(key)


async def test_with_the_server_killed_values_are_loaded_and_kept_in_memory(own: NativeServer) -> None:
    loads = Loads()
    async with process(own.url) as cache:
        own.kill()
        got = [await cache.get_or_load("key", loads) for _ in range(3)]

    assert (got, loads.count) == ([b"loaded"] * 3, 1)


async def test_a_server_that_hangs_costs_a_tenth_of_a_second_at_first_and_then_nothing(own: NativeServer) -> None:
    async with process(own.url) as cache:
        own.pause()
        took = []
        for number in range(20):
            began = time.monotonic()
            await cache.get(f"key-{number}")
            took.append(time.monotonic() - began)

    assert max(took) < 0.3
    assert sum(took[6:]) < 0.3, "the breaker lets one through a second"


async def test_answers_that_come_too_late_are_not_taken_for_others(own: NativeServer) -> None:
    async with process(own.url) as writer:
        for number in range(40):
            await writer.set(f"key-{number}", str(number).encode())
    reader = open_cache(own.url, clock=SystemClock(), randomness=SystemRandomness())
    await reader.get("key-0")
    own.pause()
    for number in range(4):
        await reader.get(f"key-{number + 1}")
    own.resume()

    for number in range(5, 40):
        assert await reader.get(f"key-{number}") in (None, Hit(str(number).encode()))
    await reader.close()


async def test_what_is_deleted_while_the_server_is_away_is_not_given_when_it_is_back(own: NativeServer) -> None:
    async with process(own.url) as cache, process(own.url) as other:
        await cache.set("key", b"old", Keep(ttl_s=0))
        await cache.set("tagged", b"old", Keep(ttl_s=0, tags=("red",)))
        await cache.set("set", b"old", Keep(ttl_s=0))
        own.pause()
        await cache.delete("key")
        await cache.invalidate("red")
        await cache.set("set", b"new")
        own.resume()

        assert [await cache.get(key) for key in ("key", "tagged")] == [None, None]
        assert await cache.get("set") in (None, Hit(b"new"))

        async def forgotten() -> bool:
            return not {Hit(b"old")} & {await other.get(key) for key in ("key", "tagged", "set")}

        await until(forgotten)


async def test_memory_is_dropped_when_messages_were_missed(own: NativeServer) -> None:
    async with process(own.url) as cache:
        await cache.set("key", b"old")
        command(own.url, "DEL", "quietzone:v:{key}")  # and nobody is told
        held = await cache.get("key")

        command(own.url, "CLIENT", "KILL", "TYPE", "pubsub")

        async def gone() -> bool:
            return await cache.get("key") is None

        await until(gone)
    assert held == Hit(b"old")


async def test_memory_is_trusted_for_seconds_only_while_nothing_is_heard(own: NativeServer) -> None:
    async with process(own.url) as cache:
        own.pause()

        async def unheard() -> bool:
            return cache._memory.trusted_s < 10  # type: ignore[attr-defined, no-any-return]

        await until(unheard)


async def test_subscribers_hear_that_messages_were_missed_and_then_the_next(own: NativeServer) -> None:
    async with process(own.url) as cache, process(own.url) as other:
        with cache.subscribe("live") as live:
            command(own.url, "CLIENT", "KILL", "TYPE", "pubsub")
            async with asyncio.timeout(5):
                first = await live.receive()
            await other.publish("live", b"after")
            async with asyncio.timeout(5):
                second = await live.receive()

    assert (first, second) == (None, b"after")


async def test_a_server_that_was_restarted_is_used_again(own: NativeServer) -> None:
    async with process(own.url) as cache, process(own.url) as other:
        own.kill()
        await cache.set("key", b"1")
        own.start()

        async def shared() -> bool:
            await cache.set("key", b"2")
            return await other.get("key") == Hit(b"2")

        await until(shared)


async def test_a_server_that_is_full_makes_misses(own: NativeServer) -> None:
    async with process(own.url) as cache:
        command(own.url, "CONFIG", "SET", "maxmemory", "1")

        assert await cache.get_or_load("key", Loads()) == b"loaded"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://me:hunter2@127.0.0.1:1", r"redis://me@127\.0\.0\.1:1: ConnectionError: .*; see whether it runs"),
        ("redis+sentinel://127.0.0.1:1/main", r"redis\+sentinel://127\.0\.0\.1:1/main: MasterNotFoundError: .*; see whether it runs"),
        ("redis+cluster://127.0.0.1:1", r"redis\+cluster://127\.0\.0\.1:1: .*; see whether it runs"),
    ],
)
async def test_a_server_that_cannot_be_reached_is_named_with_what_to_do(url: str, said: str) -> None:
    cache = open_cache(url, clock=SystemClock(), randomness=SystemRandomness())

    with pytest.raises(CacheUnavailable, match=said) as told:
        await cache.check()

    assert "hunter2" not in str(told.value)


async def test_a_wrong_password_is_named(own: NativeServer) -> None:
    command(own.url, "CONFIG", "SET", "requirepass", "right")
    cache = open_cache(own.url.replace("//", "//:wrong@"), clock=SystemClock(), randomness=SystemRandomness())

    with pytest.raises(CacheUnavailable, match="look at user, password or password_file"):
        await cache.check()


async def test_a_password_file_that_is_not_there_is_named(own: NativeServer) -> None:
    cache = open_cache(f"{own.url}?password_file=/none", clock=SystemClock(), randomness=SystemRandomness())

    with pytest.raises(CacheUnavailable, match=r"CredentialsUnreadable: .*password_file=/none can't be read"):
        await cache.check()


async def test_a_password_that_changes_is_read_again_without_a_restart(own: NativeServer, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    command(own.url, "CONFIG", "SET", "requirepass", "first")
    async with process(f"{own.url}?password_file={file}") as cache:
        await cache.set("key", b"1")
        file.write_text("second\n")
        own.kill()
        own.start()
        command(own.url, "CONFIG", "SET", "requirepass", "second")

        async def works() -> bool:
            await cache.set("key", b"2")
            try:
                await cache.check()
            except CacheUnavailable:
                return False
            return "OK" in command(own.url, "AUTH", "second")

        await until(works)
