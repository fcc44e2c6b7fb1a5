"""The role `drain`: it needs the disk of an edge that is gone for good, and the bus."""

from functools import partial

from quietzone_kit.lifecycle import App, say
from quietzone_tracking.app.forwarder import forwarder_of
from quietzone_tracking.app.ports import files_of
from quietzone_tracking.forwarder.drain import drain
from quietzone_tracking.settings import ForwarderSettings

SETTINGS = ForwarderSettings


async def build(settings: ForwarderSettings) -> App:
    """Forwards all that a spool holds, to the end of each source, and ends."""
    app = App(drain_s=settings.drain_s)
    files = files_of(settings)
    app.once("drain", partial(drain, files, forwarder_of(app, settings, files), say))
    return app
