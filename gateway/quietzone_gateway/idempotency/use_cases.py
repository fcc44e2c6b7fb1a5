"""Running a request once however often it comes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

from quietzone_gateway.idempotency.domain import MAX_ANSWER_BYTES, Answer, begun, noting
from quietzone_gateway.idempotency.metrics import REPEATED
from quietzone_gateway.idempotency.repository import SWEPT_AT_ONCE, Held, Repeats
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock

LOOK_EVERY_S = 0.05
"""While the first request is under way: most take less than two looks."""

WAIT_S = 4.0
"""For the first request; below the 5 s that a request has, so that whoever waits is told why."""

SWEEP_EVERY_S = 600.0
"""What is over takes no part in anything, only room."""

FINAL = range(200, 300)
"""Answers that are kept. Whatever was refused has changed nothing: its request runs again."""

Run = Callable[[str], Awaitable[Answer]]
"""Runs the request; the text is equal for each run under the same key, and names it to services."""


class KeyReused(Exception):
    """The key came with another request before."""


class StillUnderWay(Exception):
    """The first request with the key has no answer yet."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under a key; `fingerprint` is of `domain.fingerprint`."""

    account_id: str
    subject: str
    key: str
    fingerprint: str


async def once(repeats: Repeats, clock: Clock, asked: Asked, run: Run) -> tuple[Answer, bool]:
    """The answer to a request, and whether it is an earlier one's. Of requests that come at once one runs, the others wait for its answer.

    A run that died leaves its key to the next one after LEASE_MS: what it may have begun is told by its name, so that services don't do
    it twice.

    Raises:
        KeyReused: the key belongs to another request.
        StillUnderWay: the first one has no answer within WAIT_S.
        Unavailable: the store doesn't answer.
    """
    waited_s = 0.0
    while True:
        held, mine = await _taken(repeats, clock, asked)
        if held.repeat.fingerprint != asked.fingerprint:
            raise KeyReused
        if held.repeat.answer is not None:
            REPEATED.inc()
            return held.repeat.answer, True
        if mine:
            return await _run(repeats, clock, held, run), False
        if waited_s >= WAIT_S:
            raise StillUnderWay
        await asyncio.sleep(LOOK_EVERY_S)
        waited_s += LOOK_EVERY_S


async def named(repeats: Repeats, clock: Clock, asked: Asked) -> None:
    """Note a request that is made again whenever it comes, and told apart by names within: with its key another can't come for KEPT_MS.

    Raises:
        KeyReused: the key belongs to another request.
        Unavailable: the store doesn't answer.
    """
    while True:
        now_ms = clock.now_ms()
        noted = noting(asked.account_id, asked.subject, asked.key, asked.fingerprint, at_ms=now_ms)
        held = await repeats.get(noted.repeat_id)
        if held is not None and not held.repeat.is_over(now_ms):
            if held.repeat.fingerprint != asked.fingerprint:
                raise KeyReused
            return
        if (await repeats.add(noted) if held is None else await repeats.replace(held, noted)) is not None:
            return


async def sweep(repeats: Repeats, clock: Clock) -> int:
    """Forget some that are over; how many there were."""
    over = await repeats.over(clock.now_ms())
    for held in over:
        await repeats.forget(held)
    return len(over)


async def sweep_for_ever(repeats: Repeats, clock: Clock) -> NoReturn:
    """Sweep until cancelled. Every replica does: what two find, one forgets."""
    while True:
        try:
            swept = await sweep(repeats, clock)
        except Unavailable:
            swept = 0  # the store is away: whoever asks is told so, and what is over can wait
        if swept < SWEPT_AT_ONCE:
            await asyncio.sleep(SWEEP_EVERY_S)


async def _taken(repeats: Repeats, clock: Clock, asked: Asked) -> tuple[Held, bool]:
    """What stands under the key now, and whether it is ours to run."""
    while True:
        beginning = begun(asked.account_id, asked.subject, asked.key, asked.fingerprint, at_ms=clock.now_ms())
        held = await repeats.get(beginning.repeat_id)
        if held is not None and not held.repeat.is_over(clock.now_ms()):
            return held, False
        mine = await repeats.add(beginning) if held is None else await repeats.replace(held, beginning)
        if mine is not None:
            return mine, True


async def _run(repeats: Repeats, clock: Clock, held: Held, run: Run) -> Answer:
    try:
        answer = await run(held.repeat.repeat_id)
    except BaseException:
        await asyncio.shield(repeats.forget(held))
        raise
    if answer.status in FINAL and len(answer.body) <= MAX_ANSWER_BYTES:
        await repeats.replace(held, held.repeat.answered(answer, clock.now_ms()))
    else:
        await repeats.forget(held)
    return answer
