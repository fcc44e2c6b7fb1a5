import msgspec
import pytest
from prometheus_client import REGISTRY
from unit.analytics.scans import BOT, NOON_MS, PREVIEW, Seen, batch, closed, lost, record, seen
from unit.analytics.world import LOG, World, bounds

from quietzone_analytics.partitions import adopt
from quietzone_analytics.projection import REJECTS, STATES, ScanStates
from quietzone_analytics.projection import repository as rejects
from quietzone_analytics.rollups import DAYS, MONTHS, TOTALS, Rollups
from quietzone_analytics.rollups.codec import UnreadableRollup
from quietzone_kit.bus import Bounds
from quietzone_kit.projection import ForeignLog, OwnershipLost
from quietzone_kit.runtime import SystemClock
from quietzone_topics import TRACKING_SCAN_V1

DAY_MS = 86_400_000


@pytest.fixture
async def world() -> World:
    return await World.new()


async def test_a_batch_that_comes_twice_counts_once(world: World) -> None:
    scans = batch(seen(range(1, 4)), prev_seq=0)

    await world.count(record(scans, 0), record(scans, 1))

    assert (await world.total()).persons == 3


async def test_a_batch_after_a_gap_moves_the_offset_and_nothing_else(world: World) -> None:
    await world.count(record(batch(seen([1, 2]), prev_seq=0), 0), record(batch(seen([7]), prev_seq=6), 1))

    state = await world.state()
    assert (state.next_offset, state.applied, (await world.total()).persons) == (2, 2, 2)


async def test_what_was_passed_over_counts_when_it_comes_again_in_order(world: World) -> None:
    first, second, third = (batch(seen([seq]), prev_seq=seq - 1) for seq in (1, 2, 3))

    await world.count(record(first, 0), record(third, 1), record(second, 2), record(third, 3))

    assert (await world.total()).persons == 3


async def test_a_loss_that_is_said_lets_counting_go_on(world: World) -> None:
    await world.count(record(lost(1, 4, prev_seq=0), 0), record(batch(seen([5]), prev_seq=4), 1))

    assert ((await world.total()).persons, [one.lost for one in (await world.state()).sources.values()]) == (1, [4])


async def test_a_source_is_closed_at_the_time_of_the_log(world: World) -> None:
    await world.count(record(closed(0, prev_seq=0), 0, time_ms=NOON_MS + 5))

    assert [one.closed_at_ms for one in (await world.state()).sources.values()] == [NOON_MS + 5]


async def test_each_account_and_class_is_counted_where_it_belongs(world: World) -> None:
    scans = [Seen(1), Seen(2, scan_class=BOT), Seen(3, account="bolt"), Seen(4, code="door", scan_class=PREVIEW)]

    await world.count(record(batch(scans, prev_seq=0), 0))

    months = [one async for one in Rollups(world.store).all(MONTHS)]
    assert {one.address.rollup_id: (one.rollup.persons, one.rollup.bots, one.rollup.previews) for one in months} == {
        "acme#2026-03#0": (1, 1, 1),
        "bolt#2026-03#0": (1, 0, 0),
    }


async def test_the_state_knows_up_to_when_it_counted(world: World) -> None:
    await world.count(record(batch(seen([1]), prev_seq=0), 0, time_ms=NOON_MS + 9), record(b"", 1, kind="unknown", time_ms=NOON_MS + 4))

    assert (await world.state()).counted_until_ms == NOON_MS + 9


async def test_a_clock_that_was_far_off_says_nothing_of_how_far_was_counted(world: World) -> None:
    far_off_ms = NOON_MS + 400 * 86_400_000
    await world.count(record(b"", 0, kind="unknown", time_ms=far_off_ms), record(b"", 1, kind="unknown", time_ms=NOON_MS))

    assert (await world.state()).counted_until_ms == NOON_MS


async def test_a_record_that_breaks_its_contract_is_set_aside_whole_with_the_reason(world: World) -> None:
    await world.count(record(b"\xff\xff", 0), record(batch(seen([1]), prev_seq=0), 1))

    kept = await world.store.get(REJECTS, "tracking.scan.v1#0#0#0")
    assert kept is not None
    assert (kept.body["value"], "Error parsing" in str(kept.body["reason"])) == (b"\xff\xff", True)
    assert ((await world.state()).rejected, (await world.total()).persons) == (1, 1)


