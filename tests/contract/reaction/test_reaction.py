"""What reactions promise, on every adapter of the bus."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

import pytest
from contract.reaction.world import NAME, Doings, World, outage
from prometheus_client import REGISTRY

from quietzone_kit.bus import Bus, BusUnavailable, Consumer, Message, Position, TopicMismatch
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.projection import ForeignLog
from quietzone_kit.reaction import FailsOnEverything, Patience, Unreadable, dead_topic
from quietzone_kit.reaction._letters import MAX_REASON

EVERYTHING = [str(number) for number in range(250)]
"""More than a lane holds."""


def counted(world: World, outcome: str) -> float:
    labels = {"topic": world.topic.name, "consumer": NAME, "outcome": outcome}
    return REGISTRY.get_sample_value("quietzone_reaction_records_total", labels) or 0.0


async def test_every_event_is_handled_in_the_order_of_its_partition(world: World) -> None:
    doings = Doings()
    await world.publish(*EVERYTHING)

    async with world.running(doings):
        await doings.until(lambda: counted(world, "handled") >= len(EVERYTHING))

    assert doings.done == EVERYTHING


async def test_each_attempt_is_timed_with_what_became_of_it(world: World) -> None:
    doings = Doings()
    doings.troubles = {"a": [OSError("reset"), None]}
    await world.publish("a")

    async with world.running(doings):
        await doings.until(lambda: counted(world, "handled") >= 1)

    labels = {"topic": world.topic.name, "consumer": NAME}
    timed = [REGISTRY.get_sample_value("quietzone_reaction_seconds_count", labels | {"outcome": one}) for one in ("failed", "handled")]
    assert timed == [1, 1]


async def test_after_an_orderly_end_nothing_comes_again(world: World) -> None:
    first, second = Doings(), Doings()
    await world.publish("a", "b")
    async with world.running(first):
        await first.until(lambda: first.done == ["a", "b"])
    await world.publish("c")

    async with world.running(second):
        await second.until(lambda: bool(second.done))

    assert second.done == ["c"]


async def test_an_event_is_handled_before_its_offset_is_committed(world: World) -> None:
    doings = Doings()
    doings.may_go_on.clear()
    await world.publish("a")
    async with world.running(doings) as [task]:
        await doings.until(lambda: doings.attempts == ["a"])
        task.cancel()

    assert (await world.committed())[0] == 0


async def test_a_failure_is_tried_again_before_what_comes_after_it(world: World) -> None:
    doings = Doings()
    doings.fails("b", times=2)
    await world.publish("a", "b", "c")

    async with world.running(doings):
        await doings.until(lambda: "c" in doings.done)

    assert doings.attempts == ["a", "b", "b", "b", "c"]


async def test_a_partition_that_retries_does_not_hold_up_another(world: World) -> None:
    doings = Doings()
    doings.fails("a", error=outage())
    await world.publish("a", partition=0)
    await world.publish("b", partition=1)

    async with world.running(doings):
        await doings.until(lambda: doings.done == ["b"])


async def test_a_record_that_is_given_up_is_a_dead_letter_and_the_next_are_handled(world: World) -> None:
    doings = Doings()
    doings.fails("b")
    await world.publish("a", "b", "c")

    async with world.running(doings):
        await doings.until(lambda: doings.done == ["a", "c"])

    [letter] = (await world.dead.page()).letters
    assert (letter.value, letter.key, letter.death.error, letter.death.attempts) == (b"b", "menu", "ZeroDivisionError", 3)
    assert (letter.origin.topic, letter.origin.partition, letter.origin.offset) == (world.topic.name, 0, 1)
    assert letter.death.reason == "no luck with b"


async def test_the_headers_of_a_dead_letter_are_the_events_and_why_it_died(world: World) -> None:
    doings = Doings()
    doings.fails("a")
    await world.publish("a", "b")
    async with world.running(doings):
        await doings.until(lambda: doings.done == ["b"])

    [record] = await world.records(dead_topic(world.topic.name, NAME).name)

    original = (await world.records(world.topic.name))[0]
    assert [header for header in record.headers if not header[0].startswith("dlq_")] == list(original.headers)
    assert {name for name, _ in record.headers if name.startswith("dlq_")} == {
        "dlq_topic",
        "dlq_partition",
        "dlq_offset",
        "dlq_key",
        "dlq_redrives",
        "dlq_error",
        "dlq_reason",
        "dlq_attempts",
        "dlq_time_ms",
    }


async def test_a_reason_is_short_and_tells_no_secret(world: World) -> None:
    doings = Doings()
    doings.fails("a", error=OSError("https://me:hunter2@example.com refused 203.0.113.77 " + "x" * 1000))
    await world.publish("a", "b")
    async with world.running(doings):
        await doings.until(lambda: doings.done == ["b"])

    [letter] = (await world.dead.page()).letters
    assert "hunter2" not in letter.death.reason
    assert "203.0.113.77" not in letter.death.reason
    assert len(letter.death.reason) == MAX_REASON


async def test_what_is_no_event_is_dead_at_once(world: World) -> None:
    doings = Doings()
    await world.publish_bytes(b"\xff")
    await world.publish("b")

    async with world.running(doings):
        await doings.until(lambda: doings.done == ["b"])

    [letter] = (await world.dead.page()).letters
    assert (letter.value, letter.death.error, letter.death.attempts) == (b"\xff", "NotAnEvent", 0)


async def test_bytes_that_the_reaction_cannot_read_are_dead_at_once(world: World) -> None:
    doings = Doings()
    doings.fails("a", error=Unreadable("no protobuf"))
    await world.publish("a", "b")

    async with world.running(doings):
        await doings.until(lambda: doings.done == ["b"])

    assert doings.attempts == ["a", "b"]


async def test_an_event_of_a_type_that_is_not_known_is_counted_and_skipped(world: World) -> None:
    doings = Doings()
    await world.publish("a", kind="quietzone.qr.poster")
    await world.publish("b")

    async with world.running(doings):
        await doings.until(lambda: doings.done == ["b"])

    assert (doings.attempts, counted(world, "skipped")) == (["b"], 1)


@pytest.mark.parametrize("error", [outage(), BusUnavailable("down"), DocumentsUnavailable("down")], ids=lambda error: type(error).__name__)
async def test_an_outage_kills_no_record_however_long_it_takes(world: World, error: Exception) -> None:
    doings = Doings()
    doings.fails("a", times=50, error=error)
    await world.publish("a")

    async with world.running(doings):
        await doings.until(lambda: doings.done == ["a"])

    assert (await world.dead.summary()).total == 0


async def test_an_attempt_that_takes_too_long_has_failed(world: World) -> None:
    doings = Doings()
    doings.meanwhile = lambda event_id: asyncio.sleep(60) if event_id == "a" else None
    await world.publish("a", "b")

    async with world.running(doings, patience=Patience(attempts=2, each_within_s=0.05)):
        await doings.until(lambda: doings.done == ["b"])

    [letter] = (await world.dead.page()).letters
    assert (letter.death.error, letter.death.reason) == ("TimeoutError", "no answer within 0.05 s")


async def test_failed_attempts_take_their_budget_of_time_at_most(world: World) -> None:
    doings = Doings()
    doings.fails("a")
    doings.meanwhile = lambda _: asyncio.sleep(0.05)  # a budget of time is what is tested
    await world.publish("a", "b")

    async with world.running(doings, patience=Patience(attempts=1_000, within_s=0.2)):
        await doings.until(lambda: doings.done == ["b"])

    assert 2 <= doings.attempts.count("a") <= 4


class Refusing:
    """A bus that takes no dead letters for a while."""

    def __init__(self, bus: Bus, refusals: int) -> None:
        self._bus = bus
        self.refusals = refusals

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        if self.refusals:
            self.refusals -= 1
            raise BusUnavailable("not now")
        return await self._bus.publish(messages)

    def __getattr__(self, name: str) -> object:
        return getattr(self._bus, name)


async def test_a_dead_letter_that_the_bus_refuses_is_sent_again(world: World) -> None:
    doings, refusing = Doings(), Refusing(world.bus, refusals=3)
    doings.fails("a")
    await world.publish("a", "b")

    async with world.running(doings, bus=cast("Bus", refusing)):
        await doings.until(lambda: doings.done == ["b"])

    assert (await world.dead.summary()).by_error == {"ZeroDivisionError": 1}


async def test_a_record_whose_dead_letter_is_not_on_the_bus_is_not_committed(world: World) -> None:
    doings, refusing = Doings(), Refusing(world.bus, refusals=1_000_000)
    doings.fails("a")
    await world.publish("a", "b")

    async with world.running(doings, bus=cast("Bus", refusing)) as [task]:
        await doings.until(lambda: refusing.refusals < 1_000_000)
        task.cancel()

    assert (await world.committed())[0] == 0


async def test_a_consumer_that_fails_on_everything_stops(world: World) -> None:
    doings = Doings()
    for event_id in EVERYTHING:
        doings.fails(event_id)
    await world.publish(*EVERYTHING)

    with pytest.raises(ExceptionGroup) as raised:
        async with world.running(doings, patience=Patience(attempts=2, dead_in_a_row=5)):
            await asyncio.sleep(30)

    assert raised.group_contains(FailsOnEverything, match="failed on 5 records .* the last with ZeroDivisionError: no luck with 4")
    assert (await world.dead.summary()).total == 5


async def test_records_that_die_among_others_that_do_not_stop_nobody(world: World) -> None:
    doings = Doings()
    for event_id in EVERYTHING[::2]:
        doings.fails(event_id)
    await world.publish(*EVERYTHING)

    async with world.running(doings, patience=Patience(attempts=1, dead_in_a_row=2)):
        await doings.until(lambda: doings.done == EVERYTHING[1::2])


async def test_members_share_the_partitions_and_nothing_is_handled_twice_in_an_orderly_handover(world: World) -> None:
    first, second = Doings(), Doings()
    await world.publish(*EVERYTHING[:20], partition=0)
    await world.publish(*EVERYTHING[20:40], partition=1)
    async with world.running(first):
        await first.until(lambda: len(first.done) == 40)
        async with world.running(second):
            while not second.done:
                await world.publish("late", partition=0)
                await world.publish("late", partition=1)
                await asyncio.sleep(0.05)

    assert sorted(set(first.done) - {"late"}, key=int) == EVERYTHING[:40]
    assert set(second.done) == {"late"}


async def test_a_new_group_can_begin_with_what_comes(world: World) -> None:
    doings = Doings()
    await world.publish("old")
    async with world.running(doings, from_now=True):
        while not doings.done:
            await world.publish("new")
            await asyncio.sleep(0.05)

    assert set(doings.done) == {"new"}


class Watched:
    """A bus that takes down what is committed."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.commits: dict[int, int] = {}

    async def join(self, topic: str, group: str) -> Consumer:
        return cast("Consumer", WatchedConsumer(await self._bus.join(topic, group), self.commits if ".redrive" not in topic else {}))

    def __getattr__(self, name: str) -> object:
        return getattr(self._bus, name)


