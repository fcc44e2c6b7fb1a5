"""What nobody needs any more goes: deleted rules that all have heard of, subscriptions that nobody has confirmed in time."""

from unit.notification.world import OURS, World

from quietzone_kit.outbox import OUTBOX_FIELDS
from quietzone_notification.rules.domain import Kind
from quietzone_notification.rules.repository import NUMBERS, RULES, Numbers
from quietzone_notification.topics.domain import CONFIRM_WITHIN_MS
from quietzone_notification.topics.use_cases import NewSubscription
from quietzone_notification.upkeep import GONE_FOR_MS, forget_once


async def relayed(world: World) -> None:
    """As if all events had been published."""
    for stored in (await world.documents.scan(RULES, limit=100)).items:
        body = {name: value for name, value in stored.body.items() if name not in OUTBOX_FIELDS}
        await world.documents.replace(RULES, body, if_version=stored.version)


async def rules_left(world: World) -> int:
    return len((await world.documents.scan(RULES, limit=100)).items) + len((await world.documents.scan(NUMBERS, limit=100)).items)


async def test_a_deleted_rule_goes_with_its_numbers_after_a_day(world: World) -> None:
    put = await world.put()
    await world.rules.add({put.rule_id: (OURS, Numbers(1, 0, 5))})
    await world.desk.delete(OURS, "default", "r", None)
    await relayed(world)
    world.clock.seconds += GONE_FOR_MS / 1_000

    assert await forget_once(world.rules, world.subscribed, world.clock) == 0

    world.clock.seconds += 1
    assert await forget_once(world.rules, world.subscribed, world.clock) == 1
    assert await rules_left(world) == 0


async def test_a_rule_whose_end_was_not_told_yet_stays(world: World) -> None:
    await world.put()
    await world.desk.delete(OURS, "default", "r", None)
    world.clock.seconds += GONE_FOR_MS / 1_000 + 1

    assert await forget_once(world.rules, world.subscribed, world.clock) == 0


async def test_rules_at_work_stay(world: World) -> None:
    await world.put()
    await relayed(world)
    world.clock.seconds += 10 * GONE_FOR_MS / 1_000

    assert await forget_once(world.rules, world.subscribed, world.clock) == 0


async def test_only_what_nobody_has_confirmed_in_time_goes(world: World) -> None:
    await world.topics.put(OURS, "orders", "")
    await world.topics.subscribe(OURS, NewSubscription("orders", Kind.MAIL, "ada@example.com"))
    await world.topics.subscribe(OURS, NewSubscription("orders", Kind.MAIL, "bob@example.com", verified=True))
    world.clock.seconds += CONFIRM_WITHIN_MS / 1_000 + 1

    assert await forget_once(world.rules, world.subscribed, world.clock) == 1
    page = await world.topics.subscriptions(OURS, "orders", page_size=0, page_token="")
    assert [each.destination for each in page.subscriptions] == ["bob@example.com"]
