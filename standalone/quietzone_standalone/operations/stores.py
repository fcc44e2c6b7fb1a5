"""The bus, every part's store, blobs and cache, opened from outside the parts."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from quietzone_analytics.app import COLLECTIONS as ANALYTICS_COLLECTIONS
from quietzone_gateway.collections import COLLECTIONS as GATEWAY_COLLECTIONS
from quietzone_kit.blobs import Blobs, open_blobs
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.bus.topics import TopicAdmin, open_topics
from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.documents import Collection as Documented
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.documents.migrations import DONE as MIGRATIONS_DONE
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import SettingsError
from quietzone_notification.collections import COLLECTIONS as NOTIFICATION_COLLECTIONS
from quietzone_qr.app import ALL_COLLECTIONS as QR_COLLECTIONS
from quietzone_standalone.roles import embedded_urls
from quietzone_standalone.settings import Backends
from quietzone_storage.collections import COLLECTIONS as STORAGE_COLLECTIONS
from quietzone_topics import REACTIONS
from quietzone_tracking.links import COLLECTIONS as LINK_COLLECTIONS
from quietzone_tracking.salts.repository import SALTS

OWNED: Mapping[str, tuple[Documented, ...]] = {
    "qr": (*QR_COLLECTIONS, MIGRATIONS_DONE),
    "tracking": (*LINK_COLLECTIONS, SALTS, MIGRATIONS_DONE),
    "analytics": (*ANALYTICS_COLLECTIONS, MIGRATIONS_DONE),
    "storage": (*STORAGE_COLLECTIONS, MIGRATIONS_DONE),
    "notification": (*NOTIFICATION_COLLECTIONS, MIGRATIONS_DONE),
    "gateway": (*GATEWAY_COLLECTIONS, MIGRATIONS_DONE),
}
"""All that each part stores."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A consumer of a topic; `name` is its group's."""

    topic: str
    name: str


_TOPICS_READ = Counter(group for _, group in REACTIONS)

CONSUMERS: Mapping[str, Reading] = {
    group if _TOPICS_READ[group] == 1 else f"{group}/{topic.name}": Reading(topic.name, group) for topic, group in REACTIONS
}
"""The consumers that have dead letters, by the names that operators call them."""

BUS_URL = "QUIETZONE_BUS_URL"

BLOBS_URL = "QUIETZONE_ANALYTICS_BLOBS_URL"
"""Archive and exports; an installation may do without."""

FILES_URL = "QUIETZONE_STORAGE_BLOBS_URL"
"""Files of assets."""

CACHE_URL = "QUIETZONE_CACHE_URL"
"""What replicas share; an installation may do without."""

THREADS = 2  # one reads while the other writes

CLOCK = SystemClock()
RANDOMNESS = SystemRandomness()


@dataclass(frozen=True, slots=True)
class Stores:
    """All that the parts of an installation stand on; `spool` is None where none is on this machine."""

    bus: Bus
    qr: Documents
    tracking: Documents
    analytics: Documents
    storage: Documents
    notification: Documents
    gateway: Documents
    spool: Path | None


def urls(data: Path, backends: Backends, *, needed: Collection[str] | None = None) -> Mapping[str, str]:
    """The URLs by variable: of the files in `data`, or those that our own environment names.

    Raises:
        SettingsError: names each that is missing of those that are `needed`, by default all; there is no installation in `data`.
    """
    embedded = embedded_urls(data.resolve())
    cache = {CACHE_URL: os.environ.get(CACHE_URL, "").strip()}
    if backends is Backends.EMBEDDED:
        if not (data / "bus.db").exists():
            raise SettingsError(f"{data} holds no Quietzone: name its folder with --data, or --backends real for one on servers")
        return embedded | cache
    told = {name: os.environ.get(name, "").strip() for name in embedded}
    if missing := [name for name, value in told.items() if not value and (name != BLOBS_URL if needed is None else name in needed)]:
        raise SettingsError(*(f"{name}: must be set, to the same value as the parts have" for name in missing))
    return told | cache


