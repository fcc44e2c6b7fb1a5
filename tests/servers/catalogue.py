"""The servers that tests can ask for, and where each comes from: the environment, else a container, else this machine."""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from servers import clamd, kafka, mongodb, redis, s3, s3mock, toxiproxy, varnish
from servers.containers import Container, Engine, Image
from servers.packages import Packages, Unpackaged
from servers.process import Server, ServerFailed
from servers.run import Run

CONNECTED_WITHIN_S = 5.0
STARTS = 2
"""A port may be taken between our look and the server's start; a second time it isn't chance."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of server. `image` is None where a container wouldn't do."""

    name: str
    title: str
    example: str
    port: int
    native: Callable[[Path, Packages], Server]
    image: Image | None

    @property
    def variable(self) -> str:
        """The environment variable that names a running one."""
        return f"QUIETZONE_TEST_{self.name.upper()}_URL"


KINDS = {
    kind.name: kind
    for kind in (
        Kind("clamd", "clamd", "clamd://127.0.0.1:3310", 3310, clamd.clamd, None),
        Kind("kafka", "Kafka", "kafka://127.0.0.1:9092", 9092, kafka.KafkaCluster, kafka.IMAGE),
        Kind("mongodb", "MongoDB", "mongodb://127.0.0.1:27017", 27017, mongodb.mongodb, mongodb.IMAGE),
        Kind("redis", "Redis", "redis://127.0.0.1:6379", 6379, redis.redis, redis.IMAGE),
        Kind("s3", "S3", "s3://bucket?endpoint=http://127.0.0.1:7070&region=us-east-1", 443, s3.s3, s3.IMAGE),
        Kind("s3mock", "S3Mock", "s3://bucket?endpoint=http://127.0.0.1:9090&region=us-east-1", 443, s3mock.s3mock, None),
        Kind("toxiproxy", "toxiproxy", "http://127.0.0.1:8474", 8474, toxiproxy.toxiproxy, None),
        Kind("varnish", "Varnish", "http://127.0.0.1:6081?origin=8082", 6081, varnish.varnish, None),
    )
}


@dataclass(frozen=True, slots=True)
class Provided:
    """A server that answers. `variables` are what its users need in their environment, `what` says what really runs."""

    name: str
    url: str
    what: str
    variables: Mapping[str, str] = field(default_factory=dict)


class Unavailable(Exception):
    """A server can't be had: says what was tried, how it ended, and what to do."""

    def __init__(self, kind: Kind, tried: Sequence[str]) -> None:
        lines = [f"{kind.title} can't be had, and tests need it.", *(f"  tried {each}" for each in tried)]
        hint = f"Name one that runs: {kind.variable}={kind.example}; or `make test-fast`: everything that needs no server."
        super().__init__("\n".join([*lines, hint]))


class Source:
    """Gives servers. `run` is where those live that are started here; it is asked for with the first of them."""

    def __init__(self, run: Callable[[], Run], *, packages: Packages, engine: Engine) -> None:
        self._run = run
        self._packages = packages
        self._engine = engine

    def provide(self, kind: Kind) -> Provided:
        """A server of this kind.

        Raises:
            Unavailable: nothing worked. A URL that is given but leads nowhere is not passed over.
        """
        given = os.environ.get(kind.variable)
        if given:
            _check(kind, given)
            return Provided(kind.name, given, f"given by {kind.variable}", {kind.variable: given})
        server, how = self.start(kind, [f"the environment: {kind.variable} isn't set"])
        return Provided(kind.name, server.url, f"{server.label}, {how}", {kind.variable: server.url, **server.environment})

    def start(self, kind: Kind, tried: Sequence[str] = ()) -> tuple[Server, str]:
        """A server that is started here and now, and how: as a container or natively. `tried` is what was tried before.

        Raises:
            Unavailable: neither worked.
        """
        tried = [*tried]
        if kind.image is not None:
            refusal = self._engine.refuses(kind.image)
            if refusal is None:
                try:
                    return self._run().use(Container(kind.image, self._run().folder(kind.name))), "container"
                except ServerFailed as error:
                    refusal = str(error)
                    self._packages.say(f"servers: {kind.title} doesn't run as a container: {refusal}")
            tried.append(f"a container: {refusal}")
        for _ in range(STARTS):
            try:
                return self._run().use(kind.native(self._run().folder(kind.name), self._packages)), "native"
            except Unpackaged as error:
                raise Unavailable(kind, [*tried, f"to start it natively: {error}"]) from error
            except ServerFailed as error:
                tried.append(f"to start it natively: {error}")
        raise Unavailable(kind, tried)


def _check(kind: Kind, url: str) -> None:
    """That somebody listens at a URL that was given. No part of it but host and port is ever shown: it may hold a password."""
    scheme = kind.example.split(":")[0]
    parts = urlsplit(url)
    if parts.scheme not in {scheme, f"{scheme}s", f"{scheme}+srv"}:
        raise Unavailable(kind, [f"{kind.variable}: its scheme is '{parts.scheme}'"])
    if parts.scheme.endswith("+srv"):
        return  # its hosts stand in DNS; the first test that uses it tells
    endpoint = urlsplit(parse_qs(parts.query).get("endpoint", [url])[0])
    if scheme == "s3" and endpoint.scheme == "s3":
        return  # Amazon's own
    hosts = endpoint.netloc.rpartition("@")[2].split(",")
    if not any(_listens(host, kind.port) for host in hosts):
        raise Unavailable(kind, [f"{kind.variable}: nobody listens at {' or '.join(hosts)}"])


def _listens(host: str, default_port: int) -> bool:
    parts = urlsplit(f"//{host}")
    with suppress(OSError, ValueError), socket.create_connection((parts.hostname or "", parts.port or default_port), CONNECTED_WITHIN_S):
        return True
    return False
