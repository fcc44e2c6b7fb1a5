"""What idle live connections cost, and how long it takes until everybody has heard of an event.

A gateway of its own on loopback, without services behind it: connections only need its store and its bus. For streams and for
WebSockets: memory (PSS) of the gateway's process before and with all connections, all of one account, each with one subscription; then a
code is changed, and the time runs from the publication until the last client has read it. Then what following scans costs, with nobody
and with somebody watching.

    python bench/live.py [connections] [profile]

Aims: 10,000 idle connections in 400 MB, everybody told within 1 s.
"""

import asyncio
import base64
import cProfile
import os
import pstats
import resource
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import memory_mb

from quietzone.qr.v1 import code_pb2
from quietzone.tracking.v1 import scan_pb2
from quietzone_gateway.live.domain import Filter, Kind
from quietzone_gateway.live.hub import Hub
from quietzone_kit.bus import Bounds, Record, open_bus
from quietzone_kit.events import Event
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_topics import QR_CODE_V1, TOPICS, TYPE_QR_CODE, TYPE_TRACKING_SCANS

KEY = "qz_" + "bench" * 9
CODE_ID = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3d"
AT_ONCE = 200
ROUNDS = 5
HEAD = f"Host: localhost\r\nAuthorization: Bearer {KEY}\r\nUser-Agent: Mozilla/5.0 (bench)\r\nAccept-Language: en\r\n"
STREAM = f"GET /v1/stream HTTP/1.1\r\n{HEAD}Accept: text/event-stream\r\n\r\n".encode()
UPGRADE = (
    f"GET /v1/ws HTTP/1.1\r\n{HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
).encode()


@dataclass(frozen=True, slots=True)
class Gateway:
    """A process, its port, and the file of its bus."""

    pid: int
    port: int
    bus: str

    def memory_mb(self) -> float:
        """Its proportional share of memory."""
        return memory_mb(self.pid)[1]

    def cpu_s(self) -> float:
        """Seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def gateway(connections: int) -> Iterator[Gateway]:
    """A gateway at work."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        settings = {
            "GATEWAY_DOCUMENTS_URL": f"sqlite:///{folder}/gateway.db",
            "BUS_URL": f"sqlite:///{folder}/bus.db",
            "GATEWAY_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "GATEWAY_LIVE_CONNECTIONS": str(connections),
            "GATEWAY_LIVE_CONNECTIONS_PER_ACCOUNT": str(connections),
            "QR_ADDRESS": "127.0.0.1:1",
            "ANALYTICS_ADDRESS": "127.0.0.1:1",
            "CALLER_KEY": "k" * 32,
            "API_KEY": KEY,
            "LOG_LEVEL": "error",
        }
        env = {**os.environ, **{f"QUIETZONE_{name}": value for name, value in settings.items()}}
        process = subprocess.Popen([sys.executable, "-m", "quietzone_gateway", "serve"], env=env)
        try:
            until_open(port)
            yield Gateway(process.pid, port, settings["BUS_URL"])
        finally:
            process.terminate()
            process.wait(30)


