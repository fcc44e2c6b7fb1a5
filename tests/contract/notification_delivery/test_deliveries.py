"""The log of deliveries: found, sent again, forgotten."""

from dataclasses import replace

import pytest
from contract.notification_delivery.world import ACCOUNT, OTHER, SINCE_MS, World, delivery

from quietzone_kit.errors import FailedPrecondition, NotFound
from quietzone_kit.tasks import Again, Done, Progress
from quietzone_notification.delivery.deliveries import tasks
from quietzone_notification.delivery.deliveries.repository import DELIVERIES, SHARDS, Wanted
from quietzone_notification.delivery.deliveries.tasks import DAY_MS, FORGET, Forget, Redrive
from quietzone_notification.delivery.domain import CONFIRM_CAUSE, Attempt, Delivery, State
from quietzone_notification.delivery.endpoints.domain import State as EndpointState
from quietzone_notification.delivery.endpoints.use_cases import Change


def quiet(_progress: Progress) -> None:
    """Nobody listens."""


async def end(world: World, *names: str, state: State = State.DEAD) -> None:
    """Have deliveries ended."""
    for name in names:
        held = await world.deliveries.get(ACCOUNT, name)
        assert await world.deliveries.put([(held, held.delivery.ended_as(state, "answered 500", world.clock.now_ms()))]) == [True]


async def names(world: World, wanted: Wanted = Wanted(), account_id: str = ACCOUNT) -> list[str]:  # noqa: B008 - it is frozen
    page = await world.log.listed(account_id, wanted, limit=100)
    return [each.delivery_id for each in page.deliveries]


async def test_deliveries_are_listed_newest_first_by_account_destination_state_cause_and_time(world: World) -> None:
    await world.deliveries.enqueue(
        [delivery(f"{n}", f"endpoint-{n % 2}", created_ms=SINCE_MS + n, cause=f"rule:r{n % 3}:0") for n in range(6)]
    )
    await world.deliveries.enqueue([delivery("other", "endpoint-0", OTHER)])
    await end(world, "2", "3")

    assert await names(world) == ["5", "4", "3", "2", "1", "0"]
    assert await names(world, Wanted(destination="endpoint-0")) == ["4", "2", "0"]
    assert await names(world, Wanted(state=State.DEAD)) == ["3", "2"]
    assert await names(world, Wanted(destination="endpoint-1", state=State.PENDING)) == ["5", "1"]
    assert await names(world, Wanted(cause="rule:r1")) == ["4", "1"]
    assert await names(world, Wanted(since_ms=SINCE_MS + 2, until_ms=SINCE_MS + 4)) == ["3", "2"]
    assert await names(world, account_id=OTHER) == ["other"]


async def test_a_delivery_that_can_not_be_read_hides_no_other(world: World) -> None:
    await world.deliveries.enqueue([delivery("damaged", "endpoint"), delivery("well", "endpoint")])
    stored = await world.documents.get(DELIVERIES, "damaged")
    assert stored is not None
    await world.documents.replace(DELIVERIES, {**stored.body, "tries": "many"}, if_version=stored.version)

    assert await names(world) == ["well"]


async def test_pages_follow_each_other(world: World) -> None:
    await world.deliveries.enqueue([delivery(f"{n}", "endpoint", created_ms=SINCE_MS + n) for n in range(5)])

    first = await world.log.listed(ACCOUNT, Wanted(destination="endpoint"), limit=3)
    second = await world.log.listed(ACCOUNT, Wanted(destination="endpoint"), limit=3, after=first.next_token)

    assert [each.delivery_id for each in (*first.deliveries, *second.deliveries)] == ["4", "3", "2", "1", "0"]
    assert second.next_token is None


async def test_another_account_s_delivery_is_neither_seen_nor_sent_again(world: World) -> None:
    await world.deliveries.enqueue([delivery("one", "endpoint")])

    for attempt in (world.log.get(OTHER, "one"), world.log.retry(OTHER, "one")):
        with pytest.raises(NotFound):
            await attempt


async def test_a_delivery_comes_back_as_it_was_taken(world: World) -> None:
    new = delivery("one", "endpoint", headers=(("X-A", "1"),), body=bytes(range(256)), max_age_ms=5, max_attempts=3)
    await world.deliveries.enqueue([new])

    found = await world.log.get(ACCOUNT, "one")

    assert (found.body, found.headers, found.max_age_ms, found.max_attempts) == (new.body, new.headers, 5, 3)
    assert (found.state, found.due_ms) == (State.PENDING, world.clock.now_ms())


async def test_what_another_release_has_added_survives_an_attempt(world: World) -> None:
    await world.deliveries.enqueue([delivery("one", "endpoint")])
    stored = await world.documents.get(DELIVERIES, "one")
    assert stored is not None
    await world.documents.replace(DELIVERIES, {**stored.body, "newer": 7}, if_version=1)

    await end(world, "one")

    stored = await world.documents.get(DELIVERIES, "one")
    assert stored is not None
    assert stored.body["newer"] == 7


async def test_an_outcome_is_refused_when_somebody_was_faster(world: World) -> None:
    await world.deliveries.enqueue([delivery("one", "endpoint")])
    held = await world.deliveries.get(ACCOUNT, "one")
    await world.log.retry(ACCOUNT, "one")

    assert await world.deliveries.put([(held, held.delivery.dropped("", 1))]) == [False]


