"""What the tour shows: tables, one symbol, a few plain sentences."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import zxingcpp
from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.style import Style
from rich.table import Table
from rich.text import Text

from quietzone_cli.tour.live import SCOPES, Heard
from quietzone_cli.tour.steps import Counted
from quietzone_client import BusEvent, Code, Delivery, Event, Reconciliation, Share, Usage, Use

_SHADE = {True: "#ffffff", False: "#000000"}

ROWS = 5
"""Values shown of each breakdown."""


def drawn(codes: Sequence[Code], readings: int, folder: Path) -> str:
    """One sentence on the files."""
    return f"[green]✓[/] {len(codes)} codes as PNG and SVG in {folder}/, read back by zxing and quirc: {readings} of {readings} right\n"


def printed(path: Path, size: int) -> str:
    """One sentence on the sheets."""
    return f"[green]✓[/] labels to cut out, each read back from its page: {path}, {size:,} bytes\n"


def moved(code: Code, seconds: float) -> str:
    """One sentence on the changed destination."""
    return (
        f"[green]✓[/] {code.short_url} was pointed elsewhere, and redirected there {seconds * 1000:.0f} ms later:\n  {code.destination}\n"
    )


def reader(codes: Sequence[Code], refused: str) -> str:
    """One sentence on the key that only reads."""
    scopes = " and ".join(sorted(SCOPES))
    return f"[green]✓[/] a key of its own, for {scopes} alone, listens to {len(codes)} codes and can change none: {escape(refused)}\n"


def told(heard: Heard) -> str:
    """What live updates told, and how the first looked."""
    slugs = {code.id: code.slug for code in heard.codes}
    lines = [
        f"  {event.at:%H:%M:%S} UTC  {slugs[event.code_id]}, by {device}{_from(event)}"
        for device, event in heard.samples.items()
        if event.at is not None
    ]
    missed = f", others were missed ({heard.missed}), as it said itself" if heard.missed else ""
    return "\n".join((f"[green]✓[/] GET /v1/stream told {heard.scans} scans while they were made{missed}, such as", *lines, ""))


def watched(event: BusEvent, seconds: float) -> str:
    """The event that came to who watched."""
    return (
        f"[green]✓[/] of two events the one that a pattern matches came {seconds:.2f} s after it was put: "
        f"{event.source}, {event.detail_type}, {escape(json.dumps(event.detail))}\n"
    )


def delivered(delivery: Delivery, seconds: float) -> str:
    """What a rule has done with such an event."""
    return (
        f"[green]✓[/] a rule with that pattern delivered it to topic {delivery.destination} on the bus, {seconds:.2f} s after it was put "
        f"({delivery.tries} attempt{'' if delivery.tries == 1 else 's'}); webhooks, mails and phones get such likewise\n"
    )


def used(usage: Usage) -> str:
    """One sentence on the plan."""
    month = {use.unit: use for use in usage.items if use.period == "month" and use.method_class is None}
    amounts = [f"{use.used:,} {'bytes of answers' if use.unit == 'bytes' else use.unit}{_of(use)}" for use in month.values()]
    stored = usage.stored_bytes
    if stored.used is not None:
        amounts.append(f"{stored.used:,} bytes of files" + ("" if stored.limit is None else f" of {stored.limit:,}"))
    return f"[green]✓[/] used this month, on the plan {usage.plan}: {', '.join(amounts)}\n"


def _from(event: Event) -> str:
    country = event.fields.get("country", "unknown")
    return "" if country == "unknown" else f" from {country}"


def _of(use: Use) -> str:
    return "" if use.limit is None else f" of {use.limit:,}"


def counts(rows: Sequence[Counted]) -> Table:
    """A row per code: what was sent in this tour beside what was counted of it."""
    table = Table(title="Scans of this tour, sent and counted", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("code", no_wrap=True)
    table.add_column("slug", style="cyan", no_wrap=True)
    for heading in ("sent", "counted", "bots", "previews", "ever", "visitors"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=len(heading))
    for row in rows:
        people = row.after.total_scans - row.before.total_scans
        table.add_row(
            row.code.title,
            row.code.slug,
            str(row.sent.people),
            Text(str(people), style="green" if row.exact else "bold red"),
            str(row.after.bot_scans - row.before.bot_scans),
            str(row.after.preview_scans - row.before.preview_scans),
            str(row.after.total_scans),
            str(row.after.unique_visitors),
        )
    return table


def breakdowns(rows: Sequence[Counted]) -> RenderableType:
    """The most frequent devices, browsers, referrers and languages over all codes."""
    names = ("devices", "browsers", "referrers", "languages")
    return Columns([_breakdown(name, [getattr(row.after, name) for row in rows]) for name in names])


def ending(rows: Sequence[Counted], reconciliation: Reconciliation, visible_after: float) -> str:
    """The sums, and what reconcile says."""
    people = sum(row.sent.people for row in rows)
    machines = sum(row.sent.bots + row.sent.previews for row in rows)
    heads = sum(row.sent.heads for row in rows)
    verdict = "; ".join(reconciliation.problems) or "nothing lost, nothing counted twice"
    numbers = f"{reconciliation.accepted} accepted, {reconciliation.forwarded} forwarded, {reconciliation.stored} stored"
    return (
        f"[green]✓[/] {people} scans by people and {machines} by bots and previews counted exactly, "
        f"{visible_after:.2f} s after the last one; {heads} HEAD requests not counted\n"
        f"[green]✓[/] reconcile: {numbers}: {verdict}\n"
    )


def terminal_symbol(code: Code) -> Group:
    """A code's symbol in half blocks: two modules of a column in one character, with the quiet zone around it."""
    barcode = zxingcpp.create_barcode(code.short_url, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    image = barcode.to_image(scale=1, add_quiet_zones=True)
    width = image.shape[1]
    pixels = bytes(memoryview(image))  # type: ignore[arg-type]  # it has the buffer protocol, which its stub leaves out
    light = [[value > 0 for value in pixels[start : start + width]] for start in range(0, len(pixels), width)]
    light += [[True] * len(light)] * (len(light) % 2)
    lines = Text()
    for y in range(0, len(light), 2):
        for upper, lower in zip(light[y], light[y + 1], strict=True):
            # Backgrounds fill a terminal's cell to its edges, which glyphs often don't.
            lines.append(" " if upper == lower else "▀", Style(color=_SHADE[upper], bgcolor=_SHADE[lower]))
        lines.append("\n")
    return Group(lines, Text(f"{code.title}: {code.short_url}\n"))


def _breakdown(name: str, shares: Sequence[tuple[Share, ...]]) -> Table:
    sums: Counter[str] = Counter()
    for values in shares:
        sums.update({share.value: share.scans for share in values})
    table = Table(title=name, title_justify="left", show_header=False, box=box.SIMPLE)
    table.add_column()
    table.add_column(justify="right")
    for value, scans in sums.most_common(ROWS):
        table.add_row(value, str(scans))
    return table
