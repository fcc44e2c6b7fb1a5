"""What one process publishes and another reads, on every adapter."""

import asyncio
import json
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from contract.bus.conftest import SCANS, Server, from_start, read_all, texts

from quietzone_kit.bus import Bus

PUBLISHER = Path(__file__).with_name("publisher.py")


class Acknowledgement(NamedTuple):
    at_s: float
    records: list[tuple[int, int, str]]


async def start(server: Server, name: str, *, batches: int, pause_s: float = 0) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, PUBLISHER, server.url, SCANS.name, name, str(batches), str(pause_s), stdout=asyncio.subprocess.PIPE
    )


async def acknowledgements(process: asyncio.subprocess.Process) -> AsyncIterator[Acknowledgement]:
    assert process.stdout is not None
    async for line in process.stdout:
        if line.endswith(b"\n"):
            told = json.loads(line)
            yield Acknowledgement(told["at_s"], [tuple(record) for record in told["acknowledged"]])


async def test_what_was_acknowledged_is_there_after_the_publisher_was_killed(server: Server, bus: Bus) -> None:
    publisher = await start(server, "p", batches=100_000)
    acknowledged: list[tuple[int, int, str]] = []
    async with asyncio.timeout(30):
        async for acknowledgement in acknowledgements(publisher):
            acknowledged += acknowledgement.records
            if len(acknowledged) == 7 * 40:
                publisher.send_signal(signal.SIGKILL)
        await publisher.wait()

    stored = await everything(bus)

    assert set(acknowledged) <= set(stored)


async def test_offsets_are_dense_after_the_publisher_was_killed(server: Server, bus: Bus) -> None:
    publisher = await start(server, "p", batches=100_000)
    async with asyncio.timeout(30):
        async for _ in acknowledgements(publisher):
            publisher.send_signal(signal.SIGKILL)
        await publisher.wait()

    offsets = [offset for partition, offset, _ in await everything(bus) if partition == 0]

    assert offsets == list(range(len(offsets)))
    assert len(offsets) >= 3


async def test_two_processes_publish_side_by_side(server: Server, bus: Bus) -> None:
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for name in ("p", "q"):
            process = await start(server, name, batches=60)
            group.create_task(process.communicate())

    found = await read_all(await from_start(await bus.follow(SCANS.name)), 2 * 60 * 7)

    for name in ("p", "q"):
        assert [text for text in texts(found, 1) if text.startswith(name)] == [
            f"{name} {batch} {index}" for batch in range(60) for index in (1, 4)
        ]


async def test_a_follower_that_waits_sees_another_processs_commit_within_200_ms(server: Server, bus: Bus) -> None:
    follower = await from_start(await bus.follow(SCANS.name))
    process = await start(server, "p", batches=7, pause_s=0.15)

    async def arrivals() -> list[float]:
        times = []
        for _ in range(7):
            await read_all(follower, 7)
            times.append(time.monotonic())
        return times

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        arrived = group.create_task(arrivals())
        acknowledged = [acknowledgement.at_s async for acknowledgement in acknowledgements(process)]
        await process.wait()

    delays = [arrival - sent for arrival, sent in zip(arrived.result(), acknowledged, strict=True)]
    assert statistics.median(delays) < 0.2


async def everything(bus: Bus) -> list[tuple[int, int, str]]:
    count = sum([(await bus.bounds(SCANS.name, partition)).next for partition in range(SCANS.partitions)])
    found = await read_all(await from_start(await bus.follow(SCANS.name)), count)
    return [(record.partition, record.offset, record.value.decode()) for records in found.values() for record in records]
