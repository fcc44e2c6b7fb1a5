"""What events of codes have asked."""

import itertools
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.qr.codes import CHANGES, code
from unit.qr.health.world import MENU, World, opened_world

from quietzone.qr.v1 import code_pb2
from quietzone_kit.documents import Documents, DocumentsUnavailable
from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_kit.tasks import State as TaskState
from quietzone_qr.codes.domain import Change, State
from quietzone_qr.codes.events import code_event
from quietzone_qr.health.consumers import FollowCodes, heard_of
from quietzone_qr.health.domain import State as DestinationState
from quietzone_qr.health.domain import first_heard
from quietzone_qr.health.repository import HEALTH, Healths
from quietzone_qr.health.use_cases import follow


class Away:
    async def get(self, *_: object) -> None:
        raise DocumentsUnavailable("no")


async def test_a_new_code_s_destination_is_asked_at_once(world: World) -> None:
    await world.hear()

    task = await world.task()
    assert (task.state, task.due_at_ms, task.payload) == (TaskState.WAITING, world.clock.at_ms, {"code_id": "c1", "watch": 1})
    assert (await world.health()).state is DestinationState.UNKNOWN


async def test_an_event_that_comes_twice_is_one(world: World) -> None:
    await world.hear()
    before = await world.documents.scan(HEALTH, limit=10)

    await world.hear()

    assert (await world.documents.scan(HEALTH, limit=10)).items == before.items
    assert await world.states() == {"c1.1": TaskState.WAITING}


async def test_an_event_whose_task_was_not_added_is_finished_when_it_comes_again(world: World) -> None:
    await world.healths.insert(first_heard(MENU))

    await world.hear()

    assert await world.states() == {"c1.1": TaskState.WAITING}


async def test_an_old_event_changes_nothing(world: World) -> None:
    await world.hear(revision=3, is_active=False)

    await world.hear(revision=2)

    assert not (await world.health()).is_watched
    assert await world.states() == {}


async def test_another_destination_has_a_task_of_its_own(world: World) -> None:
    await world.hear()
    await world.hear(revision=2, destination="https://example.org/")

    assert await world.states() == {"c1.1": TaskState.CANCELLED, "c1.2": TaskState.WAITING}


async def test_another_title_leaves_the_task(world: World) -> None:
    await world.hear()
    await world.hear(revision=2)

    assert await world.states() == {"c1.1": TaskState.WAITING}


async def test_a_paused_code_s_destination_is_not_asked_any_more(world: World) -> None:
    await world.hear()
    await world.hear(revision=2, is_active=False)

    assert await world.states() == {"c1.1": TaskState.CANCELLED}


async def test_an_active_code_s_destination_is_asked_again(world: World) -> None:
    await world.hear()
    await world.hear(revision=2, is_active=False)
    await world.hear(revision=3)

    assert await world.states() == {"c1.1": TaskState.CANCELLED, "c1.3": TaskState.WAITING}


async def test_an_event_that_was_missed_is_made_good_by_the_next(world: World) -> None:
    await world.hear()
    await world.hear(revision=3, destination="https://example.org/")  # says that its title changed: 2 brought the destination

    assert (await world.health()).destination == "https://example.org/"


async def test_codes_of_two_accounts_are_kept_apart(world: World) -> None:
    await world.hear()

    assert await world.healths.get("others", "c1") is None


async def test_a_write_that_meets_another_is_made_again(world: World) -> None:
    await world.hear()

    await follow(world.meddled(2), world.tasks, world.clock, replace(MENU, revision=2, destination="https://example.org/"))

    assert (await world.health()).destination == "https://example.org/"


async def test_a_document_that_changes_all_the_time_is_an_outage(world: World) -> None:
    await world.hear()

    with pytest.raises(Unavailable, match="try again"):
        await follow(world.meddled(100), world.tasks, world.clock, replace(MENU, revision=2, destination="https://example.org/"))


async def test_a_store_that_is_away_is_an_outage(world: World) -> None:
    away = Healths(cast("Documents", Away()))

    with pytest.raises(Unavailable, match="doesn't answer"):
        await follow(away, world.tasks, world.clock, MENU)


async def test_events_of_codes_are_known_and_no_others(world: World) -> None:
    reaction = FollowCodes(world.healths, world.tasks, world.clock)

    assert [reaction.knows(kind) for kind in ("quietzone.qr.code", "quietzone.qr.destination")] == [True, False]


async def test_what_the_codes_emit_is_understood(world: World) -> None:
    reaction = FollowCodes(world.healths, world.tasks, world.clock)
    first = code()
    paused = first.changed(Change(state=State.PAUSED), first.updated_at_ms + 1)

    await reaction.react(code_event(None, first))
    await reaction.react(code_event(first, paused))

    health = await world.health(first.code_id)
    assert (health.slug, health.destination, health.is_watched, health.code_revision) == ("menu", first.destination, False, 2)


@pytest.mark.parametrize("data", [b"", code_pb2.CodeEvent(after=code_pb2.Code(id="c1")).SerializeToString()])
def test_an_event_without_a_code_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable, match="tells of no code"):
        heard_of(Event("e1", "/quietzone/qr", "quietzone.qr.code", "c1", 0, data))


@given(st.lists(CHANGES, max_size=6), st.data())
async def test_whatever_comes_again_the_newest_holds_and_one_task_waits_at_most(changes: list[Change], data: st.DataObject) -> None:
    codes = [code()]
    for change in changes:
        codes.append(codes[-1].changed(change, codes[-1].updated_at_ms + 1))
    events = [code_event(None, codes[0])] + [code_event(was, now) for was, now in itertools.pairwise(codes) if was != now]
    again = [event for number, event in enumerate(events) for event in events[data.draw(st.integers(0, number)) : number + 1]]
    async with opened_world() as world:
        reaction = FollowCodes(world.healths, world.tasks, world.clock)
        for event in again:
            await reaction.react(event)

        health, states = await world.health(codes[0].code_id), await world.states()
    waiting = [name for name, state in states.items() if state is TaskState.WAITING]
    assert (health.destination, health.is_watched) == (codes[-1].destination, codes[-1].state is State.ACTIVE)
    assert waiting == ([f"{codes[0].code_id}.{health.watch}"] if health.is_watched else [])
