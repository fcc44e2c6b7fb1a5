"""What the forwarder's tests stand on: a real spool and bus in a folder, ports that die on demand, and a reader that follows the rule
for batches (design §4).
"""

import itertools
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ports import Inline

from quietzone.tracking.v1 import scan_pb2
from quietzone_kit.bus import Bus, Record, open_bus
from quietzone_kit.events import event_of
from quietzone_kit.files import FileLock, Files, posix_files
from quietzone_topics import TOPICS, TRACKING_SCAN_V1, TRACKING_SOURCE_V1
from quietzone_tracking.forwarder import Forwarder
from quietzone_tracking.forwarder.enrich import Agents, Enricher, NoCountries
from quietzone_tracking.spool import SpooledScan
from quietzone_tracking.spool.frames import encode_frame, segment_seed
from quietzone_tracking.spool.layout import Numbers, lock_path, segment_path, write_numbers

AGENTS = Agents()
"""Made once: it takes a quarter of a second."""

NUMBERS = itertools.count()

NOW_MS = 1_772_445_600_000


class HandClock:
    """A clock that goes on by a tenth of a second whenever somebody looks at the seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now_ms(self) -> int:
        return NOW_MS + int(self.seconds * 1000)

    def monotonic(self) -> float:
        self.seconds += 0.1
        return self.seconds


class Chance:
    """The same tokens each time, and no waits."""

    def __init__(self) -> None:
        self._drawn = 0

    def token(self, size: int) -> bytes:
        self._drawn += 1
        return self._drawn.to_bytes(size, "big")

    def choice(self, symbols: str) -> str:
        return symbols[0]

    def uniform(self, low: float, high: float) -> float:  # noqa: ARG002
        return 0.0


class Killed(BaseException):
    """The process is gone: every port raises this from now on."""


@dataclass
class Fuse:
    """Burns down by one before and after each effect; at 0 the process dies there. `locks` end with it."""

    steps: int = 1_000_000
    locks: list[FileLock] = field(default_factory=list)

    def burn(self) -> None:
        self.steps -= 1
        if self.steps <= 0:
            while self.locks:
                self.locks.pop().release()
            raise Killed


EFFECTS = {"create", "replace", "truncate", "move", "delete", "delete_folder", "publish"}


class Mortal:
    """A port of a process that can die before and after each effect."""

    def __init__(self, port: Any, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name == "publish":
            return self._publish
        return self._mortal(method) if name in EFFECTS else self._held if name == "lock" else self._living(method)

    def _mortal(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self._fuse.burn()
            result = method(*args)
            self._fuse.burn()
            return result

        return call

    def _living(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if self._fuse.steps <= 0:
                raise Killed
            return method(*args)

        return call

    def _held(self, path: str) -> FileLock | None:
        lock = self._living(self._port.lock)(path)
        if lock is None:
            return None
        self._fuse.locks.append(lock)
        return _Held(lock, self._fuse.locks)

    async def _publish(self, messages: Sequence[Any]) -> Any:
        self._fuse.burn()
        half = len(messages) // 2
        await self._port.publish(messages[:half])
        self._fuse.burn()
        result = await self._port.publish(messages[half:])
        self._fuse.burn()
        return result


class _Held:
    def __init__(self, lock: FileLock, locks: list[FileLock]) -> None:
        self._lock = lock
        self._locks = locks

    def release(self) -> None:
        if self._lock in self._locks:
            self._locks.remove(self._lock)
            self._lock.release()


class Edge:
    """Writes a source's spool; its lock is held until `end`."""

    def __init__(self, files: Files, source_id: str, *, segment_scans: int = 1_000_000) -> None:
        self.source_id = source_id
        self.files = files
        self.last_seq = 0
        self.accepted: dict[int, str] = {}
        self._segment_scans = segment_scans
        self._segment = self._offset = 0
        self._lock = files.lock(lock_path(source_id))
        assert self._lock is not None

    def accept(self, *frames: Sequence[SpooledScan], skipped: int = 0) -> None:
        for scans in frames:
            first_seq = self.last_seq + skipped + 1
            if self._offset == 0 or first_seq - self._segment >= self._segment_scans:
                self._segment, self._offset = first_seq, 0
                self._file = self.files.create(segment_path(self.source_id, first_seq))
            data = encode_frame(segment_seed(self.source_id, self._segment), self._offset, scans, first_seq=first_seq, skipped=skipped)
            self._file.write(data)
            self._offset += len(data)
            self.accepted |= {seq: scan.code_id for seq, scan in enumerate(scans, first_seq)}
            self.last_seq = first_seq + len(scans) - 1

    def end(self, *, killed: bool = False, unrecorded: int = 0) -> None:
        if not killed:
            write_numbers(self.files, self.source_id, Numbers(len(self.accepted), unrecorded, self.last_seq, NOW_MS, closed=True))
        assert self._lock is not None
        self._lock.release()


