"""The loop of projections and followers, on a bus in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest
from ports import MovableClock, NoJitter
from prometheus_client import REGISTRY
from unit.kit.bus.conftest import TOPIC

from quietzone_kit.bus import Bounds, Bus, BusUnavailable, Consumer, Message, OffsetGone, Polled, Record
from quietzone_kit.bus._kafka.consumer import MAX_POLL_S
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.projection import STEP_S, ForeignLog, OwnershipLost, run_follower, run_projection
from quietzone_kit.runtime import SystemClock


class Texts:
    """Keeps what it was given. For partition 0 it raises `troubles`, one a call; `meanwhile` is done before it applies."""

    def __init__(self) -> None:
        self.claims: list[int] = []
        self.releases: list[int] = []
        self.applied: dict[int, list[str]] = {}
        self.offsets: dict[int, int] = {}
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.troubles: list[Exception] = []
        self.changed = asyncio.Event()

    async def claim(self, partition: int, bounds: Bounds) -> int:
        self.fail(partition)
        self.claims.append(partition)
        self.changed.set()
        return self.offsets.get(partition, bounds.first)

    async def apply(self, partition: int, records: Sequence[Record], *, next_offset: int) -> None:
        if self.meanwhile is not None:
            await self.meanwhile()
        self.fail(partition)
        assert records[0].offset == self.offsets.get(partition, 0)
        self.applied.setdefault(partition, []).extend(record.value.decode() for record in records)
        self.offsets[partition] = next_offset
        self.changed.set()

    async def release(self, partition: int) -> None:
        self.releases.append(partition)
        self.changed.set()

    def fail(self, partition: int) -> None:
        if self.troubles and partition == 0:
            raise self.troubles.pop(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


class View(Texts):
    """The same as a follower."""

    start = Texts.claim

    async def receive(self, partition: int, records: Sequence[Record]) -> None:
        await self.apply(partition, records, next_offset=records[-1].offset + 1)


@asynccontextmanager
async def running(bus: Bus, projection: Texts, randomness: NoJitter | None = None, wait_s: float = 0.5) -> AsyncIterator[None]:
    """The projection at work; what ends it is raised."""
    chance = randomness or NoJitter()
    run = run_projection(bus, TOPIC.name, "analytics", projection, SystemClock(), randomness=chance, max_records=4, wait_s=wait_s)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run)
        yield
        task.cancel()


async def publish(bus: Bus, *texts: str, partition: int = 0) -> None:
    await bus.publish([Message(TOPIC.name, text, text.encode(), partition=partition) for text in texts])


async def test_a_projection_gets_every_record_in_order(bus: Bus) -> None:
    projection, expected = Texts(), [str(number) for number in range(20)]
    await publish(bus, *expected)

    async with running(bus, projection):
        await projection.until(lambda: projection.applied.get(0) == expected)


async def test_a_projection_goes_on_at_the_offset_that_it_claims_with(bus: Bus) -> None:
    await publish(bus, "a", "b", "c")
    projection = Texts()
    projection.offsets[0] = 2

    async with running(bus, projection):
        await projection.until(lambda: projection.applied.get(0) == ["c"])


async def test_what_is_published_later_comes_too(bus: Bus) -> None:
    projection = Texts()
    async with running(bus, projection):
        await projection.until(lambda: sorted(projection.claims) == [0, 1])

        await publish(bus, "a", partition=1)

        await projection.until(lambda: projection.applied == {1: ["a"]})


@pytest.mark.parametrize("trouble", [DocumentsUnavailable("down"), BusUnavailable("down")], ids=["store", "bus"])
async def test_records_that_could_not_be_applied_are_applied_later(bus: Bus, trouble: Exception) -> None:
    projection = Texts()
    await publish(bus, "a", "b")
    async with running(bus, projection):
        await projection.until(lambda: projection.applied.get(0) == ["a", "b"])
        projection.troubles = [trouble] * 3

        await publish(bus, "c")

        await projection.until(lambda: projection.applied[0] == ["a", "b", "c"])


async def test_what_comes_after_records_that_could_not_be_applied_waits_for_them(bus: Bus) -> None:
    projection, expected = Texts(), [str(number) for number in range(12)]
    async with running(bus, projection):
        await projection.until(lambda: 0 in projection.claims)
        projection.troubles = [DocumentsUnavailable("down")]

        await publish(bus, *expected)  # three polls' worth

        await projection.until(lambda: projection.applied.get(0) == expected)


async def test_a_retry_does_not_wait_for_other_records(bus: Bus) -> None:
    projection = Texts()
    projection.troubles = [DocumentsUnavailable("down")]

    async with running(bus, projection, wait_s=30):
        await projection.until(lambda: 0 in projection.claims)


async def test_a_claim_that_failed_is_made_later(bus: Bus) -> None:
    projection = Texts()
    projection.troubles = [DocumentsUnavailable("down")] * 2
    await publish(bus, "a")

    async with running(bus, projection):
        await projection.until(lambda: projection.applied.get(0) == ["a"])


async def test_a_partition_that_fails_does_not_stop_the_others(bus: Bus) -> None:
    projection = Texts()
    await publish(bus, "a", partition=0)
    await publish(bus, "b", partition=1)
    projection.troubles = [DocumentsUnavailable("down")] * 1_000

    async with running(bus, projection):
        await projection.until(lambda: projection.applied == {1: ["b"]})
        assert projection.troubles


async def test_retries_back_off_up_to_5_s(bus: Bus) -> None:
    projection, randomness = Texts(), NoJitter()
    projection.troubles = [DocumentsUnavailable("down")] * 9
    await publish(bus, "a")

    async with running(bus, projection, randomness):
        await projection.until(lambda: projection.applied.get(0) == ["a"])

    assert randomness.caps == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


async def test_retries_start_anew_after_a_success(bus: Bus) -> None:
    projection, randomness = Texts(), NoJitter()
    projection.troubles = [DocumentsUnavailable("down")] * 2
    await publish(bus, "a")
    async with running(bus, projection, randomness):
        await projection.until(lambda: projection.offsets.get(0) == 1)
        projection.troubles = [DocumentsUnavailable("down")] * 2
        await publish(bus, "b")
        await projection.until(lambda: projection.offsets.get(0) == 2)

    assert randomness.caps == [0.05, 0.1, 0.05, 0.1]


async def test_a_retry_is_counted(bus: Bus) -> None:
    projection = Texts()
    labels = {"topic": TOPIC.name, "consumer": "analytics", "reason": "store"}
    before = REGISTRY.get_sample_value("quietzone_consumer_retries_total", labels) or 0
    projection.troubles = [DocumentsUnavailable("down")]
    await publish(bus, "a")

    async with running(bus, projection):
        await projection.until(lambda: projection.applied.get(0) == ["a"])

    assert REGISTRY.get_sample_value("quietzone_consumer_retries_total", labels) == before + 1


async def test_what_applying_took_is_measured(bus: Bus) -> None:
    projection = Texts()
    labels = {"topic": TOPIC.name, "consumer": "analytics"}
    before = REGISTRY.get_sample_value("quietzone_consumer_apply_seconds_count", labels) or 0
    await publish(bus, "a")

    async with running(bus, projection):
        await projection.until(lambda: projection.applied.get(0) == ["a"])

    assert REGISTRY.get_sample_value("quietzone_consumer_apply_seconds_count", labels) == before + 1


async def test_a_partition_that_was_lost_is_released_and_claimed_again_while_it_is_assigned(bus: Bus) -> None:
    projection = Texts()
    async with running(bus, projection):
        await projection.until(lambda: sorted(projection.claims) == [0, 1])
        projection.troubles = [OwnershipLost("epoch 2")]

        await publish(bus, "a")

        await projection.until(lambda: projection.applied.get(0) == ["a"])
        assert (projection.claims.count(0), projection.releases) == (2, [0])


async def test_a_partition_that_was_lost_and_revoked_is_not_claimed_again(bus: Bus, clock: MovableClock) -> None:
    projection, other = Texts(), await bus.join(TOPIC.name, "analytics")

    async def outlast_the_lease() -> None:
        clock.moved_s += 5
        await until_assigned(other)
        raise OwnershipLost("epoch 2")

    projection.meanwhile = outlast_the_lease
    await publish(bus, "a")

    async with running(bus, projection):
        await projection.until(lambda: sorted(projection.releases) == [0, 1])

    assert sorted(projection.claims) == [0, 1]


async def test_a_revoked_partition_is_released_before_another_member_gets_it(bus: Bus) -> None:
    projection = Texts()
    async with running(bus, projection):
        await projection.until(lambda: sorted(projection.claims) == [0, 1])

        await until_assigned(await bus.join(TOPIC.name, "analytics"))

        assert len(projection.releases) == 1


async def test_a_log_that_is_not_the_one_ends_it_with_its_message(bus: Bus) -> None:
    projection = Texts()
    projection.troubles = [ForeignLog("the log was made anew: run `quietzone adopt`")]

    with pytest.raises(ForeignLog, match="adopt"):
        await run_projection(bus, TOPIC.name, "analytics", projection, SystemClock(), randomness=NoJitter())


async def test_a_log_that_has_grown_since_its_bounds_were_read_is_the_same_log(bus: Bus) -> None:
    class HeldUp(Texts):
        async def claim(self, partition: int, bounds: Bounds) -> int:
            if partition == 0 and bounds.next == 0:
                await publish(bus, "counted by another member")
                self.offsets[0] = 1
            if self.offsets.get(partition, 0) > bounds.next:
                raise ForeignLog("the log ends earlier")
            return await super().claim(partition, bounds)

    projection = HeldUp()
    async with running(bus, projection):
        await projection.until(lambda: 0 in projection.claims)


async def test_an_error_of_the_projection_ends_it(bus: Bus) -> None:
    projection = Texts()
    projection.troubles = [ZeroDivisionError()]

    with pytest.raises(ZeroDivisionError):
        await run_projection(bus, TOPIC.name, "analytics", projection, SystemClock(), randomness=NoJitter())


async def test_a_claim_beyond_the_log_ends_it(bus: Bus) -> None:
    projection = Texts()
    projection.offsets[0] = 7

    with pytest.raises(OffsetGone):
        await run_projection(bus, TOPIC.name, "analytics", projection, SystemClock(), randomness=NoJitter())


async def test_at_the_end_everything_is_released(bus: Bus) -> None:
    projection = Texts()

    async with running(bus, projection):
        await projection.until(lambda: sorted(projection.claims) == [0, 1])

    assert projection.releases == [0, 1]


async def test_at_the_end_the_group_is_left(bus: Bus) -> None:
    projection = Texts()
    async with running(bus, projection):
        await projection.until(lambda: sorted(projection.claims) == [0, 1])

    polled = await (await bus.join(TOPIC.name, "analytics")).poll(max_records=1, wait_s=0)

    assert polled.assigned == {0, 1}


async def test_a_bus_that_is_away_for_a_while_is_asked_again(bus: Bus) -> None:
    projection, moody = Texts(), Moody(bus)
    await publish(bus, "a")
    moody.refusals = 3

    async with running(cast("Bus", moody), projection):
        await projection.until(lambda: projection.applied.get(0) == ["a"])


async def test_the_lag_is_what_waited_at_the_last_look(bus: Bus) -> None:
    await publish(bus, "a", "b", "c")
    projection = Texts()
    projection.offsets[0] = 1

    async with running(bus, projection):
        await projection.until(lambda: 0 in projection.applied)  # the look was when it was claimed

        assert lag(partition=0) == 2


async def test_who_does_not_hold_a_partition_tells_no_lag_of_it(bus: Bus) -> None:
    projection = Texts()
    async with running(bus, projection):
        await projection.until(lambda: 0 in projection.claims)

    assert lag(partition=0) is None


async def test_a_follower_gets_every_partition_from_its_own_offsets(bus: Bus) -> None:
    await publish(bus, "a", "b", "c")
    await publish(bus, "d", partition=1)
    view = View()
    view.offsets[0] = 1

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_follower(bus, TOPIC.name, "edge", view, SystemClock(), randomness=NoJitter()))
        await view.until(lambda: view.applied == {0: ["b", "c"], 1: ["d"]})
        task.cancel()


def lag(*, partition: int) -> float | None:
    return REGISTRY.get_sample_value(
        "quietzone_consumer_lag_records", {"topic": TOPIC.name, "consumer": "analytics", "partition": str(partition)}
    )


async def until_assigned(consumer: Consumer) -> Polled:
    async with asyncio.timeout(10):
        while True:
            polled = await consumer.poll(max_records=1, wait_s=1)
            if polled.assigned:
                return polled


class Moody:
    """A bus that refuses its next calls for members."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.refusals = 0

    async def join(self, topic: str, group: str) -> Consumer:
        self._refuse()
        return cast("Consumer", MoodyConsumer(await self._bus.join(topic, group), self._refuse))

    def __getattr__(self, name: str) -> object:
        return getattr(self._bus, name)

    def _refuse(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise BusUnavailable("not now")


class MoodyConsumer:
    def __init__(self, consumer: Consumer, refuse: Callable[[], None]) -> None:
        self._consumer = consumer
        self._refuse = refuse

    async def poll(self, *, max_records: int, wait_s: float) -> Polled:
        self._refuse()
        return await self._consumer.poll(max_records=max_records, wait_s=wait_s)

    def __getattr__(self, name: str) -> object:
        return getattr(self._consumer, name)


def test_a_call_of_a_projection_is_over_before_its_group_gives_it_up() -> None:
    assert STEP_S < MAX_POLL_S
