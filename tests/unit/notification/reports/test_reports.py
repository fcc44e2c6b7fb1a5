"""Each week the owners of accounts that were scanned get one summary, whatever happens meanwhile."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from unit.notification.reactions.world import ADA, DASHBOARD, World
from unit.notification.world import BORN_MS, OURS

from quietzone_kit.errors import Unavailable
from quietzone_kit.tasks import TASKS, Again, Done, NewTask, Retry
from quietzone_notification.delivery.domain import taken
from quietzone_notification.mail.letters import InvalidLetter, letter_of
from quietzone_notification.reports.domain import DAY_MS, CodeScans, Report, Schedule, Week
from quietzone_notification.reports.printer import NotPrinted
from quietzone_notification.reports.repository import FORGOTTEN_AT_ONCE, KEPT_MS, REPORTS, ReportFile, Reports
from quietzone_notification.reports.tasks import GENERATE, PLAN, GenerateReport, PlanReports, Sources

MONDAY = Schedule.parse("monday 11:00")  # an hour after tests begin
WEEK = Week(BORN_MS // DAY_MS * DAY_MS - 7 * DAY_MS)
HOUR_S = 3_600.0


@dataclass
class Counted:
    """What was counted, by week."""

    weeks: dict[int, list[CodeScans]] = field(default_factory=dict)
    asked: int = 0
    failures: int = 0

    async def has_scans(self, account_id: str, week: Week) -> bool:  # noqa: ARG002 - the port's
        return bool(self.weeks)

    async def codes(self, account_id: str, week: Week) -> AsyncIterator[CodeScans]:  # noqa: ARG002 - the port's
        self.asked += 1
        if self.failures:
            self.failures -= 1
            raise Unavailable("injected")
        for code in self.weeks.get(week.from_ms, []):
            yield code


@dataclass
class Press:
    """Prints a line, or fails so many times before."""

    failures: int = 0

    async def pdf(self, report: Report) -> bytes:
        if self.failures:
            self.failures -= 1
            raise NotPrinted("injected")
        return f"%PDF {report.scans}".encode()


class Desk:
    """Reports of one installation."""

    def __init__(self, world: World, schedule: Schedule | None = MONDAY) -> None:
        self.world = world
        self.counted, self.press, self.reports = Counted(), Press(), Reports(world.documents)
        sources = Sources(world.people, self.counted, world.codes, self.press, self.reports)
        self.generate = GenerateReport(sources, world.scribe, world.clock, dashboard_url=DASHBOARD)
        self.schedule = schedule

    def plan(self) -> PlanReports:
        return PlanReports(self.world.people, self.reports, self.world.tasks, self.world.clock, schedule=self.schedule)

    async def look(self) -> Again:
        """Look whether a week is to be planned, as the one task does."""
        task = await self.world.tasks.add(NewTask("", PLAN, dedup_key=PLAN))
        return await self.plan().run(task, lambda _: None)

    async def ordered(self) -> int:
        found = (await self.world.documents.scan(TASKS, limit=1_000)).items
        return sum(stored.body["kind"] == GENERATE for stored in found)

    async def made(self) -> list[Done | Again]:
        """Make the reports that are due."""
        self.world.clock.seconds += 120
        return await self.world.do(GENERATE, self.generate)

    async def monday(self) -> None:
        """Begin before the moment, and look after it."""
        await self.look()
        self.world.clock.seconds += HOUR_S
        await self.look()


@pytest.fixture
def desk(world: World) -> Desk:
    desk = Desk(world)
    desk.counted.weeks = {
        WEEK.from_ms: [CodeScans("menu", (1, 2, 3, 0, 0, 0, 4)), CodeScans("door", (0, 0, 0, 5, 0, 0, 0))],
        WEEK.before.from_ms: [CodeScans("menu", (30, 0, 0, 0, 0, 0, 0))],
    }
    world.codes.names["menu"] = "Menu"
    return desk


async def test_the_owner_gets_a_summary_of_the_week_before(desk: Desk, world: World) -> None:
    await desk.monday()
    await desk.made()

    (mail,) = world.mails()
    assert (mail.to, mail.account_id, mail.letter.kind, mail.letter.template) == (ADA, OURS, "weekly-summary", "weekly-summary")
    said = mail.letter.data
    assert (said["scans"], said["change"], said["week"]) == (15, "50 % fewer than the week before (30)", WEEK.shown())
    assert said["codes"] == [{"title": "Menu", "scans": 10}, {"title": "Untitled", "scans": 5}]
    assert (said["name"], said["link"], said["account"]) == ("Ada", DASHBOARD, "Ours")


async def test_a_pdf_goes_with_it(desk: Desk, world: World) -> None:
    await desk.monday()
    await desk.made()

    (delivery,) = world.outbound.kept.values()
    made = await world.parts._post.mail(letter_of(taken(delivery, 1)), delivery.id, OURS, ADA, created_ms=1)

    assert [(file.name, file.media_type, file.data) for file in made.attachments] == [
        (f"scans-{WEEK.name}.pdf", "application/pdf", b"%PDF 15")
    ]


async def test_nobody_elses_report_goes_with_a_mail(desk: Desk, world: World) -> None:
    await desk.monday()
    await desk.made()
    (delivery,) = world.outbound.kept.values()

    with pytest.raises(InvalidLetter):
        await world.parts._post.mail(letter_of(taken(delivery, 1)), delivery.id, "theirs", ADA, created_ms=1)


async def test_an_account_that_nobody_scanned_gets_nothing(desk: Desk, world: World) -> None:
    desk.counted.weeks = {WEEK.before.from_ms: [CodeScans("menu", (1,) * 7)]}
    await desk.monday()

    assert await desk.made() == [Done({"sent": 0})]

    assert world.mails() == []


async def test_an_account_without_any_scans_is_not_counted_code_by_code(desk: Desk) -> None:
    desk.counted.weeks = {}
    await desk.monday()

    await desk.made()

    assert desk.counted.asked == 0


async def test_a_new_installation_waits_for_its_first_moment(desk: Desk) -> None:
    await desk.look()

    assert await desk.ordered() == 0


async def test_a_week_is_planned_once_however_often_somebody_looks(desk: Desk, world: World) -> None:
    await desk.monday()
    for _ in range(3):
        world.clock.seconds += HOUR_S
        await desk.look()

    await desk.made()
    await desk.made()

    assert len(world.mails()) == 1


async def test_planning_that_was_cut_off_orders_what_is_missing(desk: Desk, world: World) -> None:
    await desk.look()
    world.clock.seconds += HOUR_S
    await world.tasks.add(NewTask(OURS, GENERATE, {"week_ms": WEEK.from_ms}, dedup_key=f"weekly-summary/{WEEK.name}"))
    await world.own("bob", "bob@example.com", "theirs")

    await desk.look()

    assert await desk.ordered() == 2


async def test_the_next_week_has_a_summary_of_its_own(desk: Desk, world: World) -> None:
    await desk.monday()
    await desk.made()
    world.clock.seconds += 7 * 24 * HOUR_S
    desk.counted.weeks[Week(WEEK.to_ms).from_ms] = [CodeScans("menu", (1,) * 7)]

    await desk.look()
    await desk.made()

    assert [mail.letter.data["scans"] for mail in world.mails()] == [15, 7]


async def test_a_week_that_nobody_could_plan_for_days_is_left_out(desk: Desk, world: World) -> None:
    await desk.look()
    world.clock.seconds += 3 * 24 * HOUR_S

    await desk.look()

    assert await desk.ordered() == 0


async def test_who_looks_comes_again_at_the_moment_or_within_the_hour(desk: Desk, world: World) -> None:
    assert (await desk.look()).after_ms == HOUR_S * 1_000
    world.clock.seconds += HOUR_S - 60

    assert (await desk.look()).after_ms == 60_000


async def test_where_it_is_switched_off_nothing_is_planned(desk: Desk, world: World) -> None:
    await desk.look()
    desk.schedule = None
    world.clock.seconds += HOUR_S

    await desk.look()

    assert await desk.ordered() == 0


async def test_an_account_that_nobody_can_be_written_to_of_is_not_counted(desk: Desk, world: World) -> None:
    await desk.monday()
    await world.own("nobody", "")

    await desk.made()

    assert (desk.counted.asked, world.mails()) == (0, [])


async def test_a_report_that_was_cut_off_is_told_once(desk: Desk, world: World) -> None:
    await desk.monday()
    world.clock.seconds += 120
    (task,) = await world.due(GENERATE)

    world.outbound.failures = 1
    with pytest.raises(Unavailable):
        await desk.generate.run(task, lambda _: None)
    for _ in range(2):
        await desk.generate.run(task, lambda _: None)

    assert len(world.mails()) == 1
    assert len((await world.documents.scan(REPORTS, limit=10)).items) == 1


async def test_who_gets_a_report_later_gets_the_same_as_the_others(desk: Desk, world: World) -> None:
    await desk.monday()
    world.clock.seconds += 120
    (task,) = await world.due(GENERATE)
    await desk.generate.run(task, lambda _: None)
    (stored,) = (await world.documents.scan(REPORTS, limit=10)).items

    desk.counted.weeks[WEEK.from_ms].append(CodeScans("late", (1,) * 7))
    await desk.generate.run(task, lambda _: None)

    assert (await world.documents.scan(REPORTS, limit=10)).items == [stored]


async def test_a_report_waits_for_who_has_counted(desk: Desk, world: World) -> None:
    await desk.monday()
    desk.counted.failures = 1
    with pytest.raises(Unavailable):
        await desk.made()

    await desk.made()

    assert len(world.mails()) == 1


async def test_a_report_that_is_not_printed_is_tried_again(desk: Desk) -> None:
    await desk.monday()
    desk.press.failures = 1

    with pytest.raises(Retry):
        await desk.made()


async def test_reports_are_forgotten_after_two_weeks(desk: Desk, world: World) -> None:
    await desk.monday()
    await desk.made()
    world.clock.seconds += KEPT_MS / 1_000 + 1

    await desk.look()

    assert (await world.documents.scan(REPORTS, limit=10)).items == []


async def test_of_however_many_reports_none_outstays_its_time(desk: Desk, world: World) -> None:
    for number in range(FORGOTTEN_AT_ONCE + 1):
        await desk.reports.put(ReportFile(f"r{number}", "ours", "scans.pdf", "application/pdf", b"%PDF", 0))

    await desk.look()

    assert not (await world.documents.scan(REPORTS, limit=10)).items
