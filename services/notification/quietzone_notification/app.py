"""The composition roots of the notification service."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from quietzone.notification.v1.delivery_pb2_grpc import add_DeliveryServiceServicer_to_server
from quietzone.notification.v1.event_service_pb2_grpc import add_EventServiceServicer_to_server
from quietzone.notification.v1.mail_pb2_grpc import add_MailServiceServicer_to_server
from quietzone.notification.v1.push_pb2_grpc import add_PushServiceServicer_to_server
from quietzone.notification.v1.rule_service_pb2_grpc import add_RuleServiceServicer_to_server
from quietzone.notification.v1.topic_pb2_grpc import add_TopicServiceServicer_to_server
from quietzone.notification.v1.webhook_pb2_grpc import add_WebhookServiceServicer_to_server
from quietzone.tasks.v1.tasks_pb2_grpc import add_TaskServiceServicer_to_server
from quietzone_kit import roles
from quietzone_kit.bus import Bus, Topic, TopicMismatch, open_bus
from quietzone_kit.bus.topics import ensure_patiently
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.documents.migrations import declare
from quietzone_kit.errors import Unavailable
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App
from quietzone_kit.mail import open_mail
from quietzone_kit.outbox import Relay
from quietzone_kit.outside import SystemResolver
from quietzone_kit.projection import ForeignLog
from quietzone_kit.reaction import FailsOnEverything, Patience, run_reaction
from quietzone_kit.rpc import CallerKeys, Peer, Server, Tls
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.seal import Seal
from quietzone_kit.settings import setting
from quietzone_kit.tasks import TASKS, Tasks, Telling, Worker
from quietzone_kit.tasks.events import TellTasks
from quietzone_kit.tasks.service import TaskService
from quietzone_kit.telemetry import logger
from quietzone_notification.buses.repository import Buses
from quietzone_notification.collections import COLLECTIONS
from quietzone_notification.deadlines import store_answers
from quietzone_notification.delivery.client import Client, Connector
from quietzone_notification.delivery.deliveries.repository import Deliveries, Held
from quietzone_notification.delivery.deliveries.tasks import FORGET, kinds
from quietzone_notification.delivery.deliveries.use_cases import DeliveryDesk
from quietzone_notification.delivery.domain import Delivery, Outbound
from quietzone_notification.delivery.endpoints.repository import Endpoints
from quietzone_notification.delivery.endpoints.use_cases import EndpointDesk
from quietzone_notification.delivery.sender import Bounds, Courier, Sender
from quietzone_notification.delivery.webhooks import WebhookCourier
from quietzone_notification.events.use_cases import EventDesk
from quietzone_notification.mail.courier import MailCourier
from quietzone_notification.mail.parts import MailParts
from quietzone_notification.metrics import STOPPED
from quietzone_notification.migrations import MIGRATIONS
from quietzone_notification.notices import Notices
from quietzone_notification.push.courier import PushCourier
from quietzone_notification.push.domain import Platform
from quietzone_notification.push.fcm import EXCERPT_BYTES
from quietzone_notification.push.ports import Pusher
from quietzone_notification.push.pushers import carried, pushers_of
from quietzone_notification.push.repository import Devices
from quietzone_notification.push.use_cases import PushDesk
from quietzone_notification.reactions.compose import Peers, Reactions
from quietzone_notification.rpc import (
    SHOWN,
    DeliveryService,
    EventService,
    MailService,
    PushService,
    RuleService,
    TopicService,
    WebhookService,
)
from quietzone_notification.rules.consumers import CONSUMER, HEARD, MatchEvents
from quietzone_notification.rules.follow import RuleView
from quietzone_notification.rules.numbers import RuleNumbers
from quietzone_notification.rules.repository import RULES, Rules
from quietzone_notification.rules.tasks import kinds as rule_kinds
from quietzone_notification.rules.use_cases import RuleDesk
from quietzone_notification.settings import MatchSettings, NotificationSettings, NotificationStoreSettings, SendSettings
from quietzone_notification.streams.courier import StreamCourier
from quietzone_notification.streams.letters import Letters
from quietzone_notification.streams.repository import Streams
from quietzone_notification.streams.writer import StreamWriter
from quietzone_notification.tails.follow import Watch
from quietzone_notification.tails.use_cases import TailDesk
from quietzone_notification.topics.repository import Topics
from quietzone_notification.topics.use_cases import TopicDesk
from quietzone_notification.upkeep import keep_up
from quietzone_notification.verify import verify
from quietzone_topics import GATEWAY_ACCOUNT_V1, NOTIFICATION_EVENT_V1, NOTIFICATION_RULE_V1, NOTIFICATION_TASK_V1, TYPE_NOTIFICATION_TASK

log = logger(__name__)

TOPICS = (*HEARD, NOTIFICATION_RULE_V1, NOTIFICATION_TASK_V1, GATEWAY_ACCOUNT_V1)
"""All that this service reads or writes."""

DOCUMENT_THREADS = 4  # one writes, the others read meanwhile
BUS_THREADS = 4  # a relay and PutEvents publish, consumers read ten topics

PUSH_THREADS = 8  # calls of SNS under way: at 50 ms each, 160 a second; FCM needs none

RESOLVER_THREADS = 32  # a look-up that hangs keeps one for up to half a minute; what was found holds as long
TASKS_AT_ONCE = 3  # one forgets what is old, one sends again what an account wants, one makes reports; accounts take turns
RETRY_S = 5.0  # between attempts to have the task that forgets there

PATIENCE = Patience(each_within_s=300.0, within_s=900.0)
"""A record makes 50,000 deliveries at most: at 3 ms each, as slow as a store was seen, 150 s. Poison fails at once."""

CLOCK = SystemClock()
RANDOMNESS = SystemRandomness()

Main: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""A task that runs as long as its process."""