async def test_lanes_are_found_one_after_the_other_however_deep_they_are(world: World) -> None:
    await world.deliveries.enqueue([delivery(f"{n}-{m}", f"endpoint-{n}") for n in range(30) for m in range(3)])

    found = []
    for shard in range(SHARDS):
        waiting = await world.deliveries.next_lane(shard, "")
        while waiting is not None:
            found.append(waiting.lane)
            waiting = await world.deliveries.next_lane(shard, waiting.lane)

    assert sorted(found) == sorted(f"webhook:endpoint-{n}" for n in range(30))


async def test_dead_ones_of_an_endpoint_are_redriven_and_others_are_not(world: World) -> None:
    await world.deliveries.enqueue([delivery(f"{n}", f"endpoint-{n % 2}") for n in range(6)])
    await end(world, "0", "1", "2")
    await end(world, "4", state=State.DELIVERED)
    world.clock.seconds += 1
    task = await world.log.redrive(ACCOUNT, Wanted(destination="endpoint-0", state=State.DEAD), request_id="r")

    done = await Redrive(world.deliveries).run(task, quiet)

    assert done == Done({"begun": 2})
    assert [(await world.log.get(ACCOUNT, name)).state for name in ("0", "1", "2", "4")] == [
        State.PENDING,
        State.DEAD,
        State.PENDING,
        State.DELIVERED,
    ]


async def test_a_redrive_asks_no_stranger_again(world: World) -> None:
    await world.deliveries.enqueue([delivery("0", "ada@example.com", kind="mail", cause=CONFIRM_CAUSE)])
    await end(world, "0")
    world.clock.seconds += 1
    task = await world.log.redrive(ACCOUNT, Wanted(state=State.DEAD), request_id="r")

    assert await Redrive(world.deliveries).run(task, quiet) == Done({"begun": 0})


async def test_mails_that_ask_an_address_are_counted(world: World) -> None:
    asking = {"kind": "mail", "cause": CONFIRM_CAUSE}
    await world.deliveries.enqueue([delivery(f"{n}", "ada@example.com", created_ms=SINCE_MS + n, **asking) for n in range(4)])
    await world.deliveries.enqueue([delivery("4", "ada@example.com", kind="mail"), delivery("5", "bob@example.com", **asking)])

    assert await world.deliveries.number_since(ACCOUNT, "ada@example.com", CONFIRM_CAUSE, SINCE_MS + 1) == 3


async def test_a_redrive_that_is_run_again_after_a_crash_begins_nothing_twice(world: World) -> None:
    await world.deliveries.enqueue([delivery("0", "endpoint")])
    await end(world, "0")
    world.clock.seconds += 1
    task = await world.log.redrive(ACCOUNT, Wanted(destination="endpoint"), request_id="r")
    await Redrive(world.deliveries).run(task, quiet)
    await end(world, "0")  # sent again meanwhile

    assert await Redrive(world.deliveries).run(task, quiet) == Done({"begun": 0})


async def test_a_redrive_of_many_gives_others_their_turn_and_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "PAGE", 2)
    monkeypatch.setattr(tasks, "MOST_BEGUN", 4)
    await world.deliveries.enqueue([delivery(f"{n}", "endpoint") for n in range(7)])
    await end(world, *(f"{n}" for n in range(7)))
    world.clock.seconds += 1
    task = await world.log.redrive(ACCOUNT, Wanted(destination="endpoint"), request_id="r")

    first = await Redrive(world.deliveries).run(task, quiet)
    assert isinstance(first, Again)
    second = await Redrive(world.deliveries).run(replace(task, result=first.result), quiet)

    assert (first.result["begun"], second) == (4, Done({"begun": 7}))


async def test_the_same_redrive_asked_twice_is_one_task(world: World) -> None:
    first = await world.log.redrive(ACCOUNT, Wanted(), request_id="r")

    assert (await world.log.redrive(ACCOUNT, Wanted(), request_id="r")).task_id == first.task_id


async def test_what_ended_long_ago_is_forgotten_and_what_waits_is_not(world: World) -> None:
    await world.deliveries.enqueue([delivery(name, "endpoint") for name in ("old", "waits")])
    await end(world, "old")
    world.clock.seconds += 7 * DAY_MS / 1_000 + 1
    await world.deliveries.enqueue([delivery("new", "endpoint", created_ms=world.clock.now_ms())])
    await end(world, "new")
    await world.tasks.keep(FORGET)
    (task,) = (await world.tasks.list("")).tasks

    again = await Forget(world.deliveries, world.clock, kept_days=7).run(task, quiet)

    assert again == Again(after_ms=600_000, result={"removed": 1})
    assert await names(world) == ["new", "waits"]


async def test_a_test_of_a_disabled_endpoint_is_refused(world: World) -> None:
    endpoint = await world.endpoint()
    await world.desk.change(ACCOUNT, endpoint.endpoint_id, Change(state=EndpointState.DISABLED))

    with pytest.raises(FailedPrecondition, match="enable it first"):
        await world.log.test(ACCOUNT, endpoint.endpoint_id)


async def test_the_log_of_a_delivery_is_bounded(world: World) -> None:
    await world.deliveries.enqueue([delivery("one", "endpoint")])
    held = await world.deliveries.get(ACCOUNT, "one")
    after: Delivery = replace(held.delivery, max_attempts=1_000)
    for number in range(30):
        after = after.attempted(Attempt(number, 1, "http://a", 500), retry_after_ms=None, jitter=0.0)

    assert [attempt.at_ms for attempt in after.attempts] == list(range(10, 30))
