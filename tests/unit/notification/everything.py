"""Everything that notification keeps, written once and again by the classes of production."""

from ports import Hands
from unit.notification.world import BORN_MS, new_rule

from quietzone_kit.documents import Documents
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import SystemRandomness
from quietzone_kit.seal import Seal
from quietzone_notification.buses.repository import Buses
from quietzone_notification.buses.use_cases import put_bus
from quietzone_notification.delivery.deliveries.repository import Deliveries
from quietzone_notification.delivery.domain import Attempt, NewDelivery
from quietzone_notification.delivery.endpoints.domain import Endpoint, State
from quietzone_notification.delivery.endpoints.repository import Endpoints
from quietzone_notification.delivery.endpoints.use_cases import Change, Draft, EndpointDesk
from quietzone_notification.delivery.reach import Reach
from quietzone_notification.delivery.sender.shares import Shares
from quietzone_notification.mail.brands.domain import Looks
from quietzone_notification.mail.parts import MailParts
from quietzone_notification.mail.templates.domain import Source
from quietzone_notification.people.domain import Account, Member, Person
from quietzone_notification.people.repository import People
from quietzone_notification.push.domain import Platform
from quietzone_notification.push.repository import Devices
from quietzone_notification.push.use_cases import NewDevice, PushDesk
from quietzone_notification.reactions.domain import created
from quietzone_notification.reactions.repository import NewsStore
from quietzone_notification.reports.repository import ReportFile, Reports
from quietzone_notification.rules.domain import Kind, Target
from quietzone_notification.rules.repository import Numbers, Rules
from quietzone_notification.rules.use_cases import RuleDesk
from quietzone_notification.streams.repository import Streams
from quietzone_notification.topics.domain import Options
from quietzone_notification.topics.repository import Topics
from quietzone_notification.topics.use_cases import NewSubscription, TopicDesk

OURS = "ours"
TOKEN = "cXk:APA91b" + "F" * 140


class Writer:
    """Who writes, with what all of it needs."""

    def __init__(self, store: Documents) -> None:
        self.store = store
        self.clock = Hands(since_ms=BORN_MS)
        self.randomness = SystemRandomness()
        self.seal = Seal(["s" * 32], self.randomness, setting="SECRET_KEY", lacks="no key")
        self.endpoints = Endpoints(store)
        self.deliveries = Deliveries(store, self.clock)

    async def endpoint(self) -> Endpoint:
        """One that has moved, with a second secret."""
        desk = EndpointDesk(self.endpoints, self.seal, Reach(), self.clock, self.randomness)
        made, _ = await desk.create(OURS, Draft("https://example.com/hook", headers=(("x-shop", "7"),)))
        await desk.change(OURS, made.endpoint_id, Change(description="orders", state=State.DISABLED))
        await desk.rotate(OURS, made.endpoint_id)
        return made

    async def rules(self, endpoint: Endpoint) -> None:
        """A bus, and a rule on it that was changed, has matched, and was taken away."""
        rules, buses = Rules(self.store), Buses(self.store)
        for text in ("first", "second"):
            await put_bus(buses, self.clock, OURS, "orders", text)
        desk = RuleDesk(rules, buses, self.endpoints, self.clock, self.randomness)
        target = Target("t", Kind.WEBHOOK, endpoint.endpoint_id)
        for text in ("first", "second"):
            rule = await desk.put(OURS, new_rule("paid", bus="orders", description=text, targets=(target,)))
            await rules.add({rule.rule_id: (OURS, Numbers(1, 0, BORN_MS))})
        await desk.delete(OURS, "orders", "paid", None)

    async def topics(self) -> None:
        """A topic that is called something else, a subscription with other options, and two addresses that are asked."""
        desk = TopicDesk(
            Topics(self.store), self.deliveries, self.endpoints, self.clock, self.randomness, confirm_url="https://q.example/c"
        )
        for text in ("first", "second"):
            await desk.put(OURS, "orders", text)
            await desk.subscribe(OURS, NewSubscription("orders", Kind.KAFKA, "out", Options(raw=text == "second")))
            await desk.subscribe(OURS, NewSubscription("orders", Kind.MAIL, f"{text}@example.com"))

    async def deliver(self, endpoint: Endpoint) -> None:
        """A delivery that is tried three times, by two senders that share."""
        first, second = (Shares(self.store, self.clock, owner=name, run=uuid7(self.clock, self.randomness)) for name in ("a", "b"))
        for shares in (first, second, first, second):
            await shares.renew()
        await self.deliveries.enqueue([_delivery(endpoint.endpoint_id)])
        for status in (503, 503, 200):
            self.clock.seconds += 3_600
            held = await self.deliveries.get(OURS, "d1")
            attempt = Attempt(self.clock.now_ms(), 5, endpoint.url, status)
            await self.deliveries.put([(held, held.delivery.attempted(attempt, retry_after_ms=None, jitter=0))])
        await second.release()
        await Streams(self.store, self.clock).reserve(OURS, "out.ours.orders")

    async def people(self) -> None:
        """Mails' looks and texts, an address that wants less and less, a phone."""
        mail = MailParts(self.store, self.seal, self.clock, unsubscribe_url="https://q.example/u").desks(self.deliveries)
        push = PushDesk(Devices(self.store), self.seal, self.clock, self.randomness, carried=frozenset(Platform))
        for text in ("first", "second"):
            await mail.brands.put(OURS, Looks(text), verified=False)
            await mail.templates.put(OURS, "event", Source(text, text, text))
            await mail.addresses.put(OURS, "ada@example.com", "" if text == "first" else "events", text)
            await mail.addresses.prefer(OURS, "ada@example.com", {"events": text == "first"})
            await push.register(OURS, NewDevice("anna", Platform.FCM, TOKEN, (text,)))

    async def reactions(self) -> None:
        """An account and its owner who are called otherwise, news that are told alone and together, a week with its report."""
        people, news, reports = People(self.store), NewsStore(self.store), Reports(self.store)
        for revision, name in enumerate(("first", "second"), 1):
            members = (Member("ada", "owner"),)
            await people.keep_account(Account(OURS, name, members, is_suspended=False, created_at_ms=BORN_MS, revision=revision))
            await people.keep_person(Person("ada", "ada@example.com", name, BORN_MS, BORN_MS, revision))
            told = created(name, OURS, BORN_MS, title=name, destination="https://example.com")
            await news.has_place(told)
            await news.hold(told)
            await reports.put(ReportFile("r1", OURS, "scans.pdf", "application/pdf", b"%PDF", BORN_MS))
            await reports.plan("2026-02-23", BORN_MS)
        await news.gather(OURS, "created", "telling", most=10)
        await news.settle("telling")


async def write_everything(store: Documents) -> None:
    """Write every collection of notification but its tasks and the relay's own."""
    writer = Writer(store)
    endpoint = await writer.endpoint()
    await writer.rules(endpoint)
    await writer.topics()
    await writer.deliver(endpoint)
    await writer.people()
    await writer.reactions()


def _delivery(destination: str) -> NewDelivery:
    return NewDelivery(
        id="d1",
        account_id=OURS,
        cause="rule:r1:t",
        event_id="e1",
        event_type="Order",
        kind="webhook",
        destination=destination,
        body=b"{}",
        content_type="application/json",
        headers=(("x-shop", "7"),),
        max_attempts=None,
        max_age_ms=None,
        created_ms=BORN_MS,
    )
