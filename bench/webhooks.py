"""How many webhooks a second of CPU are delivered, and how much one dead receiver among a hundred slows the others.

The receiver is a process of its own on the loopback; a delivery is taken, read, signed, posted and settled in a SQLite file, all in the
measured process, whose CPU counts with all its threads. Beside it, in the same rounds, the same client posts the same bodies without a
store. Rounds take turns, so that noise hits all; medians count.

    nice python bench/webhooks.py [--deliveries 5000] [--rounds 4]
"""

import argparse
import asyncio
import ipaddress
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop
from receiver import Remote, receiving

from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.outside import SystemResolver
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.seal import Seal
from quietzone_notification.delivery.client import Client, Connector, Target
from quietzone_notification.delivery.collections import COLLECTIONS
from quietzone_notification.delivery.domain import NewDelivery
from quietzone_notification.delivery.endpoints.repository import Endpoints
from quietzone_notification.delivery.endpoints.use_cases import Draft, EndpointDesk
from quietzone_notification.delivery.reach import Reach, place_of
from quietzone_notification.delivery.sender import Sender
from quietzone_notification.delivery.signing import new_secret, signed_headers
from quietzone_notification.delivery.webhooks import Notice, WebhookCourier

AIM = 1_500  # deliveries a CPU-second
MOST_SLOWER = 1.05
ENDPOINTS = 100
AT_ONCE = 8
SLICE, PAIRS = 4_000, 3  # deliveries beside a dead endpoint, and how often in a round
TOTAL_S = 6.0  # a dead endpoint hangs for longer than a slice takes, and not for 15 s
BODY = (
    b'{"id":"019a0b2e-7c1d-7000-8000-000000000000","source":"quietzone.tracking","detail-type":"QR Code Scanned",'
    b'"account":"north","time":"2026-11-22T05:23:49Z","detail":{"qrId":"menu","country":"DE","device":"phone","scanAt":"2026-11-22"}}'
)
WITHIN_S = 120.0  # a round; a machine that takes longer measures nothing

CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a round took."""

    wall_s: float
    cpu_s: float


async def measured(work: Callable[[], Awaitable[None]]) -> Cost:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    async with asyncio.timeout(WITHIN_S):
        await work()
    return Cost(time.perf_counter() - wall_s, time.process_time() - cpu_s)


class House:
    """A store with endpoints, and a sender."""

    def __init__(self, documents: Documents, receiver: Remote) -> None:
        self.port = receiver.port
        self.reach = Reach(frozenset((receiver.port,)), (ipaddress.ip_network("127.0.0.0/8"),))
        self.executor = ThreadExecutor("names", 2)
        self.client = Client(Connector(SystemResolver(self.executor), self.reach, CLOCK), CLOCK, total_s=TOTAL_S)
        endpoints = Endpoints(documents)
        seal = Seal(["s" * 32], RANDOMNESS, setting="", lacks="")
        self.desk = EndpointDesk(endpoints, seal, self.reach, CLOCK, RANDOMNESS)
        courier = WebhookCourier(endpoints, self.desk, self.client, CLOCK, self._tell)
        self.sender = Sender(documents, {"webhook": courier}, clock=CLOCK, randomness=RANDOMNESS, owner="bench")

    async def _tell(self, notice: Notice) -> None:
        raise AssertionError(notice)

    async def endpoint(self, path: str = "/") -> str:
        """A new endpoint's id."""
        created, _ = await self.desk.create("north", Draft(f"http://127.0.0.1:{self.port}{path}"))
        return created.endpoint_id

    async def take(self, name: str, endpoints: list[str], count: int) -> None:
        """Have `count` deliveries sent, in turns to the endpoints."""
        for start in range(0, count, 500):
            await self.sender.deliveries.enqueue(
                [delivery(f"{name}-{number}", endpoints[number % len(endpoints)]) for number in range(start, min(start + 500, count))]
            )

    async def post(self, count: int) -> None:
        """Post as many without a store."""
        target = Target.of(place_of(f"http://127.0.0.1:{self.port}/", self.reach), ())
        secrets = (new_secret(b"s" * 32),)
        numbers = iter(range(count))

        async def poster() -> None:
            for number in numbers:
                signed = signed_headers(secrets, f"plain-{number}", at_ms=CLOCK.now_ms(), body=BODY)
                await self.client.post(target, (("Content-Type", "application/json"), *signed.items()), BODY)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(poster())


