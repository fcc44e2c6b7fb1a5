import asyncio
from collections.abc import AsyncIterator

import pytest
from ports import Inline
from unit.tracking.links_world import Down, SteppedClock, TestRandomness

from quietzone_kit.documents import Documents, open_documents
from quietzone_tracking.salts import SALTS, HeldSalts, SaltKeeper, SaltStore
from quietzone_tracking.salts.keeper import DAY_MS

TODAY = 20_500
TODAY_ISO = "2026-02-16"


@pytest.fixture
async def documents() -> AsyncIterator[Documents]:
    store = open_documents("sqlite://:memory:", executor=Inline(), randomness=TestRandomness())
    yield store
    await store.close()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(TODAY * DAY_MS + 3_600_000)


def store_of(documents: Documents, seed: int) -> SaltStore:
    return SaltStore(documents, TestRandomness(seed))


async def days(documents: Documents) -> list[str]:
    return [str(stored.body["day"]) for stored in (await documents.scan(SALTS, limit=10)).items]


async def test_whoever_asks_first_makes_a_days_salt_and_all_others_get_it(documents: Documents) -> None:
    salts = await asyncio.gather(*(store_of(documents, seed).get_or_make(TODAY) for seed in range(5)))

    assert len(set(salts)) == 1
    assert len(salts[0]) == 32


async def test_each_day_has_another_salt(documents: Documents) -> None:
    store = store_of(documents, 1)

    assert await store.get_or_make(TODAY) != await store.get_or_make(TODAY + 1)


async def test_salts_are_made_a_day_ahead(documents: Documents, clock: SteppedClock) -> None:
    await SaltKeeper(store_of(documents, 1), clock).look()

    assert await days(documents) == [TODAY_ISO, "2026-02-17"]


async def test_a_salt_is_destroyed_48_hours_after_its_day_began(documents: Documents, clock: SteppedClock) -> None:
    keeper = SaltKeeper(store_of(documents, 1), clock)
    await keeper.look()

    clock.unix_ms = (TODAY + 2) * DAY_MS - 1
    await keeper.look()
    before = await days(documents)
    clock.unix_ms = (TODAY + 2) * DAY_MS
    await keeper.look()

    assert (TODAY_ISO in before, TODAY_ISO in await days(documents)) == (True, False)


async def test_an_edge_holds_todays_and_tomorrows_salt_and_forgets_yesterdays(documents: Documents, clock: SteppedClock) -> None:
    held = HeldSalts(store_of(documents, 1), clock)
    await held.look()
    first = held.salt(TODAY)
    clock.unix_ms += DAY_MS
    await held.look()

    assert first is not None
    assert [held.salt(day) is not None for day in range(TODAY, TODAY + 4)] == [False, True, True, False]


async def test_a_store_that_is_down_at_midnight_is_not_missed(documents: Documents, clock: SteppedClock) -> None:
    down = Down(documents)
    held = HeldSalts(SaltStore(down, TestRandomness()), clock)
    await held.look()
    down.is_down = True
    clock.unix_ms += DAY_MS

    assert held.salt(TODAY + 1) is not None


async def test_without_store_and_salt_there_is_none_until_the_store_is_back(
    documents: Documents, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quietzone_tracking.salts.held.RETRY_S", 0.001)
    down = Down(documents, is_down=True)
    held = HeldSalts(SaltStore(down, TestRandomness()), clock)

    async with asyncio.timeout(5):
        running = asyncio.ensure_future(held.run())
        while down.refused < 2:
            await asyncio.sleep(0.001)
        before = held.salt(TODAY)
        down.is_down = False
        while held.salt(TODAY) is None:
            await asyncio.sleep(0.001)
        running.cancel()

    assert before is None


async def test_a_damaged_salt_is_refused_and_not_used(documents: Documents) -> None:
    await documents.ensure(SALTS)
    await documents.insert(SALTS, {"day": TODAY_ISO, "salt": b"short"})

    with pytest.raises(Exception, match="damaged"):
        await store_of(documents, 1).get_or_make(TODAY)


async def test_an_edge_goes_on_without_visitors_when_todays_salt_is_damaged(documents: Documents, clock: SteppedClock) -> None:
    store = store_of(documents, 1)
    await store.get_or_make(TODAY)
    await documents.replace(SALTS, {"day": TODAY_ISO, "salt": b"short"}, if_version=1)
    held = HeldSalts(store, clock)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await held.run()

    assert held.salt(TODAY) is None
