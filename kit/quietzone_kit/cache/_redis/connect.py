"""From a URL to a client of redis-py: one server, what sentinels call the primary, or a cluster.

redis-py tries nothing again here: the cache does without an answer, and its breaker looks whether the server is back.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import RedisClusterException, RedisError

from quietzone_kit.telemetry import logger
from quietzone_kit.urls import CredentialsUnreadable, ServerUrl

log = logger(__name__)

Client: TypeAlias = "Redis | RedisCluster"

ERRORS = (RedisError, RedisClusterException, OSError, CredentialsUnreadable)
"""What calls of a client end in when the server can't be reached, or refuses."""

PORT, SENTINEL_PORT = 6379, 26379
CONNECT_S = 1.0
"""What finding and connecting may take where nobody waits for it."""


class _Credentials(CredentialProvider):
    """User and password of a URL, as they are when a connection is made."""

    def __init__(self, url: ServerUrl) -> None:
        self._url = url

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = self._url.password() or ""
        return (self._url.user, password) if self._url.user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()  # a small file; reading it takes microseconds


@dataclass(frozen=True, slots=True)
class Place:
    """Where the cache is: `primary` is its name among sentinels, None without any."""

    url: ServerUrl
    primary: str | None
    database: int

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Take a URL apart (see `open_cache`).

        Raises:
            InvalidUrl, ValueError: say what is wrong.
        """
        sentinels = "+sentinel" in text.partition("://")[0]
        own = ("prefix", "sentinel_user", "sentinel_password_file") if sentinels else ("prefix",)
        url = ServerUrl.parse(text, default_port=SENTINEL_PORT if sentinels else PORT, options=own)
        primary, database = None, url.path
        if sentinels:
            primary, _, database = url.path.partition("/")
            if not primary:
                raise ValueError(f"{url.shown} doesn't say what sentinels call the primary; use {url.scheme}://host,host/name")
        if not (database or "0").isdecimal() or (database and url.scheme.endswith("+cluster")):
            raise ValueError(f"{url.shown}: {database!r} is no database; use a number, and none with a cluster")
        if len(url.hosts) > 1 and "+" not in url.scheme:
            raise ValueError(f"{url.shown} has several hosts; use {url.scheme}+sentinel:// or {url.scheme}+cluster://")
        return cls(url, primary, int(database or 0))

    def connect(self, *, connections: int, answer_s: float) -> Client:
        """A client that opens connections when it needs them."""
        shared = {**_connection(self.url, answer_s), **_tls(self.url)}
        if self.url.scheme.endswith("+cluster"):
            nodes = [ClusterNode(host, port) for host, port in self.url.hosts]
            return RedisCluster(startup_nodes=nodes, max_connections=connections, **shared)
        if self.primary is None:
            host, port = self.url.hosts[0]
            return Redis(host=host, port=port, db=self.database, max_connections=connections, **shared, retry=_never())
        watchers = replace(
            self.url,
            user=self.url.options.get("sentinel_user"),
            options={"password_file": file} if (file := self.url.options.get("sentinel_password_file")) else {},
            _password=None,
        )
        theirs = {**_connection(watchers, answer_s), **_tls(self.url), "retry": _never()}
        sentinel = Sentinel(self.url.hosts, sentinel_kwargs=theirs)  # type: ignore[no-untyped-call] # it forgot to say None
        primary: Redis = sentinel.master_for(self.primary, db=self.database, max_connections=connections, **shared, retry=_never())
        return primary


@contextmanager
def cancellable() -> Iterator[None]:
    """Around calls of a client, which can lose a cancellation: before Python 3.12 `asyncio.wait_for`, by which redis-py sends, forgets one
    that comes together with its result (https://github.com/python/cpython/issues/81839), and a cluster's client fails instead.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        yield
    except Exception as error:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError from error
        raise
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError


async def subscribed(client: Client, channel: str) -> PubSub:
    """What hears `channel`; in a cluster each node passes messages on to all others."""
    if isinstance(client, RedisCluster):
        await client.initialize()  # it looks for the channel's node, and knows none before
    pubsub: PubSub = client.pubsub()
    await pubsub.subscribe(channel)
    return pubsub


async def let_go(client: Client, pubsub: PubSub | None = None) -> None:
    """Close connections, those to sentinels too; what goes wrong is of no consequence."""
    sentinel = getattr(getattr(client, "connection_pool", None), "sentinel_manager", None)
    for held in (pubsub, client, sentinel):
        if held is not None:
            try:
                async with asyncio.timeout(CONNECT_S):
                    with cancellable():
                        await held.aclose()
            except ERRORS as error:
                log.debug("closing a connection that was lost", error=str(error))


def _connection(url: ServerUrl, answer_s: float) -> dict[str, Any]:
    has_password = bool(url.password()) if "password_file" not in url.options else True
    return {
        "credential_provider": _Credentials(url) if url.user or has_password else None,
        "socket_timeout": answer_s,
        "socket_connect_timeout": answer_s,
        "protocol": 2,  # what proxies and forks speak too; nothing of the third is needed
    }


def _tls(url: ServerUrl) -> Mapping[str, Any]:
    """Paths, which redis-py reads for each connection object; a client that fails is made anew."""
    if not url.scheme.startswith("rediss"):
        return {}
    return {
        "ssl": True,
        "ssl_ca_certs": url.options.get("ca_file"),
        "ssl_certfile": url.options.get("cert_file"),
        "ssl_keyfile": url.options.get("key_file"),
    }


def _never() -> Retry:
    return Retry(NoBackoff(), 0)
