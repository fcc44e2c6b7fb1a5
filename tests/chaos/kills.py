"""Real scans while processes are killed with -9; then ledger and reconcile must agree on every code."""

import asyncio
import random  # noqa: TID251 - seeded, so that a run can be repeated
import time
from collections import Counter
from dataclasses import dataclass

from house import House, until
from load import Ledger, scan_all

VICTIMS = ("tracking edge", "tracking forwarder", "analytics serve", "qr serve", "tracking links")
"""Edge, forwarder and projection; and the two that write the code topic and follow it: the embedded bus has no process of its own."""

CODES = 20
CONNECTIONS = 8
DRAINED_WITHIN_S = 60.0
SCANNED_WITHIN_S = 240.0
"""50,000 scans take 20 s here, and 30 restarts as long again."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came out: `lost` and `double` count scans beyond what the ledger allows, `problems` are reconcile's."""

    sent: int
    answered: int
    stored: int
    kills: Counter[str]
    lost: int
    double: int
    problems: tuple[str, ...]
    seconds: float

    def lines(self) -> list[str]:
        """The report as a table."""
        kills = ", ".join(f"{title} {count}" for title, count in sorted(self.kills.items()))
        said = "; ".join(self.problems) or "no problems"
        return [
            "| sent | answered | stored | lost | counted twice | killed | reconcile | seconds |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            f"| {self.sent} | {self.answered} | {self.stored} | {self.lost} | {self.double} | {kills} | {said} | {self.seconds:.0f} |",
        ]


def run(house: House, *, scans: int, kills: int, seed: int) -> Report:
    """Scan and kill, wait until everything is counted, compare."""
    started = time.monotonic()
    codes = [house.create(f"https://example.com/{number}") for number in range(CODES)]
    for code in codes:
        until(lambda slug=code["slug"]: house.scan(slug, method="HEAD").status == 302, "the redirect")  # type: ignore[misc]
    ledger = Ledger()
    killed = asyncio.run(_scan_and_kill(house, [code["slug"] for code in codes], ledger, (scans, kills, seed)))
    until(lambda: _settled(house, ledger), "all that was accepted is stored", within_s=DRAINED_WITHIN_S)
    last_killed_is_back = f"/v1/codes/{codes[0]['id']}/analytics"
    until(lambda: house.request("GET", last_killed_is_back).status == 200, "every part answers again")
    stored = {code["slug"]: house.total(code["id"]) for code in codes}
    return Report(
        sent=ledger.sent.total(),
        answered=ledger.answered.total(),
        stored=sum(stored.values()),
        kills=killed,
        lost=sum(max(0, ledger.answered[slug] - stored[slug]) for slug in stored),
        double=sum(max(0, stored[slug] - ledger.sent[slug]) for slug in stored),
        problems=tuple(house.request("GET", "/v1/reconcile").json["problems"]),
        seconds=time.monotonic() - started,
    )


async def _scan_and_kill(house: House, slugs: list[str], ledger: Ledger, plan: tuple[int, int, int]) -> Counter[str]:
    scans, kills, seed = plan
    chance = random.Random(seed)
    killed: Counter[str] = Counter()

    async def kill() -> None:
        for number in range(kills):
            while ledger.answered.total() < scans * (number + 1) // (kills + 1):
                await asyncio.sleep(0.01)
            title = VICTIMS[number] if number < len(VICTIMS) else chance.choice(VICTIMS)
            while not _kill(house, title):
                await asyncio.sleep(0.01)
            killed[title] += 1

    async with asyncio.timeout(SCANNED_WITHIN_S), asyncio.TaskGroup() as group:
        group.create_task(kill())
        group.create_task(scan_all(house.place.scan_port, slugs, count=scans, connections=CONNECTIONS, ledger=ledger))
    return killed


def _kill(house: House, title: str) -> bool:
    try:
        house.kill(title)
    except ProcessLookupError:
        return False
    return True


def _settled(house: House, ledger: Ledger) -> bool:
    answer = house.request("GET", "/v1/reconcile")
    if answer.status != 200:
        return False
    numbers = answer.json
    return bool(
        numbers["accepted"] == numbers["forwarded"] == numbers["applied"] == numbers["stored"]
        and numbers["stored"] >= ledger.answered.total()
    )