def delivery(name: str, endpoint: str) -> NewDelivery:
    now_ms = CLOCK.now_ms()
    return NewDelivery(
        id=name,
        account_id="north",
        cause="rule:bench:0",
        event_id=name,
        event_type="QR Code Scanned",
        kind="webhook",
        destination=endpoint,
        body=BODY,
        content_type="application/json",
        headers=(),
        max_attempts=None,
        max_age_ms=None,
        created_ms=now_ms,
    )


async def arrived(receiver: Remote, count: int) -> None:
    while receiver.number() < count:  # noqa: ASYNC110 - it is another process
        await asyncio.sleep(0.02)


async def bench(receiver: Remote, folder: str, *, deliveries: int, rounds: int) -> bool:
    executor = ThreadExecutor("documents", 4)
    documents = open_documents(f"sqlite:///{folder}/bench.db", executor=executor, randomness=RANDOMNESS)
    await documents.ensure(*COLLECTIONS)
    house = House(documents, receiver)
    endpoints = [await house.endpoint() for _ in range(ENDPOINTS - 1)]
    stored: list[Cost] = []
    plain: list[Cost] = []
    well: list[float] = []
    ill: list[float] = []
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.sender.run())
        await house.take("warm", endpoints, 500)
        await arrived(receiver, 500)
        for number in range(rounds):
            plain.append(await measured(lambda: house.post(deliveries)))
            stored.append(await measured(lambda: sent(house, receiver, f"all-{number}", endpoints, deliveries)))  # noqa: B023
            for pair in range(PAIRS):
                for is_ill in (False, True) if pair % 2 else (True, False):  # in turns: a store grows
                    cost = await slice_of(house, receiver, f"{number}-{pair}", endpoints, is_ill=is_ill)
                    (ill if is_ill else well).append(cost.wall_s)
        running.cancel()
    house.client.close()
    await documents.close()
    return report([deliveries / cost.cpu_s for cost in stored], [deliveries / cost.cpu_s for cost in plain], (well, ill), stored)


async def slice_of(house: House, receiver: Remote, name: str, endpoints: list[str], *, is_ill: bool) -> Cost:
    """What some deliveries take, beside an endpoint that hangs with all it may have under way, or without one."""
    if is_ill:
        dead, _ = await house.desk.create("north", Draft(f"http://127.0.0.1:{house.port}/hang"))  # none that is known as dead
        await house.sender.deliveries.enqueue([delivery(f"dead-{name}-{each}", dead.endpoint_id) for each in range(100)])
    cost = await measured(lambda: sent(house, receiver, f"{'ill' if is_ill else 'well'}-{name}", endpoints, SLICE))
    if is_ill:
        await house.desk.delete(dead.account_id, dead.endpoint_id)
        await asyncio.sleep(TOTAL_S + 0.5)  # what hangs ends, and what waits is dropped later, a few a second
    return cost


async def sent(house: House, receiver: Remote, name: str, endpoints: list[str], count: int) -> None:
    """Have deliveries taken, and wait until they have come in."""
    until = receiver.number() + count
    await house.take(name, endpoints, count)
    await arrived(receiver, until)


def report(stored: list[float], plain: list[float], slowed: tuple[list[float], list[float]], costs: list[Cost]) -> bool:
    rate, reference = statistics.median(stored), statistics.median(plain)
    well, ill = (statistics.median(times) for times in slowed)
    slower = statistics.median(bad / good for good, bad in zip(*slowed, strict=True))
    busy = statistics.median(cost.cpu_s / cost.wall_s for cost in costs)
    lines = [
        ("deliveries per CPU-second, taken, sent and settled", f"{rate:,.0f}", f"≥ {AIM:,}", rate >= AIM),
        ("of the same client's posts without a store", f"{rate / reference:.2f} of {reference:,.0f}", "", True),
        ("CPUs in use meanwhile", f"{busy:.2f}", "", True),
        (
            f"time of {ENDPOINTS - 1} endpoints beside a dead one",
            f"{slower:.3f} as long ({well:.2f} s, {ill:.2f} s)",
            f"≤ {MOST_SLOWER}",
            slower <= MOST_SLOWER,
        ),
    ]
    print("| measure | here | aim | |")
    print("| --- | --- | --- | --- |")
    for what, here, aim, is_met in lines:
        print(f"| {what} | {here} | {aim} | {'' if not aim else 'met' if is_met else 'MISSED'} |")
    return all(is_met for *_, is_met in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=5_000, help="of a round")
    parser.add_argument("--rounds", type=int, default=4)
    asked = parser.parse_args()
    with receiving() as receiver, tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o700)
        is_met = uvloop.run(bench(receiver, folder, deliveries=asked.deliveries, rounds=asked.rounds))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
