from dataclasses import replace

import pytest
from ports import Hands
from unit.analytics.scans import BOT, EDGE, NOON_MS, Seen, batch, closed, lost, record, seen, source_id
from unit.analytics.world import LOG, World

from quietzone.tracking.v1 import scan_pb2
from quietzone_analytics.projection import MAX_AGE_MS, REJECTS, STATES, ScanStates
from quietzone_analytics.reconcile import SOURCES, Reconciliation, ReportProjection, ReportStates, domain, reconcile, stored
from quietzone_analytics.rollups import DAYS, MONTHS, TOTALS, Rollups
from quietzone_analytics.rollups.codec import decode_total, encode_total
from quietzone_kit.bus import Bounds, Record
from quietzone_kit.documents import Collection
from quietzone_kit.events import Event
from quietzone_topics import TRACKING_SCAN_V1, TRACKING_SOURCE_V1, TYPE_TRACKING_SOURCE_REPORT


class House(World):
    """The world with reports."""

    async def count(self, *records: Record) -> None:
        await super().count(*records)
        self.bus.bounds_of[TRACKING_SCAN_V1.name, 0] = Bounds(LOG, 0, records[-1].offset + 1)

    async def report(self, *records: Record) -> None:
        projection = ReportProjection(self.store, owner="reports")
        log = self.bus.bounds_of[TRACKING_SOURCE_V1.name, 0] = Bounds(LOG, 0, len(records))
        start = await projection.claim(0, log)
        await projection.apply(0, records[start:], next_offset=len(records))

    async def reconcile(self, *, after_ms: int = 1_000) -> Reconciliation:
        return await reconcile(
            Rollups(self.store), ScanStates(self.store), ReportStates(self.store), self.bus, Hands(since_ms=NOON_MS + after_ms)
        )


@pytest.fixture
async def house() -> House:
    world = await House.new()
    assert isinstance(world, House)
    return world


def said(
    offset: int,
    *,
    source: str = EDGE,
    accepted: int = 0,
    forwarded: int | None = None,
    lost: int = 0,
    unrecorded: int = 0,
    closed: bool = False,
    time_ms: int = NOON_MS + 500,
) -> Record:
    message = scan_pb2.SourceReport(
        source_id=source,
        accepted=accepted,
        forwarded=accepted - lost if forwarded is None else forwarded,
        lost=lost,
        unrecorded=unrecorded,
        closed=closed,
        at_ms=time_ms,
    )
    return written(message.SerializeToString(), offset, time_ms=time_ms)


def written(data: bytes, offset: int, *, time_ms: int = NOON_MS, kind: str = TYPE_TRACKING_SOURCE_REPORT) -> Record:
    message = Event(f"report-{offset}", "/tracking", kind, EDGE, time_ms, data).to_message(TRACKING_SOURCE_V1.name)
    return Record(message.topic, 0, offset, time_ms, message.key, message.value, message.headers)


TEN = record(batch([*seen(range(1, 10)), Seen(10, scan_class=BOT)], prev_seq=0), 0)


async def test_when_all_is_well_the_numbers_are_equal_and_nothing_is_said(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=10))

    told = await house.reconcile()

    assert (told.accepted, told.forwarded, told.applied, told.stored, told.lost) == (10, 10, 10, 10, 0)
    assert told.problems == ()


async def test_open_sources_are_listed_and_closed_ones_that_add_up_are_not(house: House) -> None:
    other = source_id(2)
    await house.count(TEN, record(batch(seen([1]), prev_seq=0, source=other), 1))
    await house.report(said(0, accepted=10, closed=True), said(1, source=other, accepted=1))

    assert [source.source_id for source in (await house.reconcile()).sources] == [other]


async def test_what_is_under_way_is_no_problem(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=15, forwarded=12))
    house.bus.bounds_of[TRACKING_SCAN_V1.name, 0] = Bounds(LOG, 0, 2)

    told = await house.reconcile()

    assert (told.accepted, told.forwarded, told.applied, told.problems) == (15, 12, 10, ())


