"""Codes, what was published of them, and processes that count: all in memory."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ports import Inline
from unit.qr.codes import OTHERS, OURS, Desk

from quietzone_kit.bus import Bounds, Record, partition_of
from quietzone_kit.documents import Collection, Documents, DocumentsUnavailable, open_documents
from quietzone_kit.outbox import OUTBOX_FIELDS, Outgoing, waiting
from quietzone_kit.runtime import SystemRandomness
from quietzone_qr.codes.domain import AccountId, Code, CodeId
from quietzone_qr.codes.repository import CODES, COLLECTIONS, code_of
from quietzone_qr.counters.domain import Totals
from quietzone_qr.counters.projection import CounterProjection
from quietzone_qr.counters.repository import COLLECTIONS as COUNTER_COLLECTIONS
from quietzone_qr.counters.repository import CounterStore
from quietzone_qr.counters.use_cases import Totalled
from quietzone_topics import QR_CODE_V1

PARTITIONS = range(QR_CODE_V1.partitions)
ACCOUNTS = (OURS, OTHERS)


class Crash(Exception):
    """The process ends here."""


class Brittle:
    """A store whose bulks end the process, before or after the n-th of them; 0: never."""

    def __init__(self, documents: Documents, crash_at: int = 0, *, written: bool = False) -> None:
        self._documents = documents
        self._left = crash_at
        self._written = written

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._documents, name)
        if name != "bulk":
            return method

        async def write(collection: Collection, puts: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._written:
                raise Crash
            done = await method(collection, puts)
            if self._left == 0:
                raise Crash
            return done

        return write


class Rooms:
    """A clock that stands still unless somebody waits for counts."""

    seconds = 0.0

    def now_ms(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.seconds


class World:
    """An account's desk, the log, and processes that come and go."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.desk = Desk(documents)
        self.clock = Rooms()
        self.log_id = "log-1"
        self.log: dict[int, list[Record]] = defaultdict(list)
        self.codes: list[CodeId] = []

    async def create(self, *, account_id: AccountId = OURS, **wanted: Any) -> Code:
        code = await self.desk.create(account_id=account_id, **wanted)
        self.codes.append(code.code_id)
        return code

    async def publish(self) -> None:
        """Take all events out of codes, into the log, as a relay does."""
        for code_id in self.codes:
            stored = await self.documents.get(CODES, code_id)
            assert stored is not None
            for outgoing in waiting(stored.body):
                self.append(outgoing)
            await self.documents.replace(
                CODES, {name: value for name, value in stored.body.items() if name not in OUTBOX_FIELDS}, if_version=stored.version
            )

    def append(self, outgoing: Outgoing) -> None:
        """Put one event at the end of its partition."""
        message = outgoing.event.to_message(outgoing.topic)
        partition = partition_of(message.key, QR_CODE_V1.partitions)
        records = self.log[partition]
        records.append(Record(message.topic, partition, len(records), 0, message.key, message.value, message.headers))

    def new_log(self) -> None:
        """Lose the log, as a bus does that was set up anew."""
        self.log.clear()
        self.log_id += "'"

    def process(self, store: Any = None) -> CounterProjection:
        """A process that just started."""
        return CounterProjection(CounterStore(store or self.documents), self.clock, owner="process")

    async def claimed(self, projection: CounterProjection, partition: int) -> int:
        """Where a process goes on in a partition, when it has counted anew what there is to count."""
        while True:
            try:
                return await projection.claim(partition, Bounds(self.log_id, 0, len(self.log[partition])))
            except DocumentsUnavailable:
                continue

    async def count(self, projection: CounterProjection | None = None, *, chunk: int = 1000, again: int = 0) -> None:
        """Count the log to its end, `chunk` records at a time, and records `again` that were counted before."""
        projection = projection or self.process()
        for partition in PARTITIONS:
            at = max(0, await self.claimed(projection, partition) - again)
            records = self.log[partition]
            while at < len(records):
                some = records[at : at + chunk]
                at += len(some)
                await projection.apply(partition, some, next_offset=at)

    async def totals(self, account_id: AccountId = OURS) -> Totals | None:
        """What is told of an account's counts, by somebody who hasn't asked before."""
        return await Totalled(CounterStore(self.documents), self.clock).of_account(account_id)

    async def counted(self, account_id: AccountId = OURS) -> "Picture":
        """The same, as plain numbers."""
        totals = await self.totals(account_id)
        assert totals is not None
        return (
            {state: codes for state, codes in totals.states.items() if codes},
            {facet.value: facet.codes for facet in totals.top(totals.tags)},
            {facet.value: facet.codes for facet in totals.top(totals.folders)},
        )

    async def model(self, account_id: AccountId = OURS) -> "Picture":
        """The same by looking at every code."""
        states, tags, folders = Counter[str](), Counter[str](), Counter[str]()
        for stored in (await self.documents.get_many(CODES, self.codes)).values():
            code = code_of(stored)
            if code.account_id == account_id and code.shown is not None:
                states[code.shown.value] += 1
                tags.update(code.tags)
                folders.update([code.folder] if code.folder else [])
        return dict(states), dict(tags), dict(folders)


Picture = tuple[dict[str, int], dict[str, int], dict[str, int]]
"""Codes by state, tag and folder."""


@asynccontextmanager
async def opened_world() -> AsyncIterator[World]:
    """A world without codes."""
    documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=SystemRandomness())
    await documents.ensure(*COLLECTIONS, *COUNTER_COLLECTIONS)
    yield World(documents)
    await documents.close()
