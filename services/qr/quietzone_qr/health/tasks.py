"""The task that looks at one destination, again and again."""

from typing import Protocol

from ada_url import URL

from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.tasks import Again, Done, Task, Tell
from quietzone_qr.health.ask import Answer, Answered, NoAnswer, NotAsked
from quietzone_qr.health.domain import Finding, Health, Look, Schedule, meaning_of
from quietzone_qr.health.metrics import CHECK_SECONDS, CHECKS
from quietzone_qr.health.network import Busy, Hosts, OwnNetwork
from quietzone_qr.health.repository import Healths
from quietzone_qr.health.use_cases import Seen, Watch, take_down, watched

WITHIN_S = 60.0
"""One run: a turn, an answer and some calls of the store take 30 s at most."""

BUSY_FIRST_MS, BUSY_MOST_MS = 10_000, 60_000
"""When a host is tried again that others ask: a thousand codes of one host then come by twenty times a second, not in a tight loop."""


class Ask(Protocol):
    """Who asks; `Asker`, but for tests."""

    async def ask(self, url: str) -> Answer:
        """What a URL answers."""


class CheckDestination:
    """Handles tasks of kind `check-destination`."""

    def __init__(self, healths: Healths, asker: Ask, schedule: Schedule, clock: Clock, randomness: Randomness) -> None:
        self._healths = healths
        self._asker = asker
        self._schedule = schedule
        self._clock = clock
        self._randomness = randomness
        self._hosts = Hosts(clock)
        self._network = OwnNetwork(clock)

    async def run(self, task: Task, tell: Tell) -> Done | Again:  # noqa: ARG002 - one look has no progress
        """Look once; due again by the schedule, done when the code leads elsewhere, or nowhere."""
        watch = Watch.of_task(task)
        health = await watched(self._healths, watch)
        if health is None:
            return Done()
        host = URL(health.destination).hostname
        try:
            async with self._hosts.turn(host):
                look = await self._look(health)
        except Busy as busy:
            CHECKS.labels("busy").inc()
            return Again(busy.after_ms + int(self._randomness.uniform(BUSY_FIRST_MS, BUSY_MOST_MS)))
        if look.retry_after_ms:
            self._hosts.rest(host, look.retry_after_ms)
        seen = Seen(look, self._clock.now_ms(), is_ours=self._blames_us(host, look))
        CHECKS.labels("suspended" if seen.is_ours else look.finding.value).inc()
        after_ms = await take_down(self._healths, watch, seen, self._schedule, self._randomness.uniform)
        return Done() if after_ms is None else Again(after_ms)

    async def _look(self, health: Health) -> Look:
        began_s = self._clock.monotonic()
        answer = await self._asker.ask(health.destination)
        CHECK_SECONDS.observe(self._clock.monotonic() - began_s)
        return look_of(answer)

    def _blames_us(self, host: str, look: Look) -> bool:
        """Whether a failure is to be taken for our own network's."""
        if look.finding is Finding.UNCLEAR:
            return False
        self._network.note(host, reached=look.reached)
        return not look.reached and self._network.seems_away()


def look_of(answer: Answer) -> Look:
    """What an answer means."""
    match answer:
        case Answered(status=status, retry_after_s=wait_s):
            return Look(meaning_of(status), f"answered {status}", reached=True, retry_after_ms=(wait_s or 0) * 1000)
        case NoAnswer(reason=reason, reached=reached):
            return Look(Finding.FAILING, reason, reached=reached)
        case NotAsked(reason=reason):
            return Look(Finding.UNCLEAR, reason)


def user_agent(scan_base_url: str) -> str:
    """Who asks, why, and where to complain.

    It names neither a browser nor a bot: where a destination is a code again, edges count what names neither apart from people's scans.
    """
    return f"Quietzone/1.0 (looks whether a QR code still leads somewhere; +{scan_base_url})"
