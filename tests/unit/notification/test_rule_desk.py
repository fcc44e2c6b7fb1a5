"""Buses and rules are made, changed and taken away, within bounds, each account for itself."""

import asyncio
import json
from dataclasses import replace

import pytest
from unit.notification.world import OURS, THEIRS, World, new_rule, rule, webhook

from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted, RevisionMismatch
from quietzone_notification.buses.domain import MAX_BUSES
from quietzone_notification.buses.use_cases import delete_bus, list_buses, put_bus
from quietzone_notification.rules.domain import MAX_RULES, MAX_WEIGHT, Kind, Target
from quietzone_notification.rules.inputs import Input, InputKind
from quietzone_notification.rules.repository import Numbers
from quietzone_notification.rules.use_cases import dead_letter_topic, list_rules

COMBINED = json.dumps({key: {"$or": [{f"{n}": ["v"]} for n in range(10)]} for key in "abc"})
"""A thousand combinations of three fields each."""


async def names(world: World, account_id: str = OURS, bus: str = "default") -> list[str]:
    return [each.name for each in (await list_rules(world.rules, account_id, bus, page_size=0, page_token="")).rules]


async def test_a_rule_is_what_was_put(world: World) -> None:
    targets = (
        webhook("a", max_attempts=3, max_age_ms=60_000, dead_letters="dead"),
        Target("b", Kind.KAFKA, "orders", Input(InputKind.TEMPLATE, '{"a": <x>}', {"x": "$.detail.x"})),
    )

    put = await world.put("orders", targets=targets, description="d")

    assert (await world.desk.get(OURS, "default", "orders")) == (put, Numbers())
    assert (put.targets, put.revision, put.slot) == (targets, 1, 0)


async def test_the_same_again_changes_nothing(world: World) -> None:
    put = await world.put()
    world.clock.seconds += 5

    assert await world.put() == put
    assert len(await world.told()) == 1


async def test_a_change_is_the_next_revision_and_is_told(world: World) -> None:
    await world.put()
    world.clock.seconds += 5

    changed = await world.put(enabled=False)

    assert (changed.revision, changed.enabled) == (2, False)
    assert [(each.revision, each.enabled) for each in await world.told()] == [(1, True), (2, False)]


async def test_what_is_told_is_the_whole_rule(world: World) -> None:
    put = await world.put(targets=(webhook(input=Input(InputKind.PATH, "$.detail")), Target("m", Kind.PUSH, "person:anna")))

    assert await world.told() == [replace(put, slot=None, weight=0)]


async def test_a_deleted_rule_is_gone_and_its_name_is_free(world: World) -> None:
    first = await world.put()

    await world.desk.delete(OURS, "default", "r", None)

    assert await names(world) == []
    assert (await world.put()).rule_id != first.rule_id
    assert [each.deleted for each in await world.told() if each.rule_id == first.rule_id] == [False, True]


async def test_two_who_make_a_rule_at_once_make_one(world: World) -> None:
    await asyncio.gather(*(world.put() for _ in range(4)))

    assert await names(world) == ["r"]


async def test_a_revision_that_has_passed_is_refused(world: World) -> None:
    await world.put()
    await world.put(description="other")

    with pytest.raises(RevisionMismatch):
        await world.put(expected_revision=1)
    with pytest.raises(RevisionMismatch):
        await world.put(expected_revision=0)
    with pytest.raises(RevisionMismatch):
        await world.desk.delete(OURS, "default", "r", 1)


async def test_a_bus_takes_so_many_rules_and_no_more(world: World) -> None:
    for number in range(MAX_RULES):
        await world.rules.insert(rule(f"r{number}", slot=number))

    with pytest.raises(ResourceExhausted):
        await world.put("more")

    await world.desk.delete(OURS, "default", "r7", None)
    assert (await world.put("more")).slot == 7


