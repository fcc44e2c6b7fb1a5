"""A server in memory that a test can take away, and hold up between two steps."""

import asyncio
from typing import NoReturn

from ports import Hands

from quietzone_kit.cache import Keep
from quietzone_kit.cache._layered import LayeredCache
from quietzone_kit.cache._server import Claim, Ear, Found, ServerGone
from quietzone_kit.runtime import SystemRandomness


class Shelf:
    """See Server; it has values only, and nothing ends."""

    def __init__(self) -> None:
        self.values: dict[str, bytes | None] = {}
        self.gone = False
        self.asked = 0
        self.forgot: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.reading = asyncio.Event()

    async def read(self, key: str) -> Found | None:
        self._ask()
        found = Found(self.values[key], (), 300.0, 300.0) if key in self.values else None
        self.reading.set()
        await self.hold.wait()
        return found

    async def claim(self, key: str, keep: Keep) -> Claim | None:  # noqa: ARG002 - nobody else has it
        self._ask()
        return Claim(b"", {})

    async def store(self, key: str, claim: Claim, value: bytes | None, keep: Keep) -> bool:  # noqa: ARG002 - it holds
        self._ask()
        self.values[key] = value
        return True

    async def release(self, key: str, claim: Claim) -> None:  # noqa: ARG002 - nothing is kept of it
        self._ask()

    async def write(self, key: str, value: bytes | None, keep: Keep, said: bytes) -> None:  # noqa: ARG002 - nothing ends
        self._ask()
        self.values[key] = value

    async def delete(self, key: str, said: bytes) -> None:  # noqa: ARG002 - nobody listens
        self._ask()
        self.values.pop(key, None)
        self.forgot.append(key)

    async def invalidate(self, tag: str, said: bytes) -> None:  # noqa: ARG002 - nobody listens
        self._ask()
        self.forgot.append(tag)

    async def say(self, said: bytes) -> None:  # noqa: ARG002 - nobody listens
        self._ask()

    async def listen(self, ear: Ear) -> NoReturn:
        ear.heard()
        while True:
            await asyncio.sleep(3_600)

    async def check(self) -> None:
        self._ask()

    async def close(self) -> None:
        return

    def _ask(self) -> None:
        self.asked += 1
        if self.gone:
            raise ServerGone


def layered(clock: Hands, shelf: Shelf | None = None) -> LayeredCache:
    return LayeredCache(clock, SystemRandomness(), shelf)
