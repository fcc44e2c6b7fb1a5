"""What operators and identity tell live connections, in whichever process these are."""

import asyncio
import json

from quietzone_gateway.live.endings import REVOKED
from quietzone_gateway.live.registry import Connection, Registry
from quietzone_kit.cache import Cache
from quietzone_kit.errors import PermissionDenied, QuietzoneError, Unauthenticated
from quietzone_kit.telemetry import logger

TOPIC = "gateway.live"

LOOK_EVERY_S = 60.0
"""Between looks whether everybody may still be here. What is revoked is said at once; this is for what nobody says (a role that became
less, a network that isn't allowed any more), and for what was said and not heard."""

LOOK_S = 5.0
"""For the answer about one watcher."""

MAX_NOTICE_CHARACTERS = 1_000

log = logger(__name__)


class Signals:
    """Sends to all processes, and does here what comes in; `run` must run beside it."""

    def __init__(self, cache: Cache, registry: Registry) -> None:
        self._cache = cache
        self._registry = registry

    async def notify(self, text: str, account_id: str = "") -> None:
        """Tell all connections of an account, or of everybody; at most once."""
        await self._publish({"do": "notice", "text": text[:MAX_NOTICE_CHARACTERS], "account_id": account_id})

    async def revoke(self, account_id: str, *, session_id: str = "", subject: str = "") -> None:
        """End an account's connections, only those of a session or a subject when one is named."""
        await self._publish({"do": "revoke", "account_id": account_id, "session_id": session_id, "subject": subject})

    async def run(self) -> None:
        """Do what is said, until cancelled; look for oneself when something may have been missed, and now and then."""
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

    async def _publish(self, said: dict[str, str]) -> None:
        await self._cache.publish(TOPIC, json.dumps(said).encode())

    def _do(self, message: bytes) -> None:
        try:
            said = json.loads(message)
        except ValueError:
            said = None
        match said:
            case {"do": "notice", "text": str(text), "account_id": str(account_id)}:
                self._registry.notify(text, account_id or None)
            case {"do": "revoke", "account_id": str(account_id), "session_id": str(session_id), "subject": str(subject)}:
                self._registry.end(REVOKED, account_id, session_id=session_id, subject=subject)
            case _:
                log.warning("signal passed over", reason="another release says what this one doesn't know")

    async def look(self) -> None:
        """See of each connection whether who opened it could open it now."""
        for connection in self._registry.connections():
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
