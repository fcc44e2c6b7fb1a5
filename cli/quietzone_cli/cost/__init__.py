"""`quietzone cost`: what a month of use costs, and which requests, replicas and tiers would do."""

from pathlib import Path

import httpx
from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from quietzone_cli.cost.advice import ENOUGH_HOURS, Row, report
from quietzone_cli.cost.prices import EXAMPLES, Prices, read_prices
from quietzone_cli.cost.use import Prometheus, Use
from quietzone_kit.runtime import Clock

__all__ = ["cost"]


async def cost(console: Console, clock: Clock, *, prometheus: str, prices: Path | None, days: int) -> int:
    """Show the report, by the examples where there are no `prices`; raises CommandFailed."""
    known = read_prices(prices or EXAMPLES)
    async with httpx.AsyncClient() as http:
        use = await Prometheus(http, prometheus, now_s=clock.now_ms() // 1000, days=days).use()
    console.print(_shown(use, known, report(use, known), are_examples=prices is None))
    return 0


def _shown(use: Use, prices: Prices, rows: list[Row], *, are_examples: bool) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("what", "used", f"{prices.currency} a month", "advice, and why"):
        table.add_column(heading, justify="right" if heading.endswith("a month") else "left", no_wrap=heading == "what")
    for row in rows:
        table.add_row(row.what, row.used, f"{row.price:.2f}", f"{escape(row.advice)}\n[dim]{escape(row.reason)}[/]")
    table.add_section()
    total = sum(row.price for row in rows)
    table.add_row("all", "", f"{total:.2f}", "what was used; nodes cost what is requested, and what stays free on them")
    notes = [f"{use.hours} of {use.days * 24} hours are known."]
    if use.hours < ENOUGH_HOURS:
        notes.append("That is less than a day: busy hours may be missing, so take no advice from it yet.")
    if are_examples:
        notes.append("These prices are examples, not facts: --prices names a file with yours.")
    return Group(table, *notes)
