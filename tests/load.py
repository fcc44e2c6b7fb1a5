"""A load of scans over keep-alive connections, with a ledger of its own: answered ≤ stored ≤ sent."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

HEADERS = (
    "User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml\r\nAccept-Language: de-DE,de;q=0.9\r\n"
)
ANSWER_WITHIN_S = 10.0
RETRY_AFTER_S = 0.05
MAX_FAULTS = 5
"""Of those that failed, which are told of."""


@dataclass(slots=True)
class Ledger:
    """Scans by slug: `sent` may have reached the edge, `answered` got their redirect."""

    sent: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    """Answers other than a redirect, by status."""
    unanswered: int = 0
    """Requests whose connection broke, couldn't be made, or gave nothing within ANSWER_WITHIN_S."""
    slowest_s: float = 0.0
    began_s: float = field(default_factory=time.monotonic)
    faults: list[str] = field(default_factory=list)
    """What was wrong with the first MAX_FAULTS of those, and when."""

    def failed(self, what: str) -> None:
        """Note what was wrong with a scan."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(f"{time.monotonic() - self.began_s:.1f} s: {what}")


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it was a redirect, and whether its connection can be used again."""

    redirects: bool
    stays: bool


BROKEN = Answer(redirects=False, stays=False)


async def scan_all(port: int, slugs: Sequence[str], *, count: int, connections: int, ledger: Ledger) -> None:
    """Scan the slugs in turn until `count` scans got a redirect; broken connections are opened again."""
    jobs = (slugs[number % len(slugs)] for number in range(count))
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_scanner(port, jobs, ledger))


async def scan_steadily(
    host: str, port: int, slugs: Sequence[str], *, rate: int, connections: int, ledger: Ledger, stop: asyncio.Event, fresh: int = 0
) -> None:
    """Scan the slugs in turn, `rate` times a second over all connections, until `stop`; what fails isn't tried again.

    `fresh` of the connections are made anew for each scan, as phones do.
    """
    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            jobs = itertools.islice(itertools.cycle(slugs), number, None, connections)
            group.create_task(_steady_scanner((host, port), jobs, connections / rate, ledger, stop, keeps=number >= fresh))


async def _steady_scanner(
    place: tuple[str, int], jobs: Iterator[str], pause_s: float, ledger: Ledger, stop: asyncio.Event, *, keeps: bool
) -> None:
    clock = asyncio.get_running_loop()
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    due = clock.time()
    while not stop.is_set():
        began = clock.time()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                connection = connection or await asyncio.open_connection(*place)
                answer = await _once(*connection, next(jobs), ledger)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            ledger.unanswered += 1
            ledger.failed(f"{error!r} on a connection that is {'kept' if keeps else 'new'}{'' if connection else ', not made'}")
            answer = BROKEN
        if connection is not None and not (answer.stays and keeps):
            connection[1].close()
            connection = None
        ledger.slowest_s = max(ledger.slowest_s, clock.time() - began)
        due = max(due + pause_s, clock.time() - pause_s)  # who was held up doesn't catch up with a burst
        await asyncio.sleep(max(0.0, due - clock.time()))
    if connection is not None:
        connection[1].close()


async def _scanner(port: int, jobs: Iterator[str], ledger: Ledger) -> None:
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    for slug in jobs:
        done = False
        while not done:
            try:
                if reader is None or writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(RETRY_AFTER_S)
                continue
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    answer = await _once(reader, writer, slug, ledger)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                answer = BROKEN
            done = answer.redirects
            if not answer.stays:
                writer.close()
                reader = writer = None
    if writer is not None:
        writer.close()


async def _once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, slug: str, ledger: Ledger) -> Answer:
    ledger.sent[slug] += 1
    writer.write(f"GET /{slug} HTTP/1.1\r\nHost: localhost\r\n{HEADERS}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    if length:
        await reader.readexactly(length)
    status, stays = int(head[9:12]), b"\r\nconnection: close" not in head.lower()
    if status == 302:
        ledger.answered[slug] += 1
        return Answer(redirects=True, stays=stays)
    ledger.refused[status] += 1
    ledger.failed(f"{status}")
    await asyncio.sleep(RETRY_AFTER_S)
    return Answer(redirects=False, stays=stays)