@asynccontextmanager
async def open_stores(data: Path, backends: Backends, *, create: bool = False) -> AsyncIterator[Stores]:
    """The stores, within the block; with `create` empty ones are made the parts'.

    Raises:
        SettingsError: a URL is missing or can't be one.
        DocumentsError: a store can't be reached, isn't that part's, or is empty.
    """
    told = urls(data, backends)
    async with AsyncExitStack() as opened:
        bus = await opened.enter_async_context(open_the_bus(told))
        parts = {part: await opened.enter_async_context(open_part(told, part, create=create)) for part in OWNED}
        yield Stores(bus, **parts, spool=spool_of(data))


@asynccontextmanager
async def open_bus_of(data: Path, backends: Backends) -> AsyncIterator[Bus]:
    """An installation's bus, within the block; raises SettingsError."""
    async with open_the_bus(urls(data, backends, needed=[BUS_URL])) as bus:
        yield bus


@asynccontextmanager
async def open_the_bus(told: Mapping[str, str]) -> AsyncIterator[Bus]:
    """The bus, within the block; raises SettingsError."""
    with _threads("bus") as executor:
        try:
            bus = open_bus(told[BUS_URL], clock=CLOCK, executor=executor, randomness=RANDOMNESS)
        except ValueError as error:
            raise SettingsError(f"{BUS_URL}: {error}") from error
        try:
            yield bus
        finally:
            await bus.close()


@asynccontextmanager
async def open_topic_admin(data: Path, backends: Backends) -> AsyncIterator[TopicAdmin]:
    """Who looks after the bus's topics, within the block; raises SettingsError."""
    told = urls(data, backends, needed=[BUS_URL])
    with _threads("bus") as executor:
        try:
            admin = open_topics(told[BUS_URL], clock=CLOCK, executor=executor, randomness=RANDOMNESS)
        except ValueError as error:
            raise SettingsError(f"{BUS_URL}: {error}") from error
        try:
            yield admin
        finally:
            await admin.close()


@asynccontextmanager
async def open_part(told: Mapping[str, str], part: str, *, create: bool = False) -> AsyncIterator[Documents]:
    """A part's store, within the block; an empty one is refused, or made the part's. Raises SettingsError and DocumentsError."""
    name = documents_url(part)
    with _threads(part) as executor:
        try:
            store = open_documents(told[name], executor=executor, randomness=RANDOMNESS, owner=part, create=create)
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from error
        try:
            await store.ensure(*OWNED[part])
            yield store
        finally:
            await store.close()


@asynccontextmanager
async def open_files(told: Mapping[str, str], name: str) -> AsyncIterator[Blobs]:
    """The blobs that variable `name` leads to, within the block; raises SettingsError."""
    with _threads("blobs") as executor:
        try:
            blobs = open_blobs(told[name], executor=executor, randomness=RANDOMNESS)
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from error
        try:
            yield blobs
        finally:
            await blobs.close()


@asynccontextmanager
async def open_the_cache(url: str) -> AsyncIterator[Cache]:
    """A cache, within the block; raises SettingsError."""
    try:
        cache = open_cache(url, clock=CLOCK, randomness=RANDOMNESS)
    except ValueError as error:
        raise SettingsError(f"{CACHE_URL}: {error}") from error
    try:
        yield cache
    finally:
        await cache.close()


def documents_url(part: str) -> str:
    """The variable that names a part's store."""
    return f"QUIETZONE_{part.upper()}_DOCUMENTS_URL"


def spool_of(data: Path) -> Path | None:
    """The spool of this machine's edges, if it has any."""
    spool = data / "tracking"
    return spool if spool.is_dir() else None


@contextmanager
def _threads(name: str) -> Iterator[ThreadExecutor]:
    executor = ThreadExecutor(name, THREADS)
    try:
        yield executor
    finally:
        executor.close()
