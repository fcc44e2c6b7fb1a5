"""Whatever happens to the projection between records and documents, the documents are those of an undisturbed run, byte for byte."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.analytics.rivals import Rival
from unit.analytics.scans import BOT, NOON_MS, PERSON, PREVIEW, Seen, batch, closed, lost, record, source_id
from unit.analytics.world import Model, World

from quietzone_analytics.projection import chunk
from quietzone_analytics.projection import use_cases as projecting
from quietzone_analytics.rollups import dimensions, domain, visitors
from quietzone_analytics.rollups import use_cases as folding
from quietzone_kit.bus import Record

SOURCES = [source_id(1), source_id(2)]
MAX_VALUES = 3


@contextmanager
def small_bounds() -> Iterator[None]:
    """Every bound so low that a short history passes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dimensions, "MAX_VALUES", MAX_VALUES)
        patch.setattr(visitors, "EXACT_LIMIT", 8)
        patch.setattr(folding, "SLICE", 2)
        patch.setattr(folding, "TURN", 1)
        patch.setattr(chunk, "MAX_SCANS", 60)
        patch.setattr(chunk, "OFFSET_WINDOW", 3)
        patch.setattr(domain, "OFFSET_WINDOW", 3)
        patch.setattr(projecting, "TURN", 20)
        patch.setattr(projecting, "PUBLISH", 2)
        yield


def scan(source: int, seq: int) -> Seen:
    """What a source's number stands for, always the same: mostly persons at one code, over two days."""
    return Seen(
        seq,
        code="menu" if seq % 4 else "door",
        account="acme" if seq % 4 else "bolt",
        scan_class=(PERSON, PERSON, PERSON, BOT, PERSON, PREVIEW, PERSON)[seq % 7],
        country="ABCDEF"[(seq * seq + source) % 6],
        time_ms=NOON_MS + (seq * 7 + source) % 120 * 900_000,
        visitor=(seq * 2_654_435_761 % 97) << 50,
    )


@dataclass(frozen=True, slots=True)
class Step:
    """A record: what it is, whose, how far its beginning is from what came last, how many numbers it has."""

    kind: str
    source: int
    shift: int
    amount: int


steps = st.builds(
    Step,
    st.sampled_from(["batch"] * 8 + ["lost", "closed", "junk"]),
    st.integers(0, 1),
    st.sampled_from([0, 0, 0, 0, -1, -5, -40, 3]),
    st.integers(1, 60),
)
histories = st.lists(steps, min_size=1, max_size=14)


def write(history: Sequence[Step]) -> tuple[list[Record], Model]:
    """The log of a history, and what it must come to."""
    records, model = [], Model()
    for offset, step in enumerate(history):
        source = SOURCES[step.source]
        prev_seq = max(0, model.last_seq[source] + step.shift)
        if step.kind == "batch":
            scans = [scan(step.source, seq) for seq in range(prev_seq + 1, prev_seq + 1 + step.amount)]
            model.see(offset, source, prev_seq, scans)
            records.append(record(batch(scans, prev_seq=prev_seq, source=source), offset))
        elif step.kind == "lost":
            if prev_seq <= model.last_seq[source]:
                model.last_seq[source] = max(model.last_seq[source], prev_seq + 3)
            records.append(record(lost(prev_seq + 1, prev_seq + 3, prev_seq=prev_seq, source=source), offset))
        elif step.kind == "closed":
            records.append(record(closed(prev_seq, prev_seq=prev_seq, source=source), offset))
        else:
            records.append(record(b"\xff\xff", offset))
    return records, model


async def undisturbed(records: Sequence[Record]) -> World:
    world = await World.new()
    await world.count(*records)
    return world


async def pictured(world: Awaitable[World]) -> dict[str, dict[str, bytes]]:
    return await (await world).picture()


