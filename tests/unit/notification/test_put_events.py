"""Events that accounts put: each entry on its own, an acknowledged one is on the bus, the same id is the same event."""

from typing import Any

import pytest
from unit.notification.world import OURS, THEIRS, World

from quietzone_kit.errors import InvalidInput
from quietzone_kit.rpc import DEFAULT_DEADLINE_S
from quietzone_notification.buses.use_cases import put_bus
from quietzone_notification.deadlines import BUS_S
from quietzone_notification.events.domain import Entry
from quietzone_notification.events.events import event_in
from quietzone_notification.events.use_cases import try_pattern


def entry(**fields: Any) -> Entry:
    return Entry(**({"source": "shop", "detail_type": "Order", "detail": '{"n": 1.50}'} | fields))


async def test_what_gets_an_id_is_on_the_bus(world: World) -> None:
    (result,) = await world.events.put(OURS, [entry(resources=("order:7",), time_ms=5)])

    (message,) = world.bus.published
    event = event_in(message.value)
    assert (event.id, event.account_id, event.bus, event.time_ms) == (result.event_id, OURS, "default", 5)
    assert event.detail == '{"n": 1.50}'


async def test_an_entry_that_fails_fails_alone(world: World) -> None:
    results = await world.events.put(OURS, [entry(), entry(detail="x"), entry(bus="nowhere"), entry(source="quietzone.qr")])

    assert [result.error_code for result in results] == ["", "MalformedDetail", "ResourceNotFound", "NotAuthorizedForSource"]
    assert [bool(result.event_id) for result in results] == [True, False, False, False]
    assert len(world.bus.published) == 1


async def test_an_entry_goes_to_the_bus_that_it_names(world: World) -> None:
    await put_bus(world.buses, world.clock, OURS, "orders", "")

    ours = await world.events.put(OURS, [entry(bus="orders")])
    theirs = await world.events.put(THEIRS, [entry(bus="orders")])

    assert event_in(world.bus.published[0].value).bus == "orders"
    assert (ours[0].error_code, theirs[0].error_code) == ("", "ResourceNotFound")


async def test_the_same_id_is_the_same_event_of_its_account(world: World) -> None:
    first = await world.events.put(OURS, [entry(id="7"), entry(id="7"), entry(id="8")])
    again = await world.events.put(OURS, [entry(id="7")])
    others = await world.events.put(THEIRS, [entry(id="7")])

    assert first[0] == first[1] == again[0]
    assert len({first[0].event_id, first[2].event_id, others[0].event_id}) == 3
    assert len(world.bus.published) == 4  # the two of one request are one


async def test_while_the_bus_is_away_nothing_is_acknowledged(world: World) -> None:
    world.bus.down = True

    results = await world.events.put(OURS, [entry(), entry(detail="x")])

    assert [result.error_code for result in results] == ["ServiceUnavailable", "MalformedDetail"]
    assert not any(result.event_id for result in results)


def test_who_calls_hears_that_the_bus_is_away_before_giving_up() -> None:
    assert BUS_S <= DEFAULT_DEADLINE_S - 1


async def test_what_a_source_tells_of_a_thing_stays_in_order(world: World) -> None:
    await world.events.put(OURS, [entry(resources=("a", "x")), entry(resources=("a",)), entry(resources=("b",)), entry(source="till")])

    keys = [message.key for message in world.bus.published]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


async def test_too_much_is_refused_as_a_whole(world: World) -> None:
    with pytest.raises(InvalidInput, match="1 to 10"):
        await world.events.put(OURS, [entry()] * 11)

    assert not world.bus.published


def test_a_pattern_is_tried_and_explained() -> None:
    told = try_pattern('{"detail": {"n": [{"numeric": [">", 1]}]}}', '{"detail": {"n": 0}}')

    assert not told.matched
    assert "detail.n" in str(told)


def test_what_is_wrong_with_both_is_said_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        try_pattern('{"a": 1}', "[]")

    assert [violation.field for violation in refused.value.violations] == ["pattern", "event"]
