"""A house on real servers, each of them reached through a proxy alone."""

import asyncio
import os
import secrets  # noqa: TID251 - a database that no other test has
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from chaos.proxies import Proxy
from house import House, fetch, first_of_free_ports, house_in, until
from quietzone_kit.settings import only_for
from quietzone_standalone import ROLES
from quietzone_standalone.roles import OPS_PORT
from servers.kafka import KafkaCluster
from servers.mongodb import mongodb
from servers.packages import Packages
from servers.process import Server, free_port
from servers.redis import redis
from servers.run import Run
from servers.s3 import s3
from servers.toxiproxy import toxiproxy

READY_WITHIN_S = 60.0
STOPPED_WITHIN_S = 20.0
ARCHIVE_AFTER_S = "5"
"""Files are made all the time, so that faults of S3 meet some."""


@dataclass(frozen=True, slots=True)
class Arena:
    """What faults may do: to `servers` and `proxies` by the kind's name, and to the processes of `house`."""

    house: House
    servers: Mapping[str, Server]
    proxies: Mapping[str, Proxy]
    ops_port: int

    def metric(self, title: str, name: str) -> float:
        """The sum of a role's metric over its labels; 0 while the role doesn't answer."""
        return self._metric(self.ops_port + [role.title for role in ROLES].index(title), name)

    @contextmanager
    def second_analytics(self) -> Iterator["Second"]:
        """Another process of analytics in the group of the house's own; stopped at the end."""
        role = next(role for role in ROLES if role.title == "analytics serve")
        port = self.ops_port + len(ROLES)
        told = self.house.supervisor._environment | {
            OPS_PORT: str(port),
            "QUIETZONE_ANALYTICS_LISTEN": f"unix:{self.house.data}/run/second.sock",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", role.module, role.name], env=only_for(role.settings, told), start_new_session=True
        )
        try:
            until(lambda: _answers(port), "the second analytics is ready", within_s=READY_WITHIN_S)
            yield Second(self, port)
        finally:
            process.terminate()
            process.wait(STOPPED_WITHIN_S)

    def _metric(self, port: int, name: str) -> float:
        try:
            lines = fetch("GET", f"http://localhost:{port}/metrics", None, {}).body.decode().splitlines()
        except OSError:
            return 0.0
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name}{{", f"{name} ")))


@dataclass(frozen=True, slots=True)
class Second:
    """A second process of analytics."""

    arena: Arena
    port: int

    def metric(self, name: str) -> float:
        """As `Arena.metric`."""
        return self.arena._metric(self.port, name)


@contextmanager
def arena_in(folder: Path) -> Iterator[Arena]:
    """Servers of its own, proxies before them, and a house on these."""
    with Run.begin() as run:
        packages = Packages()
        kafka_port = free_port()
        kafka = KafkaCluster(run.folder("kafka"), packages, advertised=kafka_port)
        servers: dict[str, Server] = {
            "kafka": run.use(kafka),
            **{make.__name__: run.use(make(run.folder(make.__name__), packages)) for make in (mongodb, redis, s3)},
        }
        interface = run.use(toxiproxy(run.folder("toxiproxy"), packages)).url
        ports = {name: free_port() for name in servers} | {"kafka": kafka_port}
        proxies = {name: Proxy(interface, name, listen=ports[name], upstream=_port(server.url)) for name, server in servers.items()}
        ops_port = first_of_free_ports(len(ROLES) + 1)
        urls = _urls({name: server.url.replace(str(_port(server.url)), str(ports[name])) for name, server in servers.items()})
        for server in servers.values():
            os.environ.update(server.environment)
        with house_in(folder, urls | {OPS_PORT: str(ops_port)}) as house:
            yield Arena(house, servers, proxies, ops_port)


def _urls(at: Mapping[str, str]) -> dict[str, str]:
    run = secrets.token_hex(4)
    return {
        **{
            f"QUIETZONE_{part}_DOCUMENTS_URL": f"{at['mongodb']}/{run}_{part.lower()}"
            for part in ("QR", "TRACKING", "ANALYTICS", "GATEWAY")
        },
        "QUIETZONE_BUS_URL": at["kafka"],
        "QUIETZONE_CACHE_URL": at["redis"],
        "QUIETZONE_ANALYTICS_BLOBS_URL": at["s3"],
        "QUIETZONE_ANALYTICS_ARCHIVE_AFTER_S": ARCHIVE_AFTER_S,
    }


def _port(url: str) -> int:
    """The port of a server's URL; S3's stands in its endpoint."""
    return urlsplit(url.partition("endpoint=")[2].partition("&")[0] or url).port or 0


def _answers(port: int) -> bool:
    try:
        return fetch("GET", f"http://localhost:{port}/readyz", None, {}).status == 200
    except OSError:
        return False


async def later(seconds: float) -> None:
    """How long a fault lasts: time itself is the fault here."""
    await asyncio.sleep(seconds)