async def test_only_so_many_records_are_kept_aside_and_all_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quietzone_analytics.projection.chunk.MAX_REJECTS", 2)

    await world.count(*(record(b"\xff\xff", offset) for offset in range(5)))

    assert (len(await world.store.bodies(REJECTS)), (await world.state()).rejected) == (2, 5)
    assert rejects.MAX_REJECTS == 1_000


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"quietzone_analytics_{name}", labels) or 0.0


async def test_scans_are_counted_by_who_made_them(world: World) -> None:
    before = [metric("scans_applied_total", scan_class=one) for one in ("person", "bot")]
    scans = [*seen([1, 2]), Seen(3, scan_class=BOT)]

    await world.count(record(batch(scans, prev_seq=0), 0))

    after = [metric("scans_applied_total", scan_class=one) for one in ("person", "bot")]
    assert after == [before[0] + 2, before[1] + 1]


async def test_the_age_of_scans_is_measured_when_they_are_counted(world: World) -> None:
    names = [("scan_visible_seconds_bucket", "0.5"), ("scan_visible_seconds_bucket", "1.0")]
    before = [metric(name, le=le) for name, le in names]
    world.now_ms = NOON_MS + 700

    await world.count(record(batch(seen([1, 2, 3]), prev_seq=0), 0))

    assert [metric(name, le=le) for name, le in names] == [before[0], before[1] + 3]


async def test_scans_that_come_again_are_not_measured_again(world: World) -> None:
    again = record(batch(seen([1, 2]), prev_seq=0), 1)
    await world.count(record(batch(seen([1, 2]), prev_seq=0), 0))
    before = metric("scan_visible_seconds_count")

    await world.count(again)

    assert metric("scan_visible_seconds_count") == before


async def test_a_code_has_a_document_for_each_utc_day(world: World) -> None:
    await world.count(record(batch([Seen(1), Seen(2, time_ms=NOON_MS + DAY_MS)], prev_seq=0), 0))

    assert sorted(await world.store.bodies(DAYS.collection)) == ["acme#menu#2026-03-02", "acme#menu#2026-03-03"]


async def test_documents_hold_the_offset_of_the_last_record_that_touched_them(world: World) -> None:
    await world.count(record(batch(seen([1]), prev_seq=0), 0), record(batch(seen([2], code="door"), prev_seq=1), 1))

    totals = {one.address.key.code_id: one.applied_offset async for one in Rollups(world.store).all(TOTALS)}
    assert totals == {"menu": 0, "door": 1}


async def test_rollups_that_were_just_written_are_not_read_again(world: World) -> None:
    projection = world.process()
    records = [record(batch(seen([seq]), prev_seq=seq - 1), seq - 1) for seq in (1, 2)]
    await projection.claim(0, bounds(records))
    await projection.apply(0, records[:1], next_offset=1)
    before = world.store.reads

    await projection.apply(0, records[1:], next_offset=2)

    assert world.store.reads == before


async def test_an_owner_that_was_put_out_finds_out_at_its_next_write(world: World) -> None:
    records = [record(batch(seen([1]), prev_seq=0), 0)]
    former, owner = world.process(), world.process()
    await former.claim(0, bounds(records))
    await owner.claim(0, bounds(records))

    with pytest.raises(OwnershipLost):
        await former.apply(0, records, next_offset=1)


async def test_the_owner_counts_what_a_former_owner_was_writing_only_once(world: World) -> None:
    records = [record(batch(seen(range(1, 13)), prev_seq=0), 0)]
    former, owner = world.process(), world.process()
    await former.claim(0, bounds(records))
    await owner.claim(0, bounds(records))
    with pytest.raises(OwnershipLost):
        await former.apply(0, records, next_offset=1)

    await owner.apply(0, records, next_offset=1)

    assert (await world.total()).persons == 12
    assert {event.id for event in world.events()} == {"milestone:menu:10"}


async def test_records_before_the_state_are_left_out(world: World) -> None:
    records = [record(batch(seen([seq]), prev_seq=seq - 1), seq - 1) for seq in (1, 2, 3)]
    projection = world.process()
    await projection.claim(0, bounds(records))
    await projection.apply(0, records[:2], next_offset=2)

    await projection.apply(0, records, next_offset=3)

    assert (await world.total()).persons == 3


