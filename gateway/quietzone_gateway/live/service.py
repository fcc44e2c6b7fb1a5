"""Live updates, put together."""

import asyncio
import resource
from collections.abc import Sequence
from types import MappingProxyType

from starlette.types import ASGIApp

from quietzone_gateway.live.authority import Authority
from quietzone_gateway.live.door import Door, Doorway, Sockets
from quietzone_gateway.live.hub import Hub
from quietzone_gateway.live.registry import Registry
from quietzone_gateway.live.settings import LiveSettings
from quietzone_gateway.live.signals import Signals
from quietzone_gateway.live.tail import Tails
from quietzone_kit.bus import Bus
from quietzone_kit.cache import Cache
from quietzone_kit.http.clients import Clients
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import logger

OTHER_FILES = 3_000
"""File descriptors beside those of live connections: requests, stores, the bus."""

NO_SOCKETS: Sockets = MappingProxyType({})

log = logger(__name__)


class Live:
    """The hub, the registry of connections and what reaches them; `run` it as a task, and `stop` it before the server."""

    def __init__(
        self,
        bus: Bus,
        cache: Cache,
        authority: Authority,
        settings: LiveSettings,
        *,
        clients: Clients,
        clock: Clock,
        randomness: Randomness,
        tails: Tails,
    ) -> None:
        _make_room(settings.gateway_live_connections + OTHER_FILES)
        self.hub = Hub(bus, clock, randomness)
        self.registry = Registry(
            clock, randomness, most=settings.gateway_live_connections, most_of_account=settings.gateway_live_connections_per_account
        )
        self.signals = Signals(cache, self.registry)
        authority.listen(self.signals.changed)
        self._way = Doorway(
            hub=self.hub,
            registry=self.registry,
            authority=authority,
            clients=clients,
            clock=clock,
            randomness=randomness,
            origins=frozenset(settings.gateway_live_origins),
            subscriptions=settings.gateway_live_subscriptions,
            tails=tails,
        )

    def __len__(self) -> int:
        """How many connections are open."""
        return len(self.registry)

    def door(self, api: ASGIApp, origins: Sequence[str] = (), sockets: Sockets = NO_SOCKETS) -> ASGIApp:
        """`api`, with the live addresses before it, and with `sockets`, whose protocol is another.

        Pages of `origins` may read the stream with a key or token of their own.
        """
        return Door(api, self._way, origins, sockets)

    async def run(self) -> None:
        """Tell what happens until `stop` was called and everybody has gone."""
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(self.hub.run()), group.create_task(self.signals.run())]
            await self.registry.run()
            for task in others:
                task.cancel()

    def stop(self) -> None:
        """Send everybody to another process."""
        self.registry.stop()


def _make_room(files: int) -> None:
    """Let the process open so many files: shells and service managers begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < files:
        log.warning(
            "too few file descriptors",
            allowed=most,
            needed=files,
            reason="raise the hard limit (ulimit -Hn), or lower QUIETZONE_GATEWAY_LIVE_CONNECTIONS",
        )
