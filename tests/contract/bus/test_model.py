"""Any order of publish, poll, seek and pause gives what a plain list would, on every adapter."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from contract.bus.conftest import ADAPTERS, EACH, RUN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quietzone_kit.bus import Bus, Consumer, Message, Topic

PARTITIONS = 3


@dataclass(frozen=True)
class Publish:
    partitions: list[int]


@dataclass(frozen=True)
class Poll:
    max_records: int


@dataclass(frozen=True)
class Seek:
    partition: int
    share: float
    """Where between start and end."""


@dataclass(frozen=True)
class Pause:
    partition: int


partitions = st.integers(0, PARTITIONS - 1)
steps = st.one_of(
    st.builds(Publish, st.lists(partitions, max_size=8)),
    st.builds(Poll, st.integers(1, 5)),
    st.builds(Seek, partitions, st.floats(0, 1)),
    st.builds(Pause, partitions),
)


class Model:
    """Lists of values, and where the consumer stands in them."""

    def __init__(self) -> None:
        self.log: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self.offsets: dict[int, int] = {}
        self.published = 0

    def publish(self, partitions: list[int]) -> tuple[list[bytes], list[int]]:
        values, offsets = [], []
        for partition in partitions:
            values.append(str(self.published).encode())
            offsets.append(len(self.log[partition]))
            self.log[partition].append(values[-1])
            self.published += 1
        return values, offsets

    def waiting(self) -> int:
        return sum(len(self.log[partition]) - offset for partition, offset in self.offsets.items())


async def play(bus: Bus, topic: Topic, history: Sequence[Publish | Poll | Seek | Pause]) -> None:
    await bus.ensure([topic])
    consumer, model = await bus.follow(topic.name), Model()
    await consumer.poll(max_records=1, wait_s=0)
    for step in history:
        match step:
            case Publish(partitions):
                values, offsets = model.publish(partitions)
                positions = await bus.publish(
                    [Message(topic.name, "k", value, partition=p) for p, value in zip(partitions, values, strict=True)]
                )
                assert [position.offset for position in positions] == offsets
            case Poll(max_records):
                await poll(consumer, model, max_records)
            case Seek(partition, share):
                model.offsets[partition] = round(share * len(model.log[partition]))
                consumer.seek(partition, model.offsets[partition])
            case Pause(partition):
                model.offsets.pop(partition, None)
                consumer.pause(partition)
    while model.waiting():
        await poll(consumer, model, 100)
    await consumer.close()


async def poll(consumer: Consumer, model: Model, max_records: int) -> None:
    waiting = model.waiting()
    polled = await consumer.poll(max_records=max_records, wait_s=5 if waiting else 0)
    assert min(waiting, 1) <= sum(map(len, polled.records.values())) <= min(waiting, max_records)
    for partition, records in polled.records.items():
        start = model.offsets[partition]
        assert [record.value for record in records] == model.log[partition][start : start + len(records)]
        assert [record.offset for record in records] == list(range(start, start + len(records)))
        model.offsets[partition] = start + len(records)


@pytest.mark.parametrize("adapter", EACH)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(steps, max_size=25))
def test_any_history_reads_as_a_list_would(adapter: str, tmp_path: Path, history: list[Publish | Poll | Seek | Pause]) -> None:
    async def main() -> None:
        server = ADAPTERS[adapter](tmp_path)
        try:
            HISTORIES[0] += 1
            await play(await server.connect(), Topic(f"history.{HISTORIES[0]}.{RUN}.v1", PARTITIONS, 60_000), history)
        finally:
            await server.close()

    asyncio.run(main())


HISTORIES = [0]
"""Each history has a topic of its own."""
