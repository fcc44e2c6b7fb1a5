"""Exports: what is asked, what is in the file, and who may read it."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.analytics.archive.places import LineTables
from unit.analytics.exports.house import CLOCK, MARCH_MS, MIXED, RANDOMNESS, Installation, Row, asked, installed, rows_of
from unit.analytics.scans import BOT, DAY_MS, NOON_MS, PERSON, PREVIEW, Seen

from quietzone.analytics.v1 import exports_pb2
from quietzone_analytics.exports import (
    ExportQuestion,
    Format,
    cancel_export,
    create_export,
    get_export,
    kinds,
    list_exports,
    read_export,
    use_cases,
)
from quietzone_analytics.exports.domain import as_text
from quietzone_analytics.exports.repository import KIND, payload_of
from quietzone_analytics.exports.tasks import NEWER_WAITS_MS, SWEEP
from quietzone_analytics.projection import ScanStates
from quietzone_analytics.queries import Interval, Question, get_code_analytics
from quietzone_analytics.rollups import Rollups
from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted, Unavailable
from quietzone_kit.tasks import TASKS, NewTask, Progress, State, Tasks, _worker


@pytest.fixture
async def house() -> AsyncIterator[Installation]:
    async with installed(LineTables()) as installation:
        yield installation


async def test_a_file_has_a_row_for_each_code_and_interval(house: Installation) -> None:
    await house.count(MIXED)

    assert (await house.file(asked())).decode().split("\r\n") == [
        "code_id,start,scans,bots,previews,visitor_days",
        "door,2026-03-01T00:00:00+00:00,0,0,0,0",
        "door,2026-03-02T00:00:00+00:00,0,0,0,0",
        "door,2026-03-03T00:00:00+00:00,1,0,0,1",
        "menu,2026-03-01T00:00:00+00:00,0,0,0,0",
        "menu,2026-03-02T00:00:00+00:00,2,1,1,1",
        "menu,2026-03-03T00:00:00+00:00,0,0,0,0",
        "",
    ]


async def test_json_holds_what_csv_holds(house: Installation) -> None:
    await house.count(MIXED)
    rows = rows_of(await house.file(asked(zone="UTC")))
    told = json.loads(await house.file(asked(Format.JSON, zone="UTC")))

    assert told == {"from": "2026-03-01T00:00:00+00:00", "to": "2026-03-04T00:00:00+00:00", "interval": "day", "zone": "UTC", "rows": rows}


@pytest.mark.parametrize(
    ("interval", "zone"),
    [(Interval.HOUR, ""), (Interval.QUARTER_HOUR, ""), (Interval.DAY, "Europe/Berlin"), (Interval.MONTH, "Asia/Kolkata")],
)
async def test_what_is_known_by_utc_day_is_left_open_elsewhere(house: Installation, interval: Interval, zone: str) -> None:
    await house.count(MIXED)

    rows = rows_of(await house.file(asked(interval=interval, zone=zone)))

    assert {(row["bots"], row["previews"], row["visitor_days"]) for row in rows} == {(None, None, None)}
    assert sum(int(str(row["scans"])) for row in rows) == 3


async def test_starts_have_the_zones_offset(house: Installation) -> None:
    rows = rows_of(await house.file(asked(code_id="none", zone="Europe/Berlin", days=1, from_ms=MARCH_MS + 28 * DAY_MS)))

    assert [row["start"] for row in rows] == ["2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"]


async def test_an_account_without_scans_gets_an_empty_table(house: Installation) -> None:
    assert rows_of(await house.file(asked(Format.CSV))) == []
    assert json.loads(await house.file(asked(Format.JSON)))["rows"] == []


@pytest.mark.parametrize("form", [Format.CSV, Format.JSON])
async def test_the_same_counts_are_the_same_bytes(house: Installation, form: Format) -> None:
    await house.count(MIXED)

    assert await house.file(asked(form)) == await house.file(asked(form))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["menu", "menu-2", "door"]),
            st.sampled_from([PERSON, PERSON, BOT, PREVIEW]),
            st.integers(-3 * 96, 6 * 96),
            st.integers(0, 9),
            st.sampled_from(["acme", "bolt"]),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from([Interval.HOUR, Interval.DAY, Interval.WEEK, Interval.MONTH]),
    st.sampled_from(["", "UTC", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    st.integers(-200, 200),
)
@settings(max_examples=15, deadline=None)
async def test_an_exports_sums_are_the_apis(
    chosen: list[tuple[str, int, int, int, str]], interval: Interval, zone: str, first: int
) -> None:
    scans = [
        Seen(seq, code=code, account=account, scan_class=kind, time_ms=NOON_MS + slot * 900_000, visitor=visitor)  # type: ignore[arg-type]
        for seq, (code, kind, slot, visitor, account) in enumerate(chosen, 1)
    ]
    question = asked(interval=interval, zone=zone, from_ms=NOON_MS + first * 900_000)
    sums = {}
    async with installed(LineTables()) as house:
        await house.count(scans)
        rows = rows_of(await house.file(question))
        for code in {one.code for one in scans if one.account == "acme"}:
            asked_for = Question(code, question.from_ms, question.to_ms, interval, zone)
            told = await get_code_analytics(Rollups(house.documents), ScanStates(house.documents), "acme", asked_for)
            mine = [row for row in rows if row["code_id"] == code]
            by_day = mine[0]["bots"] is not None
            sums[code] = (
                [row["scans"] for row in mine] == [scans for _, scans in told.series.points],
                not by_day or _sum(mine, "bots") == told.days.bots,
                not by_day or _sum(mine, "previews") == told.days.previews,
                not by_day or _sum(mine, "visitor_days") == told.days.visitor_days,
            )

    assert sums == dict.fromkeys(sorted({str(row["code_id"]) for row in rows}), (True, True, True, True))


async def test_an_export_that_is_done_says_how_large_its_file_is_and_what_is_in_it(house: Installation) -> None:
    await house.count(MIXED)
    begun = await create_export(house.tasks, "acme", asked(), request_id=None)

    export = await house.work(begun.export_id)

    assert export.file is not None
    data = house.blobs.held[export.file.key]
    assert (export.file.size, export.file.sha256, export.file.rows) == (len(data), hashlib.sha256(data).hexdigest(), 6)
    assert (export.state, export.progress) == (State.DONE, Progress(2, 2))
    assert export.expires_at_ms is not None
    assert house.blobs.abouts[export.file.key].content_type == "text/csv; charset=utf-8"


async def test_a_file_is_read_in_parts(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_cases, "PART_BYTES", 50)
    await house.count(MIXED)
    export = await house.work((await create_export(house.tasks, "acme", asked(), request_id=None)).export_id)
    assert export.file is not None
    read = b""
    while part := await read_export(house.tasks, house.blobs, "acme", export.export_id, len(read)):
        read += part

    assert read == house.blobs.held[export.file.key]


async def test_only_the_account_that_asked_sees_an_export(house: Installation) -> None:
    export = await house.work((await create_export(house.tasks, "acme", asked(), request_id=None)).export_id)

    for ask in (
        get_export(house.tasks, "bolt", export.export_id),
        cancel_export(house.tasks, "bolt", export.export_id),
        read_export(house.tasks, house.blobs, "bolt", export.export_id, 0),
    ):
        with pytest.raises(NotFound):
            await ask
    assert (await list_exports(house.tasks, "bolt", page_size=0, page_token="")).exports == ()


async def test_a_file_has_no_scans_of_other_accounts(house: Installation) -> None:
    await house.count([Seen(1, account="acme-2"), Seen(2, account="acm"), Seen(3)])

    assert [row["scans"] for row in rows_of(await house.file(asked(days=2)))] == [0, 1]


async def test_a_request_that_is_repeated_begins_nothing_new(house: Installation) -> None:
    first = await create_export(house.tasks, "acme", asked(), request_id="r-1")
    again = await create_export(house.tasks, "acme", asked(), request_id="r-1")

    assert again.export_id == first.export_id


async def test_a_request_id_stands_for_one_question(house: Installation) -> None:
    await create_export(house.tasks, "acme", asked(), request_id="r-1")

    with pytest.raises(InvalidInput, match="request_id"):
        await create_export(house.tasks, "acme", asked(Format.JSON), request_id="r-1")


async def test_exports_under_way_are_bounded_but_repetitions_pass(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_cases, "MAX_UNDER_WAY", 2)
    for number in range(2):
        await create_export(house.tasks, "acme", asked(), request_id=f"r-{number}")

    with pytest.raises(ResourceExhausted):
        await create_export(house.tasks, "acme", asked(), request_id="r-2")
    await create_export(house.tasks, "acme", asked(), request_id="r-1")
    await create_export(house.tasks, "bolt", asked(), request_id="r-2")


async def test_a_cancelled_export_is_not_made(house: Installation) -> None:
    begun = await create_export(house.tasks, "acme", asked(), request_id=None)

    cancelled = await cancel_export(house.tasks, "acme", begun.export_id)

    assert cancelled.state is State.CANCELLED
    with pytest.raises(FailedPrecondition, match="cancelled"):
        await read_export(house.tasks, house.blobs, "acme", begun.export_id, 0)


async def test_what_has_ended_can_not_be_cancelled(house: Installation) -> None:
    export = await house.work((await create_export(house.tasks, "acme", asked(), request_id=None)).export_id)

    with pytest.raises(FailedPrecondition, match="done already"):
        await cancel_export(house.tasks, "acme", export.export_id)


async def test_an_export_that_is_not_done_has_no_file_yet(house: Installation) -> None:
    begun = await create_export(house.tasks, "acme", asked(), request_id=None)

    with pytest.raises(FailedPrecondition, match="isn't done yet"):
        await read_export(house.tasks, house.blobs, "acme", begun.export_id, 0)


async def test_an_export_that_has_no_room_says_what_to_ask_instead(house: Installation) -> None:
    await house.count(MIXED)
    house.tables = LineTables(room=10)

    export = await house.work((await create_export(house.tasks, "acme", asked(), request_id=None)).export_id)

    assert (export.state, "shorter span" in (export.error or "")) == (State.DEAD, True)


async def test_a_place_of_files_that_is_away_costs_no_attempt(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_worker, "OUTAGE_FIRST_MS", 1)
    monkeypatch.setattr(_worker, "POLL_S", 0.01)
    house.blobs.calls_left = 0
    begun = await create_export(house.tasks, "acme", asked(), request_id=None)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        working = group.create_task(house.work(begun.export_id))
        while (await get_export(house.tasks, "acme", begun.export_id)).error is None:
            await asyncio.sleep(0.01)
        house.blobs.calls_left = None

    assert working.result().state is State.DONE


async def newer_export(house: Installation) -> str:
    """What a newer release has begun, in a format that this one doesn't know."""
    payload = payload_of(asked()) | {"format": "ods"}
    return (await Tasks(house.documents, CLOCK, RANDOMNESS).add(NewTask("acme", KIND, payload))).task_id


