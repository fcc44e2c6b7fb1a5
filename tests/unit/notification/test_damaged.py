"""What was damaged in the store is left out of lists, and named in the log; nothing else is held up by it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sized

import msgspec
import pytest
from ports import Inline
from unit.notification.everything import OURS, Writer, write_everything
from unit.notification.push.world import token
from unit.notification.world import World, new_rule

from quietzone_kit.documents import Collection, Documents, Stored, open_documents
from quietzone_kit.documents.damaged import readable
from quietzone_kit.errors import FailedPrecondition, ResourceExhausted
from quietzone_kit.runtime import SystemRandomness
from quietzone_kit.seal import Seal
from quietzone_notification.buses.repository import BUSES, Buses
from quietzone_notification.buses.use_cases import delete_bus, put_bus
from quietzone_notification.collections import COLLECTIONS
from quietzone_notification.delivery.endpoints.repository import ENDPOINTS, Endpoints
from quietzone_notification.mail.addresses.repository import ADDRESSES, Addresses
from quietzone_notification.mail.brands.repository import Brands
from quietzone_notification.mail.templates.domain import Source
from quietzone_notification.mail.templates.repository import TEMPLATES, Templates
from quietzone_notification.mail.templates.use_cases import TemplateDesk
from quietzone_notification.people.repository import ACCOUNTS, People
from quietzone_notification.push.domain import MAX_DEVICES_OF_PERSON, Platform
from quietzone_notification.push.repository import DEVICES, Devices
from quietzone_notification.push.use_cases import NewDevice, PushDesk
from quietzone_notification.rules.domain import Kind, Target
from quietzone_notification.rules.repository import RULES, Rules
from quietzone_notification.rules.use_cases import RuleDesk
from quietzone_notification.topics.repository import SUBSCRIPTIONS, TOPICS, Topics
from quietzone_notification.topics.use_cases import NewSubscription

Lists = Callable[[Documents], Awaitable[Sized]]


async def _first(found: AsyncIterator[Sized]) -> Sized:
    return await anext(found)


async def of_page(page: Awaitable[object], name: str) -> Sized:
    found = getattr(await page, name)
    assert isinstance(found, tuple)
    return found


LISTS: dict[str, tuple[Collection, str, Lists]] = {
    "buses": (BUSES, "created_at_ms", lambda store: Buses(store).all_of(OURS)),
    "rules": (RULES, "pattern", lambda store: of_page(Rules(store).page(OURS, "orders", limit=9), "rules")),
    "topics": (TOPICS, "created_at_ms", lambda store: of_page(Topics(store).page(OURS, limit=9), "topics")),
    "subscriptions": (SUBSCRIPTIONS, "created_at_ms", lambda store: _first(Topics(store).all_subscriptions(OURS, "orders"))),
    "endpoints": (ENDPOINTS, "url", lambda store: Endpoints(store).listed(OURS)),
    "templates": (TEMPLATES, "revision", lambda store: Templates(store).all_of(OURS)),
    "addresses": (ADDRESSES, "suppressions", lambda store: of_page(Addresses(store).suppressed(OURS, limit=9), "addresses")),
    "devices": (DEVICES, "platform", lambda store: of_page(Devices(store).page(OURS, limit=9), "devices")),
    "a person's devices": (DEVICES, "platform", lambda store: Devices(store).of_person(OURS, "anna")),
    "a topic's devices": (DEVICES, "platform", lambda store: _first(Devices(store).of_topic(OURS, "second"))),
    "accounts": (ACCOUNTS, "members", lambda store: of_page(People(store).page(limit=9, after=None), "accounts")),
}


@pytest.fixture
async def store() -> AsyncIterator[Documents]:
    documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=SystemRandomness())
    await documents.ensure(*COLLECTIONS)
    await write_everything(documents)
    writer = Writer(documents)
    desk = RuleDesk(Rules(documents), Buses(documents), Endpoints(documents), writer.clock, writer.randomness)
    await desk.put(OURS, new_rule("alive", bus="orders", targets=(Target("t", Kind.KAFKA, "out"),)))
    yield documents
    await documents.close()


@pytest.mark.parametrize("name", LISTS)
async def test_a_damaged_document_is_left_out_of_its_list(store: Documents, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    collection, field, lists = LISTS[name]
    whole = len(await lists(store))
    assert whole

    for stored in (await store.scan(collection, limit=9)).items:
        assert field in stored.body, sorted(stored.body)
        await store.replace(collection, {**stored.body, field: {"damaged": True}}, if_version=stored.version)

    assert len(await lists(store)) == 0
    assert "can't be read" in capfd.readouterr().err


async def damage(world: World, collection: Collection, field: str) -> None:
    """Damage the document that was made first."""
    first = (await world.documents.scan(collection, limit=1)).items[0]
    await world.documents.replace(collection, {**first.body, field: {"damaged": True}}, if_version=first.version)


def pushing(world: World) -> PushDesk:
    seal = Seal(("s" * 32,), world.randomness, setting="SECRET_KEY", lacks="no key")
    return PushDesk(Devices(world.documents), seal, world.clock, world.randomness, carried={Platform.FCM})


async def make_bus(world: World, name: str) -> None:
    await put_bus(world.buses, world.clock, OURS, name, "")


async def make_rule(world: World, name: str) -> None:
    await world.put(name)


async def make_topic(world: World, name: str) -> None:
    await world.topics.put(OURS, name, "")


async def make_subscription(world: World, name: str) -> None:
    await world.topics.put(OURS, "news", "")
    await world.topics.subscribe(OURS, NewSubscription("news", Kind.KAFKA, name))


async def make_template(world: World, name: str) -> None:
    await TemplateDesk(Templates(world.documents), Brands(world.documents), world.clock).put(OURS, name, Source("Hello", "Hello", ""))


MAKES: dict[str, tuple[Collection, str, Callable[[World, str], Awaitable[None]]]] = {
    "bus": (BUSES, "created_at_ms", make_bus),
    "rule": (RULES, "pattern", make_rule),
    "topic": (TOPICS, "created_at_ms", make_topic),
    "subscription": (SUBSCRIPTIONS, "created_at_ms", make_subscription),
    "template": (TEMPLATES, "revision", make_template),
}


@pytest.mark.parametrize("name", MAKES)
async def test_something_is_made_beside_a_damaged_document(world: World, name: str) -> None:
    collection, field, make = MAKES[name]
    await make(world, "a")
    await damage(world, collection, field)

    await make(world, "b")

    assert len((await world.documents.scan(collection, limit=9)).items) == 2


async def test_a_damaged_device_has_a_place_among_those_of_its_person(world: World) -> None:
    for n in range(MAX_DEVICES_OF_PERSON):
        await pushing(world).register(OURS, NewDevice("anna", Platform.FCM, token(n)))
    await damage(world, DEVICES, "platform")

    with pytest.raises(ResourceExhausted):
        await pushing(world).register(OURS, NewDevice("anna", Platform.FCM, token(MAX_DEVICES_OF_PERSON)))


async def test_a_bus_with_a_damaged_rule_stays(world: World) -> None:
    await make_bus(world, "orders")
    await world.put(bus="orders")
    await damage(world, RULES, "pattern")

    with pytest.raises(FailedPrecondition):
        await delete_bus(world.buses, world.rules, OURS, "orders")


async def test_a_topic_with_a_damaged_subscription_stays(world: World) -> None:
    await make_subscription(world, "a")
    await damage(world, SUBSCRIPTIONS, "created_at_ms")

    with pytest.raises(FailedPrecondition):
        await world.topics.delete(OURS, "news")


def test_what_stands_beside_a_damaged_document_is_read() -> None:
    items = [Stored({"bus_id": name, "created_at_ms": at}, 1) for name, at in (("a", 1), ("b", "x"), ("c", 3))]

    assert readable(BUSES, items, lambda stored: msgspec.convert(stored.body["created_at_ms"], int)) == [1, 3]
