"""The process that makes a file: `python -m quietzone_analytics.printed`, a job as JSON on its standard input.

A job is `{"form": "xlsx" or "pdf", "about": {…}, "source": path of the CSV, "target": path, "scratch": folder, "room": bytes of a file}`.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from quietzone_analytics.printed import NO_ROOM, TOO_MUCH
from quietzone_analytics.printed.rows import read_rows, sheets_of

CPU_S = 1_200
"""Four million rows of a workbook take 340 s here, on a slow machine three times as long."""
MEMORY = 200_000_000
"""Of data: files take some 40 MB."""


def main() -> int:
    """Make it, within bounds that nothing in it can change."""
    job = json.load(sys.stdin.buffer)
    make, largest = (_workbook, sheets_of(Path(job["source"]))) if job["form"] == "xlsx" else (_paper, 1)
    _bound(job["room"] // largest)  # each sheet lies in files of its own until the workbook is made of them
    try:
        make(job)
    except OSError:
        return NO_ROOM
    except MemoryError:
        return TOO_MUCH
    return 0


def _workbook(job: dict[str, Any]) -> None:
    from quietzone_analytics.printed.workbook import write_workbook  # noqa: PLC0415 - without the other's library

    write_workbook(read_rows(Path(job["source"])), job["about"], Path(job["target"]), scratch=Path(job["scratch"]))


def _paper(job: dict[str, Any]) -> None:
    from quietzone_analytics.printed.paper import make_pdf  # noqa: PLC0415 - without the other's library

    Path(job["target"]).write_bytes(make_pdf(read_rows(Path(job["source"])), job["about"]))


def _bound(room: int) -> None:
    os.nice(10)  # who waits for an answer comes first
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))


sys.exit(main())