class WatchedConsumer:
    def __init__(self, consumer: Consumer, commits: dict[int, int]) -> None:
        self._consumer = consumer
        self._commits = commits

    async def commit(self, offsets: Mapping[int, int]) -> None:
        await self._consumer.commit(offsets)
        self._commits.update(offsets)

    def __getattr__(self, name: str) -> object:
        return getattr(self._consumer, name)


async def test_a_new_group_that_began_with_what_comes_goes_on_from_there_although_nothing_came(world: World) -> None:
    doings, watched = Doings(), Watched(world.bus)
    await world.publish("old")
    async with world.running(doings, bus=cast("Bus", watched), from_now=True):
        await doings.until(lambda: watched.commits == {0: 1, 1: 0})
    await world.publish("between")

    async with world.running(doings, from_now=True):
        await doings.until(lambda: bool(doings.done))

    assert doings.done == ["between"]


async def test_a_log_that_ends_before_the_group_is_refused(world: World) -> None:
    consumer = await world.bus.join(world.topic.name, NAME)
    async with asyncio.timeout(20):
        while not (await consumer.poll(max_records=1, wait_s=1)).assigned:
            pass
    await consumer.commit({0: 7})
    await consumer.close()

    with pytest.raises(ExceptionGroup) as raised:
        async with world.running(Doings()):
            await asyncio.sleep(30)

    assert raised.group_contains(ForeignLog, match="up to 7, and the log ends at 0")


async def test_dead_letters_topics_with_other_partitions_are_refused(world: World) -> None:
    topic = dead_topic(world.topic.name, NAME)
    await world.bus.ensure([type(topic)(topic.name, 3, topic.retention_ms)])

    with pytest.raises(ExceptionGroup) as raised:
        async with world.running(Doings()):
            await asyncio.sleep(30)

    assert raised.group_contains(TopicMismatch)
