"""What reports need of other parts."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Protocol

from quietzone_notification.reports.domain import CodeScans, Report, Week


class Numbers(Protocol):
    """Who has counted an account's scans."""

    async def has_scans(self, account_id: str, week: Week) -> bool:
        """Whether there may be any; a cheap look before the others. Raises Unavailable."""

    def codes(self, account_id: str, week: Week) -> AsyncIterator[CodeScans]:
        """Each code that was scanned in a week. Raises Unavailable."""


class Titles(Protocol):
    """Who knows what codes are called."""

    async def titles(self, account_id: str, code_ids: Collection[str]) -> Mapping[str, str]:
        """Titles of those of at most 100 codes that there are. Raises Unavailable."""


class Printing(Protocol):
    """Who makes PDFs."""

    async def pdf(self, report: Report) -> bytes:
        """The report as a PDF; raises NotPrinted."""