@dataclass
class World:
    """A spool below `root`, and a bus."""

    root: Path
    files: Files
    bus: Bus
    keeper: sqlite3.Connection
    """Keeps the bus's database, which is in memory, while its own connections come and go."""
    clock: HandClock = field(default_factory=HandClock)

    @classmethod
    async def make(cls, root: Path) -> "World":
        files = posix_files(root)
        memory = f"file:/{next(NUMBERS)}?vfs=memdb"

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(memory, uri=True, isolation_level=None, check_same_thread=False)

        bus = open_bus("sqlite:///memory", clock=HandClock(), executor=Inline(), randomness=Chance(), connect=connect)
        world = cls(root, files, bus, connect())
        await bus.ensure(TOPICS)
        return world

    def forwarder(self, fuse: Fuse | None = None, *, bus: Any = None, files: Any = None) -> Forwarder:
        files, bus = files or self.files, bus or self.bus
        return Forwarder(
            Mortal(files, fuse) if fuse else files,
            Mortal(bus, fuse) if fuse else bus,
            Enricher(AGENTS, NoCountries()),
            clock=self.clock,
            randomness=Chance(),
            executor=Inline(),
        )

    async def forward(self, fuse: Fuse | None = None, *, bus: Any = None, files: Any = None) -> None:
        """Run a forwarder until the spool has nothing more."""
        forwarder = self.forwarder(fuse, bus=bus, files=files)
        forwarder.stop()
        forwarder._stop_by = float("inf")
        await forwarder.run()

    async def records(self, topic: str) -> list[Record]:
        consumer = await self.bus.follow(topic)
        polled = await consumer.poll(max_records=1, wait_s=0)
        for partition in polled.assigned:
            consumer.seek(partition, 0)
        found: list[Record] = []
        while polled := await consumer.poll(max_records=10_000, wait_s=0):
            records = [record for some in polled.records.values() for record in some]
            if not records:
                break
            found += records
        await consumer.close()
        return found

    async def counted(self) -> "Counted":
        counted = Counted()
        for record in await self.records(TRACKING_SCAN_V1.name):
            counted.apply(record)
        return counted

    async def last_reports(self) -> dict[str, scan_pb2.SourceReport]:
        reports = {}
        for record in await self.records(TRACKING_SOURCE_V1.name):
            report = scan_pb2.SourceReport.FromString(record.value)
            reports[report.source_id] = report
        return reports

    def names(self) -> list[str]:
        """All files and folders below the root."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*"))

    async def close(self) -> None:
        await self.bus.close()
        self.keeper.close()


class Counted:
    """A reader that follows the rule: apply a batch only if `prev_seq` isn't above the source's last number, scan by scan."""

    def __init__(self) -> None:
        self.scans: dict[str, list[tuple[int, str]]] = {}
        self.times_ms: list[int] = []
        self.traits: list[scan_pb2.Traits] = []
        self.lost: set[tuple[int, int, int]] = set()
        self.reasons: set[str] = set()
        self.closed: dict[str, set[int]] = {}
        self.passed_over = 0
        self.unchained = 0
        """Records whose `prev_seq` is below the source's last number: right only after a failure."""
        self.event_ids: list[str] = []
        self._last: dict[tuple[str, int], int] = {}

    def apply(self, record: Record) -> None:
        event = event_of(record)
        self.event_ids.append(event.id)
        match event.type:
            case "quietzone.tracking.scans":
                self._scans(record.partition, scan_pb2.ScanBatch.FromString(record.value))
            case "quietzone.tracking.scans_lost":
                lost = scan_pb2.ScansLost.FromString(record.value)
                if self._follows(lost.source_id, record.partition, lost.prev_seq):
                    self.lost.add((record.partition, lost.from_seq, lost.to_seq))
                    self.reasons.add(lost.reason)
                    self._raise_to(lost.source_id, record.partition, lost.to_seq)
            case "quietzone.tracking.source_closed":
                closed = scan_pb2.SourceClosed.FromString(record.value)
                if self._follows(closed.source_id, record.partition, closed.prev_seq):
                    self.closed.setdefault(closed.source_id, set()).add(record.partition)
            case other:
                raise AssertionError(other)

    def _scans(self, partition: int, batch: scan_pb2.ScanBatch) -> None:
        assert (batch.first_seq, batch.last_seq) == (batch.scans[0].seq, batch.scans[-1].seq)
        if not self._follows(batch.source_id, partition, batch.prev_seq):
            return
        for scan in batch.scans:
            if scan.seq > self._last.get((batch.source_id, partition), 0):
                self.scans.setdefault(batch.source_id, []).append((scan.seq, batch.codes[scan.code].code_id))
                self.times_ms.append(batch.base_time_ms + scan.time_offset_ms)
                self.traits.append(batch.traits[scan.traits])
                self._raise_to(batch.source_id, partition, scan.seq)

    def _follows(self, source_id: str, partition: int, prev_seq: int) -> bool:
        last = self._last.get((source_id, partition), 0)
        follows = prev_seq <= last
        self.passed_over += not follows
        self.unchained += prev_seq < last
        return follows

    def _raise_to(self, source_id: str, partition: int, seq: int) -> None:
        self._last[source_id, partition] = max(seq, self._last.get((source_id, partition), 0))


def source_id(number: int) -> str:
    """A UUIDv7."""
    return f"019a0b2f-0000-7000-8000-{number:012x}"


def scan(code: int = 1, *, user_agent: bytes = b"curl/8.5.0", time_ms: int = NOW_MS) -> SpooledScan:
    """A scan of the code with this number."""
    return SpooledScan(f"code-{code}", "main", time_ms, 7, b"\xcb\x00\x71", user_agent, b"", b"de")
