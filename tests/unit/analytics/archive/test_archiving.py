"""Whatever happens to the archive's processes, each record is in one file, and files of one name are equal."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ports import Hands
from unit.analytics.archive.places import LineTables, MemoryBlobs
from unit.analytics.memory import BrittleDocuments
from unit.analytics.rivals import Rival
from unit.analytics.scans import batch, record, seen

from quietzone_analytics.archive import COLLECTIONS, ArchiveProjection, ArchiveStates, Due, Shelf
from quietzone_analytics.archive import use_cases as archiving
from quietzone_analytics.archive.domain import File, in_order
from quietzone_analytics.partitions import adopt
from quietzone_analytics.tables import Draft, TableError
from quietzone_kit.bus import Bounds, Record
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.projection import ForeignLog, OwnershipLost
from quietzone_topics import TRACKING_SCAN_V1

LOG = "log-1"
ALL = 10**9


class Installation:
    """A store, a place of files, and archives that come and go."""

    def __init__(self, due: Due) -> None:
        self.store = BrittleDocuments()
        self.blobs = MemoryBlobs()
        self.clock = Hands(since_ms=1_000_000)
        self.due = due
        self._processes = 0

    async def process(self, *, room: int = ALL) -> ArchiveProjection:
        """An archive that just started."""
        await self.store.ensure(*COLLECTIONS)
        self._processes += 1
        tables = LineTables(room)
        return ArchiveProjection(self.store, self.blobs, tables, self.clock, owner=f"process-{self._processes}", due=self.due)

    async def archive(self, records: Sequence[Record]) -> None:
        """Archive records with a process that starts, and goes on where the last one ended."""
        projection = await self.process()
        start = await projection.claim(0, bounds(records))
        fresh = [one for one in records if one.offset >= start]
        if fresh:
            await projection.apply(0, fresh, next_offset=records[-1].offset + 1)

    async def files(self) -> list[File]:
        return await Shelf(self.blobs, LineTables()).files(LOG, 0)

    def offsets(self) -> list[int]:
        """Of all rows, in the order of files."""
        lines = b"".join(data for _, data in sorted(self.blobs.held.items())).splitlines()
        return [msgspec.json.decode(line)["offset"] for line in lines]


def bounds(records: Sequence[Record], *, first: int = 0, log_id: str = LOG) -> Bounds:
    return Bounds(log_id, first, records[-1].offset + 1)


def records(amount: int, *, first: int = 0) -> list[Record]:
    return [record(batch(seen([offset + 1]), prev_seq=offset), offset) for offset in range(first, first + amount)]


@pytest.fixture
def house() -> Installation:
    return Installation(Due(3, ALL, 60, ALL))


async def test_a_file_ends_with_so_many_records_and_is_named_by_them(house: Installation) -> None:
    await house.archive(records(7))

    assert sorted(house.blobs.held) == [
        "scans/log=log-1/partition=00/00000000000000000000-00000000000000000002.parquet",
        "scans/log=log-1/partition=00/00000000000000000003-00000000000000000005.parquet",
    ]


async def test_a_file_ends_with_so_many_bytes() -> None:
    house = Installation(Due(ALL, 1, 60, ALL))

    await house.archive(records(2))

    assert [(file.first, file.last) for file in await house.files()] == [(0, 0), (1, 1)]


async def test_a_file_ends_after_its_time_though_nothing_comes(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "LOOK_S", 0.01)
    projection = await house.process()
    await projection.claim(0, bounds(records(1)))
    await projection.apply(0, records(1), next_offset=1)
    house.clock.seconds = 61
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        filing = group.create_task(projection.keep_filing())
        while not house.blobs.held:
            await asyncio.sleep(0.01)
        filing.cancel()

    assert [(file.first, file.last) for file in await house.files()] == [(0, 0)]


async def test_an_upload_that_takes_too_long_is_given_up_and_made_again(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "UPLOADS_S", 0.01)
    projection = await house.process()
    await projection.claim(0, bounds(records(4)))
    with monkeypatch.context() as patch:
        patch.setattr(house.blobs, "put", lambda *_: asyncio.sleep(60))
        with pytest.raises(DocumentsUnavailable):
            await projection.apply(0, records(4), next_offset=4)

    await projection.apply(0, records(4), next_offset=4)

    assert ([(file.first, file.last) for file in await house.files()], house.offsets()) == ([(0, 2)], [0, 1, 2])


async def test_files_end_early_when_drafts_take_their_room() -> None:
    house = Installation(Due(ALL, ALL, 60, 1))

    await house.archive(records(3))

    assert [(file.first, file.last) for file in await house.files()] == [(0, 2)]


async def test_what_waits_is_read_again_by_the_next_process(house: Installation) -> None:
    await house.archive(records(2))
    await house.archive(records(3))

    assert house.offsets() == [0, 1, 2]


async def test_an_end_that_was_decided_stays_when_its_file_could_not_be_stored(house: Installation) -> None:
    house.blobs.calls_left = 1  # the list
    with pytest.raises(DocumentsUnavailable):
        await house.archive(records(3))
    house.blobs.calls_left = None
    house.due = Due(5, ALL, 60, ALL)

    await house.archive(records(9))

    assert [(file.first, file.last) for file in await house.files()] == [(0, 2), (3, 7)]


async def test_the_same_process_goes_on_after_a_failure(house: Installation) -> None:
    projection = await house.process()
    await projection.claim(0, bounds(records(7)))
    house.blobs.calls_left = 1  # written, and the answer lost
    with pytest.raises(DocumentsUnavailable):
        await projection.apply(0, records(7), next_offset=7)
    house.blobs.calls_left = None

    await projection.apply(0, records(7), next_offset=7)

    assert house.offsets() == [0, 1, 2, 3, 4, 5]


async def test_a_file_that_can_not_be_made_is_tried_again_and_ends_nothing(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> Draft:
        raise TableError("injected")

    with monkeypatch.context() as patch:
        patch.setattr(LineTables, "to_parquet", refuse)
        with pytest.raises(DocumentsUnavailable):
            await house.archive(records(3))

    await house.archive(records(3))

    assert house.offsets() == [0, 1, 2]


async def test_a_former_owner_stores_nothing_new(house: Installation) -> None:
    former, owner = await house.process(), await house.process()
    await former.claim(0, bounds(records(3)))
    await former.apply(0, records(2), next_offset=2)
    await owner.claim(0, bounds(records(3)))

    with pytest.raises(OwnershipLost):
        await former.apply(0, records(1, first=2), next_offset=3)
    assert not house.blobs.held


async def test_without_room_what_waits_is_let_go_of_and_read_again(house: Installation) -> None:
    projection = await house.process(room=10)
    await projection.claim(0, bounds(records(2)))

    with pytest.raises(OwnershipLost):
        await projection.apply(0, records(2), next_offset=2)
    with pytest.raises(OwnershipLost):  # and not with a hole
        await projection.apply(0, records(1, first=2), next_offset=3)


async def test_an_offset_that_the_log_left_out_has_a_row_that_says_so(house: Installation) -> None:
    await house.archive([*records(1), *records(1, first=2)])
    await house.archive([*records(1), *records(2, first=2)])

    kinds = [msgspec.json.decode(line)["kind"] for line in next(iter(house.blobs.held.values())).splitlines()]
    assert (house.offsets(), kinds) == ([0, 1, 2], ["scans", "absent", "scans"])


async def test_a_log_that_left_out_very_many_is_refused(house: Installation) -> None:
    with pytest.raises(ForeignLog, match="after offset 0 comes 20000"):
        await house.archive([*records(1), *records(1, first=20_000)])


async def test_an_archive_that_begins_late_begins_with_what_is_there(house: Installation) -> None:
    projection = await house.process()

    assert await projection.claim(0, bounds(records(9), first=4)) == 4


async def test_what_was_removed_before_it_was_archived_is_left_out(house: Installation) -> None:
    await house.archive(records(3))
    projection = await house.process()

    assert await projection.claim(0, bounds(records(9), first=5)) == 5


async def test_another_log_is_refused(house: Installation) -> None:
    await house.archive(records(3))
    projection = await house.process()

    with pytest.raises(ForeignLog, match="this is log log-2"):
        await projection.claim(0, bounds(records(3), log_id="log-2"))


async def test_an_adopted_log_is_archived_from_its_beginning_in_a_folder_of_its_own(house: Installation) -> None:
    await house.archive(records(4))
    await house.archive(records(5))
    projection = await house.process()
    bus = _OneLog(Bounds("log-2", 0, 3))
    await adopt(ArchiveStates(house.store), bus, TRACKING_SCAN_V1.name, house.clock)  # type: ignore[arg-type]

    assert await projection.claim(0, Bounds("log-2", 0, 3)) == 0
    await projection.apply(0, records(4), next_offset=4)
    assert "scans/log=log-2/partition=00/00000000000000000000-00000000000000000002.parquet" in house.blobs.held


async def test_an_archive_whose_store_was_lost_goes_on_behind_its_files(house: Installation) -> None:
    await house.archive(records(7))
    house.store = BrittleDocuments()
    house.due = Due(4, ALL, 60, ALL)

    await house.archive(records(11))

    assert in_order(await house.files()) == await house.files()
    assert house.offsets() == list(range(10))


class _OneLog:
    """A bus of one partition."""

    def __init__(self, held: Bounds) -> None:
        self._held = held

    async def partitions(self, _topic: str) -> int:
        return 1

    async def bounds(self, _topic: str, _partition: int) -> Bounds:
        return self._held


@given(st.data())
@settings(deadline=None)
def test_crashes_failures_and_rivals_leave_each_record_in_one_file_and_one_content_by_name(data: st.DataObject) -> None:
    async def disturbed() -> Installation:
        house = Installation(Due(data.draw(st.integers(1, 4)), ALL, ALL, ALL))
        log = records(12)
        rivals = [Rival(await house.process(), log) for _ in range(2)]
        for _ in range(data.draw(st.integers(0, 12))):
            house.store.writes_left = data.draw(st.none() | st.integers(0, 3))
            house.blobs.calls_left = data.draw(st.none() | st.integers(0, 3))
            rival = rivals[data.draw(st.integers(0, 1))]
            if data.draw(st.booleans()):
                house.due = Due(data.draw(st.integers(1, 4)), ALL, ALL, ALL)
                rival.restart(await house.process())
            await rival.advance(data.draw(st.integers(1, 6)))
        house.store.writes_left = house.blobs.calls_left = None
        house.due = Due(1, ALL, ALL, ALL)
        await house.archive([*log, *records(1, first=12)])
        return house

    house = asyncio.run(disturbed())
    contents: dict[str, set[bytes]] = {}
    for key, content in house.blobs.written:
        contents.setdefault(key, set()).add(content)

    assert house.offsets() == list(range(13))
    assert all(len(found) == 1 for found in contents.values())
