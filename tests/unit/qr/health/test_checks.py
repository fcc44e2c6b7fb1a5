"""What a look at a destination leads to: the document, the event, and the next look."""

import asyncio

import pytest
from unit.qr.codes import OTHERS, OURS, Desk
from unit.qr.health.world import HOUR_MS, World

from quietzone.qr.v1 import health_pb2
from quietzone_kit.errors import NotFound, Unavailable
from quietzone_kit.tasks import Again, Done
from quietzone_qr.health import network
from quietzone_qr.health.ask import Answer, Answered, NoAnswer, NotAsked
from quietzone_qr.health.domain import State
from quietzone_qr.health.repository import COLLECTIONS, HEALTH, Healths
from quietzone_qr.health.tasks import BUSY_FIRST_MS, BUSY_MOST_MS
from quietzone_qr.health.use_cases import destination_health

URL = "https://example.com/menu"
REFUSED = NoAnswer("it refuses the connection")


async def test_a_destination_that_answers_is_alive_and_asked_again_tomorrow(world: World) -> None:
    await world.hear()

    assert await world.check() == Again(24 * HOUR_MS)
    health = await world.health()
    assert (health.state, health.reason, health.checked_at_ms) == (State.ALIVE, "answered 200", world.clock.at_ms)
    assert health.next_check_at_ms == world.clock.at_ms + 24 * HOUR_MS


async def test_each_change_of_state_is_one_event(world: World) -> None:
    await world.hear()
    await world.check_on_time(2)
    world.web.answers[URL] = Answered(404)
    await world.check_on_time(4)
    world.web.answers[URL] = Answered(200)
    await world.check_on_time(2)

    told = await world.told()
    names = [health_pb2.DestinationState.Name(each.after).removeprefix("DESTINATION_STATE_") for each in told]
    assert names == ["ALIVE", "DEAD", "ALIVE"]
    assert [each.revision for each in told] == [1, 2, 3]
    assert world.woken == 3


async def test_the_event_of_a_dead_destination_says_all_of_it(world: World) -> None:
    await world.hear()
    world.web.answers[URL] = Answered(410)
    await world.check_on_time(2)

    [event], [told] = await world.events(), await world.told()
    assert (event.id, event.type, event.subject, event.source) == ("c1.destination.1", "quietzone.qr.destination", "c1", "/quietzone/qr")
    assert told == health_pb2.DestinationChanged(
        account_id="ours",
        code_id="c1",
        slug="menu",
        destination=URL,
        before=health_pb2.DESTINATION_STATE_UNKNOWN,
        after=health_pb2.DESTINATION_STATE_DEAD,
        reason="answered 410",
        failures=2,
        checked_at_ms=event.time_ms,
        revision=1,
    )


async def test_a_destination_that_fails_is_asked_sooner_and_then_as_usual(world: World) -> None:
    await world.hear()
    world.web.answers[URL] = REFUSED
    waits = []
    for _ in range(5):
        ended = await world.check()
        assert isinstance(ended, Again)
        waits.append(ended.after_ms)
        world.clock.at_ms += ended.after_ms

    assert waits == [600_000, HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS, 24 * HOUR_MS]


async def test_a_destination_that_is_not_asked_is_unknown_with_the_reason(world: World) -> None:
    await world.hear()
    world.web.answers[URL] = NotAsked("example.com isn't asked: 10.0.0.1 isn't an address of the public internet")

    assert await world.check() == Again(24 * HOUR_MS)
    health = await world.health()
    assert (health.state, health.reason[:22]) == (State.UNKNOWN, "example.com isn't aske")


