"""Deliveries while their sender is killed with -9 every few seconds: all must arrive, few twice, and those with the same id.

    nice python tests/chaos/deliveries.py [--deliveries 100000] [--every 5]

The sender is a process of its own on a SQLite file; the receiver counts what comes in; a delivery counts as a repeat each time it comes in
after its first. The store must say of all of them, at the end, that they were delivered.
"""

import argparse
import asyncio
import ipaddress
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from receiver import Remote, receiving

from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.outside import SystemResolver
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.seal import Seal
from quietzone_notification.delivery.client import Client, Connector
from quietzone_notification.delivery.collections import COLLECTIONS
from quietzone_notification.delivery.deliveries.repository import DELIVERIES, Deliveries
from quietzone_notification.delivery.domain import NewDelivery, State
from quietzone_notification.delivery.endpoints.repository import Endpoints
from quietzone_notification.delivery.endpoints.use_cases import Draft, EndpointDesk
from quietzone_notification.delivery.reach import Reach
from quietzone_notification.delivery.sender import Sender
from quietzone_notification.delivery.webhooks import Notice, WebhookCourier

ENDPOINTS = 20
MOST_REPEATS = 0.001
CHUNK = 1_000
WITHIN_S_EACH = 0.02
"""A delivery may take so long on the average, kills and a busy machine included."""
SETTLED_WITHIN_S = 60.0
"""What the last kill has left is some ten deliveries, and a busy machine may take its time to start a sender."""
CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()


@dataclass(frozen=True, slots=True)
class Report:
    """What came out."""

    deliveries: int
    kills: int
    lost: int
    repeats: int
    undelivered: int
    seconds: float

    @property
    def is_met(self) -> bool:
        """Whether all arrived, and few twice."""
        return self.lost == 0 and self.undelivered == 0 and self.repeats <= MOST_REPEATS * self.deliveries

    def lines(self) -> list[str]:
        """The report as a table."""
        share = f"{self.repeats} ({100 * self.repeats / self.deliveries:.3f} %)"
        return [
            "| deliveries | kills | lost | not delivered by the log | repeats | seconds |",
            "| --- | --- | --- | --- | --- | --- |",
            f"| {self.deliveries:,} | {self.kills} | {self.lost} | {self.undelivered} | {share} | {self.seconds:.0f} |",
        ]


def run(folder: Path, *, deliveries: int, every_s: float, of_life: int | None = None) -> Report:
    """Take deliveries, have them sent by a sender that is killed again and again, count.

    It is killed after `every_s`, or when `of_life` deliveries of its own have come in: so it is killed on the quickest machine too.
    """
    url = f"sqlite:///{folder}/deliveries.db"
    with receiving() as receiver:
        asyncio.run(_take(url, receiver.port, deliveries))
        began, kills = time.monotonic(), 0
        while receiver.different() < deliveries and time.monotonic() - began < 60 + deliveries * WITHIN_S_EACH:
            kills += _live(url, receiver, deliveries, every_s=every_s, of_life=of_life or deliveries)
        undelivered = _last_life(url, receiver)
        different, all_told = receiver.different(), receiver.number()
        seconds = time.monotonic() - began
    return Report(deliveries, kills, deliveries - different, all_told - different, undelivered, seconds)


def _live(url: str, receiver: Remote, deliveries: int, *, every_s: float, of_life: int) -> int:
    """One life of the sender: until it is killed, or all have come in. How often it was killed."""
    with subprocess.Popen(_command(url, receiver)) as process:
        ends, most = time.monotonic() + every_s, receiver.different() + of_life
        while time.monotonic() < ends and receiver.different() < most:
            time.sleep(0.02)
            if receiver.different() >= deliveries:
                process.terminate()  # it stores what has come in, and ends
                return 0
        process.kill()
    return 1


