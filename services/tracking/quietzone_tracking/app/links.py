"""The role `links`: store and bus may come later."""

from quietzone_kit.bus import Bus, keep_trimmed
from quietzone_kit.bus.topics import ensure_patiently
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App
from quietzone_kit.projection import run_projection
from quietzone_topics import QR_CODE_V1
from quietzone_tracking.app.ports import CLOCK, RANDOMNESS, bus_of, documents_of
from quietzone_tracking.links import GROUP, LinkProjection, LinkStore
from quietzone_tracking.salts import SaltKeeper, SaltStore
from quietzone_tracking.settings import LinksSettings

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
    await ensure_patiently(bus, [QR_CODE_V1], randomness=RANDOMNESS, meanwhile="changes of codes wait")