@pytest.mark.parametrize("answer", [Answered(429, 48 * 3_600), Answered(503, 48 * 3_600)])
async def test_who_wants_to_be_left_alone_is(world: World, answer: Answer) -> None:
    await world.hear()
    await world.hear(code_id="c2")
    world.web.answers[URL] = answer

    assert await world.check() == Again(48 * HOUR_MS)
    assert await world.check(code_id="c2") == Again(48 * HOUR_MS + 1 + (BUSY_FIRST_MS + BUSY_MOST_MS) // 2)
    assert world.web.asked == [URL]


async def test_a_busy_host_is_asked_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "TURN_WITHIN_S", 0.01)
    await world.hear()
    await world.hear(code_id="c2")
    may_answer = asyncio.Event()
    answer = world.web.ask

    async def slowly(url: str) -> Answer:
        await may_answer.wait()
        return await answer(url)

    monkeypatch.setattr(world.web, "ask", slowly)
    async with asyncio.TaskGroup() as group:
        group.create_task(world.check())
        await asyncio.sleep(0)
        second = await world.check(code_id="c2")
        may_answer.set()

    assert second == Again((BUSY_FIRST_MS + BUSY_MOST_MS) // 2)
    assert (await world.health("c2")).checked_at_ms is None


async def test_while_our_own_network_is_away_nothing_is_found_dead(world: World) -> None:
    hosts = [f"https://{number}.example/" for number in range(6)]
    for number, url in enumerate(hosts):
        await world.hear(code_id=f"c{number}", destination=url)
        world.web.answers[url] = REFUSED
    for _ in range(5):
        for number in range(6):
            await world.check(code_id=f"c{number}")
        world.clock.at_ms += 24 * HOUR_MS

    healths = [await world.health(f"c{number}") for number in range(6)]
    assert {health.state for health in healths} == {State.UNKNOWN}
    assert max(health.failures for health in healths) == 1
    assert healths[0].reason == "nothing can be reached from here; at last: it refuses the connection"


async def test_when_others_answer_a_host_that_does_not_is_dead(world: World) -> None:
    await world.hear(code_id="c2", destination="https://example.org/")
    for number in range(4):
        await world.hear(code_id=f"gone{number}", destination=f"https://{number}.example/")
        world.web.answers[f"https://{number}.example/"] = REFUSED
    for _ in range(4):
        await world.check(code_id="c2")
        for number in range(4):
            await world.check(code_id=f"gone{number}")
        world.clock.at_ms += 24 * HOUR_MS

    assert (await world.health("gone3")).state is State.DEAD


async def test_a_task_whose_code_leads_elsewhere_now_is_done(world: World) -> None:
    await world.hear()
    await world.hear(revision=2, destination="https://example.org/")

    assert await world.check() == Done()
    assert world.web.asked == []


async def test_a_task_whose_code_is_paused_is_done(world: World) -> None:
    await world.hear()
    await world.hear(revision=2, is_active=False)

    assert await world.check() == Done()


async def test_an_answer_that_comes_after_the_change_is_not_taken_for_the_new_destination_s(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.hear()

    async def meanwhile(_url: str) -> Answer:
        await world.hear(revision=2, destination="https://example.org/")
        return Answered(200)

    monkeypatch.setattr(world.web, "ask", meanwhile)

    assert await world.check() == Done()
    health = await world.health()
    assert (health.destination, health.state, health.checked_at_ms) == ("https://example.org/", State.UNKNOWN, None)


async def test_a_task_of_another_account_learns_nothing(world: World) -> None:
    await world.hear()
    await world.documents.replace(HEALTH, {**(await _stored(world)), "account_id": "others"}, if_version=1)

    assert await world.check() == Done()


async def test_a_look_that_meets_another_write_is_written_again(world: World) -> None:
    await world.hear()

    await world.check(checks=world.checker(world.meddled(2)))

    assert (await world.health()).state is State.ALIVE
    assert (await _stored(world))["touched"] == 0


async def test_a_document_that_changes_all_the_time_is_an_outage(world: World) -> None:
    await world.hear()

    with pytest.raises(Unavailable):
        await world.check(checks=world.checker(world.meddled(100)))


# What is shown


@pytest.fixture
async def shop(desk: Desk) -> Desk:
    await desk.documents.ensure(*COLLECTIONS)
    return desk


async def test_before_its_first_event_a_code_s_destination_is_unknown(shop: Desk) -> None:
    code = await shop.create()

    health = await destination_health(shop.codes, Healths(shop.documents), account_id=OURS, code_id=code.code_id)

    assert (health.state, health.destination, health.checked_at_ms) == (State.UNKNOWN, code.destination, None)


async def test_what_is_known_of_the_destination_before_is_not_shown_for_the_new_one(shop: Desk) -> None:
    code = await shop.create()
    world = World(shop.documents)
    await world.hear(code_id=code.code_id, destination=code.destination)
    await world.check(code_id=code.code_id)
    assert (await world.health(code.code_id)).state is State.ALIVE
    await shop.update(code.code_id, destination="https://example.org/")

    health = await destination_health(shop.codes, Healths(shop.documents), account_id=OURS, code_id=code.code_id)

    assert (health.state, health.destination) == (State.UNKNOWN, "https://example.org/")


async def test_another_account_s_code_and_a_deleted_one_are_not_found(shop: Desk) -> None:
    code = await shop.create()

    with pytest.raises(NotFound):
        await destination_health(shop.codes, Healths(shop.documents), account_id=OTHERS, code_id=code.code_id)
    await shop.delete(code.code_id)
    with pytest.raises(NotFound):
        await destination_health(shop.codes, Healths(shop.documents), account_id=OURS, code_id=code.code_id)


async def _stored(world: World) -> dict[str, object]:
    stored = await world.documents.get(HEALTH, "c1")
    assert stored is not None
    return dict(stored.body)
