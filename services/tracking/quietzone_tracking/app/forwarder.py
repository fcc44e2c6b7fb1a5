"""The role `forwarder`: it needs the edges' disk; the bus may come later."""

from quietzone_kit.files import Files
from quietzone_kit.lifecycle import App
from quietzone_kit.runtime import ThreadExecutor
from quietzone_tracking.app.ports import CLOCK, RANDOMNESS, bus_of, files_of
from quietzone_tracking.forwarder import Forwarder
from quietzone_tracking.forwarder.enrich import Agents, CountryDatabase, Enricher, NoCountries
from quietzone_tracking.metrics import SCANS_WAITING
from quietzone_tracking.settings import ForwarderSettings

SETTINGS = ForwarderSettings


async def build(settings: ForwarderSettings) -> App:
    """Sends what was spooled to the bus."""
    app = App(drain_s=settings.drain_s)
    forwarder = forwarder_of(app, settings, files_of(settings))
    SCANS_WAITING.set_function(forwarder.waiting)
    app.task("forwarder", forwarder.run, stop=forwarder.stop)
    return app


def forwarder_of(app: App, settings: ForwarderSettings, files: Files) -> Forwarder:
    """A forwarder of the spool in `files`."""
    countries = CountryDatabase(settings.tracking_country_db, CLOCK) if settings.tracking_country_db is not None else NoCountries()
    enricher, executor = Enricher(Agents(), countries), ThreadExecutor("checkpoints")
    return Forwarder(files, bus_of(app, settings), enricher, clock=CLOCK, randomness=RANDOMNESS, executor=executor)
