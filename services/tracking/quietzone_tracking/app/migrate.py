"""The role `migrate`."""

from functools import partial

from quietzone_kit.documents.migrations import Migrations
from quietzone_kit.lifecycle import App, say
from quietzone_kit.telemetry import release
from quietzone_tracking.app.ports import CLOCK, documents_of
from quietzone_tracking.links import COLLECTIONS as LINK_COLLECTIONS
from quietzone_tracking.migrations import MIGRATIONS
from quietzone_tracking.salts.repository import SALTS
from quietzone_tracking.settings import DocumentsSettings

SETTINGS = DocumentsSettings

COLLECTIONS = (*LINK_COLLECTIONS, SALTS)
"""All that this service stores."""


async def build(settings: DocumentsSettings) -> App:
    """Prepares the store for this release, while an older one may run, and ends."""
    app = App(drain_s=settings.drain_s)
    app.once("migrate", partial(migrations_of(app, settings).migrate, say))
    return app


def migrations_of(app: App, settings: DocumentsSettings) -> Migrations:
    """This service's migrations, of its store."""
    return Migrations(documents_of(app, settings), COLLECTIONS, MIGRATIONS, release=release(), clock=CLOCK)
