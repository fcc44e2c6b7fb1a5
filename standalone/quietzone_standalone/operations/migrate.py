"""Moving an installation from the files of one machine to servers, without losing a code or a count.

First what is on its way arrives: the embedded parts run without edge and gateway until every spooled scan is counted, every change
published, and every event held against rules. Then all stops and every document is copied. The new bus begins empty: whoever read the
old log to its end goes on at the start of the new one (`partitions.adopt`, `begin_at_first`).
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quietzone_analytics import archive
from quietzone_analytics import projection as scans
from quietzone_analytics import reconcile as reports
from quietzone_analytics.creations import CONSUMER as CREATIONS
from quietzone_analytics.partitions import adopt
from quietzone_analytics.reconcile import reconcile
from quietzone_analytics.rollups import TOTALS, Rollups
from quietzone_kit.blobs import AT_ONCE, Tier
from quietzone_kit.documents import Collection, Documents, Query
from quietzone_kit.documents.copy import copy
from quietzone_kit.errors import Unavailable
from quietzone_kit.files import posix_files
from quietzone_kit.ids import birth_ms
from quietzone_kit.outbox import OUTBOX_INDEX
from quietzone_kit.reaction import begin_at_first, unsettled
from quietzone_kit.runtime import SystemRandomness
from quietzone_notification.consumers import CONSUMERS
from quietzone_notification.rules.repository import RULES
from quietzone_qr.codes.domain import State as CodeState
from quietzone_qr.codes.repository import CODES
from quietzone_standalone.folder import MOVED, locked
from quietzone_standalone.operations.stores import BLOBS_URL, CLOCK, FILES_URL, OWNED, Stores, open_files, open_stores, urls
from quietzone_standalone.roles import ROLES, Role, embedded_urls, environment
from quietzone_standalone.secret import kept_secrets
from quietzone_standalone.settings import Backends, Installation
from quietzone_standalone.supervisor import Say, Supervisor
from quietzone_storage.assets.domain import State as AssetState
from quietzone_storage.assets.repository import ASSETS
from quietzone_storage.backups.consumers import CONSUMER as BACKUPS
from quietzone_storage.settings import WorkSettings
from quietzone_topics import QR_CODE_V1, TOPICS, TRACKING_SCAN_V1, TRACKING_SOURCE_V1
from quietzone_tracking.forwarder import progress
from quietzone_tracking.links import LinkStore
from quietzone_tracking.spool import sources

IN_PUBLIC = frozenset({"tracking edge", "gateway serve", "storage serve"})
"""Roles that let something new in."""
INSTEAD = (Role("quietzone_storage", "work", WorkSettings),)
"""What else of them is needed: codes are still to be drawn."""

PLACES = (scans.STATES, reports.SOURCES)
"""Where projections have come to in a log; copied last, since they change once the new log is theirs. The archive begins anew: its files
are apart by log.
"""

DAY_MS = 86_400_000

DRAINED_WITHIN_S = 600.0
"""A forwarder sends 50,000 scans a second: 30 million spooled scans."""


class MigrationFailed(Exception):
    """It can't go on; nothing is lost, the old installation can be started again. Says why."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What both sides hold."""

    codes: tuple[int, int]
    scans: tuple[int, int]


