"""Faults of servers and processes under traffic; after each of them every ledger must agree."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.arena import Arena
from chaos.faults import Fault
from chaos.traffic import Traffic, asked
from house import until

CODES = 20
BEFORE_S = 2.0
AFTER_S = 2.0
"""Traffic before and after a fault, which shows that it flows at all."""
SETTLED_WITHIN_S = 120.0
STRUCK_WITHIN_S = 1200.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fault left behind. `lost` and `double` are scans beyond what the ledger allows; `wrong` is what else is."""

    title: str
    evidence: str
    seconds: float
    settled_s: float
    sent: int
    answered: int
    stored: int
    lost: int
    double: int
    slowest_ms: float
    edits: int
    refused: Counter[str]
    images: int
    images_refused: Counter[str]
    exports: int
    wrong: tuple[str, ...] = field(default=())

    @property
    def line(self) -> str:
        """A row of the table."""
        return (
            f"| {self.title} | {self.evidence} | {self.seconds:.0f} | {self.answered} of {self.sent} | {self.slowest_ms:.0f} "
            f"| {self.stored} | {self.lost} / {self.double} | {self.edits}{_others(self.refused)} "
            f"| {self.images}{_others(self.images_refused)} | {self.exports} | {self.settled_s:.1f} | {'; '.join(self.wrong) or '0/0'} |"
        )


HEAD = (
    "| fault | what happened | s | scans answered | slowest, ms | stored | lost / twice "
    "| changes | images | exports | settled, s | reconcile |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


class Trial:
    """Codes of a house in the arena, and what happened to them so far."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._house = arena.house
        self._codes = [self._house.create(f"https://example.com/{number}") for number in range(CODES)]
        for code in self._codes:
            until(lambda slug=code["slug"]: self._house.scan(slug, method="HEAD").status == 302, "the redirect")  # type: ignore[misc]
        self._stored_before: dict[str, int] = {code["slug"]: 0 for code in self._codes}
        self._destinations = {code["slug"]: [str(code["destination"])] for code in self._codes}
        self._said = 0

    def run(self, fault: Fault) -> Outcome:
        """Strike, wait until everything is settled, compare."""
        traffic = Traffic.to(self._house, self._codes, self._destinations)
        began = time.monotonic()
        evidence, wrong = asyncio.run(self._struck(fault, traffic))
        seconds = time.monotonic() - began
        ledger = traffic.scans
        settled_s, unsettled = self._settled(ledger.answered)
        stored_before, self._stored_before = self._stored_before, self._stored()
        stored = {slug: self._stored_before[slug] - stored_before[slug] for slug in stored_before}
        return Outcome(
            title=fault.title,
            evidence=evidence,
            seconds=seconds,
            settled_s=settled_s,
            sent=ledger.sent.total(),
            answered=ledger.answered.total(),
            stored=sum(stored.values()),
            lost=sum(max(0, ledger.answered[slug] - stored[slug]) for slug in stored),
            double=sum(max(0, stored[slug] - ledger.sent[slug]) for slug in stored),
            slowest_ms=ledger.slowest_s * 1000,
            edits=traffic.edits.accepted,
            refused=traffic.edits.refused,
            images=traffic.images.served,
            images_refused=traffic.images.refused,
            exports=len(traffic.exports.begun),
            wrong=(*wrong, *unsettled, *self._unkept(fault, traffic)),
        )

    async def _struck(self, fault: Fault, traffic: Traffic) -> tuple[str, list[str]]:
        stop = asyncio.Event()
        async with asyncio.timeout(STRUCK_WITHIN_S), asyncio.TaskGroup() as group:
            group.create_task(traffic.flow(self._house.place.scan_port, stop))
            try:
                await asyncio.sleep(BEFORE_S)
                evidence, wrong = await fault.strike(self._arena), []
                await asyncio.sleep(AFTER_S)
            except AssertionError as error:
                evidence, wrong = "", [str(error)]
            finally:
                stop.set()
        return evidence, wrong

    def _settled(self, answered: Counter[str]) -> tuple[float, list[str]]:
        """The seconds until reconcile was content about all that was answered, and what it said if it never was."""
        said: dict[str, Any] = {}

        def agrees() -> bool:
            answer = asked(lambda: self._house.request("GET", "/v1/reconcile"))
            if answer is None or answer.status != 200:
                return False
            said.update(answer.json)
            counts = {said[name] for name in ("accepted", "forwarded", "applied", "stored")}
            # An edge's last scans are unknown to reconcile until its next report: before that the older counts agree too.
            return len(counts) == 1 and not said["problems"] and self._counted(answered)

        try:
            return until(agrees, "reconcile is content", within_s=SETTLED_WITHIN_S), []
        except AssertionError as error:
            counts = {name: said.get(name) for name in ("accepted", "forwarded", "applied", "stored", "lost", "unrecorded")}
            return SETTLED_WITHIN_S, [str(error), str(counts), *said.get("problems", ())]

    def _counted(self, answered: Counter[str]) -> bool:
        stored = self._stored()
        return all(stored[slug] - before >= answered[slug] for slug, before in self._stored_before.items())

    def _stored(self) -> dict[str, int]:
        return {code["slug"]: self._house.total(code["id"]) for code in self._codes}

    def _unkept(self, fault: Fault, traffic: Traffic) -> list[str]:
        """Promises that were broken beside the counts."""
        ledger = traffic.scans
        failed = ledger.sent.total() + ledger.unanswered - ledger.answered.total()
        said, self._said = self._house.said[self._said :], len(self._house.said)
        checks = {
            f"roles ended by themselves: {said}": said and not fault.roles_die,
            f"{failed} scans without their redirect ({_others(ledger.refused)}, {ledger.unanswered} broken)": failed
            and not fault.roles_die,
            "no scan at all": not ledger.answered,
            f"codes that lead elsewhere: {(elsewhere := traffic.edits.unfollowed())}": elsewhere,
            f"exports without a file: {(unfinished := traffic.exports.unfinished())}": unfinished,
        }
        return [problem for problem, there in checks.items() if there]


def _others(refused: Counter[Any]) -> str:
    return "".join(f", {count} times {kind}" for kind, count in sorted(refused.items()))


def try_all(arena: Arena, faults: Iterable[Fault], say: Any) -> Sequence[Outcome]:
    """One after the other, on one house; each outcome is said as it comes."""
    trial = Trial(arena)
    outcomes = []
    say(HEAD)
    for fault in faults:
        outcomes.append(trial.run(fault))
        say(outcomes[-1].line)
    return outcomes
