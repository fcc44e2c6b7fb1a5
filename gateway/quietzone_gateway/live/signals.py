"""What operators tell live connections, in whichever process these are, and what identity says about their watchers."""

import asyncio
import json
from collections.abc import Iterable
from typing import NoReturn

from quietzone_gateway.live.authority import Concerns
from quietzone_gateway.live.endings import REVOKED
from quietzone_gateway.live.notices import TOPIC
from quietzone_gateway.live.registry import Connection, Registry
from quietzone_kit.cache import Cache
from quietzone_kit.errors import PermissionDenied, QuietzoneError, Unauthenticated
from quietzone_kit.telemetry import logger

LOOK_EVERY_S = 60.0
"""Between looks whether everybody may still be here. Whom a change is about is looked at at once; this is for what nobody says (the answer
of an account's own authoriser), and for what was said and not heard."""

LOOK_S = 5.0
"""For the answer about one watcher."""

log = logger(__name__)


class Signals:
    """Does here what comes in; `run` must run beside it."""

    def __init__(self, cache: Cache, registry: Registry) -> None:
        self._cache = cache
        self._registry = registry
        self._concerned: set[Connection] = set()
        self._changed = asyncio.Event()

    def changed(self, concerns: Concerns) -> None:
        """Look again at those whom a change concerns."""
        found = [connection for connection in self._registry.connections() if concerns(connection.watcher)]
        if found:
            self._concerned.update(found)
            self._changed.set()

    async def run(self) -> None:
        """Do what is said, and look at whom a change concerns, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._look_at_concerned())

    async def _look_at_concerned(self) -> NoReturn:
        while True:
            await self._changed.wait()
            self._changed.clear()
            concerned, self._concerned = self._concerned, set()
            await self._look_at(concerned)

    async def _listen(self) -> NoReturn:
        """Do what is said; look for oneself when something may have been missed, and now and then."""
        with self._cache.subscribe(TOPIC) as messages:
            while True:
                try:
                    async with asyncio.timeout(LOOK_EVERY_S):
                        message = await messages.receive()
                except TimeoutError:
                    message = None
                if message is None:
                    await self.look()
                else:
                    self._do(message)

    def _do(self, message: bytes) -> None:
        try:
            said = json.loads(message)
        except ValueError:
            said = None
        match said:
            case {"do": "notice", "text": str(text), "account_id": str(account_id)}:
                self._registry.notify(text, account_id or None)
            case _:
                log.warning("signal passed over", reason="another release says what this one doesn't know")

    async def look(self) -> None:
        """See of each connection whether who opened it could open it now."""
        await self._look_at(self._registry.connections())

    async def _look_at(self, connections: Iterable[Connection]) -> None:
        for connection in connections:
            if not await self._still_may(connection):
                self._registry.send_away(connection, REVOKED)

    async def _still_may(self, connection: Connection) -> bool:
        watcher = connection.watcher
        try:
            async with asyncio.timeout(LOOK_S):
                now = await connection.again()
        except (Unauthenticated, PermissionDenied):
            return False
        except (QuietzoneError, TimeoutError) as error:
            log.warning("watcher can't be looked up now", account_id=watcher.account_id, reason=str(error) or "no answer")
            return True  # nobody loses updates because a store is away; the next look is soon
        return now.account_id == watcher.account_id and now.scopes >= watcher.scopes