async def migrate(place: Installation, say: Say, on_progress: Callable[[str, int], object]) -> Compared:
    """Move everything in `place.data` to the servers that QUIETZONE_…_URL name; can be run again after it was cut off.

    Raises:
        MigrationFailed, DataFolderTaken, SettingsError, RoleFailed, BusError, DocumentsError: nothing was moved, or only in part.
    """
    urls(place.data, Backends.EMBEDDED)  # before the folder is locked, which would make it
    with locked(place):
        await _answer(place)
        await _drain(place, say)
        async with open_stores(place.data, Backends.EMBEDDED) as old, open_stores(place.data, Backends.REAL, create=True) as new:
            if told_last := await _unheard(old):
                raise MigrationFailed(f"{told_last}, told by processes that ended: try again")
            for part in OWNED:
                await _copy(part, old, new, on_progress)
            for name in (BLOBS_URL, FILES_URL):
                await _copy_files(place.data, name, on_progress)
            await adopt(scans.ScanStates(new.analytics), new.bus, TRACKING_SCAN_V1.name, CLOCK)
            await adopt(reports.ReportStates(new.analytics), new.bus, TRACKING_SOURCE_V1.name, CLOCK)
            for topic, name in CONSUMERS:
                await begin_at_first(new.bus, topic.name, name)
            found = Compared((await _codes(old), await _codes(new)), (await _scans(old), await _scans(new)))
        if found.codes[0] != found.codes[1] or found.scans[0] != found.scans[1]:
            raise MigrationFailed(
                f"the servers hold {found.codes[1]} of {found.codes[0]} codes, {found.scans[1]} of {found.scans[0]} scans"
            )
        (place.data / MOVED).write_text("moved to servers: start it with `quietzone serve --backends real`\n", encoding="utf-8")
    return found


async def _answer(place: Installation) -> None:
    """That the servers are there, before anything stops for them; raises BusError, DocumentsError."""
    async with open_stores(place.data, Backends.REAL, create=True) as new:
        await new.bus.ensure(TOPICS)


async def _drain(place: Installation, say: Say) -> None:
    of_the_servers = embedded_urls(place.data).keys()
    ours = {name: value for name, value in os.environ.items() if name not in of_the_servers} | {"QUIETZONE_QR_HEALTH": "false"}
    told = environment(place, SystemRandomness().token(32).hex(), ours)
    roles = (*(role for role in ROLES if role.title not in IN_PUBLIC), *INSTEAD)
    supervisor = Supervisor(roles, {**kept_secrets(place.data), **told}, say)
    try:
        await supervisor.start()
        async with open_stores(place.data, Backends.EMBEDDED) as stores:
            await stores.bus.ensure(TOPICS)  # the release before had no reader of some, and roles make theirs when they come to it
            waits = ""
            try:
                async with asyncio.timeout(DRAINED_WITHIN_S):
                    while waits := await _waits(stores, place.data / "tracking"):  # noqa: ASYNC110 - other processes do it
                        await asyncio.sleep(0.2)
            except TimeoutError as error:
                raise MigrationFailed(f"{waits}, after {DRAINED_WITHIN_S:.0f} s: see what `quietzone doctor` says of it") from error
    finally:
        await supervisor.stop()


async def _waits(stores: Stores, spool: Path) -> str:
    """What is still on its way, in words; empty when nothing is. What one looks at may make work for those after it."""
    looks: Sequence[Callable[[], Awaitable[str]]] = (
        lambda: _unforwarded(stores, spool),
        lambda: _unpublished(stores.qr, CODES, "codes"),
        lambda: _unlinked(stores),
        lambda: _undrawn(stores),
        lambda: _unpublished(stores.storage, ASSETS, "images"),
        lambda: _unpublished(stores.notification, RULES, "rules"),
        lambda: _uncounted(stores),
        lambda: _unheard(stores),
    )
    for look in looks:
        if waits := await look():
            return waits
    return ""


async def _unforwarded(stores: Stores, spool: Path) -> str:
    files = posix_files(spool)
    partitions = await stores.bus.partitions(TRACKING_SCAN_V1.name)
    count = sum(not progress.load(files, source, partitions).closed_ms for source in sources(files))
    return f"{count} sources are still being forwarded" if count else ""


async def _unpublished(documents: Documents, collection: Collection, what: str) -> str:
    waiting = (await documents.query(collection, Query(OUTBOX_INDEX.name, limit=1))).items
    return f"changes of {what} are still to be published" if waiting else ""


async def _unlinked(stores: Stores) -> str:
    read = {state.partition: state.next_offset for state in await LinkStore(stores.tracking).states()}
    for partition in range(await stores.bus.partitions(QR_CODE_V1.name)):
        if read.get(partition, 0) < (await stores.bus.bounds(QR_CODE_V1.name, partition)).next:
            return "changes of codes are still to be taken up as links"
    return ""


