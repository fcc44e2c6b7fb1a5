"""Reading partitions of one topic: fetches from their leaders, and what they brought until it is taken."""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any

from aiokafka.errors import KafkaError, UnsupportedCodecError
from aiokafka.record.memory_records import MemoryRecords

from quietzone_kit.bus import BusError, BusUnavailable, Record
from quietzone_kit.bus._kafka import codes, metrics, wire
from quietzone_kit.bus._kafka.cluster import ANSWER_WITHIN_S, RETRY_S, Cluster

PARTITION_BYTES = 1_000_000
"""Of one partition in one fetch; a larger batch comes whole."""

FETCH_BYTES = 8_000_000
"""Of one fetch: what a consumer holds of each broker's partitions before it is taken."""

LONG_POLL_S = 0.5
"""How long a broker waits for records: a partition that is sought meanwhile waits as long at most."""

LOG_APPEND_TIME = 1
ASKING = -1
"""Stands for no broker: the task that finds out which brokers to ask."""


class _Chunk:
    """What one fetch brought of a partition; decoded as it is taken.

    `next` is the offset after what was taken, `ended` says that there is no more, `error` why, if that is the reason.
    """

    def __init__(self, topic: str, partition: int, offset: int, data: bytes) -> None:
        self._topic = topic
        self._partition = partition
        self._records = self._decode(data)
        self._ahead: Record | None = None
        self.next = offset
        self.ended = False
        self.error: BusError | None = None
        self._look_ahead()

    def take(self, count: int) -> list[Record]:
        """Up to `count` records."""
        taken: list[Record] = []
        while self._ahead is not None and len(taken) < count:
            taken.append(self._ahead)
            self._look_ahead()
        return taken

    def _look_ahead(self) -> None:
        """So that the end is known before it is asked for, and the next fetch can begin."""
        self._ahead = None
        try:
            self._ahead = next(self._records, None)
        except UnsupportedCodecError as error:
            self.error = BusError(
                f"partition {self._partition} of {self._topic}: {error}: set the topic's compression.type to 'uncompressed'"
            )
        except (KafkaError, ValueError) as error:
            self.error = BusUnavailable(f"partition {self._partition} of {self._topic} after offset {self.next}: damaged ({error})")
        self.ended = self._ahead is None

    def _decode(self, data: bytes) -> Iterator[Record]:
        batches = MemoryRecords(data)
        while batches.has_next():
            batch = batches.next_batch()
            if not batch.validate_crc():
                raise ValueError(f"the checksum at {batch.base_offset} differs")
            appended_ms = batch.max_timestamp if batch.timestamp_type == LOG_APPEND_TIME else None
            for record in () if batch.is_control_batch else batch:
                if record.offset < self.next:
                    continue  # batches come whole, also when they are read from their middle
                time_ms = record.timestamp if appended_ms is None else appended_ms
                # What others wrote may have no key, no value, or a key that is no text; that is for the reader's decoder to refuse.
                key = (record.key or b"").decode(errors="replace")
                headers = tuple((name, value or b"") for name, value in record.headers)
                yield Record(self._topic, self._partition, record.offset, time_ms, key, record.value or b"", headers)
                self.next = record.offset + 1
            self.next = max(self.next, batch.next_offset)  # the last offsets of a batch may have no record


