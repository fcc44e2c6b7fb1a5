"""The role `links`: store and bus may come later."""

import asyncio

from quietzone_kit.bus import Bus, BusUnavailable, keep_trimmed
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App
from quietzone_kit.projection import run_projection
from quietzone_kit.telemetry import logger
from quietzone_topics import QR_CODE_V1
from quietzone_tracking.app.ports import CLOCK, RANDOMNESS, bus_of, documents_of
from quietzone_tracking.links import GROUP, LinkProjection, LinkStore
from quietzone_tracking.salts import SaltKeeper, SaltStore
from quietzone_tracking.settings import LinksSettings

log = logger(__name__)

BUS_RETRY_S = 1.0  # between looks for a bus that isn't there when we start

SETTINGS = LinksSettings


async def build(settings: LinksSettings) -> App:
    """Fills the link store, keeps salts, and keeps an embedded bus within its retention."""
    app = App(drain_s=settings.drain_s)
    documents, bus = documents_of(app, settings), bus_of(app, settings)
    projection = LinkProjection(LinkStore(documents), CLOCK, owner=uuid7(CLOCK, RANDOMNESS))

    async def project() -> None:
        await _topic_is_there(bus)
        await run_projection(bus, QR_CODE_V1.name, GROUP, projection, CLOCK, randomness=RANDOMNESS)

    async def trim() -> None:
        await _topic_is_there(bus)
        await keep_trimmed(bus)

    app.task("links", project)
    app.task("salts", SaltKeeper(SaltStore(documents, RANDOMNESS), CLOCK).run)
    app.task("retention", trim)
    return app


async def _topic_is_there(bus: Bus) -> None:
    """Wait for the bus, and create what isn't there yet."""
    while True:
        try:
            await bus.ensure([QR_CODE_V1])
        except BusUnavailable as error:
            log.warning("no bus yet", reason=str(error))
            await asyncio.sleep(BUS_RETRY_S)
        else:
            return