async def build(settings: NotificationSettings) -> App:
    """The role `serve`: answers calls, and holds events against rules too unless it is told that others do."""
    app = App(drain_s=settings.drain_s)
    documents, bus = await _documents(app, settings), _bus(app, settings)
    relay = Relay(documents, RULES, bus, clock=CLOCK, randomness=RANDOMNESS, owner=uuid7(CLOCK, RANDOMNESS))
    app.task("outbox relay", _on_topics(bus, relay.run))
    rules, buses, topics = Rules(documents, relay.wake), Buses(documents), Topics(documents)
    app.task("upkeep", partial(keep_up, rules, topics, CLOCK, RANDOMNESS))
    endpoints = Endpoints(documents)
    telling = _telling(app, documents, bus)
    sending = _send(app, settings, documents, bus, telling) if settings.notification_send else _sent_elsewhere(documents, telling)
    outbound = sending.deliveries
    if settings.notification_match:
        _match(app, rules, bus, outbound, sending.tasks)
    topic_desk = TopicDesk(topics, outbound, endpoints, CLOCK, RANDOMNESS, confirm_url=settings.notification_confirm_url)
    rule_desk = RuleDesk(rules, buses, endpoints, CLOCK, RANDOMNESS)
    delivery_desk = DeliveryDesk(outbound, endpoints, sending.tasks, CLOCK, RANDOMNESS)
    watch = Watch(bus, CLOCK, RANDOMNESS)
    keys, tls = CallerKeys.of(settings, CLOCK), Tls.of(settings, CLOCK)
    server = Server(settings.notification_listen, keys, settings, not_ready=app.not_ready, tls=tls)
    server.add(add_EventServiceServicer_to_server, EventService(EventDesk(bus, buses, CLOCK, RANDOMNESS), TailDesk(watch, buses)))
    server.add(add_RuleServiceServicer_to_server, RuleService(rule_desk, buses, CLOCK))
    server.add(add_TopicServiceServicer_to_server, TopicService(topic_desk))
    server.add(add_WebhookServiceServicer_to_server, WebhookService(_endpoint_desk(settings, endpoints), delivery_desk))
    server.add(add_DeliveryServiceServicer_to_server, DeliveryService(delivery_desk))
    server.add(add_PushServiceServicer_to_server, PushService(_push_desk(settings, documents)))
    server.add(add_MailServiceServicer_to_server, MailService(_mail(settings, documents).desks(outbound)))
    server.add(add_TaskServiceServicer_to_server, TaskService(sending.tasks, SHOWN, store_answers))
    app.server("rpc", server)
    app.task("tails", watch.run, stop=watch.stop)  # after the server, so that it stops first: tails end, and aren't cut off
    return app


