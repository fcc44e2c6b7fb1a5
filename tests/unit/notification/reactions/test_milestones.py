"""The owner is told of numbers that his codes' scans have crossed, once each."""

import pytest
from unit.notification.reactions.world import ADA, DASHBOARD, World, created, data, milestone
from unit.notification.world import BORN_MS

from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_notification.reactions.domain import AN_HOUR
from quietzone_topics import TYPE_ANALYTICS_MILESTONE, TYPE_QR_CODE


async def test_the_owner_is_told_of_a_milestone_with_the_codes_title(world: World) -> None:
    world.codes.names["menu"] = "Menu"

    await world.milestones.react(milestone())

    (mail,) = world.mails()
    assert (mail.to, mail.letter.kind, mail.letter.template) == (ADA, "milestone", "milestone")
    assert data(mail.letter) == {
        "title": "Menu",
        "milestone": 100,
        "reached": "2 March 2026, 10:00 UTC",
        "name": "Ada",
        "link": DASHBOARD,
    }


async def test_a_code_that_is_gone_by_then_is_untitled(world: World) -> None:
    await world.milestones.react(milestone())

    assert world.mails()[0].letter.data["title"] == "Untitled"


async def test_a_milestone_waits_for_who_knows_titles(world: World) -> None:
    world.codes.failures = 1
    with pytest.raises(Unavailable):
        await world.milestones.react(milestone())

    await world.milestones.react(milestone())

    assert len(world.mails()) == 1


async def test_a_milestone_that_is_told_twice_is_one_mail(world: World) -> None:
    for _ in range(2):
        await world.milestones.react(milestone())

    assert len(world.mails()) == 1


async def test_each_milestone_of_a_code_is_a_mail(world: World) -> None:
    for threshold in (10, 100, 200):
        await world.milestones.react(milestone(threshold=threshold))

    assert [mail.letter.data["milestone"] for mail in world.mails()] == [10, 100, 200]


async def test_a_code_that_all_the_world_scans_fills_no_mailbox(world: World) -> None:
    for number in range(1, AN_HOUR + 41):
        await world.milestones.react(milestone(threshold=100 * number))
    await world.hour_ends()

    assert len(world.mails()) == AN_HOUR + 1
    assert world.mails()[-1].letter.data["subject"] == "40 more milestones reached"


async def test_milestones_take_no_room_from_new_codes(world: World) -> None:
    for number in range(1, AN_HOUR + 2):
        await world.milestones.react(milestone(threshold=100 * number))

    await world.created.react(created())

    assert world.mails()[-1].letter.kind == "created"


async def test_an_event_of_no_milestone_is_dead_at_once(world: World) -> None:
    with pytest.raises(Unreadable):
        await world.milestones.react(Event("x", "/quietzone/analytics", TYPE_ANALYTICS_MILESTONE, "x", BORN_MS, b""))


def test_other_events_are_none_of_its_business(world: World) -> None:
    assert not world.milestones.knows(TYPE_QR_CODE)
