from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_analytics.rollups import domain
from quietzone_analytics.rollups.codec import (
    UnreadableRollup,
    decode_day,
    decode_month,
    decode_total,
    encode_day,
    encode_month,
    encode_total,
)
from quietzone_analytics.rollups.domain import OFFSET_WINDOW, SLOT_MS, Day, Milestone, Month, Total, crossed, day_of, month_of, slot_of
from quietzone_analytics.rollups.scans import Run, ScanClass, Traits

NOON_MS = 1_772_452_800_000  # 2026-03-02T12:00:00Z

moments = st.integers(0, 253_402_300_799_999)


def traits(scan_class: ScanClass = ScanClass.PERSON, country: str = "DE") -> Traits:
    return Traits(scan_class, (country, "phone", "Chrome", "iOS", "direct", "de"))


PERSON, BOT, PREVIEW = (traits(scan_class) for scan_class in ScanClass)


Row = tuple[Traits, int, int, int]
"""Traits, time, visitor and offset of a scan."""


def run(rows: list[Row]) -> Run:
    return Run(*(list(column) for column in zip(*rows, strict=True)))


def rows_of(run: Run) -> list[Row]:
    return list(zip(run.traits, run.times_ms, run.visitors, run.offsets, strict=True))


def rows(amount: int, *, of: Traits = PERSON, offset: int = 0, time_ms: int = NOON_MS) -> list[Row]:
    return [(of, time_ms + number, number + 1, offset) for number in range(amount)]


def total_of(*runs: list[Row]) -> Total:
    total = Total.empty()
    for several in runs:
        total.fold(run(several))
    return total


def test_bots_and_previews_are_counted_apart() -> None:
    total = total_of(rows(3) + rows(2, of=BOT) + rows(1, of=PREVIEW))

    assert (total.persons, total.bots, total.previews) == (3, 2, 1)


def test_a_total_knows_its_last_person() -> None:
    total = total_of(rows(1, time_ms=NOON_MS + 7), rows(1), rows(1, of=BOT, time_ms=NOON_MS + 9))

    assert total.last_scan_ms == NOON_MS + 7


@pytest.mark.parametrize(
    ("before", "after", "thresholds"),
    [(0, 9, []), (0, 10, [10]), (10, 99, []), (99, 100, [100]), (100, 100, []), (5, 420, [10, 100, 200, 300, 400])],
)
def test_every_threshold_that_is_crossed_counts(before: int, after: int, thresholds: list[int]) -> None:
    assert list(crossed(before, after)) == thresholds


def test_a_milestone_names_the_scan_that_crossed_it() -> None:
    total = total_of(rows(8), rows(1, of=BOT, offset=4) + rows(5, offset=5))

    assert total.milestones == [Milestone(10, 5, NOON_MS + 1)]


def test_one_batch_can_cross_several_milestones() -> None:
    total = total_of(rows(250))

    assert [milestone.threshold for milestone in total.milestones] == [10, 100, 200]


def test_milestones_leave_when_no_crashed_owner_could_have_left_them_unpublished() -> None:
    total = total_of(rows(10, offset=0), rows(1, offset=OFFSET_WINDOW))
    kept = list(total.milestones)
    total.fold(run(rows(1, offset=OFFSET_WINDOW + 1)))

    assert (len(kept), total.milestones) == (1, [])


def test_a_day_counts_persons_by_quarter_of_an_hour() -> None:
    day = Day.empty()

    day.fold(run(rows(2) + rows(3, time_ms=NOON_MS + SLOT_MS) + rows(4, of=BOT)))

    assert (day.slots[48], day.slots[49], sum(day.slots), day.bots) == (2, 3, 5, 4)


def test_only_persons_have_dimensions_and_visitors() -> None:
    day = Day.empty()

    day.fold(run(rows(2) + rows(3, of=BOT, time_ms=NOON_MS + 100)))

    assert (day.dimensions[0].counts, day.visitors.estimate()) == ({"DE": 2}, 2)


