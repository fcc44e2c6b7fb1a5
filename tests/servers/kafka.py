"""Kafka from Maven or as a container: one broker or several, each of them a controller too (KRaft)."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from aiokafka.admin import AIOKafkaAdminClient

from servers.containers import Image
from servers.packages import Packages
from servers.process import READY_WITHIN_S, Process, ServerFailed, free_port, output_of, says

VERSION = "4.1.1"
JARS = (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3")
"""The second one lets the brokers write a log at all."""
HEAP = "-Xmx400m"
CLUSTER_ID = "UXVpZXR6b25lLXRlc3RzLQ"  # 16 bytes in base64, as Kafka wants them


class KafkaCluster:
    """Brokers on this machine. `brokers` can be stopped, killed and paused one by one."""

    environment: Mapping[str, str] = {}

    def __init__(self, folder: Path, packages: Packages, *, brokers: int = 1, advertised: str | None = None) -> None:
        """`advertised` is the host and port that clients of a single broker are sent to, such as a proxy's."""
        java, jars = packages.java(), packages.jars("kafka", *JARS)
        ports = [(free_port(), free_port()) for _ in range(brokers)]
        self._java = (java, HEAP, "-XX:+UseSerialGC", "-Dorg.apache.logging.log4j.level=WARN", "-cp", f"{jars}/*")
        self._ports = [port for port, _ in ports]
        self._advertised = advertised
        self.brokers = [self._broker(folder / f"broker-{number}", number, ports) for number in range(1, brokers + 1)]

    @property
    def url(self) -> str:
        """All brokers."""
        return f"kafka://{','.join(f'127.0.0.1:{port}' for port in self._ports)}"

    @property
    def label(self) -> str:
        """The version, and the brokers if there are several."""
        return f"Kafka {VERSION}" + (f", {len(self.brokers)} brokers" if len(self.brokers) > 1 else "")

    def start(self) -> None:
        """Start the brokers that don't run, and wait until every broker knows all of them.

        Raises:
            ServerFailed: says which broker and why.
        """
        waiting = [broker for broker in self.brokers if broker.pid is None]
        for broker in waiting:
            self._format(broker)
            broker.launch()
        for broker in waiting:
            broker.wait_ready()
        until = time.monotonic() + READY_WITHIN_S
        for port in self._ports:
            while len(_nodes(port)) < len(self.brokers):
                if time.monotonic() > until:
                    raise ServerFailed(f"the broker at port {port} didn't hear of all others within {READY_WITHIN_S:.0f} s")
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop all brokers at the same time: a quorum that shrinks makes the last one wait for the others."""
        with ThreadPoolExecutor(len(self.brokers)) as threads:
            list(threads.map(Process.stop, self.brokers))

    def kill(self) -> None:
        """Kill all brokers."""
        for broker in self.brokers:
            broker.kill()

    def pause(self) -> None:
        """Pause all brokers."""
        for broker in self.brokers:
            broker.pause()

    def resume(self) -> None:
        """End the pause of all brokers."""
        for broker in self.brokers:
            broker.resume()

    def _broker(self, folder: Path, number: int, ports: Sequence[tuple[int, int]]) -> Process:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "server.properties").write_text(_properties(folder / "data", number, ports, self._advertised))
        port, _ = ports[number - 1]
        command = (*self._java, "kafka.Kafka", str(folder / "server.properties"))
        return Process(command, folder, lambda: number in _nodes(port))

    def _format(self, broker: Process) -> None:
        if (broker.folder / "data" / "meta.properties").exists():
            return
        properties = str(broker.folder / "server.properties")
        said = output_of(*self._java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties)
        if not (broker.folder / "data" / "meta.properties").exists():
            raise ServerFailed(f"its data folder can't be formatted: {said[-500:]}")


def _properties(data: Path, number: int, ports: Sequence[tuple[int, int]], advertised: str | None) -> str:
    port, controller = ports[number - 1]
    quorum = ",".join(f"{index}@127.0.0.1:{each}" for index, (_, each) in enumerate(ports, start=1))
    settings = _settings(number, quorum, len(ports)) | {
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://{advertised or f'127.0.0.1:{port}'}",
        "log.dirs": str(data),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _settings(number: int, quorum: str, brokers: int) -> dict[str, str]:
    replicas = min(3, brokers)
    return {
        "process.roles": "broker,controller",
        "node.id": str(number),
        "controller.quorum.voters": quorum,
        "controller.listener.names": "CONTROLLER",
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": str(replicas),
        "offsets.topic.num.partitions": "5",  # not 50: a broker that was killed reads all of them again before it answers
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": str(max(1, replicas - 1)),
        # A killed broker's registration has to run out before it is let in again; 9 s by default.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
        # Tests wait for rebalances and for leases that end.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "100",
    }


def _container_settings(port: int) -> dict[str, str]:
    settings = _settings(1, "1@127.0.0.1:9093", 1) | {
        "listeners": "PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}


def _nodes(port: int) -> set[int]:
    """The brokers that the one at `port` knows: itself once it serves clients; none while it doesn't answer."""
    return asyncio.run(_ask_for_nodes(port)) if says(port, b"", b"") else set()


async def _ask_for_nodes(port: int) -> set[int]:
    # Imported here: no run without Kafka pays for it.
    from aiokafka.client import AIOKafkaClient  # noqa: PLC0415
    from aiokafka.errors import KafkaError  # noqa: PLC0415

    client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=3000)
    try:
        async with asyncio.timeout(5):
            await client.bootstrap()
            return {broker.nodeId for broker in client.cluster.brokers()}
    except (KafkaError, TimeoutError):
        return set()
    finally:
        await client.close()


IMAGE = Image(
    f"apache/kafka:{VERSION}",
    port=9092,
    url=lambda port: f"kafka://127.0.0.1:{port}",
    answers=lambda port: bool(_nodes(port)),
    settings=_container_settings,
)


async def forget_topics(url: str, prefixes: tuple[str, ...]) -> None:
    """Remove the topics of tests that are over."""
    admin = AIOKafkaAdminClient(bootstrap_servers=urlsplit(url).netloc)
    await admin.start()
    await admin.delete_topics([name for name in await admin.list_topics() if name.startswith(prefixes)])
    await admin.close()
