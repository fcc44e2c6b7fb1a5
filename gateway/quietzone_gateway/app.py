"""The gateway's composition root."""

import sys
from functools import partial

from quietzone_gateway.identity import Accounts, KnownKeys, open_first_account
from quietzone_gateway.identity.repository import ACCOUNTS
from quietzone_gateway.migrations import MIGRATIONS
from quietzone_gateway.rest import HttpServer, Parts, make_api
from quietzone_gateway.rpc import Codes, Counts, Exports
from quietzone_gateway.settings import GatewaySettings, GatewayStoreSettings
from quietzone_gateway.verify import verify
from quietzone_gateway.warm_up import WarmUp
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.documents.migrations import Migrations
from quietzone_kit.lifecycle import App, say
from quietzone_kit.rpc import CallerKeys, Peer, Tls
from quietzone_kit.runtime import Clock, Randomness, SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import SettingsError, setting
from quietzone_kit.telemetry import release
from quietzone_kit.verify import Checks

DOCUMENT_THREADS = 2
"""One reads while the other writes; keys are remembered, so that there is little of both."""


async def build(settings: GatewaySettings) -> App:
    """The role `serve`: the public API."""
    app = App(drain_s=settings.drain_s)
    clock, randomness = SystemClock(), SystemRandomness()
    accounts = Accounts(_store(app, settings))
    await accounts.ensure()
    qr, analytics = _peers(app, settings)
    warm_up = WarmUp((qr, analytics), clock)
    app.task("warm-up", warm_up.run)
    app.ready_when("peers", warm_up.not_ready)
    api = make_api(Parts(Codes(qr), Counts(analytics), Exports(analytics), KnownKeys(accounts, clock), clock), randomness)
    try:
        server = HttpServer(api, settings.gateway_host, settings.gateway_port, drain_s=settings.drain_s)
    except OSError as error:
        raise SettingsError(str(error)) from error
    await _show_first_key(accounts, clock, randomness, settings)  # after what can fail: it is shown once
    app.task("api", server.serve, stop=server.stop)
    app.ready_when("api", server.not_ready)
    return app


async def build_verify(settings: GatewaySettings) -> App:
    """The role `verify`: sees whether this release can work with what is there, and ends."""
    app = App(drain_s=settings.drain_s)
    documents, peers = _store(app, settings), _peers(app, settings)

    async def look() -> None:
        checks = Checks(say)
        await verify(checks, documents, peers)
        checks.end()

    app.once("verify", look)
    return app


async def build_migrate(settings: GatewayStoreSettings) -> App:
    """The role `migrate`: prepares the store for this release, while an older one may run, and ends."""
    app = App(drain_s=settings.drain_s)
    app.once("migrate", partial(_migrations(app, settings).migrate, say))
    return app


async def build_contract(settings: GatewayStoreSettings) -> App:
    """The role `migrate --contract`: takes away what only older releases have read, when none runs any more, and ends."""
    app = App(drain_s=settings.drain_s)
    app.once("contract", partial(_migrations(app, settings).contract, say))
    return app


def _migrations(app: App, settings: GatewayStoreSettings) -> Migrations:
    return Migrations(_store(app, settings), [ACCOUNTS], MIGRATIONS, release=release(), clock=SystemClock())


def _store(app: App, settings: GatewayStoreSettings) -> Documents:
    executor = ThreadExecutor("documents", DOCUMENT_THREADS)
    with setting("gateway_documents_url"):
        documents = open_documents(settings.gateway_documents_url, executor=executor, randomness=SystemRandomness(), owner="gateway")
    app.close("documents", documents.close)
    return documents


def _peers(app: App, settings: GatewaySettings) -> tuple[Peer, Peer]:
    """The services that are called: qr and analytics."""
    clock, randomness = SystemClock(), SystemRandomness()
    keys, tls = CallerKeys.of(settings, clock), Tls.of(settings, clock)
    qr = Peer("qr", settings.qr_address, keys, clock=clock, randomness=randomness, tls=tls)
    app.close("qr", qr.close)
    analytics = Peer("analytics", settings.analytics_address, keys, clock=clock, randomness=randomness, tls=tls)
    app.close("analytics", analytics.close)
    return qr, analytics


async def _show_first_key(accounts: Accounts, clock: Clock, randomness: Randomness, settings: GatewaySettings) -> None:
    preset = settings.api_key.get_secret_value() if settings.api_key else None
    first = await open_first_account(accounts, clock, randomness, preset=preset)
    if first.new_key is not None:
        # Not a log line: logs are kept and shipped.
        sys.stdout.write(f"API key of the first account, shown this once and kept only as a hash:\n\n    {first.new_key}\n\n")
        sys.stdout.flush()