async def test_a_format_of_a_newer_release_is_left_to_its_workers_while_ours_go_on(
    house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_worker, "POLL_S", 0.01)
    newer = await newer_export(house)
    ours = await create_export(house.tasks, "acme", asked(), request_id=None)
    async with asyncio.timeout(10):
        while (await get_export(house.tasks, "acme", newer)).error is None:
            await house.work(ours.export_id)
            ours = await create_export(house.tasks, "acme", asked(), request_id=None)

    task = await house.tasks.get("acme", newer)
    assert (task.state, task.attempts, "newer release" in (task.error or "")) == (State.WAITING, 0, True)


async def test_what_no_release_has_made_for_a_day_is_given_up(house: Installation) -> None:
    newer = await newer_export(house)
    stored = await house.documents.get(TASKS, newer)
    assert stored is not None
    yesterday_ms = CLOCK.now_ms() - NEWER_WAITS_MS - 1
    await house.documents.replace(TASKS, {**stored.body, "created_at_ms": yesterday_ms}, if_version=stored.version)

    export = await house.work(newer)

    assert (export.state, "no release at work" in (export.error or "")) == (State.DEAD, True)


async def test_a_format_of_a_newer_release_is_listed_told_and_cancelled(house: Installation) -> None:
    newer = await newer_export(house)

    listed = await list_exports(house.tasks, "acme", page_size=0, page_token="")
    await cancel_export(house.tasks, "acme", newer)

    assert [(export.export_id, export.question.form) for export in listed.exports] == [(newer, Format.NEWER)]
    assert {each.export.question.format for each in await house.told(newer)} == {exports_pb2.EXPORT_FORMAT_UNSPECIFIED}


