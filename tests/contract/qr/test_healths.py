"""Link health on every adapter of the documents."""

from dataclasses import replace

import pytest
from contract.documents.conftest import documents, executor, url  # noqa: F401 - fixtures

from quietzone_kit.documents import Documents, VersionConflict
from quietzone_kit.outbox import waiting
from quietzone_qr.health.domain import Finding, Health, Heard, Look, Schedule, first_heard
from quietzone_qr.health.repository import COLLECTIONS, HEALTH, Healths

NEW = first_heard(Heard("c1", "ours", "menu", "https://example.com/", is_active=True, revision=1))
SEEN = NEW.looked(Look(Finding.ALIVE, "answered 200"), 1_772_445_600_000, Schedule(1, (1,)))


@pytest.fixture
async def healths(documents: Documents) -> Healths:  # noqa: F811
    await documents.ensure(*COLLECTIONS)
    healths = Healths(documents)
    await healths.insert(NEW)
    return healths


async def test_what_was_written_is_read(healths: Healths) -> None:
    held = await healths.get("ours", "c1")
    assert held is not None
    assert held.health == NEW

    await healths.replace(held, SEEN, 1_772_445_600_000)

    assert await health(healths) == SEEN


async def test_a_change_of_state_is_written_with_its_event(healths: Healths, documents: Documents) -> None:  # noqa: F811
    held = await healths.get("ours", "c1")
    assert held is not None

    await healths.replace(held, SEEN, 1_772_445_600_000)

    stored = await documents.get(HEALTH, "c1")
    assert stored is not None
    assert [outgoing.event.id for outgoing in waiting(stored.body)] == ["c1.destination.1"]


async def test_of_two_writes_from_one_state_the_second_is_refused(healths: Healths) -> None:
    held = await healths.get("ours", "c1")
    assert held is not None
    await healths.replace(held, SEEN, 1_772_445_600_000)

    with pytest.raises(VersionConflict):
        await healths.replace(held, replace(NEW, reason="late"), 1_772_445_600_001)


async def test_what_is_known_already_is_not_added_again(healths: Healths) -> None:
    with pytest.raises(VersionConflict):
        await healths.insert(NEW)


async def test_another_account_s_is_not_found(healths: Healths) -> None:
    assert await healths.get("others", "c1") is None


async def health(healths: Healths) -> Health:
    held = await healths.get("ours", "c1")
    assert held is not None
    return held.health
