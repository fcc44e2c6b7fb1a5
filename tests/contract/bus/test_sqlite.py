"""What is SQLite's own: faults of the file, clocks that jump, group commit."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from contract.bus.conftest import EMPTY, SCANS, Member, StoppableClock, from_start, message, read_all, settle, texts

from quietzone_kit.bus import Bus, BusError, BusUnavailable, Message, Position, TopicMismatch, UnknownTopic, open_bus
from quietzone_kit.bus._sqlite import groups, lane, open_file
from quietzone_kit.bus._sqlite.log import OFFSET_BITS, TRIM_RECORDS
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor

OpenBus = Callable[..., Awaitable[Bus]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bus.db"


@pytest.fixture
def clock() -> StoppableClock:
    return StoppableClock()


@pytest.fixture
async def open_at(file: Path, clock: StoppableClock) -> AsyncIterator[OpenBus]:
    """Opens the bus in `file`; `tune` changes each of its connections."""
    executor = ThreadExecutor("bus", threads=2)
    opened: list[Bus] = []

    async def open_it(tune: str = "", *, ensure: bool = True) -> Bus:
        def connect() -> sqlite3.Connection:
            connection = open_file(str(file))
            connection.executescript(tune)
            return connection

        bus = open_bus(f"sqlite:///{file}", clock=clock, executor=executor, randomness=SystemRandomness(), connect=connect)
        opened.append(bus)
        if ensure:
            await bus.ensure([SCANS])
        return bus

    yield open_it
    for bus in opened:
        await bus.close()
    executor.close()


async def test_a_file_that_another_process_keeps_locked_is_unavailable(file: Path, open_at: OpenBus) -> None:
    bus = await open_at("PRAGMA busy_timeout = 20")
    locker = sqlite3.connect(file, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")

    with pytest.raises(BusUnavailable, match="fuser"):
        await bus.publish([message("a")])
    locker.close()


async def test_a_locked_file_can_be_read(file: Path, open_at: OpenBus) -> None:
    bus = await open_at()
    await bus.publish([message("a", partition=0)])
    locker = sqlite3.connect(file, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")

    found = await read_all(await from_start(await bus.follow(SCANS.name)), 1)

    assert len(found) == 1
    locker.close()


async def test_after_a_lock_ends_publishing_goes_on(file: Path, open_at: OpenBus) -> None:
    bus = await open_at("PRAGMA busy_timeout = 20")
    locker = sqlite3.connect(file, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusUnavailable):
        await bus.publish([message("a", partition=0)])
    locker.close()

    [position] = await bus.publish([message("a", partition=0)])

    assert position.offset == 0


async def test_who_gave_up_before_its_turn_publishes_nothing(file: Path, open_at: OpenBus) -> None:
    bus = await open_at()
    locker = sqlite3.connect(file, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    async with asyncio.TaskGroup() as group:
        group.create_task(bus.publish([message("first", partition=0)]))
        await asyncio.sleep(0.05)  # it waits for the lock
        second = group.create_task(bus.publish([message("second", partition=0)]))
        await asyncio.sleep(0)
        second.cancel()
        locker.close()
    await bus.publish([message("third", partition=0)])

    found = await read_all(await from_start(await bus.follow(SCANS.name)), 2)

    assert texts(found, 0) == ["first", "third"]


async def test_an_error_within_a_transaction_leaves_none_open(file: Path, open_at: OpenBus) -> None:
    bus = await open_at()
    [(partition,)] = sqlite3.connect(file).execute("SELECT id FROM partitions WHERE number = 0")
    vandal = sqlite3.connect(file, isolation_level=None)
    vandal.execute("INSERT INTO records VALUES (?, 0, '', x'90', x'')", (partition << OFFSET_BITS,))
    with pytest.raises(BusError, match="UNIQUE"):
        await bus.publish([message("a", partition=0)])

    vandal.execute("DELETE FROM records")
    vandal.close()

    [position] = await bus.publish([message("a", partition=0)])
    assert position.offset == 0


async def test_a_key_that_is_no_text_harms_no_other_publisher(open_at: OpenBus) -> None:
    bus = await open_at()

    bad, good = await asyncio.gather(
        bus.publish([Message(SCANS.name, "\ud800", b"")]), bus.publish([message("a", partition=0)]), return_exceptions=True
    )

    assert (type(bad), type(good)) == (UnicodeEncodeError, list)


async def test_topics_that_are_ensured_together_are_made_together(open_at: OpenBus) -> None:
    bus = await open_at()
    with pytest.raises(TopicMismatch):
        await bus.ensure([EMPTY, replace(SCANS, partitions=8)])

    with pytest.raises(UnknownTopic):
        await bus.partitions(EMPTY.name)


async def test_a_file_that_has_no_commits_yet_gets_them(file: Path, open_at: OpenBus) -> None:
    await (await (await open_at()).join(SCANS.name, "notification")).close()
    vandal = sqlite3.connect(file, isolation_level=None)
    vandal.execute("DROP TABLE commits")
    vandal.close()

    member = await (await open_at()).join(SCANS.name, "notification")

    assert await member.committed(0) is None


def test_each_commit_is_flushed_to_the_disk(file: Path) -> None:
    connection = open_file(str(file))

    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    connection.close()


async def test_a_full_disk_is_unavailable(open_at: OpenBus) -> None:
    await open_at()
    bus = await open_at("PRAGMA max_page_count = 20", ensure=False)

    with pytest.raises(BusUnavailable, match="free some space"):
        await fill(bus, [])


async def test_what_a_full_disk_refused_is_not_there(open_at: OpenBus) -> None:
    await open_at()
    bus = await open_at("PRAGMA max_page_count = 20", ensure=False)
    acknowledged: list[Position] = []
    with pytest.raises(BusUnavailable):
        await fill(bus, acknowledged)

    assert (await bus.bounds(SCANS.name, 0)).next == len(acknowledged)


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path, clock: StoppableClock) -> None:
    executor = ThreadExecutor("bus")
    bus = open_bus(f"sqlite:///{tmp_path}/none/bus.db", clock=clock, executor=executor, randomness=SystemRandomness())

    with pytest.raises(BusUnavailable, match="folder"):
        await bus.ensure([SCANS])
    executor.close()


async def test_a_file_that_is_no_database_is_said(file: Path, open_at: OpenBus) -> None:
    await asyncio.to_thread(file.write_bytes, b"not a database" * 1_000)

    with pytest.raises(BusError, match="damaged") as error:
        await open_at()
    assert not isinstance(error.value, BusUnavailable), "trying again doesn't help"


async def test_a_file_of_a_later_release_is_refused(file: Path, open_at: OpenBus) -> None:
    await open_at()
    sqlite3.connect(file).execute("PRAGMA user_version = 2").connection.close()

    with pytest.raises(BusError, match="run the release that made it"):
        await open_at()


async def test_publishers_that_wait_share_a_commit(file: Path, open_at: OpenBus) -> None:
    bus = await open_at()
    counter = sqlite3.connect(file)
    seen: set[int] = set()

    async def publish() -> None:
        await bus.publish([message("a", partition=0)])
        seen.add(counter.execute("PRAGMA data_version").fetchone()[0])  # grows with each commit of others

    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(publish())
    counter.close()

    assert len(seen) <= 3, "the first goes alone, what came meanwhile goes together"


async def test_times_never_go_back_with_the_clock(open_at: OpenBus, clock: StoppableClock) -> None:
    bus = await open_at()
    await bus.publish([message("a", partition=0)])
    clock.off_ms = -3_600_000
    await bus.publish([message("b", partition=0)])

    [first, second] = (await read_all(await from_start(await bus.follow(SCANS.name)), 2))[0]

    assert first.time_ms <= second.time_ms


async def test_times_go_back_after_a_clock_that_was_far_off(open_at: OpenBus, clock: StoppableClock) -> None:
    bus = await open_at()
    clock.off_ms = 40 * 86_400_000
    await bus.publish([message("a", partition=0)])
    clock.off_ms = 0
    await bus.publish([message("b", partition=0)])

    [first, second] = (await read_all(await from_start(await bus.follow(SCANS.name)), 2))[0]

    assert first.time_ms - second.time_ms > 39 * 86_400_000


async def test_a_lease_of_a_clock_that_was_set_back_blocks_nobody(open_at: OpenBus, clock: StoppableClock) -> None:
    first, second = await open_at(), await open_at()
    gone, live = Member(await first.join(SCANS.name, "g")), Member(await second.join(SCANS.name, "g"))
    await settle(gone, live, shares=[2, 2])
    clock.off_ms = -3_600_000

    async with asyncio.timeout(5):
        while live.holds != {0, 1, 2, 3}:
            await live.poll(wait_s=0.5)


async def test_who_leaves_is_noticed_before_the_next_renewal(open_at: OpenBus, clock: StoppableClock) -> None:
    first, second = await open_at(), await open_at()
    leaver, stayer = Member(await first.join(SCANS.name, "g")), Member(await second.join(SCANS.name, "g"))
    await settle(leaver, stayer, shares=[2, 2])
    clock.stop()

    await leaver.consumer.close()

    async with asyncio.timeout(5):
        await stayer.poll(wait_s=1)
    assert stayer.holds == {0, 1, 2, 3}


async def test_who_joins_is_noticed_before_the_next_renewal(open_at: OpenBus, clock: StoppableClock) -> None:
    first, second = await open_at(), await open_at()
    member = Member(await first.join(SCANS.name, "g"))
    await settle(member, shares=[4])
    clock.stop()

    newcomer = await second.join(SCANS.name, "g")
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(newcomer.poll(max_records=1, wait_s=1))
        await member.poll(wait_s=1)
        await member.poll(wait_s=0)

    assert len(member.holds) == 2


def leases_end_ms(file: Path) -> int:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        end_ms: int = connection.execute("SELECT max(until_ms) FROM members").fetchone()[0]
        return end_ms


async def test_a_lease_is_renewed_while_its_member_waits(
    file: Path, open_at: OpenBus, clock: StoppableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "RENEWAL_S", 0.01)
    first, second = await open_at(), await open_at()
    waiter, newcomer = Member(await first.join(SCANS.name, "g")), Member(await second.join(SCANS.name, "g"))
    await settle(waiter, shares=[4])

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        waiting = group.create_task(waiter.poll(wait_s=3_600))
        for _ in range(4):
            clock.moved_s += groups.LEASE_MS / 2_000
            while leases_end_ms(file) < clock.now_ms() + groups.LEASE_MS / 2:
                await asyncio.sleep(0.005)
        await newcomer.poll()
        waiting.cancel()

    assert newcomer.holds == set(), "a lease that had ended would have given it two at once"


async def test_retention_goes_in_bounded_steps(open_at: OpenBus, clock: StoppableClock) -> None:
    bus = await open_at()
    await bus.publish([message("a", partition=number % 4) for number in range(2 * TRIM_RECORDS + 1)])
    clock.moved_s += 61

    assert [await bus.trim() for _ in range(4)] == [True, True, False, False]


async def test_too_many_that_wait_are_refused(open_at: OpenBus, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = await open_at()
    monkeypatch.setattr(lane, "MAX_WAITING", 10)

    results = await asyncio.gather(*[bus.publish([message("a")]) for _ in range(30)], return_exceptions=True)

    assert {type(result) for result in results} == {list, BusUnavailable}


async def fill(bus: Bus, acknowledged: list[Position]) -> None:
    """Publish until it fails."""
    while True:
        acknowledged += await bus.publish([message("a" * 10_000, partition=0)])