def until_open(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("the gateway doesn't come up")


def text_frame(text: str) -> bytes:
    """A client's message (RFC 6455, 5.2), masked with zeros; at most 125 bytes."""
    data = text.encode()
    return bytes((0x81, 0x80 | len(data), 0, 0, 0, 0)) + data


class Clients:
    """Connections, read all together."""

    def __init__(self, kind: str, at: Gateway) -> None:
        self._kind = kind
        self._at = at
        self._sockets: dict[int, socket.socket] = {}
        self._poll = select.epoll()

    def open(self, count: int) -> float:
        """Open so many; returns seconds."""
        began = time.perf_counter()
        for first in range(0, count, AT_ONCE):
            fresh = [self._connect() for _ in range(min(AT_ONCE, count - first))]
            self._say(fresh, STREAM if self._kind == "sse" else UPGRADE)
            self._hear(fresh, b"event: ready" if self._kind == "sse" else b'"connected"')
            if self._kind == "ws":
                self._say(fresh, text_frame('{"type":"subscribe","data":{}}'))
                self._hear(fresh, b'"subscribed"')
        return time.perf_counter() - began

    def hear(self, words: bytes) -> float:
        """Read until everybody has heard these words; returns when the last one did (perf_counter)."""
        return self._hear(list(self._sockets.values()), words)

    def idle(self, seconds: float) -> None:
        """Be there, and read what comes."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            for number, _ in self._poll.poll(0.1, 1_024):
                self._read(number)

    def close(self) -> None:
        """Leave."""
        for one in self._sockets.values():
            one.close()
        self._poll.close()

    def _read(self, number: int) -> bytes:
        data = self._sockets[number].recv(65_536)
        if not data:
            raise ConnectionError("a connection was closed")
        if (at := data.find(b"\x89\x04")) >= 0 and self._kind == "ws":  # a ping of the protocol
            self._sockets[number].sendall(b"\x8a\x84" + bytes(4) + data[at + 2 : at + 6])
        return data

    def _connect(self) -> socket.socket:
        one = socket.create_connection(("127.0.0.1", self._at.port), timeout=10)
        self._sockets[one.fileno()] = one
        self._poll.register(one, select.EPOLLIN)
        return one

    def _say(self, those: list[socket.socket], data: bytes) -> None:
        for one in those:
            one.sendall(data)

    def _hear(self, those: list[socket.socket], words: bytes) -> float:
        waiting, heard, give_up_at = (
            {one.fileno() for one in those},
            dict.fromkeys((one.fileno() for one in those), b""),
            time.perf_counter() + 60,
        )
        while waiting:
            if time.perf_counter() > give_up_at:
                raise TimeoutError(f"{len(waiting)} clients haven't heard {words!r}")
            for number, _ in self._poll.poll(1, 1_024):
                data = self._read(number)
                if number in waiting:
                    heard[number] += data
                    if words in heard[number]:
                        waiting.discard(number)
        return time.perf_counter()


async def change(bus_url: str, revision: int) -> float:
    """Publish a change of a code; returns when (perf_counter)."""
    executor = ThreadExecutor("bus", 2)
    bus = open_bus(bus_url, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    await bus.ensure(TOPICS)
    now_ms = SystemClock().now_ms()
    after = code_pb2.Code(
        id=CODE_ID,
        account_id="first",
        slug="menu",
        payload="http://localhost:8080/menu",
        destination="https://example.com/menu",
        title=f"Menu {revision}",
        state=code_pb2.CODE_STATE_ACTIVE,
        revision=revision,
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
    )
    told = code_pb2.CodeEvent(kind=code_pb2.CHANGE_KIND_CHANGED, before=after, after=after, changed=["title"])
    event = Event(f"{CODE_ID}.{revision}", "/bench", TYPE_QR_CODE, CODE_ID, now_ms, told.SerializeToString())
    began = time.perf_counter()
    await bus.publish([event.to_message(QR_CODE_V1.name)])
    await bus.close()
    executor.close()
    return began


def connections(kind: str, count: int) -> None:
    """A row of the table."""
    with gateway(count) as at:
        asyncio.run(change(at.bus, 1))
        warm = Clients(kind, at)
        warm.open(10)
        warm.close()
        time.sleep(1)
        before_mb = at.memory_mb()
        clients = Clients(kind, at)
        opened_s = clients.open(count)
        idle_from_s, idle_from = at.cpu_s(), time.perf_counter()
        clients.idle(16)  # a ping to each
        idle_cpu = (at.cpu_s() - idle_from_s) / (time.perf_counter() - idle_from)
        idle_mb = at.memory_mb()
        told = []
        for revision in range(2, 2 + ROUNDS):
            began = asyncio.run(change(at.bus, revision))
            told.append(clients.hear(f'"title":"Menu {revision}"'.encode()) - began)
        each_kb = (idle_mb - before_mb) * 1024 / count
        measured = (f"{opened_s:.1f}", f"{before_mb:.0f}", f"{idle_mb:.0f}", f"{each_kb:.1f}", f"{idle_cpu:.0%}")
        row = (*measured, f"{min(told):.2f}", f"{max(told):.2f}", f"{at.memory_mb():.0f}")
        print(f"{kind:<6} {count:>8,} " + " ".join(f"{value:>9}" for value in row), flush=True)
        clients.close()


def batches(count: int, scans: int) -> list[Record]:
    """Records of `tracking.scan.v1`, each of 50 codes of 50 accounts."""
    refs = [scan_pb2.CodeRef(code_id=f"{CODE_ID[:-2]}{number:02d}", account_id=f"account-{number}") for number in range(50)]
    traits = [scan_pb2.Traits(scan_class=scan_pb2.SCAN_CLASS_PERSON, country="DE", device="phone", browser="Chrome", os="Android")]
    found = []
    for number in range(count):
        first = number * scans + 1
        batch = scan_pb2.ScanBatch(
            source_id=CODE_ID,
            prev_seq=first - 1,
            first_seq=first,
            last_seq=first + scans - 1,
            base_time_ms=SystemClock().now_ms(),
            codes=refs,
            traits=traits,
            scans=[scan_pb2.Scan(seq=first + at, code=at % 50, visitor=7) for at in range(scans)],
        )
        headers = Event(f"{CODE_ID}.{first}", "/bench", TYPE_TRACKING_SCANS, CODE_ID, 0, b"").to_message("").headers
        found.append(Record("tracking.scan.v1", 0, number, SystemClock().now_ms(), CODE_ID, batch.SerializeToString(), headers))
    return found


async def follow(records: list[Record], account_id: str | None) -> float:
    """Seconds of CPU that the hub takes for these records."""
    hub = Hub(None, SystemClock(), SystemRandomness())  # type: ignore[arg-type] # it isn't run
    feed = hub._feeds[2]  # noqa: SLF001 - only the feed is measured
    feed.begin(1)
    await feed.start(0, Bounds("log", 0, 0))
    if account_id is not None:
        await hub.subscribe(account_id, Filter(frozenset({Kind.SCANNED})))
    began = time.process_time()
    for first in range(0, len(records), 500):
        await feed.receive(0, records[first : first + 500])
    return time.process_time() - began


def scans() -> None:
    """What following scans costs."""
    print(f"\n{'scans, 100 a batch':<38} {'us/batch':>9} {'us/scan':>8}")
    records = batches(10_000, 100)
    for name, account in (
        ("nobody watches", None),
        ("one watches, of another account", "other"),
        ("one watches, of an account in 50", "account-7"),
    ):
        spent = asyncio.run(follow(records, account))
        print(f"{name:<38} {spent / len(records) * 1e6:>9.1f} {spent / len(records) / 100 * 1e6:>8.2f}")


def main(count: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"aims: 10,000 idle connections in 400 MB, everybody told within 1 s (from publication, through the bus; {ROUNDS} times)")
    heads = ("opened s", "before MB", "idle MB", "KB each", "idle CPU", "told s", "worst s", "after MB")
    print(f"{'':<6} {'open':>8} " + " ".join(f"{head:>9}" for head in heads))
    for kind in ("sse", "ws"):
        connections(kind, count)
    scans()


def profile() -> None:
    """Where the time goes when an account's scans are watched."""
    records = batches(2_000, 100)
    profiler = cProfile.Profile()
    profiler.enable()
    asyncio.run(follow(records, "account-7"))
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(15)


if __name__ == "__main__":
    number = next((int(text) for text in sys.argv[1:] if text.isdecimal()), 10_000)
    profile() if "profile" in sys.argv else main(number)
