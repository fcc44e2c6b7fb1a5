"""The role `verify`."""

from quietzone_kit.lifecycle import App, say
from quietzone_kit.verify import Checks
from quietzone_tracking.app.migrate import COLLECTIONS
from quietzone_tracking.app.peers import qr_of
from quietzone_tracking.app.ports import bus_of, documents_of
from quietzone_tracking.settings.edge import VerifySettings
from quietzone_tracking.verify import verify

SETTINGS = VerifySettings


async def build(settings: VerifySettings) -> App:
    """Sees whether this release can work with what is there, and ends."""
    app = App(drain_s=settings.drain_s)
    documents, bus, qr = documents_of(app, settings), bus_of(app, settings), qr_of(app, settings)

    async def look() -> None:
        checks = Checks(say)
        await verify(checks, documents, bus, qr, COLLECTIONS)
        checks.end()

    app.once("verify", look)
    return app
