"""The role `verify`."""

from functools import partial

from quietzone_kit import roles
from quietzone_kit.lifecycle import App
from quietzone_tracking.app.peers import qr_of
from quietzone_tracking.app.ports import bus_of, documents_of
from quietzone_tracking.app.stored import COLLECTIONS
from quietzone_tracking.settings.edge import VerifySettings
from quietzone_tracking.verify import verify

SETTINGS = VerifySettings


def checks(app: App, settings: VerifySettings) -> roles.Look:
    """Opens what this service stands on, for its checks."""
    documents, bus, qr = documents_of(app, settings), bus_of(app, settings), qr_of(app, settings)
    return partial(verify, documents=documents, bus=bus, qr=qr, collections=COLLECTIONS)


build = roles.verify(checks)
