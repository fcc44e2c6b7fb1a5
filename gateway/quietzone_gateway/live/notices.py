"""What operators have to say to those who watch."""

import json

from quietzone_kit.cache import Cache

TOPIC = "gateway.live"

MAX_CHARACTERS = 1_000
"""Of a notice: what fits on a screen."""


class Notices:
    """Says notices to live connections of all processes, at most once."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def say(self, text: str, account_id: str = "") -> None:
        """Say it to all connections of an account, or (empty) of everybody."""
        said = {"do": "notice", "text": text[:MAX_CHARACTERS], "account_id": account_id}
        await self._cache.publish(TOPIC, json.dumps(said).encode())
