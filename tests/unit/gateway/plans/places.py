"""Replicas at one store that can fail, and a clock that is moved by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ports import Hands, Inline

from quietzone_gateway.plans.ledgers import Ledgers
from quietzone_gateway.plans.repository import USAGE, UsageStore
from quietzone_kit.documents import Body, Collection, Documents, DocumentsUnavailable, Stored, open_documents
from quietzone_kit.outbox import OUTBOX_LEASES
from quietzone_kit.runtime import SystemRandomness

NOON_MS = 1_795_262_400_000
"""2026-11-21, 12:00 UTC."""


class Flaky:
    """A store whose writes a test can lose: before they happen, or their answers."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.faults: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._documents, name)

    async def insert(self, collection: Collection, body: Body) -> Stored:
        return await self._write(lambda: self._documents.insert(collection, body))

    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        return await self._write(lambda: self._documents.replace(collection, body, if_version=if_version))

    async def _write(self, write: Callable[[], Any]) -> Stored:
        fault = self.faults.pop() if self.faults else ""
        if fault == "refused":
            raise DocumentsUnavailable("the disk is full")
        await asyncio.sleep(0)  # others go on while a store writes
        stored: Stored = await write()
        await asyncio.sleep(0)
        if fault == "lost":
            raise DocumentsUnavailable("the answer was lost")
        return stored


@dataclass
class World:
    """A store and its replicas."""

    documents: Flaky
    clock: Hands = field(default_factory=lambda: Hands(since_ms=NOON_MS))

    @property
    def store(self) -> UsageStore:
        return UsageStore(self.documents)  # type: ignore[arg-type] # it passes on what it hasn't

    def replica(self) -> Ledgers:
        return Ledgers(self.store, self.clock, SystemRandomness())


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """An empty store."""
    documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=SystemRandomness())
    await documents.ensure(USAGE, OUTBOX_LEASES)
    try:
        yield World(Flaky(documents))
    finally:
        await documents.close()
