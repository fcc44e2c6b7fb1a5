"""Durable tasks of reports: one plans each week for all accounts, one makes the report of an account."""

from collections.abc import Mapping
from dataclasses import dataclass

from quietzone_kit.ids import derived_id
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import Again, Done, Kind, NewTask, Progress, Retry, Task, Tasks, Tell
from quietzone_notification.deadlines import store_answers
from quietzone_notification.mail.kinds import WEEKLY
from quietzone_notification.mail.letters import Letter
from quietzone_notification.mail.scribe import Addressed, Scribe
from quietzone_notification.people.domain import Addressee
from quietzone_notification.people.repository import People
from quietzone_notification.reports.domain import DAY_MS, Report, Schedule, Sum, Week, report_of
from quietzone_notification.reports.ports import Numbers, Printing, Titles
from quietzone_notification.reports.printer import NotPrinted
from quietzone_notification.reports.repository import KEPT_MS, ReportFile, Reports

GENERATE = "generate-report"
PLAN = "plan-reports"

LOOK_EVERY_MS = 3_600_000
"""Between looks whether a week is to be planned; another moment, or none, in the settings holds from the next look on."""
LATE_MS = 2 * DAY_MS
"""A week that nobody could plan for so long is left out: on Thursday nobody waits for Monday's mail."""
AFTER_MS = 60_000
"""How long an account's report waits, so that what scans of the week are still on their way are in it."""
PAGE = 200
PLAN_WITHIN_S = 3_600.0
GENERATE_WITHIN_S = 600.0

PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class Sources:
    """What a report is made of."""

    people: People
    numbers: Numbers
    titles: Titles
    printing: Printing
    reports: Reports


class PlanReports:
    """Handler of PLAN, which comes again: orders the report of each account when it is time, once a week."""

    def __init__(self, people: People, reports: Reports, tasks: Tasks, clock: Clock, *, schedule: Schedule | None) -> None:
        """`schedule` None: no reports are made."""
        self._people = people
        self._reports = reports
        self._tasks = tasks
        self._clock = clock
        self._schedule = schedule

    async def run(self, task: Task, tell: Tell) -> Again:
        """See `quietzone_kit.tasks.Handler`. Run again after a crash it orders the same again, which changes nothing."""
        now_ms = self._clock.now_ms()
        while await self._reports.forget(now_ms - KEPT_MS):
            tell(Progress(0))
        if self._schedule is None:
            return Again(after_ms=LOOK_EVERY_MS)
        latest_ms = self._schedule.latest_ms(now_ms)
        week = self._schedule.week_at(latest_ms)
        is_due = task.created_at_ms <= latest_ms and now_ms - latest_ms < LATE_MS
        if is_due and not await self._reports.is_planned(week.name):
            await self._plan(week, tell)
            await self._reports.plan(week.name, now_ms)
        wait_ms = self._schedule.latest_ms(now_ms) + 7 * DAY_MS - self._clock.now_ms()
        return Again(after_ms=max(1_000, min(wait_ms, LOOK_EVERY_MS)))

    async def _plan(self, week: Week, tell: Tell) -> None:
        ordered, after = 0, None
        while True:
            page = await self._people.page(limit=PAGE, after=after)
            for account in page.accounts:
                if account.owners() and not account.is_suspended:
                    payload = {"week_ms": week.from_ms}
                    async with store_answers():
                        await self._tasks.add(
                            NewTask(account.account_id, GENERATE, payload, after_ms=AFTER_MS, dedup_key=f"weekly-summary/{week.name}")
                        )
                    ordered += 1
            tell(Progress(ordered))
            after = page.next_token
            if after is None:
                return


class GenerateReport:
    """Handler of GENERATE: counts an account's week, and has its owners told of it, once, as mail and PDF."""

    def __init__(self, sources: Sources, scribe: Scribe, clock: Clock, *, dashboard_url: str) -> None:
        self._sources = sources
        self._scribe = scribe
        self._clock = clock
        self._dashboard_url = dashboard_url

    async def run(self, task: Task, tell: Tell) -> Done:
        """See `quietzone_kit.tasks.Handler`. Ids of report and mails follow from account and week."""
        week = Week(int(str(task.payload["week_ms"])))
        owners = await self._sources.people.owners_of(task.account_id)
        if not owners or not await self._sources.numbers.has_scans(task.account_id, week):
            return Done({"sent": 0})
        report = await self._report(task.account_id, week, tell)
        if not report.scans:
            return Done({"sent": 0})
        report_id = derived_id("weekly summary", task.account_id, week.name)
        try:
            data = await self._sources.printing.pdf(report)
        except NotPrinted as error:
            raise Retry(str(error)) from error
        name = f"scans-{week.name}.pdf"
        await self._sources.reports.put(ReportFile(report_id, task.account_id, name, PDF, data, self._clock.now_ms()))
        await self._scribe.take([self._addressed(task.account_id, report_id, owner, report) for owner in owners])
        return Done({"sent": len(owners), "scans": report.scans})

    async def _report(self, account_id: str, week: Week, tell: Tell) -> Report:
        found, before = await self._sum(account_id, week, tell), await self._sum(account_id, week.before, tell)
        account = await self._sources.people.account(account_id)
        titles = await self._sources.titles.titles(account_id, [code.code_id for code in found.top])
        return report_of(account.name if account else "", week, found, titles, before=before.scans)

    async def _sum(self, account_id: str, week: Week, tell: Tell) -> Sum:
        found = Sum()
        async for code in self._sources.numbers.codes(account_id, week):
            found.add(code)
            tell(Progress(found.codes))
        return found

    def _addressed(self, account_id: str, report_id: str, owner: Addressee, report: Report) -> Addressed:
        data = report.data() | {"name": owner.name, "link": self._dashboard_url}
        letter = Letter(WEEKLY, WEEKLY, data, report_id)
        return Addressed(derived_id("weekly summary mail", report_id, owner.user_id), account_id, owner.email, letter)


def kinds(plan: PlanReports, generate: GenerateReport | None) -> Mapping[str, Kind]:
    """All kinds of reports' tasks, for a worker; without GENERATE where nobody counts scans."""
    found = {PLAN: Kind(plan, within_s=PLAN_WITHIN_S)}
    return found if generate is None else {**found, GENERATE: Kind(generate, within_s=GENERATE_WITHIN_S)}