async def build_match(settings: MatchSettings) -> App:
    """The role `match`: holds events against rules, where `serve` is told not to, or beside it."""
    app = App(drain_s=settings.drain_s)
    documents, bus = await _documents(app, settings), _bus(app, settings)
    # no rules, no bus: events wait, and a release can still go back
    _match(app, Rules(documents), bus, Deliveries(documents, CLOCK), Tasks(documents, CLOCK, RANDOMNESS))
    return app


async def build_send(settings: SendSettings) -> App:
    """The role `send`: sends what is to be delivered, where `serve` is told not to, or beside it."""
    app = App(drain_s=settings.drain_s)
    documents, bus = await _documents(app, settings), _bus(app, settings)
    _send(app, settings, documents, bus, _telling(app, documents, bus))
    return app


def _checks(app: App, settings: MatchSettings) -> roles.Look:
    documents, bus = _store(app, settings), _bus(app, settings)
    return partial(verify, documents=documents, bus=bus, collections=COLLECTIONS, read=HEARD)


def _match(app: App, rules: Rules, bus: Bus, outbound: Outbound, tasks: Tasks) -> None:
    """Rules in memory, and a consumer of each topic."""
    view, numbers = RuleView(rules, bus, CLOCK, RANDOMNESS), RuleNumbers(rules)
    app.task("rules", view.run)
    app.task("rules' numbers", numbers.run)
    for topic in HEARD:
        app.task(
            f"events of {topic.name}",
            _stopped(_on_topics(bus, _consumer(topic, MatchEvents(topic.name, view, outbound, tasks, numbers=numbers, clock=CLOCK), bus))),
        )


def _consumer(topic: Topic, reaction: MatchEvents, bus: Bus) -> Main:
    """What the house told before there were rules is nobody's event. What an account has put is, whenever we come to it."""
    from_now = topic is not NOTIFICATION_EVENT_V1
    return partial(run_reaction, bus, topic.name, CONSUMER, reaction, CLOCK, randomness=RANDOMNESS, patience=PATIENCE, from_now=from_now)


@dataclass(frozen=True, slots=True)
class _Sending:
    """Deliveries and tasks; what is taken through them wakes the sender and the worker of this process, if there are any."""

    deliveries: Deliveries
    tasks: Tasks


def _telling(app: App, documents: Documents, bus: Bus) -> Telling:
    """What tells of tasks as they come on."""
    relay = Relay(documents, TASKS, bus, clock=CLOCK, randomness=RANDOMNESS, owner=uuid7(CLOCK, RANDOMNESS))
    app.task("outbox relay of tasks", _on_topics(bus, relay.run))
    return Telling(TellTasks("notification", NOTIFICATION_TASK_V1, TYPE_NOTIFICATION_TASK, SHOWN, CLOCK), relay.wake)


