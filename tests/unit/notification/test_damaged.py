"""What was damaged in the store is left out of lists, and named in the log; nothing else is held up by it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sized

import msgspec
import pytest
from ports import Inline
from unit.notification.everything import OURS, Writer, write_everything
from unit.notification.world import new_rule

from quietzone_kit.documents import Collection, Documents, Stored, open_documents
from quietzone_kit.documents.damaged import readable
from quietzone_kit.runtime import SystemRandomness
from quietzone_notification.buses.repository import BUSES, Buses
from quietzone_notification.collections import COLLECTIONS
from quietzone_notification.delivery.endpoints.repository import ENDPOINTS, Endpoints
from quietzone_notification.mail.addresses.repository import ADDRESSES, Addresses
from quietzone_notification.mail.templates.repository import TEMPLATES, Templates
from quietzone_notification.people.repository import ACCOUNTS, People
from quietzone_notification.push.repository import DEVICES, Devices
from quietzone_notification.rules.domain import Kind, Target
from quietzone_notification.rules.repository import RULES, Rules
from quietzone_notification.rules.use_cases import RuleDesk
from quietzone_notification.topics.repository import SUBSCRIPTIONS, TOPICS, Topics

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


def test_what_stands_beside_a_damaged_document_is_read() -> None:
    items = [Stored({"bus_id": name, "created_at_ms": at}, 1) for name, at in (("a", 1), ("b", "x"), ("c", 3))]

    assert readable(BUSES, items, lambda stored: msgspec.convert(stored.body["created_at_ms"], int)) == [1, 3]
