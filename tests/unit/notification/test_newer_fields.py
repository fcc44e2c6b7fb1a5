"""What a newer release wrote beside what this one knows is there after this one has written."""

from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from unit.notification.world import OURS, World

from quietzone_kit.documents import Collection, Value
from quietzone_notification.buses.repository import BUSES
from quietzone_notification.buses.use_cases import put_bus
from quietzone_notification.people.domain import Account, Member, Person
from quietzone_notification.people.repository import ACCOUNTS, PEOPLE, People
from quietzone_notification.reactions.domain import News
from quietzone_notification.reactions.repository import HELD, HOURS, NewsStore
from quietzone_notification.rules.domain import Kind
from quietzone_notification.rules.repository import NUMBERS, RULES, Numbers
from quietzone_notification.topics.domain import Options
from quietzone_notification.topics.repository import ASKINGS, SUBSCRIPTIONS, TOPICS
from quietzone_notification.topics.use_cases import NewSubscription


async def rule(world: World, name: str) -> None:
    await world.put(description=name)


async def numbers(world: World, name: str) -> None:  # noqa: ARG001 - as the others
    await world.rules.add({"r1": (OURS, Numbers(1, 0, 5))})


async def bus(world: World, name: str) -> None:
    await put_bus(world.buses, world.clock, OURS, "orders", name)


async def topic(world: World, name: str) -> None:
    await world.topics.put(OURS, "orders", name)


async def subscription(world: World, name: str) -> None:
    await world.topics.put(OURS, "orders", "")
    await world.topics.subscribe(OURS, NewSubscription("orders", Kind.KAFKA, "out", Options(raw=name == "second")))


async def asking(world: World, name: str) -> None:
    await world.topics.put(OURS, "orders", "")
    await world.topics.subscribe(OURS, NewSubscription("orders", Kind.MAIL, f"{name}@example.com"))


async def account(world: World, name: str) -> None:
    revision = 1 if name == "first" else 2
    await People(world.documents).keep_account(
        Account(OURS, name, (Member("ada", "owner"),), is_suspended=False, created_at_ms=1, revision=revision)
    )


async def person(world: World, name: str) -> None:
    await People(world.documents).keep_person(Person("ada", "ada@example.com", name, 1, 1, 1 if name == "first" else 2))


def news(name: str) -> News:
    return News(name, OURS, "created", 1, {}, name)


async def hour(world: World, name: str) -> None:
    await NewsStore(world.documents).has_place(news(name))


async def held(world: World, name: str) -> None:
    store = NewsStore(world.documents)
    if name == "first":
        await store.hold(news(name))
    else:
        await store.gather(OURS, "created", "telling", most=10)


WRITES: dict[str, tuple[Collection, Callable[[World, str], Awaitable[None]]]] = {
    each.name: (each, write)
    for each, write in (
        (RULES, rule),
        (NUMBERS, numbers),
        (BUSES, bus),
        (TOPICS, topic),
        (SUBSCRIPTIONS, subscription),
        (ASKINGS, asking),
        (ACCOUNTS, account),
        (PEOPLE, person),
        (HOURS, hour),
        (HELD, held),
    )
}


@pytest.mark.parametrize("name", WRITES)
async def test_what_a_newer_release_wrote_survives(world: World, name: str) -> None:
    collection, write = WRITES[name]
    await write(world, "first")
    (stored,) = (await world.documents.scan(collection, limit=10)).items
    await world.documents.replace(collection, {**stored.body, "newer": "kept"}, if_version=stored.version)

    await write(world, "second")

    (after,) = (await world.documents.scan(collection, limit=10)).items
    assert after.body["newer"] == "kept"
    assert after.version == 3


async def test_what_a_newer_release_wrote_of_a_member_is_not_said_of_another(world: World) -> None:
    people = People(world.documents)
    for revision, user_id in ((1, "ada"), (2, "bob")):
        members = (Member(user_id, "owner"),)
        await people.keep_account(Account(OURS, "Ours", members, is_suspended=False, created_at_ms=1, revision=revision))
        (stored,) = (await world.documents.scan(ACCOUNTS, limit=10)).items
        (member,) = cast("list[dict[str, Value]]", stored.body["members"])
        if user_id == "ada":
            newer = {**stored.body, "members": [{**member, "newer": "hers"}]}
            await world.documents.replace(ACCOUNTS, newer, if_version=stored.version)

    assert member == {"user_id": "bob", "role": "owner"}