class Reader:
    """Reads partitions from the offsets on that it is told.

    `lane` names connections of its own, so that fetches that wait keep nobody else's requests. `gone` are partitions that have no record
    at their offset; they are read no more.
    """

    def __init__(self, cluster: Cluster, topic: str, log_id: str, *, lane: str) -> None:
        self._cluster = cluster
        self._topic = topic
        self._log_id = log_id
        self._lane = lane
        self._offsets: dict[int, int] = {}
        self._chunks: dict[int, _Chunk] = {}
        self.gone: list[int] = []
        self._errors: list[BaseException] = []
        self._fetches: dict[int, asyncio.Task[None]] = {}
        self._turn = 0

    def seek(self, partition: int, offset: int) -> None:
        """Read a partition from `offset` on."""
        self.stop(partition)
        self._offsets[partition] = offset

    def stop(self, partition: int) -> None:
        """Read a partition no more."""
        self._chunks.pop(partition, None)
        self._offsets.pop(partition, None)
        if partition in self.gone:
            self.gone.remove(partition)

    @property
    def idle(self) -> bool:
        """Nothing is to be read."""
        return not self._offsets and not self._fetches

    def take(self, max_records: int) -> dict[int, Sequence[Record]]:
        """What is here, shared evenly; another partition comes first each time, so that a full one can't keep the others waiting."""
        order = sorted(self._chunks)
        start = self._turn % len(order) if order else 0
        self._turn += 1
        full = [*order[start:], *order[:start]]
        found: dict[int, list[Record]] = {}
        left = max_records
        while full and left > 0:
            share = max(1, left // len(full))
            for partition in full[:left]:
                taken = self._chunks[partition].take(share)
                found.setdefault(partition, []).extend(taken)
                left -= len(taken)
                if self._chunks[partition].ended:
                    self._end(partition)
            full = [partition for partition in full if partition in self._chunks]
        if found:
            self._prefetch()
        return {partition: records for partition, records in sorted(found.items()) if records}

    async def fetch(self, wait_s: float, interrupt: asyncio.Future[None]) -> bool:
        """Ask for what isn't here yet, and wait up to `wait_s` for it to come; whether all of it was asked for.

        Raises:
            BusError: it can't be had.
        """
        complete = await self._ask(wait_s)
        while self._fetches and not self._chunks and not interrupt.done():
            await asyncio.wait([interrupt, *self._fetches.values()], return_when=asyncio.FIRST_COMPLETED)
        if self._errors and not self._chunks:
            error = self._errors[0]
            self._errors.clear()
            raise error
        return complete

    async def close(self) -> None:
        """Drop what is on its way."""
        fetches = list(self._fetches.values())
        for fetch in fetches:
            fetch.cancel()
        if fetches:
            await asyncio.wait(fetches)
        self._cluster.hang_up(self._lane)

    def _end(self, partition: int) -> None:
        chunk = self._chunks.pop(partition)
        self._offsets[partition] = chunk.next
        if chunk.error is not None:
            self._errors.append(chunk.error)

    def _prefetch(self) -> None:
        """What comes next travels while the consumer is at work."""
        if ASKING not in self._fetches:
            self._begin(ASKING, self._ask(0.0))

    async def _ask(self, wait_s: float) -> bool:
        """Start fetches; whether each partition that has nothing here is in one, or was found to have no leader."""
        offsets: dict[int, dict[int, int]] = {}
        if (await self._cluster.topic(self._topic)).id != self._log_id:
            self.gone += sorted(self._offsets)  # its offsets mean other records now
            self._offsets.clear()
            self._chunks.clear()
        for partition in sorted(self._offsets, key=lambda partition: (partition + self._turn) % (max(self._offsets) + 1)):
            try:
                node = await self._cluster.leader(self._topic, partition)
            except BusUnavailable as error:
                self._errors.append(error)
            else:
                if partition in self._offsets and partition not in self._chunks:
                    offsets.setdefault(node, {})[partition] = self._offsets[partition]
        for node in offsets.keys() - self._fetches.keys():
            self._begin(node, self._fetch(node, offsets.pop(node), wait_s))
        return not offsets

    def _begin(self, node: int, work: Coroutine[Any, Any, Any]) -> None:
        # Not the caller's task: a poll that is cancelled leaves what was asked for to the next one.
        task = asyncio.create_task(work, name=f"read {self._topic} at broker {node}")  # noqa: TID251 - ends by itself; `close` waits for it
        self._fetches[node] = task
        task.add_done_callback(lambda task: self._ended(node, task))

    def _ended(self, node: int, task: asyncio.Task[Any]) -> None:
        del self._fetches[node]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._errors.append(error)

    async def _fetch(self, node: int, offsets: Mapping[int, int], wait_s: float) -> None:
        request = wire.ask_records(self._topic, offsets, wait_ms=int(wait_s * 1000), partition_bytes=PARTITION_BYTES, max_bytes=FETCH_BYTES)
        try:
            response = await self._cluster.ask(request, node=node, lane=self._lane, within_s=wait_s + ANSWER_WITHIN_S)
        except BusUnavailable:
            metrics.ERRORS.labels("unreachable").inc()
            raise
        moved = False
        for partition, fetched in wire.read_records(response).items():
            if self._offsets.get(partition) == offsets[partition] and partition not in self._chunks:  # not sought elsewhere meanwhile
                self._take_up(partition, fetched)
            moved = moved or fetched.code in codes.TRANSIENT
        if moved:
            metrics.ERRORS.labels("moved").inc()
            self._cluster.forget(self._topic)
            await asyncio.sleep(RETRY_S)

    def _take_up(self, partition: int, fetched: wire.Fetched) -> None:
        if fetched.code == codes.OFFSET_OUT_OF_RANGE:
            del self._offsets[partition]
            self.gone.append(partition)
        elif fetched.data:
            chunk = _Chunk(self._topic, partition, self._offsets[partition], fetched.data)
            self._chunks[partition] = chunk
            if chunk.ended:
                self._end(partition)
        elif fetched.code and fetched.code not in codes.TRANSIENT:
            metrics.ERRORS.labels("refused").inc()
            self._errors.append(self._cluster.refused(f"partition {partition} of {self._topic}", fetched.code))
