"""A look at everything that an installation stands on, one finding for each thing, with what to do when it isn't well."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from quietzone_analytics.projection import ScanStates
from quietzone_kit.blobs import BlobsError
from quietzone_kit.bus import Bus, BusError, BusUnavailable
from quietzone_kit.cache import CacheUnavailable
from quietzone_kit.documents import Documents, DocumentsError, Query
from quietzone_kit.errors import QuietzoneError
from quietzone_kit.files import posix_files
from quietzone_kit.outbox import OUTBOX_INDEX
from quietzone_kit.settings import SettingsError
from quietzone_qr.codes.repository import CODES
from quietzone_standalone.operations.stores import (
    BLOBS_URL,
    CACHE_URL,
    CLOCK,
    FILES_URL,
    OWNED,
    documents_url,
    open_files,
    open_part,
    open_the_bus,
    open_the_cache,
    spool_of,
    urls,
)
from quietzone_standalone.settings import Backends
from quietzone_topics import TOPICS, TRACKING_SCAN_V1
from quietzone_tracking.spool import read_numbers, sources

WITHIN_S = 15.0
"""For one finding: servers that don't answer by then won't serve people either."""

LITTLE_SPACE = 1_000_000_000
"""Bytes free on the spool's disk: 5 million scans."""

MUCH_LAG = 10_000  # records of a partition, as in the advice of quietzone_consumer_lag_records
OLD_EVENT_MS = 60_000

FAILURES = (BusError, DocumentsError, BlobsError, CacheUnavailable, SettingsError, QuietzoneError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `said` tells what was seen, and what to do unless it `is_well`."""

    name: str
    is_well: bool
    said: str


async def examine(data: Path, backends: Backends) -> AsyncIterator[Finding]:
    """Look at everything, one thing after the other; whatever fails is a finding, and the rest is looked at all the same.

    Raises:
        SettingsError: it isn't known where to look.
    """
    told = urls(data, backends)
    yield await _bus(told)
    for part in OWNED:
        yield await _part(told, part)
    if told[BLOBS_URL]:
        yield await _blobs("blobs", told, BLOBS_URL)
    yield await _blobs("files", told, FILES_URL)
    if told[CACHE_URL]:
        yield await _cache(told[CACHE_URL])
    yield await _counting(told)
    yield await _outbox(told)
    if (spool := spool_of(data)) is not None:
        yield _spool(spool)


async def _bus(told: Mapping[str, str]) -> Finding:
    try:
        async with asyncio.timeout(WITHIN_S), open_the_bus(told) as bus:
            wrong = [said for topic in TOPICS if (said := await _wrong_topic(bus, topic.name, topic.partitions))]
    except FAILURES as error:
        return _failed("bus", error, "QUIETZONE_BUS_URL")
    if wrong:
        return Finding("bus", is_well=False, said="; ".join(wrong))
    return Finding("bus", is_well=True, said=f"answers, and has all {len(TOPICS)} topics")


async def _wrong_topic(bus: Bus, name: str, partitions: int) -> str | None:
    try:
        found = await bus.partitions(name)
    except BusUnavailable:  # it is not the topic that is wrong, and the same for all
        raise
    except BusError as error:
        return str(error)
    return None if found == partitions else f"{name} has {found} partitions, not {partitions}: it can't be used, nor repaired"


async def _part(told: Mapping[str, str], part: str) -> Finding:
    name = f"store of {part}"
    try:
        async with asyncio.timeout(WITHIN_S), open_part(told, part) as documents:
            await documents.scan(OWNED[part][0], limit=1)
    except FAILURES as error:
        return _failed(name, error, documents_url(part))
    return Finding(name, is_well=True, said="answers")


async def _blobs(name: str, told: Mapping[str, str], variable: str) -> Finding:
    try:
        async with asyncio.timeout(WITHIN_S), open_files(told, variable) as blobs:
            await blobs.list(limit=1)
    except FAILURES as error:
        return _failed(name, error, variable)
    return Finding(name, is_well=True, said="answer")


async def _cache(url: str) -> Finding:
    try:
        async with asyncio.timeout(WITHIN_S), open_the_cache(url) as cache:
            await cache.check()
    except FAILURES as error:
        return _failed("cache", error, CACHE_URL)
    return Finding("cache", is_well=True, said="answers")


async def _counting(told: Mapping[str, str]) -> Finding:
    try:
        async with asyncio.timeout(WITHIN_S), open_the_bus(told) as bus, open_part(told, "analytics") as documents:
            behind, foreign = await _behind(bus, documents)
    except FAILURES as error:
        return _failed("counting", error, "the bus and the store of analytics")
    if foreign:
        said = f"partitions {foreign} were counted from another log: see `python -m quietzone_analytics adopt`"
        return Finding("counting", is_well=False, said=said)
    if behind > MUCH_LAG:
        return Finding("counting", is_well=False, said=f"{behind:,} records of a partition wait: does analytics run, and log errors?")
    return Finding("counting", is_well=True, said=f"at most {behind:,} records of a partition wait")


async def _behind(bus: Bus, documents: Documents) -> tuple[int, list[int]]:
    """The most records that wait in a partition, and the partitions whose log is another one."""
    most, foreign = 0, []
    states = {one.state.partition: one.state for one in await ScanStates(documents).all()}
    for partition in range(await bus.partitions(TRACKING_SCAN_V1.name)):
        bounds = await bus.bounds(TRACKING_SCAN_V1.name, partition)
        state = states.get(partition)
        if state is not None and state.log_id != bounds.log_id:
            foreign.append(partition)
        most = max(most, bounds.next - (bounds.first if state is None else state.next_offset))
    return most, foreign


async def _outbox(told: Mapping[str, str]) -> Finding:
    try:
        async with asyncio.timeout(WITHIN_S), open_part(told, "qr") as documents:
            page = await documents.query(CODES, Query(OUTBOX_INDEX.name, limit=1000))
    except FAILURES as error:
        return _failed("outbox", error, documents_url("qr"))
    times = [time for stored in page.items if isinstance(time := stored.body.get("outbox_at"), int)]
    age_ms = CLOCK.now_ms() - min(times) if times else 0
    if age_ms > OLD_EVENT_MS:
        said = f"changes of codes have waited for {age_ms // 1000} s to be published: does qr run, and the bus answer?"
        return Finding("outbox", is_well=False, said=said)
    return Finding("outbox", is_well=True, said=f"{len(times)} changes of codes wait")


def _spool(spool: Path) -> Finding:
    free = shutil.disk_usage(spool).free
    if not os.access(spool, os.W_OK):
        return Finding("spool", is_well=False, said=f"{spool} can't be written to: scans are redirected and not recorded")
    if free < LITTLE_SPACE:
        return Finding("spool", is_well=False, said=f"{free / 1e6:,.0f} MB are free on the disk of {spool}: make room")
    files = posix_files(spool)
    ended = [source for source in sources(files) if (numbers := read_numbers(files, source)) is not None and numbers.closed]
    return Finding("spool", is_well=True, said=f"{free / 1e9:,.0f} GB free; {len(ended)} ended sources are still to be forwarded")


def _failed(name: str, error: BaseException, look_at: str) -> Finding:
    said = str(error) or f"no answer within {WITHIN_S:.0f} s"
    return Finding(name, is_well=False, said=f"{said} (look at {look_at})")
