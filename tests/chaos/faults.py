"""What can go wrong with servers and processes. Each fault ends by itself and returns a sentence that shows that it happened."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from chaos.arena import Arena, Second, later
from quietzone_kit.bus import Bus, Message, Record, open_bus
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_standalone.roles import ROLES
from quietzone_topics import QR_CODE_V1, TRACKING_SCAN_V1

APPLIED = "quietzone_analytics_scans_applied_total"
REPEATED = "quietzone_analytics_scans_repeated_total"
FAILED_PUBLISHES = "quietzone_tracking_publish_failures_total"
CONFLICTS = "quietzone_documents_conflicts_total"

AGAIN_WITHIN_S = 60.0
OLD_RECORDS = 5_000
"""How many records of each topic's partition are published again, from the oldest that the log has."""
CHUNK = 200
SILENCE = 10.0
"""Longer than a publish is waited for (see `quietzone_kit.bus`), and than a group waits for a member."""
NAPS = 5
REWOUND_WITHIN_S = 30.0
"""For what was published again to be applied: a forwarder connects anew and publishes within seconds."""
WRITES_WITHIN_S = 5.0
"""What was read before a nap is written at once after it, or never: the group gave its partitions away."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`strike` does it and undoes it; unless `roles_die` by it no process of ours may end, and every scan must get its redirect."""

    title: str
    strike: Callable[[Arena], Awaitable[str]]
    roles_die: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of it: restarts of Kafka, minutes without it, seconds of all other faults, kills of roles."""

    restarts: int
    gone_s: float
    fault_s: float
    kills: int


FULL = Scale(restarts=20, gone_s=300, fault_s=20, kills=30)
SHORT = Scale(restarts=2, gone_s=5, fault_s=3, kills=6)


def faults(scale: Scale) -> list[Fault]:
    """All of them."""
    ways = {"slow": "latency of 300 ± 200 ms", "reset": "every connection reset", "half_open": "half-open connections"}
    return [
        Fault(f"Kafka killed and restarted {scale.restarts} times", partial(_kafka_killed, scale.restarts)),
        Fault(f"Kafka gone for {scale.gone_s:.0f} s", partial(_stopped, "kafka", scale.gone_s)),
        Fault("Kafka's acknowledgements lost: the forwarder rewinds", _acknowledgements_lost),
        Fault("mongo-java-server paused", partial(_paused, "mongodb", scale.fault_s)),
        Fault("mongo-java-server cut off", partial(_cut, "mongodb", scale.fault_s)),
        Fault("mongo-java-server stopped and started", partial(_stopped, "mongodb", scale.fault_s)),
        Fault("Redis killed, and empty after it", partial(_killed, "redis", scale.fault_s)),
        Fault("S3 killed", partial(_killed, "s3", scale.fault_s)),
        *(
            Fault(f"{title}: {what}", partial(_disturbed, name, way, scale.fault_s))
            for name, title in {"kafka": "Kafka", "mongodb": "mongo-java-server", "redis": "Redis", "s3": "S3"}.items()
            for way, what in ways.items()
        ),
        Fault("an owner of partitions that was asleep wakes and writes", _stale_owner),
        Fault("old scans and codes delivered again", _delivered_again),
        Fault(f"kill -9 of every role, {scale.kills} times", partial(_roles_killed, scale.kills), roles_die=True),
    ]


async def _kafka_killed(times: int, arena: Arena) -> str:
    down_s = 0.0
    for _ in range(times):
        began, applied = time.monotonic(), arena.metric("analytics serve", APPLIED)
        await asyncio.to_thread(arena.servers["kafka"].kill)
        await asyncio.to_thread(arena.servers["kafka"].start)
        down_s += time.monotonic() - began
        await _until(lambda before=applied: arena.metric("analytics serve", APPLIED) > before, "scans are applied again")  # type: ignore[misc]
    return f"{times} kills, {down_s:.0f} s without it in all"


async def _stopped(name: str, seconds: float, arena: Arena) -> str:
    await asyncio.to_thread(arena.servers[name].stop)
    await later(seconds)
    await asyncio.to_thread(arena.servers[name].start)
    return f"stopped for {seconds:.0f} s"


async def _killed(name: str, seconds: float, arena: Arena) -> str:
    await asyncio.to_thread(arena.servers[name].kill)
    await later(seconds)
    await asyncio.to_thread(arena.servers[name].start)
    return f"gone for {seconds:.0f} s"


async def _paused(name: str, seconds: float, arena: Arena) -> str:
    arena.servers[name].pause()
    await later(seconds)
    arena.servers[name].resume()
    return f"asleep for {seconds:.0f} s"


async def _cut(name: str, seconds: float, arena: Arena) -> str:
    arena.proxies[name].cut()
    await later(seconds)
    arena.proxies[name].mend()
    return f"cut for {seconds:.0f} s"


async def _disturbed(name: str, way: str, seconds: float, arena: Arena) -> str:
    proxy = arena.proxies[name]
    {"slow": partial(proxy.slow, 300, 200), "reset": proxy.reset, "half_open": proxy.half_open}[way]()
    await later(seconds)
    proxy.mend()
    return f"for {seconds:.0f} s"


async def _acknowledgements_lost(arena: Arena) -> str:
    """Kafka hears what is published, and its answer is lost; whether that is a batch of scans is chance, so it is done until it was."""
    failed, repeated = arena.metric("tracking forwarder", FAILED_PUBLISHES), arena.metric("analytics serve", REPEATED)
    proxy = arena.proxies["kafka"]
    for _ in range(NAPS):
        before = arena.metric("tracking forwarder", FAILED_PUBLISHES)
        proxy.half_open("downstream")
        await _until(lambda before=before: arena.metric("tracking forwarder", FAILED_PUBLISHES) > before, "a publish fails")  # type: ignore[misc]
        proxy.mend()
        with suppress(AssertionError):
            await _until(lambda: arena.metric("analytics serve", REPEATED) > repeated, "scans come again", within_s=REWOUND_WITHIN_S)
            rewinds = arena.metric("tracking forwarder", FAILED_PUBLISHES) - failed
            return f"{rewinds:.0f} rewinds, {arena.metric('analytics serve', REPEATED) - repeated:.0f} scans came again"
    raise AssertionError(f"no scan came again in {NAPS} times")


async def _stale_owner(arena: Arena) -> str:
    """Two processes share the partitions; one sleeps until the other has all of them, and wakes with what it had read.

    Whether it had read anything is chance: it sleeps again until the store had to refuse a write of it.
    """
    with arena.second_analytics() as second:
        await _until(lambda: second.metric(APPLIED) > 0, "the second analytics applies scans")
        before = arena.metric("analytics serve", CONFLICTS)
        for naps in range(1, NAPS + 1):
            applied = arena.metric("analytics serve", APPLIED)
            await _until(lambda applied=applied: arena.metric("analytics serve", APPLIED) > applied, "the first has partitions")  # type: ignore[misc]
            await _nap(arena, second)
            refused = partial(_more_than, before, arena)
            with suppress(AssertionError):
                await _until(refused, "a late write is refused", within_s=WRITES_WITHIN_S)
                return f"{arena.metric('analytics serve', CONFLICTS) - before:.0f} writes refused after {naps} naps"
        raise AssertionError(f"the store refused no write in {NAPS} naps")


def _more_than(conflicts: float, arena: Arena) -> bool:
    return arena.metric("analytics serve", CONFLICTS) > conflicts


async def _nap(arena: Arena, second: Second) -> None:
    arena.house.kill("analytics serve", signal.SIGSTOP)
    await later(SILENCE)
    applied = second.metric(APPLIED)
    await _until(lambda: second.metric(APPLIED) > applied + 100, "the second analytics goes on alone")
    arena.house.kill("analytics serve", signal.SIGCONT)


async def _delivered_again(arena: Arena) -> str:
    executor = ThreadExecutor("redelivery")
    bus = open_bus(_direct(arena), clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    try:
        repeated = arena.metric("analytics serve", REPEATED)
        scans = await _again(bus, TRACKING_SCAN_V1.name, TRACKING_SCAN_V1.partitions)
        codes = await _again(bus, QR_CODE_V1.name, QR_CODE_V1.partitions)
    finally:
        await bus.close()
        executor.close()
    await _until(lambda: arena.metric("analytics serve", REPEATED) > repeated, "scans come again")
    return f"{scans} records of scans and {codes} of codes"


async def _again(bus: Bus, topic: str, partitions: int) -> int:
    """Publish again the oldest records of a topic, as they are."""
    published = 0
    for partition in range(partitions):
        for records in _chunks(await _oldest(bus, topic, partition)):
            again = [Message(topic, each.key, each.value, each.headers, partition) for each in records]
            published += len(await bus.publish(again))
    return published


async def _oldest(bus: Bus, topic: str, partition: int) -> list[Record]:
    bounds = await bus.bounds(topic, partition)
    wanted = min(bounds.next - bounds.first, OLD_RECORDS)
    found: list[Record] = []
    consumer = await bus.follow(topic)
    try:
        async with asyncio.timeout(AGAIN_WITHIN_S):
            while len(found) < wanted:
                polled = await consumer.poll(max_records=CHUNK, wait_s=1)
                for each in polled.assigned:
                    if each == partition:
                        consumer.seek(each, bounds.first)
                found += polled.records.get(partition, ())
    finally:
        await consumer.close()
    return found[:wanted]


def _chunks(records: Sequence[Record]) -> list[Sequence[Record]]:
    return [records[start : start + CHUNK] for start in range(0, len(records), CHUNK)]


def _direct(arena: Arena) -> str:
    return f"kafka://127.0.0.1:{urlsplit(arena.servers['kafka'].url).port}"


async def _roles_killed(times: int, arena: Arena) -> str:
    for number in range(times):
        title = ROLES[number % len(ROLES)].title
        pid = arena.house.supervisor.pids()[title]
        os.kill(pid, signal.SIGKILL)
        await _until(lambda title=title, pid=pid: arena.house.supervisor.pids()[title] != pid, f"{title} is started again")  # type: ignore[misc]
    return ", ".join(f"{role.title} {len(range(number, times, len(ROLES)))}" for number, role in enumerate(ROLES))


async def _until(holds: Callable[[], bool], what: str, *, within_s: float = AGAIN_WITHIN_S) -> None:
    began = time.monotonic()
    while not await asyncio.to_thread(holds):
        assert time.monotonic() - began < within_s, f"not within {within_s:.0f} s: {what}"
        await asyncio.sleep(0.1)