async def test_a_place_of_files_that_is_away_is_to_be_asked_again(house: Installation) -> None:
    export = await house.work((await create_export(house.tasks, "acme", asked(), request_id=None)).export_id)
    house.blobs.calls_left = 0

    with pytest.raises(Unavailable):
        await read_export(house.tasks, house.blobs, "acme", export.export_id, 0)


async def test_an_export_whose_file_was_removed_has_expired(house: Installation) -> None:
    export = await house.work((await create_export(house.tasks, "acme", asked(), request_id=None)).export_id)
    house.blobs.held.clear()

    with pytest.raises(NotFound, match="expired"):
        await read_export(house.tasks, house.blobs, "acme", export.export_id, 0)


@pytest.mark.parametrize("offset", [-1, 10_000])
async def test_bytes_that_a_file_has_not_are_refused(house: Installation, offset: int) -> None:
    export = await house.work((await create_export(house.tasks, "acme", asked(), request_id=None)).export_id)

    with pytest.raises(InvalidInput, match="offset"):
        await read_export(house.tasks, house.blobs, "acme", export.export_id, offset)


async def test_files_are_removed_after_their_time_and_nothing_else_is(house: Installation) -> None:
    old = f"exports/{'0' * 8}-0000-7000-8000-{'0' * 12}-3.csv"
    newer = f"exports/{'2' * 8}-0000-7000-8000-{'0' * 12}-1.ods"  # of a newer release that was taken back
    new = f"exports/{'1' * 8}-0000-7000-8000-{'0' * 12}-1.json"
    for key, age_ms in (
        (old, 8 * DAY_MS),
        (newer, 8 * DAY_MS),
        (new, 6 * DAY_MS),
        ("exports/notes.txt", 99 * DAY_MS),
        ("scans/x", 99 * DAY_MS),
    ):
        await house.blobs.put(key, b"")
        house.blobs.ages[key] = CLOCK.now_ms() - age_ms
    await house.tasks.keep(SWEEP)
    sweeper = (await house.tasks.list("")).tasks[0]
    handler = kinds(Rollups(house.documents), house.blobs, house.tables, CLOCK)[SWEEP].handler

    await handler.run(sweeper, lambda _: None)

    assert sorted(house.blobs.held) == sorted([new, "exports/notes.txt", "scans/x"])