async def test_a_bus_takes_no_more_alternatives_than_are_held_against_an_event_in_time(world: World) -> None:
    """The attack: 300 rules of a thousand combinations each make everybody's events wait for seconds."""
    most = MAX_WEIGHT // 3_000
    for number in range(most):
        await world.put(f"r{number}", pattern=COMBINED)

    with pytest.raises(ResourceExhausted, match=f"{MAX_WEIGHT:,} are the most"):
        await world.put("one-more", pattern=COMBINED)
    await world.put("simple")
    with pytest.raises(ResourceExhausted):
        await world.put("simple", pattern=COMBINED)
    await world.put("r0", pattern=COMBINED, description="the same again is no more than it was")
    await world.put("r0", pattern=COMBINED, account_id=THEIRS, targets=())


async def test_lists_come_in_pages_by_name(world: World) -> None:
    for name in ("b", "a", "c"):
        await world.put(name)

    first = await list_rules(world.rules, OURS, "default", page_size=2, page_token="")
    second = await list_rules(world.rules, OURS, "default", page_size=2, page_token=first.next_token or "")

    assert [each.name for each in (*first.rules, *second.rules)] == ["a", "b", "c"]
    assert second.next_token is None


@pytest.mark.parametrize(("size", "token"), [(-1, ""), (301, ""), (0, "nonsense")])
async def test_a_page_that_can_not_be_is_refused(world: World, size: int, token: str) -> None:
    with pytest.raises(InvalidInput):
        await list_rules(world.rules, OURS, "default", page_size=size, page_token=token)


async def test_another_accounts_rule_is_not_found(world: World) -> None:
    put = await world.put()

    with pytest.raises(NotFound):
        await world.desk.get(THEIRS, "default", "r")
    with pytest.raises(NotFound):
        await world.desk.delete(THEIRS, "default", "r", None)
    assert await names(world, THEIRS) == []
    assert await world.rules.get(THEIRS, put.rule_id) is None


WRONG = {
    "name": {"name": "a b"},
    "description": {"description": "x" * 513},
    "pattern": {"pattern": '{"a": []}'},
    "targets": {"targets": tuple(webhook(f"t{n}") for n in range(6))},
    "targets[0].id": {"targets": (webhook(""),)},
    "targets[0].destination": {"targets": (Target("t", Kind.WEBHOOK, "019a-of-somebody-else"),)},
    "targets[0].input": {"targets": (webhook(input=Input(InputKind.PATH, "detail")),)},
    "targets[0].max_attempts": {"targets": (webhook(max_attempts=11),)},
    "targets[0].max_age_ms": {"targets": (webhook(max_age_ms=1),)},
    "targets[0].dead_letter_topic": {"targets": (webhook(dead_letters="qr.code.v1"),)},
}