async def test_a_source_that_is_silent_and_not_closed_is_a_problem(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=12, forwarded=10))

    told = await house.reconcile(after_ms=500 + 30_000)

    assert told.sources[0].silent
    (problem,) = told.problems
    assert f"source {EDGE} has not been heard of for 30 s and did not close; 2 of its scans wait in its spool" in problem


async def test_scans_that_were_forwarded_and_never_counted_are_a_problem(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=11, closed=True))

    (problem,) = (await house.reconcile()).problems

    assert f"source {EDGE} forwarded 11 scans, and 10 were counted" in problem


async def test_an_open_source_is_compared_only_with_what_it_said_after_the_last_scan(house: House) -> None:
    await house.count(record(batch(seen([1]), prev_seq=0), 0, time_ms=NOON_MS + 600))
    await house.report(said(0, accepted=0, time_ms=NOON_MS + 500))
    early = await house.reconcile()
    await house.report(said(0, accepted=0, time_ms=NOON_MS + 500), said(1, accepted=0, time_ms=NOON_MS + 700))

    assert (early.problems, len((await house.reconcile()).problems)) == ((), 1)


async def test_a_closed_source_whose_scans_are_still_in_its_spool_is_a_problem(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=12, forwarded=10, closed=True))

    (problem,) = (await house.reconcile()).problems

    assert "accepted 12 scans, and 10 of them were forwarded or lost" in problem


async def test_lost_scans_are_told_with_the_reason_and_balance_the_numbers(house: House) -> None:
    await house.count(TEN, record(lost(11, 13, prev_seq=10), 1))
    await house.report(said(0, accepted=13, lost=3))

    told = await house.reconcile()

    assert (told.accepted, told.applied + told.lost, told.stored + told.lost) == (13, 13, 13)
    assert told.problems == (f"source {EDGE} lost 3 scans: CRC differs",)


async def test_scans_that_a_crashed_machine_forgot_and_the_bus_has_are_no_problem(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=7, closed=True))

    told = await house.reconcile()

    assert (told.accepted, told.forwarded, told.applied, told.stored, told.lost, told.problems) == (10, 10, 10, 10, 0, ())


async def test_scans_that_a_crashed_machine_reported_as_lost_and_the_bus_has_are_not_lost(house: House) -> None:
    await house.count(TEN, record(lost(11, 13, prev_seq=10), 1))
    await house.report(said(0, accepted=13, lost=6, closed=True))

    told = await house.reconcile()

    assert (told.accepted, told.forwarded, told.applied, told.lost) == (13, 10, 10, 3)
    assert told.problems == (f"source {EDGE} lost 3 scans: CRC differs",)


async def test_redirects_without_a_record_are_a_problem_of_the_edge(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=10, unrecorded=2))

    told = await house.reconcile()

    assert (told.unrecorded, "could not record" in told.problems[0]) == (2, True)


async def test_a_gap_is_a_problem_that_names_where_it_is(house: House) -> None:
    await house.count(TEN, record(batch(seen([21]), prev_seq=20), 1))
    await house.report(said(0, accepted=21, time_ms=NOON_MS))

    (problem,) = (await house.reconcile()).problems

    assert f"source {EDGE}, partition 0: scans after number 10 are missing, 1 records after them were passed over" in problem


async def test_a_source_that_never_reports_is_a_problem_after_a_minute(house: House) -> None:
    await house.count(TEN)

    assert (await house.reconcile(after_ms=60_000)).problems == ()
    assert "never reported" in (await house.reconcile(after_ms=60_001)).problems[0]


