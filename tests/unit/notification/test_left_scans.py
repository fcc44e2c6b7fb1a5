"""Of scans that would make too many deliveries at once the rest is matched by tasks, each scan once."""

from collections import Counter
from dataclasses import replace

import pytest
from unit.notification.matching import bodies, matcher, scans, tasks_of
from unit.notification.world import BORN_MS, OURS, THEIRS, World, rule, webhook

from quietzone.tracking.v1 import scan_pb2
from quietzone_kit.tasks import TASKS, Again, Task, task_of
from quietzone_notification.events.scans import MAX_SLICE, slices
from quietzone_notification.rules import consumers
from quietzone_notification.rules import tasks as later
from quietzone_notification.rules.numbers import RuleNumbers


async def left(world: World) -> list[Task]:
    """What waits to be matched by tasks."""
    return [task_of(stored) for stored in (await world.documents.scan(TASKS, limit=100)).items]


async def do_what_is_left(world: World) -> None:
    """Run these tasks to their end, as a worker does."""
    handler = later.MatchScans(world.rules, world.outbound, RuleNumbers(world.rules), world.clock)
    for task in await left(world):
        ended = await handler.run(task, lambda _: None)
        while isinstance(ended, Again):
            ended = await handler.run(replace(task, result=ended.result), lambda _: None)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten deliveries of a record for an account, fifteen of all, three of a task's run, and four scans of a slice."""
    monkeypatch.setattr(consumers, "OF_ACCOUNT", 10)
    monkeypatch.setattr(consumers, "OF_RECORD", 15)
    monkeypatch.setattr(later, "OF_RUN", 3)
    monkeypatch.setattr("quietzone_notification.events.scans.MAX_SLICE", 4)


@pytest.mark.usefixtures("few")
async def test_an_account_with_many_deliveries_of_each_scan_holds_up_no_other(world: World) -> None:
    """The attack: 300 rules with five targets that match each of 10,000 scans."""
    targets = tuple(webhook(f"t{n}") for n in range(5))
    match = await matcher(world, rule(targets=targets), rule("theirs", account_id=THEIRS))
    many = [("menu", OURS)] * 20

    await match.react(scans(*many, ("other", THEIRS)))

    made = Counter(delivery.account_id for delivery in world.outbound.kept.values())
    assert made == {OURS: 10, THEIRS: 1}
    assert [task.account_id for task in await left(world)] == [OURS] * 5


@pytest.mark.usefixtures("few")
async def test_what_was_left_is_matched_by_tasks_each_scan_once(world: World) -> None:
    targets = tuple(webhook(f"t{n}") for n in range(5))
    match = await matcher(world, rule(targets=targets))
    batch = scans(*((f"code{n % 3}", OURS) for n in range(20)))
    for _ in range(2):  # the record comes again
        await match.react(batch)

    for _ in range(2):  # a run that broke off begins anew
        await do_what_is_left(world)

    assert Counter(delivery.event_id for delivery in world.outbound.kept.values()) == {f"s1:{seq}": 5 for seq in range(5, 25)}
    told = {body["id"]: body["detail"] for body in bodies(world)}
    assert told["s1:24"] == told["s1:6"] | {"scanAt": "2026-03-02T10:00:00.019Z"}


@pytest.mark.usefixtures("few")
async def test_accounts_that_together_make_too_much_are_left_to_tasks(world: World) -> None:
    targets = tuple(webhook(f"t{n}") for n in range(5))
    match = await matcher(world, *(rule(f"r{n}", account_id=f"a{n}", targets=targets) for n in range(6)))

    await match.react(scans(*((f"c{n}", f"a{n}") for n in range(6))))
    assert {task.account_id for task in await left(world)} == {"a3", "a4", "a5"}
    await do_what_is_left(world)

    assert len(world.outbound.kept) == 30


async def test_a_slice_of_the_longest_ids_fits_into_a_task(world: World) -> None:
    code_ids, countries = [f"{n:036}" for n in range(MAX_SLICE)], [f"{n:02X}" for n in range(MAX_SLICE)]
    batch = scan_pb2.ScanBatch(
        source_id="s" * 36,
        base_time_ms=BORN_MS,
        codes=[scan_pb2.CodeRef(code_id=code_id, account_id="a" * 64) for code_id in code_ids],
        traits=[scan_pb2.Traits(scan_class=1, country=country, device="desktop", referrer="r" * 253) for country in countries],
        scans=[scan_pb2.Scan(seq=2**60 + n, code=n, traits=n, time_offset_ms=2**30, visitor=2**63) for n in range(MAX_SLICE)],
    )

    [part] = slices(batch, range(2**60, 2**60 + MAX_SLICE))

    assert await tasks_of(world).add(later.task_of("a" * 64, part))