def _send(app: App, settings: SendSettings, documents: Documents, bus: Bus, telling: Telling) -> _Sending:
    """The sender, and the tasks of its deliveries."""
    resolver = SystemResolver(ThreadExecutor("resolver", RESOLVER_THREADS))
    client = Client(Connector(resolver, settings.reach(), CLOCK, proxy=settings.proxy()), CLOCK)

    async def close() -> None:
        client.close()

    app.close("webhooks' connections", close)

    def tell(stored: Sequence[Held]) -> None:
        sender.tell(stored)

    outbound = Deliveries(documents, CLOCK, tell)  # what a courier makes of one delivery is sent by the sender that has it
    reactions = _reactions(app, settings, documents, outbound)
    endpoints = Endpoints(documents)
    notices = Notices(EventDesk(bus, Buses(documents), CLOCK, RANDOMNESS), reactions.teller.tell, CLOCK)
    courier = WebhookCourier(endpoints, _endpoint_desk(settings, endpoints), client, CLOCK, notices.disabled)
    bounds = Bounds(settings.notification_deliveries_at_once, settings.notification_deliveries_of_one)
    given_up = asyncio.Event()

    numbers = RuleNumbers(Rules(documents))
    app.task("rules' deliveries", numbers.run)

    def ended_one(delivery: Delivery) -> None:
        numbers.ended(delivery)
        if delivery.letter_ms is not None:
            given_up.set()

    writer = StreamWriter(bus, Streams(documents, CLOCK))
    push = PushCourier(Devices(documents), _push_desk(settings, documents), _pushers(app, settings, resolver), outbound, CLOCK)
    couriers: dict[str, Courier] = {
        "webhook": courier,
        "mail": _mail_courier(app, settings, documents),
        "kafka": StreamCourier(writer, CLOCK),
        "push": push,
    }
    sender = Sender(
        documents,
        couriers,
        clock=CLOCK,
        randomness=RANDOMNESS,
        owner=settings.sender(),
        bounds=bounds,
        ended=ended_one,
    )
    letters = Letters(sender.deliveries, Rules(documents), writer, mine=lambda: sender.shards, given_up=given_up)
    app.task("dead letters", letters.run)
    ended = asyncio.Event()
    app.task("sender", _until(ended, sender.run), stop=ended.set)
    handlers = {
        **kinds(sender.deliveries, CLOCK, kept_days=settings.notification_deliveries_kept_days),
        **rule_kinds(Rules(documents), sender.deliveries, numbers, CLOCK),
        **reactions.kinds(),
    }
    owner = uuid7(CLOCK, RANDOMNESS)
    worker = Worker(documents, handlers, clock=CLOCK, randomness=RANDOMNESS, owner=owner, concurrency=TASKS_AT_ONCE, telling=telling)
    tasks = Tasks(documents, CLOCK, RANDOMNESS, wake=worker.wake, telling=telling)
    app.task("deliveries' tasks", partial(_work, worker, tasks, reactions))
    for heard in reactions.consumers():
        where = bus, heard.topic.name, heard.name, heard.reaction, CLOCK
        hearing = partial(run_reaction, *where, randomness=RANDOMNESS, from_now=heard.from_now)
        app.task(f"{heard.name} of {heard.topic.name}", _stopped(_on_topics(bus, hearing)))
    return _Sending(sender.deliveries, tasks)


def _reactions(app: App, settings: SendSettings, documents: Documents, outbound: Outbound) -> Reactions:
    """The product's own reactions, with the services that they ask."""
    keys, tls = CallerKeys.of(settings, CLOCK), Tls.of(settings, CLOCK)

    def peer(name: str, address: str) -> Peer | None:
        if not address:
            return None
        known = Peer(name, address, keys, clock=CLOCK, randomness=RANDOMNESS, tls=tls)
        app.close(name, known.close)
        return known

    peers = Peers(peer("qr", settings.qr_address), peer("analytics", settings.analytics_address))
    tasks, scribe = Tasks(documents, CLOCK, RANDOMNESS), _mail(settings, documents).scribe(outbound)
    return Reactions(documents, settings, peers, tasks=tasks, scribe=scribe, clock=CLOCK)


def _sent_elsewhere(documents: Documents, telling: Telling) -> _Sending:
    return _Sending(Deliveries(documents, CLOCK), Tasks(documents, CLOCK, RANDOMNESS, telling=telling))


def _pushers(app: App, settings: SendSettings, resolver: SystemResolver) -> dict[Platform, Pusher]:
    """Who pushes, over connections of their own."""
    connector = Connector(resolver, settings.fcm_reach(), CLOCK, proxy=settings.proxy(), excerpt_bytes=EXCERPT_BYTES)
    client = Client(connector, CLOCK)

    async def close() -> None:
        client.close()

    app.close("push's connections", close)
    return pushers_of(settings, client, ThreadExecutor("push", PUSH_THREADS), CLOCK)


