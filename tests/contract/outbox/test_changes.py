"""Changes of documents whose events wait."""

import pytest
from contract.outbox.world import CODES, World, all_published, outgoing

from quietzone_kit.documents import VersionConflict
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import MAX_WAITING, replace_keeping_outbox


async def test_changes_are_refused_while_too_many_events_wait_and_taken_again_afterwards(world: World) -> None:
    await world.create("menu")
    for _ in range(MAX_WAITING - 1):
        await world.change("menu")
    with pytest.raises(Unavailable):
        await world.change("menu")

    await all_published(world.relay())
    await world.change("menu")
    await all_published(world.relay())

    assert await world.published() == {"menu": list(range(1, MAX_WAITING + 2))}


async def test_a_change_succeeds_although_the_relay_has_published_since_it_was_read(world: World) -> None:
    await world.create("menu")
    before = await world.documents.get(CODES, "menu")
    assert before is not None
    await all_published(world.relay())

    stored = await replace_keeping_outbox(world.documents, CODES, before, {**before.body, "revision": 2}, outgoing("menu", 2))

    assert stored.version == 3
    await all_published(world.relay())
    assert await world.published() == {"menu": [1, 2]}


async def test_a_change_of_somebody_else_is_a_conflict(world: World) -> None:
    await world.create("menu")
    before = await world.documents.get(CODES, "menu")
    assert before is not None
    await world.change("menu")

    with pytest.raises(VersionConflict):
        await replace_keeping_outbox(world.documents, CODES, before, {**before.body, "revision": 2}, outgoing("menu", 2))


async def test_a_change_of_what_is_gone_is_a_conflict(world: World) -> None:
    await world.create("menu")
    before = await world.documents.get(CODES, "menu")
    assert before is not None
    await world.documents.delete(CODES, "menu", if_version=1)

    with pytest.raises(VersionConflict):
        await replace_keeping_outbox(world.documents, CODES, before, before.body)