@given(moments)
def test_days_months_and_slots_are_those_of_the_utc_calendar(time_ms: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)

    assert day_of(time_ms) == (moment.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    assert month_of(time_ms) == moment.year * 12 + moment.month - 1
    assert slot_of(time_ms) == moment.hour * 4 + moment.minute // 15


@given(st.lists(st.tuples(st.integers(0, 3 * domain.DAY_MS), st.booleans()), min_size=1))
def test_the_days_of_a_run_hold_each_scan_once_in_order(scans: list[tuple[int, bool]]) -> None:
    whole: list[Row] = [(BOT if bot else PERSON, NOON_MS + at, number, number) for number, (at, bot) in enumerate(scans)]

    parts = run(whole).split(day_of)

    assert {day: rows_of(part) for day, part in parts.items()} == {
        day: [row for row in whole if day_of(row[1]) == day] for day in {day_of(row[1]) for row in whole}
    }


def test_rollups_are_read_back_as_they_were_written() -> None:
    day, month = Day.empty(), Month.empty()
    day.fold(run(rows(400)))
    month.fold(run(rows(3) + rows(1, of=PREVIEW)))
    total = total_of(rows(120))

    assert encode_day(decode_day(encode_day(day))) == encode_day(day)
    assert decode_month(encode_month(month)) == month
    assert decode_total(encode_total(total)) == total


def test_equal_days_are_equal_bytes_whatever_came_first() -> None:
    first, second = Day.empty(), Day.empty()
    first.fold(run(rows(1, of=traits(country="AT")) + rows(1, of=traits(country="CH"))))
    second.fold(run(rows(1, of=traits(country="CH"))))
    second.fold(run(rows(1, of=traits(country="AT"))))

    assert encode_day(first) == encode_day(second)


@pytest.mark.parametrize("decode", [decode_day, decode_month, decode_total])
@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x91\x01", encode_month(Month.empty())[:-1]])
def test_damaged_bytes_are_refused(decode: object, data: bytes) -> None:
    with pytest.raises(UnreadableRollup):
        decode(data)  # type: ignore[operator]


@pytest.mark.parametrize(("decode", "data"), [(decode_month, encode_month(Month.empty())), (decode_total, encode_total(Total.empty()))])
def test_a_later_format_is_not_guessed_at(decode: object, data: bytes) -> None:
    with pytest.raises(UnreadableRollup, match="format 2, this release reads 1: another release wrote it"):
        decode(data.replace(b"\x01", b"\x02", 1))  # type: ignore[operator]


WRITTEN = [
    (decode_total, encode_total, "96010c0001cf0000019cae6b660b91930a00cf0000019cae6b6609"),
    (decode_month, encode_month, "9401030201"),
    (
        decode_day,
        encode_day,
        "9601dc0060" + "00" * 48 + "02" + "00" * 47 + "01009692" + "81a2444502009281a570686f6e6502009281a64368726f6d6502009281a3694f5302"
        "009281a664697265637402009281a264650200c41000000000000000010000000000000002",
    ),
]
"""A rollup of each kind, as the first release wrote it."""


@pytest.mark.parametrize(("decode", "encode", "data"), WRITTEN)
def test_what_the_first_release_wrote_is_read_and_written_as_it_was(decode: Any, encode: Any, data: str) -> None:
    assert encode(decode(bytes.fromhex(data))).hex() == data


@pytest.mark.parametrize(("decode", "_", "data"), WRITTEN)
def test_counts_that_this_release_does_not_know_are_refused(decode: Any, _: Any, data: str) -> None:
    more = [*msgspec.msgpack.decode(bytes.fromhex(data)), 7]

    with pytest.raises(UnreadableRollup, match="run the newer release that wrote it"):
        decode(msgspec.msgpack.encode(more))


@pytest.mark.parametrize(("at", "what"), [(1, "97 slots and 6 dimensions"), (4, "96 slots and 7 dimensions")])
def test_a_day_with_more_slots_or_dimensions_is_refused(at: int, what: str) -> None:
    items = msgspec.msgpack.decode(bytes.fromhex(WRITTEN[2][2]))
    items[at].append(items[at][0])

    with pytest.raises(UnreadableRollup, match=what):
        decode_day(msgspec.msgpack.encode(items))


def test_a_later_format_is_named_however_different_it_is() -> None:
    with pytest.raises(UnreadableRollup, match="format 3, this release reads 1"):
        decode_total(msgspec.msgpack.encode([3, {"persons": 1}]))
