"""The role `migrate --contract`."""

from functools import partial

from quietzone_kit.lifecycle import App, say
from quietzone_tracking.app.migrate import migrations_of
from quietzone_tracking.settings import DocumentsSettings

SETTINGS = DocumentsSettings


async def build(settings: DocumentsSettings) -> App:
    """Takes away what only older releases have read, when none runs any more, and ends."""
    app = App(drain_s=settings.drain_s)
    app.once("contract", partial(migrations_of(app, settings).contract, say))
    return app
