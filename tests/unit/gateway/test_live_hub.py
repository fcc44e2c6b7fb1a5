"""The hub: what subscribers are told, and how they go on elsewhere."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest
from unit.gateway.live_world import EVERYTHING, MENU, POSTER, SOURCE, World, running, take, until

from quietzone.qr.v1 import code_pb2
from quietzone_gateway.live import feed, hub, missed
from quietzone_gateway.live.backlog import MAX_WAITING
from quietzone_gateway.live.consumers import SOURCES
from quietzone_gateway.live.domain import Delivery, Filter, Kind, Reset, Summary
from quietzone_gateway.live.forms import name_of
from quietzone_gateway.live.hub import Hub
from quietzone_gateway.live.subscription import Subscription
from quietzone_kit.bus import Topic, TopicMismatch
from quietzone_kit.errors import InvalidInput, Unavailable

PAUSED = code_pb2.CODE_STATE_PAUSED
CODES = Filter(frozenset({Kind.CODE_CREATED, Kind.CODE_UPDATED, Kind.CODE_DELETED}))
SCANS = Filter(frozenset({Kind.SCANNED}))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running() as world:
        yield world


def names(deliveries: list[Delivery]) -> list[str]:
    return [name_of(delivery.told) for delivery in deliveries]


def ids(deliveries: list[Delivery]) -> list[str]:
    return [json.loads(delivery.text)["id"] for delivery in deliveries]


async def seen_by(hub: Hub, wanted: Filter, cursor: str, count: int) -> list[Delivery]:
    """What one who comes back with a cursor is told."""
    subscription = await hub.subscribe("first", wanted, cursor)
    found = await take(subscription, count)
    subscription.close()
    return found


async def test_changes_of_a_code_are_told_in_their_order(world: World) -> None:
    subscription = await world.hub().subscribe("first", CODES)

    await world.services.created()
    await world.services.changed(2, title="Winter menu")
    await world.services.deleted(3)

    assert names(await take(subscription, 3)) == ["codeCreated", "codeUpdated", "codeDeleted"]


async def test_a_changed_code_is_told_as_the_api_shows_it(world: World) -> None:
    subscription = await world.hub().subscribe("first", CODES)

    await world.services.changed(2, title="Winter menu")

    (delivery,) = await take(subscription, 1)
    told = json.loads(delivery.text)
    assert told | {"code": None} == {
        "kind": "codeUpdated",
        "id": f"{MENU}.2",
        "code_id": MENU,
        "at": "2026-11-21T12:00:00.002Z",
        "code": None,
        "changed": ["title"],
    }
    assert (told["code"]["title"], told["code"]["short_url"], told["code"]["state"]) == (
        "Winter menu",
        "https://qr.example.com/menu",
        "active",
    )


async def test_a_scan_is_told_without_anything_that_stands_for_its_visitor(world: World) -> None:
    subscription = await world.hub().subscribe("first", SCANS)

    await world.services.scanned(18)

    (delivery,) = await take(subscription, 1)
    assert json.loads(delivery.text) == {
        "kind": "scanned",
        "id": f"{SOURCE}:18",
        "code_id": MENU,
        "at": "2026-11-21T12:00:00.018Z",
        "country": "DE",
        "device": "phone",
    }


async def test_scans_of_bots_are_not_told(world: World) -> None:
    subscription = await world.hub().subscribe("first", SCANS)

    await world.services.scanned(1, 2, bot=True)
    await world.services.scanned(3)

    assert ids(await take(subscription, 1)) == [f"{SOURCE}:3"]


async def test_milestones_and_destinations_are_told(world: World) -> None:
    subscription = await world.hub().subscribe("first", EVERYTHING)

    await world.services.milestone(100)
    await world.services.died()

    told = [json.loads(delivery.text) for delivery in await take(subscription, 2)]
    assert {one["kind"]: one.get("threshold") or one.get("after") for one in told} == {"milestone": 100, "destination": "dead"}


async def test_a_code_that_is_paused_leaves_the_filter_for_active_ones(world: World) -> None:
    wanted = Filter(CODES.kinds, where=(("state", "active"),))
    subscription = await world.hub().subscribe("first", wanted)

    await world.services.changed(2, state=PAUSED)

    (delivery,) = await take(subscription, 1)
    assert json.loads(delivery.text) == {"kind": "removed", "id": f"{MENU}.2", "code_id": MENU, "at": "2026-11-21T12:00:00.002Z"}


async def test_another_accounts_code_id_in_a_filter_yields_nothing(world: World) -> None:
    hub = world.hub()
    foreign = await hub.subscribe("thief", Filter(EVERYTHING.kinds, code_ids=frozenset({MENU})))
    own = await hub.subscribe("first", EVERYTHING)

    await world.services.created()
    await world.services.scanned(1)

    await take(own, 2)
    assert foreign.take() is None


async def test_a_record_that_breaks_its_contract_is_passed_over(world: World) -> None:
    subscription = await world.hub().subscribe("first", CODES)

    await world.services.rubbish()
    await world.services.created()

    assert names(await take(subscription, 1)) == ["codeCreated"]


async def test_one_who_comes_back_is_told_what_was_missed_and_then_what_comes(world: World) -> None:
    hub = world.hub()
    subscription = await hub.subscribe("first", CODES)
    await world.services.created()
    (first,) = await take(subscription, 1)
    subscription.close()
    await world.services.changed(2)
    await world.services.changed(3)

    again = await hub.subscribe("first", CODES, first.cursor)
    await world.services.changed(4)

    assert ids(await take(again, 3)) == [f"{MENU}.2", f"{MENU}.3", f"{MENU}.4"]


async def test_a_client_goes_on_at_another_replica(world: World) -> None:
    subscription = await world.hub().subscribe("first", EVERYTHING)
    await world.services.created()
    (first,) = await take(subscription, 1)
    await world.services.scanned(1, 2, partition=3)
    await world.services.milestone(10)

    found = await seen_by(world.hub(), EVERYTHING, first.cursor, 3)

    assert sorted(ids(found)) == sorted([f"{SOURCE}:1", f"{SOURCE}:2", f"milestone:{MENU}:10"])


async def test_one_who_left_between_two_scans_of_a_batch_goes_on_between_them(world: World) -> None:
    hub = world.hub()
    subscription = await hub.subscribe("first", SCANS)
    await world.services.scanned(1, 2, 3, 4)
    found = await take(subscription, 2)

    again = await seen_by(hub, SCANS, found[1].cursor, 2)

    assert ids(again) == [f"{SOURCE}:3", f"{SOURCE}:4"]


async def test_a_cursor_after_the_last_scan_of_a_batch_repeats_none(world: World) -> None:
    hub = world.hub()
    subscription = await hub.subscribe("first", SCANS)
    await world.services.scanned(1, 2)
    found = await take(subscription, 2)

    again = await hub.subscribe("first", SCANS, found[1].cursor)
    await world.services.scanned(3)

    assert ids(await take(again, 1)) == [f"{SOURCE}:3"]


async def test_each_cursor_of_what_was_missed_resumes_right_after_it(world: World) -> None:
    hub = world.hub()
    start = hub.position(await hub.subscribe("first", EVERYTHING))
    await world.services.created()
    await world.services.scanned(1, 2, 3)
    await world.services.changed(2)
    everything = await seen_by(hub, EVERYTHING, start, 5)

    rest = [await seen_by(hub, EVERYTHING, everything[at].cursor, 4 - at) for at in range(4)]

    # Topics have no order among each other.
    assert [set(ids(found)) for found in rest] == [set(ids(everything)[at + 1 :]) for at in range(4)]


async def test_what_was_missed_is_filtered_too(world: World) -> None:
    hub = world.hub()
    wanted = Filter(CODES.kinds, where=(("state", "active"),))
    start = hub.position(await hub.subscribe("first", wanted))
    await world.services.changed(2, state=PAUSED)
    await world.services.changed(3, before=code_pb2.Code(id=MENU, state=PAUSED), state=PAUSED)
    await world.services.created(id=POSTER)

    assert names(await seen_by(hub, wanted, start, 2)) == ["removed", "codeCreated"]


async def test_a_cursor_older_than_what_is_kept_is_told_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "BOUNDS", feed.RingBounds(records=2, bytes=1_000_000, age_ms=300_000))
    hub = world.hub()
    watching = await hub.subscribe("first", CODES)
    start = hub.position(watching)
    for revision in range(2, 6):
        await world.services.changed(revision)
    await take(watching, 4)

    (delivery,) = await seen_by(hub, CODES, start, 1)

    assert delivery.told == Reset("old")


async def test_what_is_too_old_is_not_kept(world: World) -> None:
    hub = world.hub()
    watching = await hub.subscribe("first", CODES)
    start = hub.position(watching)
    await world.services.changed(2)
    await take(watching, 1)
    world.clock.seconds += 301
    await world.services.changed(3)
    await take(watching, 1)

    (delivery,) = await seen_by(hub, CODES, start, 1)

    assert delivery.told == Reset("old")


async def test_after_a_reset_what_follows_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed, "MAX_MISSED", 1)
    hub = world.hub()
    watching = await hub.subscribe("first", CODES)
    start = hub.position(watching)
    await world.services.changed(2)
    await world.services.changed(3)
    await take(watching, 2)
    again = await hub.subscribe("first", CODES, start)
    (reset,) = await take(again, 1)

    await world.services.changed(4)

    assert reset.told == Reset("much")
    assert ids(await take(again, 1)) == [f"{MENU}.4"]


async def test_a_cursor_of_another_log_is_told_so(world: World) -> None:
    async with running() as other:
        hub = other.hub()
        foreign = hub.position(await hub.subscribe("first", CODES))

    (delivery,) = await seen_by(world.hub(), CODES, foreign, 1)

    assert delivery.told == Reset("log")


async def test_a_replica_that_stays_behind_others_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "CATCH_UP_S", 0.01)
    ahead, behind = world.hub(), world.hub()
    subscription = await ahead.subscribe("first", CODES)
    await world.services.created()
    (first,) = await take(subscription, 1)
    await behind.subscribe("first", CODES)
    monkeypatch.setattr(missed, "_is_beyond", lambda _place, _here: True)

    (delivery,) = await seen_by(behind, CODES, first.cursor, 1)

    assert delivery.told == Reset("ahead")


async def test_what_is_no_cursor_is_refused_by_its_field(world: World) -> None:
    with pytest.raises(InvalidInput) as refused:
        await world.hub().subscribe("first", CODES, "rubbish")

    assert [violation.field for violation in refused.value.violations] == ["cursor"]


async def test_a_hub_that_cannot_reach_its_bus_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "READY_S", 0.01)

    with pytest.raises(Unavailable):
        await Hub(world.bus, world.clock, world.hub()._randomness).subscribe("first", CODES)  # nobody runs it


async def test_a_slow_reader_gets_a_summary_and_holds_nobody_up(world: World) -> None:
    hub = world.hub()
    slow, quick = await hub.subscribe("first", SCANS), await hub.subscribe("first", SCANS)

    await world.services.scanned(*range(1, MAX_WAITING + 2))
    assert len(await drained(quick, MAX_WAITING + 1)) == MAX_WAITING + 1
    (summary,) = await take(slow, 1)

    assert isinstance(summary.told, Summary)
    assert summary.told.scans[MENU].count == MAX_WAITING + 1


async def drained(subscription: Subscription, scans: int) -> list[str]:
    """What a reader was told of so many scans: one by one, or together."""
    found: list[str] = []
    while len(found) < scans:
        (delivery,) = await take(subscription, 1)
        told = delivery.told
        found += [MENU] * sum(count.count for count in told.scans.values()) if isinstance(told, Summary) else [delivery.text]
    return found


async def test_nobody_is_told_of_what_was_there_before_it_came(world: World) -> None:
    await world.services.created()
    subscription = await world.hub().subscribe("first", CODES)

    await world.services.changed(2)

    assert ids(await take(subscription, 1)) == [f"{MENU}.2"]


async def test_a_batch_is_not_unpacked_when_nobody_watches_scans(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = world.hub()
    codes = await hub.subscribe("first", CODES)
    scans = hub._feeds[2]
    unpacked: list[object] = []
    monkeypatch.setattr(scans.source, "events", lambda entry, accounts: unpacked.append((entry, accounts)) or iter(()), raising=False)

    await world.services.scanned(1, 2, 3)
    await until(lambda: len(scans.ring) == 1)

    assert unpacked == []
    codes.close()


async def test_a_closed_subscription_ends_its_iteration(world: World) -> None:
    subscription = await world.hub().subscribe("first", CODES)

    subscription.close()

    assert [delivery async for delivery in subscription] == []


async def test_a_closed_subscription_costs_nothing_any_more(world: World) -> None:
    hub = world.hub()
    subscription = await hub.subscribe("first", EVERYTHING)

    subscription.close()

    assert [feed.watchers for feed in hub._feeds.values()] == [{}] * len(SOURCES)


async def test_a_topic_that_is_not_as_declared_does_not_end_the_process(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "AGAIN_S", 0.001)
    refusals = iter([TopicMismatch("four partitions"), None])
    ensure = world.bus.ensure

    async def refuse(topics: Sequence[Topic]) -> None:
        if (error := next(refusals, None)) is not None:
            raise error
        await ensure(topics)

    monkeypatch.setattr(world.bus, "ensure", refuse)

    subscription = await world.hub().subscribe("first", EVERYTHING)
    await world.services.created()

    assert ids(await take(subscription, 1)) == [f"{MENU}.1"]


async def test_watchers_of_a_log_that_was_lost_are_reset(world: World) -> None:
    hub = world.hub()
    subscription = await hub.subscribe("first", CODES)
    codes = hub._feeds[1]

    codes.begin_anew()
    hub._reset(codes)

    (delivery,) = await take(subscription, 1)
    assert delivery.told == Reset("log")
