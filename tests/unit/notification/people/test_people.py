"""Notification knows whom an account's mails go to, in whatever order it was told."""

from itertools import permutations

import pytest
from google.protobuf.message import DecodeError
from unit.notification.world import BORN_MS, OURS, World

from quietzone.gateway.v1 import account_pb2
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_notification.people.consumers import KeepPeople
from quietzone_notification.people.domain import MAX_OWNERS
from quietzone_notification.people.repository import People
from quietzone_topics import TYPE_GATEWAY_ACCOUNT, TYPE_GATEWAY_PERSON, TYPE_QR_CODE


def account(*members: tuple[str, str], revision: int = 1, suspended: bool = False) -> Event:
    """What is told of our account."""
    listed = [account_pb2.AccountMember(user_id=user_id, role=role) for user_id, role in members]
    after = account_pb2.Account(id=OURS, name="Ours", members=listed, suspended=suspended, revision=revision)
    return event(TYPE_GATEWAY_ACCOUNT, account_pb2.AccountEvent(occasion=account_pb2.OCCASION_CHANGED, after=after))


def person(user_id: str, email: str = "", *, revision: int = 1) -> Event:
    after = account_pb2.Person(id=user_id, email=email, name=user_id.title(), verified_at_ms=BORN_MS if email else 0, revision=revision)
    return event(TYPE_GATEWAY_PERSON, account_pb2.PersonEvent(occasion=account_pb2.OCCASION_CHANGED, after=after))


def event(event_type: str, told: account_pb2.AccountEvent | account_pb2.PersonEvent) -> Event:
    return Event(f"{event_type}.{told.after.revision}", "/quietzone/gateway", event_type, told.after.id, BORN_MS, told.SerializeToString())


async def owners(world: World) -> list[str]:
    """Where mails of our account go."""
    return [each.email for each in await People(world.documents).owners_of(OURS)]


async def hear(world: World, *events: Event) -> None:
    keeper = KeepPeople(People(world.documents))
    for each in events:
        await keeper.react(each)


async def test_mails_go_to_the_owner_and_to_nobody_else(world: World) -> None:
    await hear(world, account(("ada", "owner"), ("bob", "editor")), person("ada", "ada@example.com"), person("bob", "bob@example.com"))

    assert await owners(world) == ["ada@example.com"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_newest_counts_in_whatever_order_it_was_told(world: World, order: tuple[int, ...]) -> None:
    await hear(world, account(("ada", "owner")))
    told = [person("ada", ""), person("ada", "ada@example.com", revision=2), person("ada", "countess@example.com", revision=3)]

    await hear(world, *(told[number] for number in order))

    assert await owners(world) == ["countess@example.com"]


async def test_what_is_told_again_changes_nothing(world: World) -> None:
    told = account(("ada", "owner")), person("ada", "ada@example.com")

    await hear(world, *told, *told)

    assert await owners(world) == ["ada@example.com"]


async def test_nobody_is_written_to_whose_address_was_not_verified(world: World) -> None:
    await hear(world, account(("ada", "owner")), person("ada"))

    assert await owners(world) == []


async def test_who_is_no_owner_any_more_gets_nothing(world: World) -> None:
    await hear(world, account(("ada", "owner")), person("ada", "ada@example.com"), account(("ada", "admin"), ("bob", "owner"), revision=2))

    assert await owners(world) == []


async def test_who_was_removed_gets_nothing(world: World) -> None:
    await hear(world, account(("ada", "owner"), ("bob", "owner")), person("ada", "ada@example.com"), person("bob", "bob@example.com"))

    await hear(world, account(("bob", "owner"), revision=2))

    assert await owners(world) == ["bob@example.com"]


async def test_an_account_that_is_suspended_writes_to_nobody(world: World) -> None:
    await hear(world, account(("ada", "owner"), suspended=True), person("ada", "ada@example.com"))

    assert await owners(world) == []


async def test_an_account_that_nobody_has_told_of_writes_to_nobody(world: World) -> None:
    assert await owners(world) == []


async def test_of_many_owners_the_first_are_written_to(world: World) -> None:
    names = [f"owner{number}" for number in range(MAX_OWNERS + 1)]
    await hear(world, account(*((name, "owner") for name in names)), *(person(name, f"{name}@example.com") for name in names))

    assert await owners(world) == [f"{name}@example.com" for name in names[:MAX_OWNERS]]


@pytest.mark.parametrize("event_type", [TYPE_GATEWAY_ACCOUNT, TYPE_GATEWAY_PERSON])
@pytest.mark.parametrize(("data", "error"), [(b"", Unreadable), (b"\xff", DecodeError)])
async def test_what_tells_of_nobody_is_dead_at_once(world: World, event_type: str, data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await hear(world, Event("e1", "/quietzone/gateway", event_type, "x", BORN_MS, data))


def test_other_events_are_none_of_its_business(world: World) -> None:
    assert not KeepPeople(People(world.documents)).knows(TYPE_QR_CODE)
