"""The gateway's composition root."""

import sys
from collections.abc import Callable
from functools import partial

from quietzone_gateway.collections import COLLECTIONS
from quietzone_gateway.dead_letters import DeadLetterDesk
from quietzone_gateway.graphql.endpoint import make_router
from quietzone_gateway.graphql.schema import Schema
from quietzone_gateway.graphql.socket import make_sockets
from quietzone_gateway.idempotency import Repeats, sweep_for_ever
from quietzone_gateway.identity.build import Identity, build_identity
from quietzone_gateway.identity.build import Parts as IdentityParts
from quietzone_gateway.identity.keys.use_cases import open_first_account
from quietzone_gateway.identity.mails.carriers import ByNotification, Carrier, Direct
from quietzone_gateway.identity.work import Tools, Wakers
from quietzone_gateway.identity.work import build_work as build_identity_work
from quietzone_gateway.live.authority import Principals
from quietzone_gateway.live.frames import BoundedSocket
from quietzone_gateway.live.notices import Notices
from quietzone_gateway.live.service import Live
from quietzone_gateway.migrations import MIGRATIONS
from quietzone_gateway.plans import Ports as PlanPorts
from quietzone_gateway.plans import open_plans, relay_plans
from quietzone_gateway.plans.scans import QuietAccounts
from quietzone_gateway.rest.app import make_api
from quietzone_gateway.rest.envelope import early_answers
from quietzone_gateway.rest.reads import Reads, follow_changes
from quietzone_gateway.rest.route import Parts
from quietzone_gateway.rest.server import HttpServer
from quietzone_gateway.rpc import Assets, Codes, Counts, Exports, Operations, Tasks
from quietzone_gateway.rpc.notification import Mails, Notification, Service
from quietzone_gateway.settings import GatewaySettings, GatewayStoreSettings, GatewayWorkSettings
from quietzone_gateway.verify import verify
from quietzone_gateway.warm_up import WarmUp
from quietzone_kit import roles
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.documents.migrations import declare
from quietzone_kit.http.clients import Clients
from quietzone_kit.lifecycle import App
from quietzone_kit.limits import Limits, open_limits
from quietzone_kit.mail import open_mail
from quietzone_kit.rpc import ANALYTICS_READ, Caller, CallerKeys, Peer, RpcSettings, Tls
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import SettingsError, setting
from quietzone_kit.telemetry import logger

log = logger(__name__)

DOCUMENT_THREADS = 2
"""One reads while the other writes; keys are remembered, so that there is little of both."""
BUS_THREADS = 2
"""Relays publish, and topics are read meanwhile."""
PASSWORD_THREADS = 2
"""Hashing a password takes 50 ms and 19 MB, without the interpreter's lock."""

CLOCK = SystemClock()
RANDOMNESS = SystemRandomness()


async def build(settings: GatewaySettings) -> App:
    """The role `serve`: the public API."""
    app = App(drain_s=settings.drain_s)
    documents = await _documents(app, settings)
    bus, cache = _bus(app, settings), _cache(app, settings)
    app.task("cache", cache.run)
    parts = await _parts(app, settings, documents, bus, cache)
    clients = Clients(settings.trusted_proxies)
    authority = Principals(parts.identity.authentication, parts.identity.ports.news, parts.plans)
    tails = parts.notification.events.tail
    live = Live(bus, cache, authority, settings, clients=clients, clock=CLOCK, randomness=RANDOMNESS, tails=tails)
    early = early_answers(CLOCK, RANDOMNESS)
    schema = Schema(settings.graphql_limits)
    api = make_api(parts, clients, RANDOMNESS, settings=settings, others=[make_router(schema)], early=early)
    try:
        server = HttpServer(
            live.door(api, settings.gateway_cors_origins, make_sockets(schema)),
            settings.gateway_host,
            settings.gateway_port,
            drain_s=settings.drain_s,
            websocket=BoundedSocket,
            live=lambda: len(live),
            early=early,
        )
    except OSError as error:
        raise SettingsError(str(error)) from error
    await _show_first_key(parts.identity, settings)  # after what can fail: it is shown once
    app.task("api", server.serve, stop=server.stop)
    app.task("live", live.run, stop=live.stop)  # after the server, so that it stops first: live connections are sent away, not cut off
    app.ready_when("api", server.not_ready)
    return app


async def _parts(app: App, settings: GatewaySettings, documents: Documents, bus: Bus, cache: Cache) -> Parts:
    """What the API stands on, with its tasks."""
    reads = Reads(cache)
    app.task("changes", partial(follow_changes, reads, bus, CLOCK, RANDOMNESS))
    qr, analytics, storage, notification = _peers(app, settings)
    wakers = _work(app, settings, documents, bus, notification) if settings.gateway_work else {}
    executor = ThreadExecutor("passwords", PASSWORD_THREADS)
    identity = build_identity(IdentityParts(documents, cache, CLOCK, RANDOMNESS, executor, wakers), settings)
    identity.serve(app)
    secret = settings.caller_key.get_secret_value().encode()
    granted = await open_plans(
        app, PlanPorts(documents, cache, _limits(settings), CLOCK, RANDOMNESS), settings, secret=secret, wakers=wakers
    )
    counts, assets = Counts(analytics), Assets(storage)
    app.task("quiet accounts", QuietAccounts(identity.people.accounts, granted.plans, partial(_scans_of, counts), cache, RANDOMNESS).run)
    repeats = Repeats(documents)
    app.task("repeats", partial(sweep_for_ever, repeats, CLOCK))
    warm_up = WarmUp((qr, analytics), CLOCK)
    app.task("warm-up", warm_up.run)
    app.ready_when("peers", warm_up.not_ready)
    return Parts(
        Codes(qr, reads.forget),
        counts,
        Exports(analytics),
        assets,
        Operations(assets),
        Tasks([peer for peer in (analytics, storage, notification) if peer is not None]),
        Notification.of(notification),
        identity,
        repeats,
        reads,
        granted.plans,
        granted.flags,
        Notices(cache),
        DeadLetterDesk(bus, CLOCK, RANDOMNESS),
        CLOCK,
    )


