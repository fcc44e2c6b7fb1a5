"""The gateway's composition root."""

import sys
from functools import partial

from quietzone_gateway.idempotency import REPEATS, Repeats, sweep_for_ever
from quietzone_gateway.identity import Accounts, KnownKeys, open_first_account
from quietzone_gateway.identity.repository import ACCOUNTS
from quietzone_gateway.migrations import MIGRATIONS
from quietzone_gateway.rest import HttpServer, Parts, make_api
from quietzone_gateway.rest.reads import Reads, follow_changes
from quietzone_gateway.rpc import Codes, Counts, Exports
from quietzone_gateway.settings import GatewaySettings, GatewayStoreSettings
from quietzone_gateway.verify import verify
from quietzone_gateway.warm_up import WarmUp
from quietzone_kit import roles
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.documents.migrations import declare
from quietzone_kit.http.clients import Clients
from quietzone_kit.lifecycle import App
from quietzone_kit.rpc import CallerKeys, Peer, Tls
from quietzone_kit.runtime import Clock, Randomness, SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import SettingsError, setting

COLLECTIONS = (ACCOUNTS, REPEATS)
"""All that the gateway stores."""

DOCUMENT_THREADS = 2
"""One reads while the other writes; keys are remembered, so that there is little of both."""

BUS_THREADS = 2
"""One reads a topic while another is asked about."""


async def build(settings: GatewaySettings) -> App:
    """The role `serve`: the public API."""
    app = App(drain_s=settings.drain_s)
    clock, randomness = SystemClock(), SystemRandomness()
    documents = _store(app, settings)
    await declare(documents, COLLECTIONS, MIGRATIONS)
    accounts, repeats = Accounts(documents), Repeats(documents)
    app.task("repeats", partial(sweep_for_ever, repeats, clock))
    bus, cache = _bus(app, settings), _cache(app, settings)
    reads = Reads(cache)
    app.task("cache", cache.run)
    app.task("changes", partial(follow_changes, reads, bus, clock, randomness))
    qr, analytics = _peers(app, settings)
    warm_up = WarmUp((qr, analytics), clock)
    app.task("warm-up", warm_up.run)
    app.ready_when("peers", warm_up.not_ready)
    api = make_api(
        Parts(Codes(qr, reads.forget), Counts(analytics), Exports(analytics), KnownKeys(accounts, clock), repeats, reads, clock),
        Clients(settings.trusted_proxies),
        randomness,
        settings=settings,
    )
    try:
        server = HttpServer(api, settings.gateway_host, settings.gateway_port, drain_s=settings.drain_s)
    except OSError as error:
        raise SettingsError(str(error)) from error
    await _show_first_key(accounts, clock, randomness, settings)  # after what can fail: it is shown once
    app.task("api", server.serve, stop=server.stop)
    app.ready_when("api", server.not_ready)
    return app


def _store(app: App, settings: GatewayStoreSettings) -> Documents:
    executor = ThreadExecutor("documents", DOCUMENT_THREADS)
    with setting("gateway_documents_url"):
        documents = open_documents(settings.gateway_documents_url, executor=executor, randomness=SystemRandomness(), owner="gateway")
    app.close("documents", documents.close)
    return documents


def _bus(app: App, settings: GatewaySettings) -> Bus:
    with setting("bus_url"):
        executor = ThreadExecutor("bus", BUS_THREADS)
        bus = open_bus(settings.bus_url, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    app.close("bus", bus.close)
    return bus


def _cache(app: App, settings: GatewaySettings) -> Cache:
    with setting("cache_url"):
        cache = open_cache(settings.cache_url, clock=SystemClock(), randomness=SystemRandomness())
    app.close("cache", cache.close)
    return cache


def _peers(app: App, settings: GatewaySettings) -> tuple[Peer, Peer]:
    """The services that are called: qr and analytics."""
    clock, randomness = SystemClock(), SystemRandomness()
    keys, tls = CallerKeys.of(settings, clock), Tls.of(settings, clock)
    qr = Peer("qr", settings.qr_address, keys, clock=clock, randomness=randomness, tls=tls)
    app.close("qr", qr.close)
    analytics = Peer("analytics", settings.analytics_address, keys, clock=clock, randomness=randomness, tls=tls)
    app.close("analytics", analytics.close)
    return qr, analytics


def _checks(app: App, settings: GatewaySettings) -> roles.Look:
    return partial(verify, documents=_store(app, settings), peers=_peers(app, settings))


async def _show_first_key(accounts: Accounts, clock: Clock, randomness: Randomness, settings: GatewaySettings) -> None:
    preset = settings.api_key.get_secret_value() if settings.api_key else None
    first = await open_first_account(accounts, clock, randomness, preset=preset)
    if first.new_key is not None:
        # Not a log line: logs are kept and shipped.
        sys.stdout.write(f"API key of the first account, shown this once and kept only as a hash:\n\n    {first.new_key}\n\n")
        sys.stdout.flush()


build_verify = roles.verify(_checks)
build_migrate = roles.migrate(_store, COLLECTIONS, MIGRATIONS)
build_contract = roles.migrate(_store, COLLECTIONS, MIGRATIONS, contract=True)
