"""The bus and every part's store, opened from outside the parts."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from quietzone_analytics.app import COLLECTIONS as ANALYTICS_COLLECTIONS
from quietzone_gateway.identity.repository import ACCOUNTS
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.documents import Collection, Documents, open_documents
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import SettingsError
from quietzone_qr.codes.repository import COLLECTIONS as QR_COLLECTIONS
from quietzone_standalone.roles import embedded_urls
from quietzone_standalone.settings import Backends
from quietzone_tracking.links import COLLECTIONS as LINK_COLLECTIONS
from quietzone_tracking.salts.repository import SALTS

OWNED: Mapping[str, tuple[Collection, ...]] = {
    "qr": QR_COLLECTIONS,
    "tracking": (*LINK_COLLECTIONS, SALTS),
    "analytics": ANALYTICS_COLLECTIONS,
    "gateway": (ACCOUNTS,),
}
"""All that each part stores."""

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
    gateway: Documents
    spool: Path | None


def urls(data: Path, backends: Backends) -> Mapping[str, str]:
    """The URLs by variable: of the files in `data`, or those that our own environment names.

    Raises:
        SettingsError: names each that is missing; there is no installation in `data`.
    """
    embedded = embedded_urls(data.resolve())
    if backends is Backends.EMBEDDED:
        if not (data / "bus.db").exists():
            raise SettingsError(f"{data} holds no Quietzone: name its folder with --data, or --backends real for one on servers")
        return embedded
    told = {name: os.environ.get(name, "").strip() for name in embedded}
    if missing := [name for name, value in told.items() if not value]:
        raise SettingsError(*(f"{name}: must be set, to the same value as the parts have" for name in missing))
    return told


@asynccontextmanager
async def open_stores(data: Path, backends: Backends) -> AsyncIterator[Stores]:
    """The stores, within the block.

    Raises:
        SettingsError: a URL is missing or can't be one.
        DocumentsError: a store can't be reached, or isn't that part's.
    """
    told = urls(data, backends)
    spool = data / "tracking"
    async with AsyncExitStack() as opened:

        def threads(name: str) -> ThreadExecutor:
            executor = ThreadExecutor(name, THREADS)
            opened.callback(executor.close)
            return executor

        async def documents(part: str) -> Documents:
            name = f"QUIETZONE_{part.upper()}_DOCUMENTS_URL"
            try:
                store = open_documents(told[name], executor=threads(part), randomness=RANDOMNESS)
            except ValueError as error:
                raise SettingsError(f"{name}: {error}") from error
            opened.push_async_callback(store.close)
            await store.ensure(*OWNED[part])
            return store

        try:
            bus = open_bus(told["QUIETZONE_BUS_URL"], clock=CLOCK, executor=threads("bus"), randomness=RANDOMNESS)
        except ValueError as error:
            raise SettingsError(f"QUIETZONE_BUS_URL: {error}") from error
        opened.push_async_callback(bus.close)
        parts = {part: await documents(part) for part in OWNED}
        yield Stores(bus, **parts, spool=spool if spool.is_dir() else None)
