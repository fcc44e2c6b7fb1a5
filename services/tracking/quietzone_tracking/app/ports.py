"""What several roles open, from their settings."""

from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.files import Files, posix_files
from quietzone_kit.lifecycle import App
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import SettingsError, setting, variable
from quietzone_tracking.settings import BusSettings, DocumentsSettings, SpoolSettings

THREADS = 2  # for bus and store each: one reads while the other writes

CLOCK = SystemClock()
RANDOMNESS = SystemRandomness()


def files_of(settings: SpoolSettings) -> Files:
    """The spool's folder; raises SettingsError."""
    try:
        return posix_files(settings.tracking_spool)
    except OSError as error:
        raise SettingsError(f"{variable('tracking_spool')}: {error}; name a folder that this process may write to") from error


def documents_of(app: App, settings: DocumentsSettings) -> Documents:
    """The service's store, closed with the app; raises SettingsError."""
    with setting("tracking_documents_url"):
        executor = ThreadExecutor("documents", THREADS)
        documents = open_documents(settings.tracking_documents_url, executor=executor, randomness=RANDOMNESS, owner="tracking")
    app.close("documents", documents.close)
    return documents


def bus_of(app: App, settings: BusSettings) -> Bus:
    """The bus, closed with the app; raises SettingsError."""
    with setting("bus_url"):
        bus = open_bus(settings.bus_url, clock=CLOCK, executor=ThreadExecutor("bus", THREADS), randomness=RANDOMNESS)
    app.close("bus", bus.close)
    return bus
