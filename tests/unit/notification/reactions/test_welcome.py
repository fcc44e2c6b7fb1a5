"""Whoever has signed up is welcomed once, when it is known that he reads what is sent there."""

import pytest
from unit.notification.reactions.world import ADA, DASHBOARD, World
from unit.notification.world import BORN_MS

from quietzone.gateway.v1 import account_pb2
from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event
from quietzone_notification.mail.kinds import HOUSE
from quietzone_notification.people.consumers import KeepPeople
from quietzone_notification.reactions.domain import LATE_MS
from quietzone_notification.reactions.welcome import Welcome
from quietzone_topics import TYPE_GATEWAY_PERSON

NEW, CHANGED, AGAIN = account_pb2.OCCASION_NEW, account_pb2.OCCASION_CHANGED, account_pb2.OCCASION_AGAIN


def person(revision: int, *, email: str = "") -> account_pb2.Person:
    return account_pb2.Person(id="bob", email=email, name="Bob", verified_at_ms=BORN_MS if email else 0, revision=revision)


def told(occasion: "account_pb2.Occasion.ValueType", after: account_pb2.Person, before: account_pb2.Person | None = None) -> Event:
    data = account_pb2.PersonEvent(occasion=occasion, before=before, after=after).SerializeToString()
    return Event(f"user/bob.{after.revision}.told", "/quietzone/gateway", TYPE_GATEWAY_PERSON, "bob", BORN_MS, data)


VERIFIED = told(CHANGED, person(2, email="bob@example.com"), person(1))


async def hear(world: World, *events: Event) -> None:
    keeper = KeepPeople(world.people, Welcome(world.scribe, world.clock, dashboard_url=DASHBOARD).write)
    for event in events:
        await keeper.react(event)


async def test_who_has_verified_his_address_is_welcomed(world: World) -> None:
    await hear(world, told(NEW, person(1)), VERIFIED)

    (mail,) = world.mails()
    assert (mail.to, mail.account_id, mail.letter.kind, mail.letter.template) == ("bob@example.com", HOUSE, "welcome", "welcome")
    assert mail.letter.data == {"name": "Bob", "link": DASHBOARD}


async def test_who_has_only_signed_up_is_not_welcomed_yet(world: World) -> None:
    await hear(world, told(NEW, person(1)))

    assert world.mails() == []


async def test_an_event_that_comes_again_welcomes_once(world: World) -> None:
    await hear(world, VERIFIED, VERIFIED)

    assert len(world.mails()) == 1


async def test_a_welcome_that_was_not_taken_is_sent_when_the_event_comes_again(world: World) -> None:
    world.outbound.failures = 1
    with pytest.raises(Unavailable):
        await hear(world, VERIFIED)

    await hear(world, VERIFIED)

    assert len(world.mails()) == 1


async def test_who_was_there_before_is_told_of_and_not_welcomed(world: World) -> None:
    await hear(world, told(AGAIN, person(2, email="bob@example.com")))

    assert world.mails() == []


async def test_a_log_that_is_read_from_its_beginning_welcomes_nobody_of_long_ago(world: World) -> None:
    world.clock.seconds += LATE_MS // 1_000

    await hear(world, VERIFIED)

    assert world.mails() == []


async def test_who_changes_his_name_or_his_address_is_not_welcomed_again(world: World) -> None:
    before = person(2, email="bob@example.com")

    await hear(world, told(CHANGED, person(3, email="bob@example.com"), before), told(CHANGED, person(4, email="b@example.com"), before))

    assert world.mails() == []


async def test_without_a_key_of_the_houses_mails_nobody_is_welcomed_and_people_are_known_all_the_same() -> None:
    world = await World(keys=()).open()

    await hear(world, VERIFIED)

    assert world.mails() == []
    await world.own("bob", "")
    assert [each.email for each in await world.people.owners_of("ours")] == ["bob@example.com"]
    await world.documents.close()


async def test_a_person_who_was_told_of_is_known_before_he_is_welcomed(world: World) -> None:
    seen = []

    async def newcomer(_person: object) -> None:
        await world.own("bob", ADA)
        seen.extend(await world.people.owners_of("ours"))

    await KeepPeople(world.people, newcomer).react(VERIFIED)

    assert [each.email for each in seen] == ["bob@example.com"]
