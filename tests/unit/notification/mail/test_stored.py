"""What a newer release wrote beside what this one knows is there after this one has written."""

from collections.abc import Awaitable, Callable

import pytest
from unit.notification.world import OURS, World

from quietzone_kit.documents import Collection
from quietzone_kit.seal import Seal
from quietzone_notification.mail.addresses.domain import ALL
from quietzone_notification.mail.addresses.repository import ADDRESSES
from quietzone_notification.mail.brands.domain import Looks
from quietzone_notification.mail.brands.repository import BRANDS
from quietzone_notification.mail.parts import Desks, MailParts
from quietzone_notification.mail.templates.domain import Source
from quietzone_notification.mail.templates.repository import TEMPLATES


async def address(desks: Desks, name: str) -> None:
    await desks.addresses.put(OURS, "ada@example.com", ALL if name == "first" else "events", name)


async def brand(desks: Desks, name: str) -> None:
    await desks.brands.put(OURS, Looks(name), verified=False)


async def template(desks: Desks, name: str) -> None:
    await desks.templates.put(OURS, "event", Source(name, name, name))


WRITES: dict[str, tuple[Collection, str, Callable[[Desks, str], Awaitable[None]]]] = {
    each.name: (each, within, write)
    for each, within, write in ((ADDRESSES, "suppressions", address), (BRANDS, "looks", brand), (TEMPLATES, "source", template))
}


@pytest.mark.parametrize("name", WRITES)
async def test_what_a_newer_release_wrote_survives(world: World, name: str) -> None:
    collection, within, write = WRITES[name]
    seal = Seal(["s" * 32], world.randomness, setting="SECRET_KEY", lacks="no key")
    desks = MailParts(world.documents, seal, world.clock, unsubscribe_url="https://console.example/u").desks(world.outbound)
    await write(desks, "first")
    (stored,) = (await world.documents.scan(collection, limit=10)).items
    inner = stored.body[within]
    newer = {**inner, "newer": "kept"} if isinstance(inner, dict) else inner
    await world.documents.replace(collection, {**stored.body, within: newer, "newer": "kept"}, if_version=stored.version)

    await write(desks, "second")

    (after,) = (await world.documents.scan(collection, limit=10)).items
    assert (after.body["newer"], after.version) == ("kept", 3)
    assert not isinstance(inner, dict) or after.body[within]["newer"] == "kept"  # type: ignore[index, call-overload] # it is a dict