OTHER_LOGS = {
    "another log": (Bounds("log-2", 0, 5), "this is log log-2, what was counted came from log-1"),
    "records that are gone": (Bounds(LOG, 2, 5), "1 records from offset 1 were removed before they were counted"),
    "a shorter log": (Bounds(LOG, 0, 0), "the log ends at offset 0, and was counted up to 1"),
}


@pytest.mark.parametrize(("log", "reason"), OTHER_LOGS.values(), ids=OTHER_LOGS.keys())
async def test_a_log_that_is_not_the_one_counted_is_refused_and_the_way_out_named(world: World, log: Bounds, reason: str) -> None:
    await world.count(record(batch(seen([1]), prev_seq=0), 0))

    with pytest.raises(ForeignLog, match=reason) as refused:
        await world.process().claim(0, log)
    assert "quietzone_analytics adopt" in str(refused.value)


async def test_a_log_whose_beginning_is_gone_is_refused_before_anything_was_counted(world: World) -> None:
    with pytest.raises(ForeignLog, match="7 records from offset 0"):
        await world.process().claim(0, Bounds(LOG, 7, 9))


async def adopted(world: World, log: Bounds) -> list[str]:
    world.bus.bounds_of[TRACKING_SCAN_V1.name, 0] = log
    return await adopt(ScanStates(world.store), world.bus, TRACKING_SCAN_V1.name, SystemClock())


async def test_after_an_adoption_counting_goes_on_with_the_new_log(world: World) -> None:
    await world.count(*(record(batch(seen([seq]), prev_seq=seq - 1), seq - 1) for seq in (1, 2, 3)))

    said = await adopted(world, Bounds("log-2", 0, 1))
    projection = world.process()
    start = await projection.claim(0, Bounds("log-2", 0, 1))
    await projection.apply(0, [record(batch(seen([3, 4]), prev_seq=2), 0)], next_offset=1)

    assert (start, (await world.total()).persons) == (0, 4)
    assert said == ["tracking.scan.v1, partition 0: counting goes on from log log-2, offset 0 (epoch 1)"]


async def test_milestones_of_an_adopted_log_are_published(world: World) -> None:
    await world.count(*(record(batch(seen([seq]), prev_seq=seq - 1), seq - 1) for seq in range(1, 13)))
    await adopted(world, Bounds("log-2", 0, 1))
    projection = world.process()
    await projection.claim(0, Bounds("log-2", 0, 1))

    await projection.apply(0, [record(batch(seen(range(13, 101)), prev_seq=12), 0)], next_offset=1)

    assert [event.id for event in world.events()] == ["milestone:menu:10", "milestone:menu:100"]


async def test_a_log_that_fits_is_not_adopted(world: World) -> None:
    await world.count(record(batch(seen([1]), prev_seq=0), 0))

    assert await adopted(world, Bounds(LOG, 0, 1)) == []
    assert (await world.state()).epoch == 0


async def test_rollups_of_a_later_epoch_than_the_state_stop_the_projection(world: World) -> None:
    await world.count(record(batch(seen([1]), prev_seq=0), 0))
    before = await world.store.get(STATES, "0")
    assert before is not None
    await adopted(world, Bounds("log-2", 0, 1))
    projection = world.process()
    await projection.claim(0, Bounds("log-2", 0, 1))
    await projection.apply(0, [record(batch(seen([2]), prev_seq=1), 0)], next_offset=1)
    await world.store.spoil(STATES, "0", **before.body)

    with pytest.raises(ForeignLog, match="different backups"):
        await world.count(record(batch(seen([1]), prev_seq=0), 0), record(batch(seen([2]), prev_seq=1), 1))


async def test_a_rollup_of_a_newer_release_stops_the_projection_and_stays_as_it_is(world: World) -> None:
    await world.count(record(batch(seen([1]), prev_seq=0), 0))
    await world.store.spoil(TOTALS.collection, "acme#menu", rollup=msgspec.msgpack.encode((2, 1, 0, 0, 0, [], 9)))
    newer = await world.store.get(TOTALS.collection, "acme#menu")

    with pytest.raises(UnreadableRollup, match="format 2"):
        await world.count(record(batch(seen([1]), prev_seq=0), 0), record(batch(seen([2]), prev_seq=1), 1))

    assert (await world.store.get(TOTALS.collection, "acme#menu"), (await world.state()).next_offset) == (newer, 1)