def _last_life(url: str, receiver: Remote) -> int:
    """Let a sender end what others left: what came in, and wasn't stored, comes once more. How many aren't delivered by the store."""
    with subprocess.Popen(_command(url, receiver)) as process:
        ends = time.monotonic() + SETTLED_WITHIN_S
        while (undelivered := asyncio.run(_undelivered(url))) and time.monotonic() < ends:
            time.sleep(0.1)
        process.terminate()
    return undelivered


def _command(url: str, receiver: Remote) -> list[str]:
    return [sys.executable, __file__, "--send", url, "--port", str(receiver.port)]


async def _take(url: str, port: int, count: int) -> None:
    documents = _open(url)
    await documents.ensure(*COLLECTIONS)
    desk = _desk(documents, port)
    endpoints = [(await desk.create("north", Draft(f"http://127.0.0.1:{port}/")))[0].endpoint_id for _ in range(ENDPOINTS)]
    outbound = Deliveries(documents, CLOCK)
    for start in range(0, count, CHUNK):
        await outbound.enqueue(
            [_delivery(f"d-{number}", endpoints[number % ENDPOINTS]) for number in range(start, min(count, start + CHUNK))]
        )
    await documents.close()


async def _undelivered(url: str) -> int:
    """How many deliveries the store doesn't take for delivered."""
    documents, after, count = _open(url), None, 0
    await documents.ensure(*COLLECTIONS)
    while True:
        page = await documents.scan(DELIVERIES, limit=5_000, after=after)
        count += sum(stored.body["state"] != State.DELIVERED.value for stored in page.items)
        after = page.cursor
        if after is None:
            break
    await documents.close()
    return count


async def _send(url: str, port: int) -> None:
    """The sender, until it is killed, or asked to end."""
    documents = _open(url)
    await documents.ensure(*COLLECTIONS)
    client = Client(Connector(SystemResolver(ThreadExecutor("names", 2)), _reach(port), CLOCK), CLOCK)
    courier = WebhookCourier(Endpoints(documents), _desk(documents, port), client, CLOCK, _tell)
    sender = Sender(documents, {"webhook": courier}, clock=CLOCK, randomness=RANDOMNESS, owner="chaos")
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(sender.run())
        await ended.wait()
        sending.cancel()
    await documents.close()


async def _tell(notice: Notice) -> None:
    raise AssertionError(notice)


def _open(url: str) -> Documents:
    return open_documents(url, executor=ThreadExecutor("documents", 4), randomness=RANDOMNESS)


def _reach(port: int) -> Reach:
    return Reach(frozenset((port,)), (ipaddress.ip_network("127.0.0.0/8"),))


def _desk(documents: Documents, port: int) -> EndpointDesk:
    seal = Seal(["s" * 32], RANDOMNESS, setting="", lacks="")
    return EndpointDesk(Endpoints(documents), seal, _reach(port), CLOCK, RANDOMNESS)


def _delivery(name: str, endpoint: str) -> NewDelivery:
    body = b'{"source":"quietzone.tracking","detail":{"qrId":"menu","country":"DE"}}'
    return NewDelivery(
        id=name,
        account_id="north",
        cause="rule:chaos:0",
        event_id=name,
        event_type="QR Code Scanned",
        kind="webhook",
        destination=endpoint,
        body=body,
        content_type="application/json",
        headers=(),
        max_attempts=None,
        max_age_ms=None,
        created_ms=CLOCK.now_ms(),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=100_000)
    parser.add_argument("--every", type=float, default=5.0, help="seconds from a sender's start to its end")
    parser.add_argument("--send", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.send:
        import uvloop  # noqa: PLC0415 - only the sender needs it

        uvloop.run(_send(asked.send, asked.port))
        return
    with tempfile.TemporaryDirectory() as folder:
        report = run(Path(folder), deliveries=asked.deliveries, every_s=asked.every)
    print("\n".join(report.lines()))  # noqa: T201 - its purpose
    sys.exit(0 if report.is_met else 1)


if __name__ == "__main__":
    main()
