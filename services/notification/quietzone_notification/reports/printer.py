"""Having a PDF made by a process of its own: typesetting takes memory that a process that sends should give back."""

import asyncio
import json
from typing import cast

from quietzone_kit.processes import answer_of
from quietzone_notification.reports.domain import Report
from quietzone_notification.reports.repository import MAX_REPORT_BYTES

WITHIN_S = 60.0


class NotPrinted(Exception):
    """No PDF came of it: says why; another try may end otherwise."""


class Printer:
    """Makes PDFs, one at a time."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(1)

    async def pdf(self, report: Report) -> bytes:
        """The report as a PDF.

        Raises:
            NotPrinted: see there.
        """
        async with self._free:
            try:
                async with asyncio.timeout(WITHIN_S):
                    made, code = await answer_of("quietzone_notification.reports", json_of(report), max_bytes=MAX_REPORT_BYTES)
            except TimeoutError as error:
                raise NotPrinted(f"it isn't made within {WITHIN_S:g} s") from error
        if code != 0 or not made.startswith(b"%PDF"):
            raise NotPrinted(f"the process that makes it ended with {code}")
        if len(made) > MAX_REPORT_BYTES:
            raise NotPrinted(f"it is larger than {MAX_REPORT_BYTES:,} bytes")
        return made


def json_of(report: Report) -> bytes:
    """What the template reads: numbers also as people read them."""
    data = report.data()
    days, codes = (cast("list[dict[str, object]]", data[name]) for name in ("days", "codes"))
    shown = {
        "scans_shown": _scans(report.scans),
        "days": [{**day, "shown": f"{day['scans']:,}"} for day in days],
        "codes": [{**code, "shown": f"{code['scans']:,}"} for code in codes],
    }
    return json.dumps(data | shown).encode()


def _scans(number: int) -> str:
    return f"{number:,} {'scan' if number == 1 else 'scans'}"
