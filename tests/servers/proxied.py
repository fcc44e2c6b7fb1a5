"""All servers that Quietzone needs, each reached through a proxy alone: for tests that cut, slow down and confuse what lies between."""

import os
import secrets  # noqa: TID251 - databases that no other test has
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from servers.kafka import KafkaCluster
from servers.mongodb import mongodb
from servers.packages import Packages
from servers.process import Server, free_port
from servers.proxies import Proxy
from servers.redis import redis
from servers.run import Run
from servers.s3 import s3
from servers.toxiproxy import toxiproxy

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Proxied:
    """Servers and the proxies before them by the kind's name; `urls` lead through the proxies, by the product's variables."""

    servers: Mapping[str, Server]
    proxies: Mapping[str, Proxy]
    urls: Mapping[str, str]

    @classmethod
    def begin(cls, run: Run, *, host: str = LOOPBACK) -> "Proxied":
        """Start all of them; the proxies listen on `host`, an address of this machine. They end with the run."""
        packages = Packages()
        ports = {name: free_port() for name in ("kafka", "mongodb", "redis", "s3")}
        servers: dict[str, Server] = {
            "kafka": run.use(KafkaCluster(run.folder("kafka"), packages, advertised=f"{host}:{ports['kafka']}")),
            **{make.__name__: run.use(make(run.folder(make.__name__), packages)) for make in (mongodb, redis, s3)},
        }
        interface = run.use(toxiproxy(run.folder("toxiproxy"), packages)).url
        proxies = {
            name: Proxy(interface, name, listen=f"{host}:{ports[name]}", upstream=port_of(server.url)) for name, server in servers.items()
        }
        for server in servers.values():
            os.environ.update(server.environment)
        at = {name: server.url.replace(f"{LOOPBACK}:{port_of(server.url)}", f"{host}:{ports[name]}") for name, server in servers.items()}
        return cls(servers, proxies, _variables(at))


def port_of(url: str) -> int:
    """The port of a server's URL; S3's stands in its endpoint."""
    return urlsplit(url.partition("endpoint=")[2].partition("&")[0] or url).port or 0


def _variables(at: Mapping[str, str]) -> dict[str, str]:
    run = secrets.token_hex(4)
    return {
        **{
            f"QUIETZONE_{part}_DOCUMENTS_URL": f"{at['mongodb']}/{run}_{part.lower()}"
            for part in ("QR", "TRACKING", "ANALYTICS", "STORAGE", "NOTIFICATION", "GATEWAY")
        },
        "QUIETZONE_BUS_URL": at["kafka"],
        "QUIETZONE_CACHE_URL": at["redis"],
        "QUIETZONE_ANALYTICS_BLOBS_URL": at["s3"],
        "QUIETZONE_STORAGE_BLOBS_URL": urlsplit(at["s3"])._replace(path="/files").geturl(),
    }
