"""Where reports are kept as files, until the mails that they go with have been sent; and which weeks were planned."""

from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Body, Collection, Documents, DuplicateKey, Index, Query, Stored, Value, VersionConflict
from quietzone_notification.deadlines import store_answers

REPORTS = Collection("reports", key="report_id", indexes=(Index("by_age", ("at_ms",)),))
REPORT_WEEKS = Collection("report_weeks", key="week", indexes=(Index("by_age", ("at_ms",)),))
COLLECTIONS = (REPORTS, REPORT_WEEKS)

MAX_REPORT_BYTES = 500_000
"""Of a file: a page with ten codes has 30,000."""
KEPT_MS = 14 * 86_400_000
"""A mail is tried for three days, and may be sent again as long as it is kept."""
FORGOTTEN_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report as a file of an account."""

    report_id: str
    account_id: str
    name: str
    media_type: str
    data: bytes
    at_ms: int


class Reports:
    """All reports. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def put(self, report: ReportFile) -> None:
        """Keep a report; the one of its id that is there stays, so that all who get it get the same."""
        try:
            async with store_answers():
                await self._documents.insert(REPORTS, _body(report))
        except DuplicateKey:
            return

    async def get(self, account_id: str, report_id: str) -> ReportFile | None:
        """An account's report, by key."""
        async with store_answers():
            stored = await self._documents.get(REPORTS, report_id)
        report = None if stored is None else report_file_of(stored)
        return report if report is not None and report.account_id == account_id else None

    async def plan(self, week: str, at_ms: int) -> None:
        """Note that all accounts' reports of a week were ordered."""
        try:
            async with store_answers():
                await self._documents.insert(REPORT_WEEKS, {"week": week, "at_ms": at_ms})
        except DuplicateKey:
            return

    async def is_planned(self, week: str) -> bool:
        """Whether they were."""
        async with store_answers():
            return await self._documents.get(REPORT_WEEKS, week) is not None

    async def forget(self, before_ms: int) -> int:
        """Remove some of what is older (index `by_age`); how many."""
        gone = 0
        for collection in COLLECTIONS:
            async with store_answers():
                page = await self._documents.query(collection, Query("by_age", below=before_ms, limit=FORGOTTEN_AT_ONCE))
                for stored in page.items:
                    try:
                        await self._documents.delete(collection, str(stored.body[collection.key]), if_version=stored.version)
                    except VersionConflict:
                        continue  # another process was faster
                    gone += 1
        return gone


def report_file_of(stored: Stored) -> ReportFile:
    """The report in a document; msgspec.ValidationError names the field that was damaged."""
    return msgspec.convert(stored.body, ReportFile)


def _body(report: ReportFile) -> Body:
    body: dict[str, Value] = msgspec.to_builtins(report, builtin_types=(bytes,))
    return body