async def test_a_total_that_lost_a_scan_is_found_with_its_code(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=10))
    total = decode_total(encode_total(await house.total()))
    await house.store.spoil(TOTALS.collection, "acme#menu", rollup=encode_total(replace(total, persons=8)))

    told = await house.reconcile()

    assert told.stored == 9
    assert [problem.partition(":")[0] for problem in told.problems] == [
        "partition 0",
        "code menu of account acme",
        "account acme, partition 0",
    ]
    assert "its total holds 9 scans, its days 10" in told.problems[1]


@pytest.mark.parametrize(
    ("collection", "key", "complaints"),
    [
        (TOTALS.collection, "acme#menu", ["partition 0", "code menu of account acme", "account acme, partition 0"]),
        (DAYS.collection, "acme#menu#2026-03-02", ["code menu of account acme"]),
        (MONTHS.collection, "acme#2026-03#0", ["account acme, partition 0"]),
    ],
)
async def test_a_rollup_that_is_gone_is_found(house: House, collection: Collection, key: str, complaints: list[str]) -> None:
    await house.count(TEN, record(batch(seen([11], code="door", account="bolt"), prev_seq=10), 1))
    await house.report(said(0, accepted=11))
    await house.store.remove(collection, key)

    assert [problem.partition(":")[0] for problem in (await house.reconcile()).problems] == complaints


async def test_a_partition_without_state_is_found(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=10))
    await house.store.remove(STATES)

    assert "its state is gone" in (await house.reconcile()).problems[0]


async def test_rollups_that_are_being_written_are_no_problem(house: House) -> None:
    projection = house.process()
    records = [TEN, record(batch(seen(range(11, 31)), prev_seq=10), 1)]
    await house.count(TEN)
    await house.report(said(0, accepted=30))
    house.bus.bounds_of[TRACKING_SCAN_V1.name, 0] = Bounds(LOG, 0, 2)
    await projection.claim(0, Bounds(LOG, 0, 2))
    house.store.writes_left = 2  # the day and the month
    with pytest.raises(Exception, match="injected"):
        await projection.apply(0, records[1:], next_offset=2)

    assert (await house.reconcile()).problems == ()


async def test_rollups_that_contradict_each_other_are_found_while_others_are_written(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=10))
    total = await house.total()
    await house.store.spoil(TOTALS.collection, "acme#menu", rollup=encode_total(replace(total, persons=10)))
    await house.store.spoil(STATES, "0", next_offset=0)

    assert [problem.partition(":")[0] for problem in (await house.reconcile()).problems] == ["code menu of account acme"]


async def test_differences_are_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MAX_DIFFERENCES", 2)
    await house.count(record(batch([Seen(seq, code=f"code-{seq}") for seq in range(1, 6)], prev_seq=0), 0))
    await house.report(said(0, accepted=5))
    await house.store.remove(DAYS.collection)

    assert [problem.partition(":")[0] for problem in (await house.reconcile()).problems] == [
        "code code-1 of account acme",
        "code code-2 of account acme",
        "3 more codes and accounts may differ",
    ]


async def test_codes_whose_ids_begin_with_each_other_are_kept_apart(house: House) -> None:
    scans = [Seen(seq, code=code) for seq, code in enumerate(["a", "a-", "a-b", "a0", "aa", "b"], 1)]
    await house.count(record(batch(scans, prev_seq=0), 0))
    await house.report(said(0, accepted=6))

    told = await house.reconcile()

    assert (told.stored, told.problems) == (6, ())


async def test_a_forgotten_source_stays_in_all_sums(house: House) -> None:
    later_ms = NOON_MS + MAX_AGE_MS + 1_000
    fresh = source_id(2, born_ms=later_ms)
    await house.count(TEN, record(closed(10, prev_seq=10), 1), record(batch(seen([1]), prev_seq=0, source=fresh), 2, time_ms=later_ms))
    await house.report(said(0, accepted=10, closed=True), said(1, source=fresh, accepted=1, time_ms=later_ms))

    told = await house.reconcile(after_ms=MAX_AGE_MS + 2_000)

    assert EDGE.encode() not in (await house.store.bodies(SOURCES))["0"]
    assert (told.accepted, told.forwarded, told.applied, told.stored) == (11, 11, 11, 11)
    assert told.problems == ()