async def _uncounted(stores: Stores) -> str:
    states, told = scans.ScanStates(stores.analytics), reports.ReportStates(stores.analytics)
    try:
        found = await reconcile(Rollups(stores.analytics), states, told, stores.bus, CLOCK)
    except Unavailable as error:
        return str(error)
    if found.accepted != found.forwarded + found.lost or found.forwarded != found.stored:
        return f"{found.accepted} scans were accepted, {found.stored} are counted and {found.lost} lost"
    return ""


async def _unheard(stores: Stores) -> str:
    """Events of the old log, which nobody reads after the move; of those of whom nothing else shows that they heard them."""
    heard = [*CONSUMERS, (QR_CODE_V1, BACKUPS), (QR_CODE_V1, CREATIONS)]
    count = sum([await unsettled(stores.bus, topic.name, name) for topic, name in heard])
    return f"{count} events are still to be heard" if count else ""


async def _undrawn(stores: Stores) -> str:
    """A code that is still to be drawn, or whose image is still to be removed; of those of which the log still tells, since nobody draws
    older ones.
    """
    since_ms = CLOCK.now_ms() - QR_CODE_V1.retention_ms + DAY_MS
    after = None
    while True:
        page = await stores.qr.scan(CODES, limit=1000, after=after)
        codes = {str(stored.body["code_id"]): stored.body["state"] for stored in page.items}
        recent = [code_id for code_id in codes if birth_ms(code_id) > since_ms]
        images = await stores.storage.get_many(ASSETS, recent)
        for code_id in recent:
            state = images[code_id].body["state"] if code_id in images else AssetState.PENDING.value
            if state == AssetState.PENDING.value and codes[code_id] != CodeState.DELETED.value:
                return f"code {code_id} is still to be drawn"
            if state != AssetState.DELETED.value and code_id in images and codes[code_id] == CodeState.DELETED.value:
                return f"the image of code {code_id} is still to be removed"
        after = page.cursor
        if after is None:
            return ""


async def _copy_files(data: Path, name: str, on_progress: Callable[[str, int], object]) -> None:
    """What one variable leads to, if there is a place for it on the other side."""
    to = urls(data, Backends.REAL)
    if not to[name]:
        return
    async with open_files(urls(data, Backends.EMBEDDED), name) as old, open_files(to, name) as new:
        count, after = 0, None
        while True:
            page = await old.list(after=after)
            for entry in page.entries:
                blob = await old.head(entry.key)
                if blob.tier not in AT_ONCE:
                    await old.move(entry.key, Tier.HOT, {})
                await new.put(entry.key, old.stream(entry.key), blob.about)
                if blob.tier is not Tier.HOT:
                    await new.move(entry.key, blob.tier, {})
                count += 1
                on_progress("files", count)
            after = page.cursor
            if after is None:
                return


async def _copy(part: str, old: Stores, new: Stores, on_progress: Callable[[str, int], object]) -> None:
    source, target = _store(old, part), _store(new, part)
    await copy(source, target, [one for one in OWNED[part] if one not in (*PLACES, archive.STATES)], on_progress=on_progress)
    for collection in (one for one in OWNED[part] if one in PLACES):
        if not await _holds_any(target, collection):  # else a run before this one has come so far
            await copy(source, target, [collection], on_progress=on_progress)


def _store(stores: Stores, part: str) -> Documents:
    found: Mapping[str, Documents] = {
        "qr": stores.qr,
        "tracking": stores.tracking,
        "analytics": stores.analytics,
        "storage": stores.storage,
        "notification": stores.notification,
        "gateway": stores.gateway,
    }
    return found[part]


async def _holds_any(store: Documents, collection: Collection) -> bool:
    return bool((await store.scan(collection, limit=1)).items)


async def _codes(stores: Stores) -> int:
    count, after = 0, None
    while True:
        page = await stores.qr.scan(CODES, limit=1000, after=after)
        count, after = count + len(page.items), page.cursor
        if after is None:
            return count


async def _scans(stores: Stores) -> int:
    return sum([total.rollup.scans async for total in Rollups(stores.analytics).all(TOTALS)])
