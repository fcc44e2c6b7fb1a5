"""Tails as others meet them: opened by gRPC, fed by the bus, on every store and bus."""

import asyncio
from contextlib import AsyncExitStack, aclosing

import pytest
from contract.notification.test_rules import order, put
from contract.notification.world import World
from unit.notification.test_matching import created, scans
from unit.notification.world import OURS, THEIRS

from quietzone.notification.v1 import rule_service_pb2
from quietzone_gateway.rpc.notification import Events, Service
from quietzone_kit.errors import InvalidInput, NotFound, ResourceExhausted, Unavailable
from quietzone_kit.events import Event
from quietzone_kit.rpc import CODES_WRITE, Caller
from quietzone_notification.tails.follow import MAX_TAILS_OF_ACCOUNT
from quietzone_topics import NOTIFICATION_EVENT_V1, QR_CODE_V1, TRACKING_SCAN_V1


async def test_what_is_put_is_told_as_rules_see_it(world: World) -> None:
    async with world.tailing() as tail:
        answer = await put(world, order())

        event = await tail.event()

    assert (event["id"], event["source"], event["detail-type"], event["account"]) == (answer.results[0].event_id, "shop", "Order", OURS)
    assert event["detail"] == {"n": 1}


async def test_what_the_house_tells_is_told_and_scans_each_by_itself(world: World) -> None:
    async with world.tailing() as tail:
        both = scans(("menu", OURS), ("poster", THEIRS))
        await world.bus.publish([created().to_message(QR_CODE_V1.name), both.to_message(TRACKING_SCAN_V1.name, partition=0)])

        told = {(await tail.event())["detail-type"] for _ in range(2)}
        await put(world, order())

        assert (told, (await tail.event())["source"]) == ({"QR Code Created", "QR Code Scanned"}, "shop")


async def test_what_was_before_is_not_told(world: World) -> None:
    await put(world, order("before"))
    async with world.tailing() as tail:
        now = await put(world, order("now"))

        assert (await tail.event())["id"] == now.results[0].event_id


async def test_another_accounts_events_are_not_told(world: World) -> None:
    async with world.tailing() as tail:
        await put(world, order(), account_id=THEIRS)
        ours = await put(world, order())

        assert (await tail.event())["id"] == ours.results[0].event_id


async def test_each_bus_has_its_own(world: World) -> None:
    await world.call(world.rules.PutBus, rule_service_pb2.PutBusRequest(name="orders"))
    async with world.tailing(bus="orders") as tail:
        answer = await put(world, order(), order(bus="orders"))

        assert (await tail.event())["id"] == answer.results[1].event_id


async def test_a_pattern_chooses(world: World) -> None:
    async with world.tailing(pattern='{"detail": {"n": [{"numeric": [">", 1]}]}}') as tail:
        other = order()
        other.detail = '{"n": 2}'
        answer = await put(world, order(), other)

        assert (await tail.event())["id"] == answer.results[1].event_id


async def test_a_pattern_that_can_not_be_read_is_refused_with_path_and_reason(world: World) -> None:
    with pytest.raises(InvalidInput, match=r"pattern: detail\.n"):
        async with world.tailing(pattern='{"detail": {"n": [{"quantum": 1}]}}'):
            pass


async def test_another_accounts_bus_is_none(world: World) -> None:
    await world.call(world.rules.PutBus, rule_service_pb2.PutBusRequest(name="orders"))

    with pytest.raises(NotFound):
        async with world.tailing(THEIRS, bus="orders"):
            pass


async def test_an_account_has_only_so_many_and_others_have_theirs(world: World) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MAX_TAILS_OF_ACCOUNT):
            await stack.enter_async_context(world.tailing())

        with pytest.raises(ResourceExhausted):
            async with world.tailing():
                pass
        async with world.tailing(THEIRS):
            assert len(world.watch) == MAX_TAILS_OF_ACCOUNT + 1


async def test_who_has_gone_leaves_his_place_and_the_next_hears_all(world: World) -> None:
    for _ in range(2):
        async with world.tailing() as tail:
            answer = await put(world, order())
            assert (await tail.event())["id"] == answer.results[0].event_id
        await world.until(lambda: len(world.watch) == 0)


async def test_poison_ends_no_tail(world: World) -> None:
    poison = Event("x", "/evil", "quietzone.notification.event", "k", 1, b"\xff")
    async with world.tailing() as tail:
        for partition in range(NOTIFICATION_EVENT_V1.partitions):
            await world.bus.publish([poison.to_message(NOTIFICATION_EVENT_V1.name, partition=partition)])
        await put(world, order())

        assert (await tail.event())["source"] == "shop"


async def test_the_gateway_reads_what_is_told(world: World) -> None:
    caller = Caller(OURS, frozenset({CODES_WRITE}))
    async with aclosing(Events(Service(world.peer)).tail(caller, "", '{"source": ["shop"]}')) as told, asyncio.timeout(30):
        begun = await anext(told)
        answer = await put(world, order())
        event = await anext(told)

    assert (begun, isinstance(event, str)) == (None, True)
    assert answer.results[0].event_id in str(event)


async def test_a_process_that_ends_ends_its_tails_and_begins_none(world: World) -> None:
    async with world.tailing() as tail:
        world.watch.stop()

        with pytest.raises(StopAsyncIteration):
            await tail.next()
    with pytest.raises(Unavailable):
        async with world.tailing():
            pass


async def test_without_the_topics_a_tail_is_refused_and_not_left_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(world.bus, "partitions", hang)
    monkeypatch.setattr("quietzone_notification.tails.follow.BUS_S", 0.2)

    with pytest.raises(Unavailable, match="event bus"):
        async with world.tailing():
            pass