async def disturbed(records: Sequence[Record], data: st.DataObject) -> World:
    """Two processes take the partition from each other, in chunks of any size, while the store and the bus break off anywhere."""
    world = await World.new()
    rivals = [Rival(world.process(), records), Rival(world.process(), records)]
    for _ in range(data.draw(st.integers(0, 8))):
        world.store.writes_left = data.draw(st.none() | st.integers(0, 12))
        world.bus.publishes_left = data.draw(st.none() | st.integers(0, 2))
        at_once = data.draw(st.booleans())
        world.store.turns = iter(data.draw(st.lists(st.integers(0, 3), max_size=30)) if at_once else ())
        chosen = rivals if at_once else [rivals[data.draw(st.integers(0, 1))]]
        for rival in chosen:
            if data.draw(st.booleans()):
                rival.restart(world.process())
        amounts = [data.draw(st.integers(1, 6)) for _ in chosen]
        await asyncio.gather(*(rival.advance(amount) for rival, amount in zip(chosen, amounts, strict=True)))
    world.store.writes_left = world.bus.publishes_left = None
    world.store.turns = iter(())
    await world.count(*records)
    return world


@given(histories, st.data())
@settings(deadline=None)
def test_chunks_crashes_repetitions_and_rivals_leave_no_trace_in_any_document(history: list[Step], data: st.DataObject) -> None:
    with small_bounds():
        records, _ = write(history)

        assert asyncio.run(pictured(disturbed(records, data))) == asyncio.run(pictured(undisturbed(records)))


@given(histories, st.data())
@settings(deadline=None)
def test_each_milestone_is_published_with_one_id_and_one_content(history: list[Step], data: st.DataObject) -> None:
    with small_bounds():
        records, model = write(history)
        events = asyncio.run(disturbed(records, data)).events()

    assert {event.id: (event.subject, event.time_ms) for event in events} == model.milestones()
    assert len({(event.id, event.data) for event in events}) == len(model.milestones())


@given(histories)
@settings(deadline=None)
def test_totals_and_quarters_are_those_of_the_scans_that_count(history: list[Step]) -> None:
    async def counted() -> tuple[dict[str, tuple[int, int, int]], dict[tuple[str, int], int]]:
        world = await undisturbed(records)
        totals = {code: (total.persons, total.bots, total.previews) for code, total in (await world.totals()).items()}
        slots = {
            (day.address.key.code_id, domain.day_of(_day_ms(day.address.rollup_id)) * 96 + slot): amount
            for day in await world.days()
            for slot, amount in enumerate(day.rollup.slots)
            if amount
        }
        return totals, slots

    with small_bounds():
        records, model = write(history)

        assert asyncio.run(counted()) == (model.by_class(), dict(model.slots()))


@given(histories)
@settings(deadline=None)
def test_dimensions_are_those_of_counting_scan_by_scan(history: list[Step]) -> None:
    async def counted() -> dict[tuple[str, int], tuple[dict[str, int], int]]:
        return {
            (day.address.key.code_id, domain.day_of(_day_ms(day.address.rollup_id))): (
                day.rollup.dimensions[0].counts,
                day.rollup.dimensions[0].other,
            )
            for day in await (await undisturbed(records)).days()
            if day.rollup.dimensions[0].counts
        }

    with small_bounds():
        records, model = write(history)

        assert asyncio.run(counted()) == model.countries(MAX_VALUES)


@given(histories)
@settings(deadline=None)
def test_values_and_other_of_each_dimension_add_up_to_the_days_persons(history: list[Step]) -> None:
    with small_bounds():
        records, _ = write(history)
        days = asyncio.run(_days(records))

        assert all(sum(dimension.counts.values()) + dimension.other == sum(day.slots) for day in days for dimension in day.dimensions)


async def _days(records: Sequence[Record]) -> list[domain.Day]:
    return [day.rollup for day in await (await undisturbed(records)).days()]


def _day_ms(rollup_id: str) -> int:
    year, month, day = map(int, rollup_id.rpartition("#")[2].split("-"))
    return int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)
