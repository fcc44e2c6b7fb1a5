"""The gateway's peers, asked once before it says that it is ready: the first request finds connections that stand."""

import asyncio
from collections.abc import Sequence

from quietzone_kit.errors import Unavailable
from quietzone_kit.rpc import Peer
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger

READY_AT_LATEST_S = 20.0
"""After this it serves without the peers that don't answer: with one part down for long, a new gateway is better than none."""

PATIENCE_S = 5.0
"""Before it says so: parts that start together are ready within two seconds or three."""

RETRY_S = 0.1
"""Between questions to a peer that answers, and isn't ready."""

log = logger(__name__)


class WarmUp:
    """`run` it beside the server. A peer that goes away later doesn't make the gateway unready: it answers, and says which is gone."""

    def __init__(self, peers: Sequence[Peer], clock: Clock) -> None:
        self._peers = peers
        self._clock = clock
        self._began_at = clock.monotonic()
        self._waiting = {peer.name for peer in peers}

    async def run(self) -> None:
        """Ask each peer until it is ready, then wait until cancelled."""
        async with asyncio.TaskGroup() as group:
            for peer in self._peers:
                group.create_task(self._ask(peer))
        await asyncio.Event().wait()

    def not_ready(self) -> str | None:
        """Which peers haven't answered yet; None from when all have, or from READY_AT_LATEST_S on."""
        if not self._waiting or self._clock.monotonic() - self._began_at >= READY_AT_LATEST_S:
            self._waiting.clear()
            return None
        return f"waiting for {' and '.join(sorted(self._waiting))}"

    async def _ask(self, peer: Peer) -> None:
        said = ""
        while peer.name in self._waiting:
            try:
                await peer.check()
            except Unavailable as error:
                if str(error) != said and self._clock.monotonic() - self._began_at >= PATIENCE_S:
                    said = str(error)
                    log.warning("peer isn't ready", peer=peer.name, reason=said)
                await asyncio.sleep(RETRY_S)
            else:
                self._waiting.discard(peer.name)