async def test_exports_are_listed_newest_first_page_by_page(house: Installation) -> None:
    ids = [(await create_export(house.tasks, "acme", asked(), request_id=None)).export_id for _ in range(3)]

    first = await list_exports(house.tasks, "acme", page_size=2, page_token="")
    second = await list_exports(house.tasks, "acme", page_size=2, page_token=first.next_token or "")

    assert sorted(export.export_id for export in (*first.exports, *second.exports)) == sorted(ids)
    assert second.next_token is None


@pytest.mark.parametrize(
    ("question", "fields"),
    [
        (asked(code_id="no#id"), {"code_id"}),
        (asked(days=1_101), {"to_ms"}),
        (asked(interval=Interval.HOUR, days=93), {"to_ms"}),
        (asked(zone="Mars/Olympus"), {"zone"}),
    ],
)
async def test_what_is_wrong_with_a_question_is_said_by_field(house: Installation, question: ExportQuestion, fields: set[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        await create_export(house.tasks, "acme", question, request_id=None)
    assert {violation.field for violation in refused.value.violations} == fields


@given(st.from_regex(r"[0-9A-Za-z_-]{1,64}", fullmatch=True))
def test_no_id_is_a_formula(code_id: str) -> None:
    assert as_text(code_id)[0] not in "=+-@\t\r"


def _sum(rows: Sequence[Row], name: str) -> int:
    return sum(int(str(row[name])) for row in rows)


async def test_whoever_listens_is_told_that_it_was_asked_for_made_and_done(house: Installation) -> None:
    await house.count(MIXED)
    export = await create_export(house.tasks, "acme", asked(), request_id=None)
    done = await house.work(export.export_id)
    told = await house.told(export.export_id)

    assert [each.export.state for each in told] == [
        exports_pb2.EXPORT_STATE_WAITING,
        exports_pb2.EXPORT_STATE_RUNNING,
        exports_pb2.EXPORT_STATE_DONE,
    ]
    assert {each.account_id for each in told} == {"acme"}
    assert done.file is not None
    assert (told[-1].export.codes_done, told[-1].export.sha256) == (2, done.file.sha256)


async def test_of_what_the_house_does_for_itself_nothing_is_told(house: Installation) -> None:
    await house.tasks.keep(SWEEP)
    (task,) = (await house.tasks.list("")).tasks

    assert await house.told(task.task_id) == []


async def test_an_export_that_cannot_be_read_is_dead_and_hinders_no_others(house: Installation) -> None:
    payload = payload_of(asked()) | {"interval": "year"}
    damaged = await Tasks(house.documents, CLOCK, RANDOMNESS).add(NewTask("acme", KIND, payload, max_attempts=1))

    ours = await house.work((await create_export(house.tasks, "acme", asked(), request_id=None)).export_id)

    assert ours.state is State.DONE
    assert (await house.tasks.get("acme", damaged.task_id)).attempts <= 1
