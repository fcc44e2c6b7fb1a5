"""How long do 1,000 labels take, as PDF and as archive, in the process of their own; and Typst alone, without the proof of each page?

Exits with 1 when the PDF takes longer than its aim, processes and messages included.

    python bench/prints.py [rounds]
"""

import asyncio
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from unit.storage.drawings import symbol

from quietzone_storage.prints import sheets
from quietzone_storage.prints.domain import MAX_LABELS, Label, Layout, spots, square
from quietzone_storage.prints.messages import Job
from quietzone_storage.prints.process import Printer

Case = Callable[[], tuple[float, float, int]]
"""Prints, and says in how many seconds, of which on the CPU, and how many bytes there are."""
AIM_S = 5.0
LABELS = tuple(Label(f"{number:036d}", f"Table {number}", f"table-{number}") for number in range(MAX_LABELS))
SYMBOLS = tuple(symbol(f"http://localhost:8080/c{number:06d}") for number in range(MAX_LABELS))


async def printed(layout: Layout | None) -> tuple[float, float, int]:
    """Seconds, seconds of CPU, bytes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    file = await Printer().make(Job("Tables", LABELS, SYMBOLS, layout))
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, len(file)


def typst_alone() -> tuple[float, float, int]:
    """The same PDF, without the proof, in this process."""
    squares = [square(spot, captioned=True) for spot in spots(Layout(), len(LABELS))]
    began, cpu = time.perf_counter(), time.process_time()
    files = {"main.typ": sheets.TEMPLATE.encode(), "job.json": sheets.job_file("Tables", LABELS, SYMBOLS, Layout(), squares)}
    (file,) = sheets.compiled(files, "pdf")
    return time.perf_counter() - began, time.process_time() - cpu, len(file)


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    cases: dict[str, Case] = {
        "PDF, each symbol proven": lambda: asyncio.run(printed(Layout())),
        "PDF, by Typst alone": typst_alone,
        "ZIP, each PNG proven": lambda: asyncio.run(printed(None)),
    }
    found: dict[str, list[tuple[float, float, int]]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, run in cases.items():
            found[name].append(run())
    print(f"\n| {MAX_LABELS:,} labels | seconds, median (shortest, longest) | of CPU | bytes | of the aim ({AIM_S:g} s) |")
    print("| --- | --- | --- | --- | --- |")
    for name, runs in found.items():
        took, cpu = [run[0] for run in runs], statistics.median(run[1] for run in runs)
        median = statistics.median(took)
        print(f"| {name} | {median:.1f} ({min(took):.1f}, {max(took):.1f}) | {cpu:.1f} | {runs[0][2]:,} | {median / AIM_S:.2f} |")
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"Memory of the largest process: {peak_mb:,.0f} MiB; {len(os.sched_getaffinity(0))} cores")
    return 0 if statistics.median(run[0] for run in found["PDF, each symbol proven"]) <= AIM_S else 1


if __name__ == "__main__":
    sys.exit(main())
