"""The tour: the product's main job on a handful of real-looking codes, shown in the terminal.

It uses the public interfaces only (REST, live updates, and scans over HTTP), and fails when anything isn't as promised.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from quietzone_cli.errors import TourFailed
from quietzone_cli.tour import report, steps
from quietzone_cli.tour.bus import deliver_by_rule, put_and_watch
from quietzone_cli.tour.live import Heard, listening, reading_key, refused_change
from quietzone_cli.tour.steps import Counted, Scans
from quietzone_cli.tour.visitors import requests_for
from quietzone_client import AsyncClient, Code

__all__ = ["run_tour"]

TOLD_WITHIN_S = 2.0
"""How long a change may take to be told, before another is made: what was changed while the stream was being opened isn't told."""

CHANGES = 5


async def run_tour(
    api: AsyncClient,
    console: Console,
    connect: Callable[[str], AsyncClient],
    *,
    examples: Sequence[Path],
    folder: Path,
    scans_url: str | None = None,
    files_url: str | None = None,
) -> None:
    """Create, draw, read back, redirect, scan, listen, count, watch an event, and have a rule deliver it.

    `connect` makes a client with another key. Scans go to the short URLs as they are printed, or to the same paths at `scans_url`, where
    the product's own port is known; files are fetched likewise.

    Raises:
        TourFailed: something wasn't as promised.
        QuietzoneError: the API refused something, or can't be reached.
    """
    plans, scans = steps.read_plans(examples), Scans(scans_url)
    known = await api.reconcile()
    with _progress(console) as progress:
        bar = progress.add_task("Issuing codes", total=len(plans))
        codes = await steps.create(api, plans, lambda: progress.advance(bar))
        bar = progress.add_task("Drawing and reading back", total=2 * len(codes))
        readings = await steps.draw(api, codes, folder, lambda: progress.advance(bar))
    console.print(report.drawn(codes, readings, folder))
    labels = folder / "labels.pdf"
    console.print(report.printed(labels, await steps.print_labels(api, codes, labels, files_url=files_url)))
    if len(codes) < len(plans):
        console.print(f"  {len(plans) - len(codes)} of the examples' codes are paused, and left out\n")
    async with connect(await reading_key(api)) as reader, listening(reader, codes) as heard:
        console.print(report.reader(codes, await refused_change(reader, codes[0])))
        codes[0], seconds = await _point_elsewhere(api, scans, codes[0], heard)
        console.print(report.moved(codes[0], seconds))
        counted, visible_after = await _scan_and_wait(api, console, scans, codes, heard)
        _check(counted, heard)
    console.print(report.told(heard))
    console.print(report.counts(counted))
    console.print(report.breakdowns(counted))
    console.print(report.ending(counted, await steps.until_reconciled(api, known), visible_after))
    console.print(report.watched(*await put_and_watch(api)))
    console.print(report.delivered(*await deliver_by_rule(api)))
    console.print(report.used(await api.usage()))
    console.print(report.terminal_symbol(codes[0]))


async def _point_elsewhere(api: AsyncClient, scans: Scans, code: Code, heard: Heard) -> tuple[Code, float]:
    """The code, whose new destination redirects and was told; and the seconds that the redirect took."""
    for _ in range(CHANGES):
        destination = code.destination.split("#")[0] + f"#{time.strftime('%H%M%S')}"
        changed = await api.codes.change(code.id, destination=destination)
        seconds = await steps.until_redirected(scans, changed)
        if await heard.until_changed(changed, within_s=TOLD_WITHIN_S):
            return changed, seconds
    raise TourFailed(
        f"{code.slug} was changed {CHANGES} times, and GET /v1/stream told nothing: does it come through a proxy that buffers?"
    )


async def _scan_and_wait(
    api: AsyncClient, console: Console, scans: Scans, codes: Sequence[Code], heard: Heard
) -> tuple[list[Counted], float]:
    before = await steps.analytics_of(api, codes)
    with _progress(console) as progress:
        total = sum(len(requests_for(place)) for place in range(len(codes)))
        bar = progress.add_task("Scanning over HTTP", total=total)
        sent = await steps.scan(scans, codes, lambda: progress.advance(bar))
        ended = time.monotonic()
        bar = progress.add_task("Counted", total=sum(row.people for row in sent))
        counted: list[Counted] = []
        async for counted in steps.until_counted(api, codes, sent, before):
            progress.update(bar, completed=sum(row.after.total_scans - row.before.total_scans for row in counted))
        visible_after = time.monotonic() - ended
        watched = sum(row.people for row in sent[: len(heard.codes)])
        bar = progress.add_task("Told live", total=watched)
        await heard.until_scanned(watched, within_s=steps.COUNTED_WITHIN_S)
        progress.update(bar, completed=heard.scans)
    return counted, visible_after


def _check(counted: Sequence[Counted], heard: Heard) -> None:
    """Raises TourFailed when something wasn't counted exactly, or not told."""
    wrong = [row.code.slug for row in counted if not row.exact]
    if wrong:
        raise TourFailed(f"not counted exactly within {steps.COUNTED_WITHIN_S:.0f} s: {', '.join(wrong)}; `quietzone reconcile` tells more")
    watched = sum(row.sent.people for row in counted[: len(heard.codes)])
    if heard.scans < watched and not heard.missed:
        raise TourFailed(
            f"GET /v1/stream told {heard.scans} of {watched} scans within {steps.COUNTED_WITHIN_S:.0f} s, and not that it missed some"
        )


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<26}"), BarColumn(bar_width=40), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
