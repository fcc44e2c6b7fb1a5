"""Rules in memory follow those in the store: from where the log ended when they were loaded, and anew when it is another log."""

import pytest
from unit.notification.world import World, rule

from quietzone_kit.bus import Bounds, Record
from quietzone_kit.projection import ForeignLog
from quietzone_notification.rules.events import rule_event
from quietzone_notification.rules.follow import RuleView
from quietzone_notification.rules.repository import RULES
from quietzone_topics import NOTIFICATION_RULE_V1


@pytest.fixture
async def view(world: World) -> RuleView:
    made = RuleView(world.rules, world.bus, world.clock, world.randomness)
    await made.load()
    return made


def record(offset: int, value: bytes | None = None, **fields: object) -> Record:
    """A change of a rule, as it stands in the log."""
    one = rule(**fields)  # type: ignore[arg-type] # fields of a rule
    message = rule_event(None, one).to_message(NOTIFICATION_RULE_V1.name)
    return Record(NOTIFICATION_RULE_V1.name, 0, offset, 1, message.key, message.value if value is None else value, message.headers)


async def test_it_begins_where_the_log_ended_when_rules_were_loaded(view: RuleView) -> None:
    assert await view.start(0, Bounds("log", 0, 7)) == 0


@pytest.mark.parametrize("bounds", [Bounds("another", 0, 7), Bounds("log", 3, 7)])
async def test_another_log_or_one_whose_records_are_gone_is_not_followed(view: RuleView, bounds: Bounds) -> None:
    with pytest.raises(ForeignLog):
        await view.start(0, bounds)


async def test_changes_are_taken_up(view: RuleView) -> None:
    await view.receive(0, [record(0), record(1, rule_id="r2")])
    await view.receive(0, [record(2, revision=2, deleted=True)])

    assert [rule_id in view.book for rule_id in ("r1", "r2")] == [False, True]


async def test_a_change_that_is_in_the_store_already_changes_nothing(world: World, view: RuleView) -> None:
    put = await world.put()
    await world.desk.delete("ours", "default", "r", None)
    await view.load()

    await view.receive(0, [record(0, rule_id=put.rule_id)])

    assert put.rule_id not in view.book


async def test_what_can_not_be_read_is_passed_over(view: RuleView) -> None:
    await view.receive(0, [record(0, b"\xff"), record(1, pattern='{"a": [{"quantum": 1}]}'), record(2, rule_id="r2")])

    assert len(view.book) == 1


async def test_a_stored_rule_that_can_not_be_read_keeps_no_other_from_work(world: World, view: RuleView) -> None:
    """A kind of target that only a newer release knows, after a rollback."""
    newer, ours = await world.put("newer"), await world.put("ours")
    stored = await world.documents.get(RULES, newer.rule_id)
    assert stored is not None
    await world.documents.replace(RULES, {**stored.body, "targets": [{"target_id": "t", "kind": "telex"}]}, if_version=stored.version)

    await view.load()

    assert [rule_id in view.book for rule_id in (newer.rule_id, ours.rule_id)] == [False, True]


async def test_what_is_gone_from_the_store_is_gone_when_rules_are_loaded_anew(view: RuleView) -> None:
    await view.receive(0, [record(0)])

    await view.load()

    assert len(view.book) == 0
