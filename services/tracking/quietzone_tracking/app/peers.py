"""Whom several roles call; apart from their other ports, since only these load gRPC (12 MB)."""

from quietzone_kit.lifecycle import App
from quietzone_kit.rpc import CallerKeys, Peer, Tls
from quietzone_tracking.app.ports import CLOCK, RANDOMNESS
from quietzone_tracking.settings.edge import VerifySettings


def qr_of(app: App, settings: VerifySettings) -> Peer:
    """The qr service, closed with the app; raises SettingsError."""
    keys, tls = CallerKeys.of(settings, CLOCK), Tls.of(settings, CLOCK)
    qr = Peer("qr", settings.qr_address, keys, clock=CLOCK, randomness=RANDOMNESS, tls=tls)
    app.close("qr", qr.close)
    return qr
