"""A delivery becomes a record; the topic is made when it isn't there, within bounds, and what is away uses nothing up."""

import pytest
from unit.notification.streams.world import AWAY, OURS, THEIRS, World, delivery

from quietzone_kit.bus import BusError
from quietzone_kit.errors import Unavailable
from quietzone_notification.streams.domain import MAX_STREAMS, PARTITIONS, RETENTION_MS
from quietzone_notification.streams.repository import STREAMS
from quietzone_notification.streams.writer import StreamWriter


async def test_a_delivery_becomes_a_record(world: World) -> None:
    ended = await world.courier.carry(delivery())

    (message,) = world.bus.topics["out.ours.orders"]
    assert (message.key, message.value, dict(message.headers)["ce_id"]) == ("code:7", b'{"n": 1}', b"d1")
    assert ended.attempt is not None
    assert ended.attempt.is_success


async def test_the_log_says_where_the_record_stands(world: World) -> None:
    await world.courier.carry(delivery("d1"))

    ended = await world.courier.carry(delivery("d2"))

    assert ended.attempt is not None
    assert (ended.attempt.url, ended.attempt.answer) == ("topic:out.ours.orders", "partition 0, offset 1")


async def test_whoever_sends_makes_the_topic_once(world: World) -> None:
    for number in range(3):
        await world.courier.carry(delivery(f"d{number}"))

    assert [(topic.name, topic.partitions, topic.retention_ms) for topic in world.bus.made] == [
        ("out.ours.orders", PARTITIONS, RETENTION_MS)
    ]


async def test_a_repeat_has_the_same_id(world: World) -> None:
    await world.courier.carry(delivery())
    await world.courier.carry(delivery())

    assert [dict(message.headers)["ce_id"] for message in world.bus.topics["out.ours.orders"]] == [b"d1", b"d1"]


@pytest.mark.parametrize("fails", [AWAY, BusError("CREATE isn't granted"), TimeoutError()])
async def test_a_bus_that_does_not_take_it_uses_nothing_up(world: World, fails: BusError) -> None:
    world.bus.fails = fails

    with pytest.raises(Unavailable):
        await world.courier.carry(delivery())


async def test_a_bus_that_goes_away_later_uses_nothing_up_either(world: World) -> None:
    await world.courier.carry(delivery("d1"))
    world.bus.fails = AWAY

    with pytest.raises(Unavailable):
        await world.courier.carry(delivery("d2"))


async def test_a_topic_that_somebody_removed_is_made_anew(world: World) -> None:
    await world.courier.carry(delivery("d1"))
    world.bus.topics.clear()

    with pytest.raises(Unavailable):
        await world.courier.carry(delivery("d2"))
    await world.courier.carry(delivery("d2"))

    assert len(world.bus.topics["out.ours.orders"]) == 1


async def test_a_topic_with_other_partitions_is_written_to_as_it_is(world: World) -> None:
    world.bus.topics["out.ours.odd"] = []

    await world.courier.carry(delivery(destination="out.ours.odd"))

    assert len(world.bus.topics["out.ours.odd"]) == 1


@pytest.mark.parametrize("name", ["qr.code.v1", "out.theirs.orders", "out.ours.a.b"])
async def test_no_delivery_goes_to_a_topic_of_somebody_else(world: World, name: str) -> None:
    ended = await world.courier.carry(delivery(destination=name))

    assert (ended.attempt, ended.reason, world.bus.topics) == (None, "not a topic of this account", {})


async def test_an_account_has_so_many_topics_and_no_more(world: World) -> None:
    for number in range(MAX_STREAMS):
        await world.streams.reserve(OURS, f"out.ours.t{number}")

    ended = await world.courier.carry(delivery())

    assert ended.attempt is None
    assert ended.reason.startswith("no topic out.ours.orders: the account writes to 100 already")


async def test_those_that_an_account_has_go_on_when_it_may_have_no_more(world: World) -> None:
    await world.courier.carry(delivery("d1"))
    for number in range(MAX_STREAMS - 1):
        await world.streams.reserve(OURS, f"out.ours.t{number}")

    await StreamWriter(world.bus, world.streams).prepare(OURS, "out.ours.orders")

    assert len(world.bus.made) == 2


async def test_another_account_has_its_own_bound(world: World) -> None:
    for number in range(MAX_STREAMS):
        await world.streams.reserve(OURS, f"out.ours.t{number}")

    await world.courier.carry(delivery(account_id=THEIRS, destination="out.theirs.orders"))

    assert list(world.bus.topics) == ["out.theirs.orders"]


async def test_a_place_is_kept_before_the_topic_is_made(world: World) -> None:
    world.bus.fails = AWAY

    with pytest.raises(Unavailable):
        await world.courier.carry(delivery())

    assert [stored.body["stream_id"] for stored in (await world.documents.scan(STREAMS, limit=10)).items] == ["out.ours.orders"]