def _push_desk(settings: SendSettings, documents: Documents) -> PushDesk:
    return PushDesk(Devices(documents), _seal(settings, "push"), CLOCK, RANDOMNESS, carried=carried(settings))


def _seal(settings: SendSettings, what: str) -> Seal:
    lacks = f"this installation has no {what}"
    return Seal(settings.secret_keys(), RANDOMNESS, setting="QUIETZONE_NOTIFICATION_SECRET_KEY", lacks=lacks)


def _endpoint_desk(settings: SendSettings, endpoints: Endpoints) -> EndpointDesk:
    return EndpointDesk(endpoints, _seal(settings, "webhooks"), settings.reach(), CLOCK, RANDOMNESS)


def _mail(settings: SendSettings, documents: Documents) -> MailParts:
    lacks = "this installation sends no mails that one can unsubscribe from"
    seal = Seal(settings.secret_keys(), RANDOMNESS, setting="QUIETZONE_NOTIFICATION_SECRET_KEY", lacks=lacks)
    return MailParts(documents, seal, CLOCK, unsubscribe_url=settings.notification_unsubscribe_url)


def _mail_courier(app: App, settings: SendSettings, documents: Documents) -> MailCourier:
    with setting("notification_mail_url"):
        mailer = open_mail(settings.notification_mail_url, sender=settings.notification_mail_from)
    app.close("mail", mailer.close)
    return _mail(settings, documents).courier(mailer, at_once=settings.notification_mails_at_once)


def _until(ended: asyncio.Event, main: Main) -> Main:
    """A task that is asked to end: attempts under way have what is left of the drain for it, and nobody's closing is cut short."""

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(main())
            await ended.wait()
            running.cancel()

    return run


async def _work(worker: Worker, tasks: Tasks, reactions: Reactions) -> None:
    while True:
        try:
            async with store_answers():
                await tasks.keep(FORGET)
            await reactions.keep(tasks)
            break
        except Unavailable as error:
            log.warning("no store yet: old deliveries are kept", error=str(error))
            await asyncio.sleep(RANDOMNESS.uniform(0, RETRY_S))
    await worker.run()


async def _documents(app: App, settings: NotificationStoreSettings) -> Documents:
    documents = _store(app, settings)
    await declare(documents, COLLECTIONS, MIGRATIONS)
    return documents


def _store(app: App, settings: NotificationStoreSettings) -> Documents:
    with setting("notification_documents_url"):
        executor = ThreadExecutor("documents", DOCUMENT_THREADS)
        documents = open_documents(settings.notification_documents_url, executor=executor, randomness=RANDOMNESS, owner="notification")
    app.close("documents", documents.close)
    return documents


def _bus(app: App, settings: MatchSettings) -> Bus:
    with setting("bus_url"):
        bus = open_bus(settings.bus_url, clock=CLOCK, executor=ThreadExecutor("bus", BUS_THREADS), randomness=RANDOMNESS)
    app.close("bus", bus.close)
    return bus


def _on_topics(bus: Bus, main: Main) -> Main:
    """A task once our topics are there. Rules are made and changed without the bus too, so its absence at the start ends nothing."""

    async def run() -> None:
        await ensure_patiently(bus, TOPICS, randomness=RANDOMNESS, meanwhile="events wait")
        await main()

    return run


def _stopped(main: Main) -> Main:
    """A consumer that stops alone: the other topics are heard all the same, and a process that is started again fails as often again."""

    async def run() -> None:
        try:
            await main()
        except (FailsOnEverything, ForeignLog, TopicMismatch) as error:
            STOPPED.set(1)
            log.error("a topic's events are heard no more; the rest goes on", error=str(error))  # noqa: TRY400 - it says it all
            await asyncio.Event().wait()

    return run


build_verify = roles.verify(_checks)
build_migrate = roles.migrate(_store, COLLECTIONS, MIGRATIONS)
build_contract = roles.migrate(_store, COLLECTIONS, MIGRATIONS, contract=True)
