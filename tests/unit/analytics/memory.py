"""A store and a bus in memory that fail in the middle of what they do."""

import asyncio
import sqlite3
import weakref
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count
from typing import Any, TypeVar

import msgspec
from ports import Inline

from quietzone_kit.bus import Bounds, BusUnavailable, Message, Position, UnknownTopic
from quietzone_kit.documents import Body, Collection, DocumentsUnavailable, Outcome, Put, Stored, open_documents
from quietzone_kit.runtime import SystemRandomness

T = TypeVar("T")

NUMBERS = count()

encode = msgspec.msgpack.Encoder(order="deterministic").encode


class BrittleDocuments:
    """The embedded store, in memory.

    `writes_left` says after how many written rows it breaks off, in the middle of a bulk too; `turns` says for each call how long others
    run first; `reads` counts documents that were asked for by their key.
    """

    def __init__(self) -> None:
        self._opened: list[sqlite3.Connection] = []
        url = f"file:/analytics-{next(NUMBERS)}?vfs=memdb"

        def connect() -> sqlite3.Connection:
            self._opened.append(sqlite3.connect(url, uri=True, isolation_level=None, check_same_thread=False))
            return self._opened[-1]

        self._documents = open_documents("sqlite:///memory", executor=Inline(), randomness=SystemRandomness(), connect=connect)
        weakref.finalize(self, _close, self._opened)
        self.writes_left: int | None = None
        self.reads = 0
        self.turns: Iterator[int] = iter(())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._documents, name)

    async def get(self, collection: Collection, key: str) -> Stored | None:
        return (await self.get_many(collection, [key])).get(key)

    async def get_many(self, collection: Collection, keys: Sequence[str]) -> dict[str, Stored]:
        await self._let_others()
        self.reads += len(keys)
        return dict(await self._documents.get_many(collection, keys))

    async def insert(self, collection: Collection, body: Body) -> Stored:
        return await self._write(lambda: self._documents.insert(collection, body))

    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        return await self._write(lambda: self._documents.replace(collection, body, if_version=if_version))

    async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        await self._let_others()
        if self.writes_left is None:
            return list(await self._documents.bulk(collection, puts))
        outcomes = list(await self._documents.bulk(collection, puts[: self.writes_left]))
        self.writes_left -= len(outcomes)
        if len(outcomes) < len(puts):
            raise DocumentsUnavailable("injected")
        return outcomes

    async def bodies(self, collection: Collection, *, without: tuple[str, ...] = ()) -> dict[str, bytes]:
        """All documents as bytes, by key."""
        found: dict[str, bytes] = {}
        after: str | None = None
        while True:
            page = await self._documents.scan(collection, limit=1_000, after=after)
            for stored in page.items:
                body = {name: value for name, value in stored.body.items() if name not in without}
                found[str(stored.body[collection.key])] = encode(body)
            after = page.cursor
            if after is None:
                return found

    async def remove(self, collection: Collection, *keys: str) -> None:
        """Take documents away behind everybody's back; all of them when none is named."""
        for key in keys or list(await self.bodies(collection)):
            stored = await self._documents.get(collection, key)
            assert stored is not None
            await self._documents.delete(collection, key, if_version=stored.version)

    async def spoil(self, collection: Collection, key: str, **fields: Any) -> None:
        """Change a document behind everybody's back."""
        stored = await self._documents.get(collection, key)
        assert stored is not None
        await self._documents.replace(collection, {**stored.body, **fields}, if_version=stored.version)

    async def _write(self, call: Callable[[], Awaitable[T]]) -> T:
        await self._let_others()
        if self.writes_left is not None:
            if self.writes_left == 0:
                raise DocumentsUnavailable("injected")
            self.writes_left -= 1
        return await call()

    async def _let_others(self) -> None:
        for _ in range(next(self.turns, 0)):
            await asyncio.sleep(0)


def _close(connections: Sequence[sqlite3.Connection]) -> None:
    for connection in connections:
        connection.close()


class MemoryBus:
    """What analytics asks of a `Bus`: to publish, and where logs begin and end, which is what `bounds_of` says."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.publishes_left: int | None = None
        self.bounds_of: dict[tuple[str, int], Bounds] = {}

    async def partitions(self, topic: str) -> int:
        return sum(1 for name, _ in self.bounds_of if name == topic)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        if (topic, partition) not in self.bounds_of:
            raise UnknownTopic(topic)
        return self.bounds_of[topic, partition]

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        for message in messages:
            if self.publishes_left is not None:
                if self.publishes_left == 0:
                    raise BusUnavailable("injected")
                self.publishes_left -= 1
            self.published.append(message)
        return [Position(message.topic, 0, 0) for message in messages]