async def test_a_source_that_only_some_partitions_have_forgotten_is_not_compared_by_itself(house: House) -> None:
    later_ms = NOON_MS + MAX_AGE_MS + 1_000
    await house.count(TEN, record(closed(10, prev_seq=10), 1), record(b"", 2, kind="unknown", time_ms=later_ms))
    await house.report(said(0, accepted=10, closed=True))

    told = await house.reconcile(after_ms=MAX_AGE_MS + 2_000)

    assert (told.accepted, told.applied, told.problems) == (10, 10, ())


async def test_the_newest_report_of_a_source_counts(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=7), said(1, accepted=10))

    assert (await house.reconcile()).accepted == 10


async def test_a_report_that_comes_after_the_closing_one_changes_nothing(house: House) -> None:
    await house.count(TEN, record(closed(10, prev_seq=10), 1))
    await house.report(said(0, accepted=10, closed=True), said(1, accepted=7))

    told = await house.reconcile()

    assert (told.accepted, told.sources, told.problems) == (10, (), ())


async def test_a_report_of_an_unknown_source_older_than_30_days_is_left_out(house: House) -> None:
    await house.report(said(0, accepted=7, source=source_id(3, born_ms=NOON_MS - MAX_AGE_MS - 1_000)))

    assert (await house.reconcile()).accepted == 0


@pytest.mark.parametrize("data", [b"\xff\xff", b"", scan_pb2.SourceReport(source_id=EDGE, accepted=2**63).SerializeToString()])
async def test_a_report_that_breaks_its_contract_is_set_aside(house: House, data: bytes) -> None:
    await house.report(written(data, 0), said(1, accepted=3))

    assert "tracking.source.v1#0#0#0" in await house.store.bodies(REJECTS)
    assert (await house.reconcile()).accepted == 3


async def test_reports_go_on_after_retention_took_what_was_not_read(house: House) -> None:
    await house.report(said(0, accepted=3))

    start = await ReportProjection(house.store, owner="later").claim(0, Bounds(LOG, 5, 9))

    assert start == 5


def test_more_problems_than_people_read_are_counted() -> None:
    told = domain.bounded([f"problem {number}" for number in range(250)])

    assert (len(told), told[-1]) == (101, "and 150 more")


async def test_a_log_that_is_not_the_one_counted_is_named_once_whatever_the_partitions(house: House) -> None:
    await house.count(TEN)
    await house.process().claim(1, Bounds(LOG, 0, 0))
    await house.report(said(0, accepted=10))
    for number in (0, 1):
        house.bus.bounds_of[TRACKING_SCAN_V1.name, number] = Bounds("log-2", 0, 0)

    [problem] = (await house.reconcile()).problems

    assert problem.startswith(f"tracking.scan.v1, partitions 0, 1: this is log log-2, what was counted came from {LOG}. ")
    assert "quietzone_analytics adopt" in problem


async def test_another_log_of_reports_is_named_too(house: House) -> None:
    await house.report(said(0))
    house.bus.bounds_of[TRACKING_SOURCE_V1.name, 0] = Bounds("log-2", 0, 0)

    [problem] = (await house.reconcile()).problems

    assert problem.startswith("tracking.source.v1, partition 0: this is log log-2")


async def test_a_topic_that_is_gone_is_named_and_the_rest_is_compared(house: House) -> None:
    await house.count(TEN)
    await house.report(said(0, accepted=10))
    del house.bus.bounds_of[TRACKING_SCAN_V1.name, 0]

    told = await house.reconcile()

    assert told.problems[0].startswith("tracking.scan.v1: it isn't on the bus any more.")
    assert (told.stored, len(told.problems)) == (10, 1)