@pytest.mark.parametrize("field", WRONG)
async def test_what_is_wrong_is_named(world: World, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await world.desk.put(OURS, new_rule(**WRONG[field]))  # type: ignore[arg-type] # fields of NewRule

    assert [violation.field for violation in refused.value.violations] == [field]


async def test_a_pattern_is_refused_with_path_and_reason(world: World) -> None:
    with pytest.raises(InvalidInput, match=r"pattern: detail\.a: Empty arrays are not allowed"):
        await world.put(pattern='{"detail": {"a": []}}')


async def test_two_targets_of_one_id_are_refused(world: World) -> None:
    with pytest.raises(InvalidInput, match="id of its own"):
        await world.put(targets=(webhook(), webhook()))


async def test_a_rule_that_would_fill_the_outbox_is_refused(world: World) -> None:
    large = tuple(webhook(f"t{n}", input=Input(InputKind.TEMPLATE, '"' + "ü" * 8_000 + '"')) for n in range(5))

    with pytest.raises(InvalidInput, match="65,536"):
        await world.put(targets=large)


@pytest.mark.parametrize("topic", ["qr.code.v1", "../x", "out.theirs.orders", "", "a" * 101])
async def test_no_rule_writes_into_topics_of_the_house_or_of_others(world: World, topic: str) -> None:
    with pytest.raises(InvalidInput, match="topic's name"):
        await world.put(targets=(Target("t", Kind.KAFKA, topic),))


async def test_no_rule_mails_strangers(world: World) -> None:
    mail = (Target("t", Kind.MAIL, "Ada@example.com"),)

    with pytest.raises(InvalidInput, match="verified member"):
        await world.put(targets=mail)

    assert (await world.put(targets=mail, verified=["ada@example.com"])).targets == mail


@pytest.mark.parametrize("address", ["ada@example.com\nbcc: all@example.com", "ada@example.com,bob@example.com", "ada"])
async def test_no_address_brings_headers_or_further_addresses(world: World, address: str) -> None:
    with pytest.raises(InvalidInput, match=r"targets\[0\].destination"):
        await world.put(targets=(Target("t", Kind.MAIL, address),), verified=[address])


async def test_dead_letters_go_where_the_target_says(world: World) -> None:
    put = await world.put(targets=(webhook("a", dead_letters="dead"), webhook("b")))

    assert await dead_letter_topic(world.rules, OURS, f"rule:{put.rule_id}:a") == "out.ours.dead"
    assert await dead_letter_topic(world.rules, OURS, f"rule:{put.rule_id}:b") is None
    assert await dead_letter_topic(world.rules, THEIRS, f"rule:{put.rule_id}:a") is None
    assert await dead_letter_topic(world.rules, OURS, "subscription:x") is None


async def test_a_rule_needs_a_bus(world: World) -> None:
    with pytest.raises(NotFound, match="orders"):
        await world.put(bus="orders")

    await put_bus(world.buses, world.clock, OURS, "orders", "")

    assert (await world.put(bus="orders")).bus == "orders"


async def test_every_account_has_the_default_bus(world: World) -> None:
    await put_bus(world.buses, world.clock, OURS, "b", "two")
    await put_bus(world.buses, world.clock, OURS, "a", "")
    await put_bus(world.buses, world.clock, OURS, "b", "three")

    assert [(bus.name, bus.description) for bus in await list_buses(world.buses, OURS)][1:] == [("a", ""), ("b", "three")]
    assert [bus.name for bus in await list_buses(world.buses, THEIRS)] == ["default"]


@pytest.mark.parametrize("name", ["default", "", "a b", "a/b", "a" * 101])
async def test_a_bus_that_can_not_be_is_refused(world: World, name: str) -> None:
    with pytest.raises(InvalidInput):
        await put_bus(world.buses, world.clock, OURS, name, "")


async def test_an_account_has_so_many_buses_and_no_more(world: World) -> None:
    for number in range(MAX_BUSES - 1):
        await put_bus(world.buses, world.clock, OURS, f"b{number}", "")

    with pytest.raises(ResourceExhausted):
        await put_bus(world.buses, world.clock, OURS, "more", "")


async def test_a_bus_goes_when_it_has_no_rules(world: World) -> None:
    await put_bus(world.buses, world.clock, OURS, "orders", "")
    await world.put(bus="orders")

    with pytest.raises(FailedPrecondition):
        await delete_bus(world.buses, world.rules, OURS, "orders")
    with pytest.raises(NotFound):
        await delete_bus(world.buses, world.rules, THEIRS, "orders")

    await world.desk.delete(OURS, "orders", "r", None)
    await delete_bus(world.buses, world.rules, OURS, "orders")
    assert [bus.name for bus in await list_buses(world.buses, OURS)] == ["default"]


async def test_numbers_add_up_and_are_of_the_rules_account(world: World) -> None:
    put = await world.put()

    assert await world.rules.add({put.rule_id: (OURS, Numbers(2, 1, 7))}) == set()
    assert await world.rules.add({put.rule_id: (OURS, Numbers(3, 0, 5))}) == set()

    assert await world.rules.numbers(put) == Numbers(5, 1, 7)