async def _scans_of(counts: Counts, account_id: str) -> int:
    """An account's scans of this month."""
    now_ms = CLOCK.now_ms()
    return (await counts.of_account(Caller(account_id, frozenset({ANALYTICS_READ})), from_ms=now_ms, to_ms=now_ms + 1)).scans


async def build_work(settings: GatewayWorkSettings) -> App:
    """The role `work`: what is done behind the API, and nothing else."""
    app = App(drain_s=settings.drain_s)
    documents, bus = await _documents(app, settings), _bus(app, settings)
    _work(app, settings, documents, bus, _notification(settings, _peering(app, settings)))
    return app


def _work(app: App, settings: GatewayWorkSettings, documents: Documents, bus: Bus, notification: Peer | None) -> Wakers:
    """The work behind the API, and what wakes it."""
    work = build_identity_work(Tools(documents, bus, _carrier(app, settings, notification), CLOCK, RANDOMNESS), settings)
    work.run(app)
    return {**work.wakers, **relay_plans(app, documents, bus, CLOCK, RANDOMNESS)}


def _carrier(app: App, settings: GatewayWorkSettings, notification: Peer | None) -> Carrier:
    """Who takes mails to people."""
    if notification is not None:
        if "mail_url" in settings.model_fields_set:
            log.info("QUIETZONE_MAIL_URL isn't used: notification sends our mails, by QUIETZONE_NOTIFICATION_MAIL_URL")
        return ByNotification(Mails(Service(notification)))
    with setting("mail_url"):
        mailer = open_mail(settings.mail_url, sender=settings.mail_from)
    app.close("mail", mailer.close)
    return Direct(mailer)


async def _documents(app: App, settings: GatewayStoreSettings) -> Documents:
    documents = _store(app, settings)
    await declare(documents, COLLECTIONS, MIGRATIONS)
    return documents


def _cache(app: App, settings: GatewayWorkSettings) -> Cache:
    with setting("cache_url"):
        cache = open_cache(settings.cache_url, clock=CLOCK, randomness=RANDOMNESS)
    app.close("cache", cache.close)
    return cache


def _limits(settings: GatewayWorkSettings) -> Limits:
    with setting("cache_url"):
        return open_limits(settings.cache_url, clock=CLOCK, randomness=RANDOMNESS)


def _bus(app: App, settings: GatewayWorkSettings) -> Bus:
    with setting("bus_url"):
        bus = open_bus(settings.bus_url, clock=CLOCK, executor=ThreadExecutor("bus", BUS_THREADS), randomness=RANDOMNESS)
    app.close("bus", bus.close)
    return bus


def _store(app: App, settings: GatewayStoreSettings) -> Documents:
    executor = ThreadExecutor("documents", DOCUMENT_THREADS)
    with setting("gateway_documents_url"):
        documents = open_documents(settings.gateway_documents_url, executor=executor, randomness=RANDOMNESS, owner="gateway")
    app.close("documents", documents.close)
    return documents


def _peers(app: App, settings: GatewaySettings) -> tuple[Peer, Peer, Peer | None, Peer | None]:
    """The services that are called: qr, analytics, and those of storage and notification that there are."""
    peer = _peering(app, settings)
    storage = peer("storage", settings.storage_address) if settings.storage_address else None
    notification = _notification(settings, peer)
    return peer("qr", settings.qr_address), peer("analytics", settings.analytics_address), storage, notification


def _notification(settings: GatewayWorkSettings, peer: Callable[[str, str], Peer]) -> Peer | None:
    return peer("notification", settings.notification_address) if settings.notification_address else None


def _peering(app: App, settings: RpcSettings) -> Callable[[str, str], Peer]:
    """What makes a client of a service, by its name and address."""
    keys, tls = CallerKeys.of(settings, CLOCK), Tls.of(settings, CLOCK)

    def peer(name: str, address: str) -> Peer:
        known = Peer(name, address, keys, clock=CLOCK, randomness=RANDOMNESS, tls=tls)
        app.close(name, known.close)
        return known

    return peer


def _checks(app: App, settings: GatewaySettings) -> roles.Look:
    documents, bus, cache = _store(app, settings), _bus(app, settings), _cache(app, settings)
    peers = [peer for peer in _peers(app, settings) if peer is not None]
    return partial(verify, documents=documents, bus=bus, cache=cache, peers=peers)


async def _show_first_key(identity: Identity, settings: GatewaySettings) -> None:
    preset = settings.api_key.get_secret_value() if settings.api_key else None
    first = await open_first_account(identity.accounts, identity.keys, CLOCK, RANDOMNESS, preset=preset)
    if first.new_key is not None:
        # Not a log line: logs are kept and shipped.
        sys.stdout.write(f"API key of the first account, shown this once and kept only as a hash:\n\n    {first.new_key}\n\n")
        sys.stdout.flush()


build_verify = roles.verify(_checks)
build_migrate = roles.migrate(_store, COLLECTIONS, MIGRATIONS)
build_contract = roles.migrate(_store, COLLECTIONS, MIGRATIONS, contract=True)
