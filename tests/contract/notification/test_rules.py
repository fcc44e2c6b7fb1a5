"""Rules as others meet them: made by gRPC, at work within a second, fed by the bus, on every store and bus."""

import asyncio
import json

import pytest
from contract.notification.world import World
from unit.notification.test_matching import created, scans
from unit.notification.world import ENDPOINT, OURS, THEIRS

from quietzone.notification.v1 import event_service_pb2, rule_pb2, rule_service_pb2
from quietzone_kit.errors import InvalidInput, NotFound
from quietzone_kit.events import Event
from quietzone_kit.reaction import DeadLetters
from quietzone_notification.rules.consumers import CONSUMER
from quietzone_topics import NOTIFICATION_EVENT_V1, QR_CODE_V1, TRACKING_SCAN_V1

ORDERS = '{"source": ["shop"]}'


def put_rule(name: str = "orders", pattern: str = ORDERS, **fields: object) -> rule_service_pb2.PutRuleRequest:
    target = rule_pb2.Target(id="t", kind=rule_pb2.DESTINATION_KIND_WEBHOOK, destination=ENDPOINT)
    return rule_service_pb2.PutRuleRequest(name=name, pattern=pattern, targets=[target], **fields)  # type: ignore[arg-type]


def order(entry_id: str | None = None, **fields: object) -> event_service_pb2.EventEntry:
    return event_service_pb2.EventEntry(source="shop", detail_type="Order", detail='{"n": 1}', id=entry_id, **fields)  # type: ignore[arg-type]


async def put(world: World, *entries: event_service_pb2.EventEntry, account_id: str = OURS) -> event_service_pb2.PutEventsResponse:
    request = event_service_pb2.PutEventsRequest(entries=entries)
    answer: event_service_pb2.PutEventsResponse = await world.call(world.events.PutEvents, request, account_id)
    return answer


async def test_an_event_that_is_put_is_delivered_to_whom_rules_name(world: World) -> None:
    await world.call(world.rules.PutRule, put_rule())
    async with world.matching() as view:
        await world.until(lambda: len(view.book) == 1)

        answer = await put(world, order(), order())

        await world.until(lambda: len(world.outbound.kept) == 2)
    assert answer.failed_entry_count == 0
    assert {delivery.event_id for delivery in world.outbound.kept.values()} == {result.event_id for result in answer.results}
    assert all(json.loads(delivery.body)["detail"] == {"n": 1} for delivery in world.outbound.kept.values())


async def test_changes_of_a_rule_hold_soon(world: World) -> None:
    """Within a second where the machine is at rest; here others work beside it."""
    async with world.matching() as view:
        made = (await world.call(world.rules.PutRule, put_rule())).rule
        await world.until(lambda: made.id in view.book, within_s=10.0)
        await world.call(world.rules.PutRule, put_rule(disabled=True))
        await world.until(lambda: made.id not in view.book, within_s=10.0)
        await world.call(world.rules.PutRule, put_rule())
        await world.until(lambda: made.id in view.book, within_s=10.0)
        await world.call(world.rules.DeleteRule, rule_service_pb2.DeleteRuleRequest(name="orders"))
        await world.until(lambda: made.id not in view.book, within_s=10.0)


async def test_what_was_put_while_nobody_matched_is_delivered_later(world: World) -> None:
    await world.call(world.rules.PutRule, put_rule())
    await put(world, order())

    async with world.matching():
        await world.until(lambda: len(world.outbound.kept) == 1)


async def test_an_entry_that_is_put_twice_with_its_id_is_delivered_once(world: World) -> None:
    await world.call(world.rules.PutRule, put_rule())
    async with world.matching() as view:
        await world.until(lambda: len(view.book) == 1)
        first, again = await put(world, order("7")), await put(world, order("7"))
        last = await put(world, order("8"))

        await world.until(lambda: last.results[0].event_id in {each.event_id for each in world.outbound.kept.values()})

    assert first.results[0].event_id == again.results[0].event_id
    await world.until(lambda: len(world.outbound.kept) == 2)


async def test_a_restarted_process_repeats_nothing(world: World) -> None:
    await world.call(world.rules.PutRule, put_rule("all", '{"source": [{"exists": true}]}'))
    await world.bus.publish([created().to_message(QR_CODE_V1.name), scans(("menu", OURS)).to_message(TRACKING_SCAN_V1.name, partition=0)])

    for _ in range(2):
        async with world.matching():
            await world.until(lambda: len(world.outbound.kept) == 2)

    assert {json.loads(each.body)["detail-type"] for each in world.outbound.kept.values()} == {"QR Code Created", "QR Code Scanned"}


async def test_poison_blocks_no_partition(world: World) -> None:
    await world.call(world.rules.PutRule, put_rule())
    poison = Event("x", "/evil", "quietzone.notification.event", "k", 1, b"\xff")
    async with world.matching() as view:
        await world.until(lambda: len(view.book) == 1)
        for partition in range(NOTIFICATION_EVENT_V1.partitions):
            await world.bus.publish([poison.to_message(NOTIFICATION_EVENT_V1.name, partition=partition)])

        await put(world, order())

        await world.until(lambda: len(world.outbound.kept) == 1)
        dead = DeadLetters(world.bus, NOTIFICATION_EVENT_V1.name, CONSUMER)
        async with asyncio.timeout(30):
            while (await dead.summary()).total < NOTIFICATION_EVENT_V1.partitions:
                await asyncio.sleep(0.05)


async def test_accounts_see_nothing_of_each_other(world: World) -> None:
    await world.call(world.rules.PutRule, put_rule())
    async with world.matching() as view:
        await world.until(lambda: len(view.book) == 1)
        await put(world, order(), account_id=THEIRS)
        await put(world, order())

        await world.until(lambda: len(world.outbound.kept) == 1)

    with pytest.raises(NotFound):
        await world.call(world.rules.GetRule, rule_service_pb2.GetRuleRequest(name="orders"), THEIRS)
    assert [each.account_id for each in world.outbound.kept.values()] == [OURS]


async def test_a_target_of_no_kind_is_named(world: World) -> None:
    request = put_rule()
    request.targets[0].kind = rule_pb2.DESTINATION_KIND_UNSPECIFIED

    with pytest.raises(InvalidInput, match=r"targets\[0\]\.kind"):
        await world.call(world.rules.PutRule, request)


async def test_a_rule_comes_back_as_it_was_put(world: World) -> None:
    request = put_rule(description="d")
    request.targets[0].transformer.template = '{"n": <n>}'
    request.targets[0].transformer.paths["n"] = "$.detail.n"
    request.targets[0].max_attempts = 3

    put_one = (await world.call(world.rules.PutRule, request)).rule
    got = (await world.call(world.rules.GetRule, rule_service_pb2.GetRuleRequest(name="orders"))).rule

    assert got == put_one
    assert list(got.targets) == list(request.targets)


async def test_a_pattern_is_tried_over_the_wire(world: World) -> None:
    request = event_service_pb2.TestEventPatternRequest(pattern=ORDERS, event='{"source": "till"}')

    told = await world.call(world.events.TestEventPattern, request)

    assert not told.matches
    assert told.alternatives[0].paths[0].found == ['"till"']
