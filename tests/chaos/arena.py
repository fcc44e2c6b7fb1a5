"""A house on real servers, each of them reached through a proxy alone."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from house import House, fetch, first_of_free_ports, house_in, until
from quietzone_kit.settings import only_for
from quietzone_standalone.roles import OPS_PORT, ROLES
from servers.process import Server
from servers.proxied import Proxied
from servers.proxies import Proxy
from servers.run import Run

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
        there = Proxied.begin(run)
        ops_port = first_of_free_ports(len(ROLES) + 1)
        own = {OPS_PORT: str(ops_port), "QUIETZONE_ANALYTICS_ARCHIVE_AFTER_S": ARCHIVE_AFTER_S}
        with house_in(folder, {**there.urls, **own}) as house:
            yield Arena(house, there.servers, there.proxies, ops_port)


def _answers(port: int) -> bool:
    try:
        return fetch("GET", f"http://localhost:{port}/readyz", None, {}).status == 200
    except OSError:
        return False


async def later(seconds: float) -> None:
    """How long a fault lasts: time itself is the fault here."""
    await asyncio.sleep(seconds)
