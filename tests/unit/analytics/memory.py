"""A store and a bus in memory that fail in the middle of what they do.

Rows are written one by one, and `writes_left` says when a store breaks off; `turns` says for each call how long others run first.
"""

import asyncio
from collections.abc import Iterator, Sequence

import msgspec

from quietzone_kit.bus import Bounds, BusUnavailable, Consumer, Message, Position, Topic
from quietzone_kit.documents import (
    Body,
    Collection,
    DocumentsUnavailable,
    DuplicateKey,
    Outcome,
    Page,
    Put,
    Query,
    Stored,
    VersionConflict,
)

encode = msgspec.msgpack.Encoder(order="deterministic").encode


class MemoryDocuments:
    """The kit's `Documents`, as much as analytics uses."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, tuple[bytes, int]]] = {}
        self.writes = 0
        self.writes_left: int | None = None
        self.reads = 0
        self.turns: Iterator[int] = iter(())

    async def ensure(self, *collections: Collection) -> None:
        for collection in collections:
            self.rows.setdefault(collection.name, {})

    async def get(self, collection: Collection, key: str) -> Stored | None:
        return (await self.get_many(collection, [key])).get(key)

    async def get_many(self, collection: Collection, keys: Sequence[str]) -> dict[str, Stored]:
        await self._let_others()
        self.reads += len(keys)
        rows = self._rows(collection)
        return {key: self._stored(rows[key]) for key in keys if key in rows}

    async def insert(self, collection: Collection, body: Body) -> Stored:
        await self._let_others()
        if self._put(collection, Put(body, None)) is Outcome.CONFLICT:
            raise DuplicateKey(collection.name, collection.key)
        return Stored(body, 1)

    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        await self._let_others()
        if self._put(collection, Put(body, if_version)) is Outcome.CONFLICT:
            raise VersionConflict
        return Stored(body, if_version + 1)

    async def delete(self, collection: Collection, key: str, *, if_version: int) -> None:
        raise NotImplementedError

    async def increment(self, collection: Collection, key: str, field: str, by: int = 1) -> Stored:
        raise NotImplementedError

    async def query(self, collection: Collection, query: Query) -> Page:
        raise NotImplementedError

    async def scan(self, collection: Collection, *, limit: int, after: str | None = None) -> Page:
        await self._let_others()
        rows = self._rows(collection)
        keys = sorted(key for key in rows if after is None or key > after)
        return Page([self._stored(rows[key]) for key in keys[:limit]], keys[limit - 1] if len(keys) > limit else None)

    async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        await self._let_others()
        return [self._put(collection, put) for put in puts]

    async def close(self) -> None:
        self.rows.clear()

    def bodies(self, collection: Collection, *, without: tuple[str, ...] = ()) -> dict[str, bytes]:
        """All documents as bytes, by key."""
        bodies = {key: msgspec.msgpack.decode(data) for key, (data, _) in self._rows(collection).items()}
        return {key: encode({name: value for name, value in body.items() if name not in without}) for key, body in bodies.items()}

    async def _let_others(self) -> None:
        for _ in range(next(self.turns, 0)):
            await asyncio.sleep(0)

    def _put(self, collection: Collection, put: Put) -> Outcome:
        if self.writes_left is not None:
            if self.writes_left == 0:
                raise DocumentsUnavailable("injected")
            self.writes_left -= 1
        self.writes += 1
        rows = self._rows(collection)
        key = str(put.body[collection.key])
        version = rows[key][1] if key in rows else None
        if version != put.if_version:
            return Outcome.CONFLICT
        rows[key] = (encode(put.body), (version or 0) + 1)
        return Outcome.WRITTEN

    def _rows(self, collection: Collection) -> dict[str, tuple[bytes, int]]:
        return self.rows[collection.name]

    @staticmethod
    def _stored(row: tuple[bytes, int]) -> Stored:
        return Stored(msgspec.msgpack.decode(row[0]), row[1])


class MemoryBus:
    """The kit's `Bus`, as much as analytics uses: what was published, and logs that end where `bounds_of` says."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.publishes_left: int | None = None
        self.bounds_of: dict[tuple[str, int], Bounds] = {}

    async def ensure(self, topics: Sequence[Topic]) -> None:
        raise NotImplementedError

    async def partitions(self, topic: str) -> int:
        return sum(1 for name, _ in self.bounds_of if name == topic)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        return self.bounds_of[topic, partition]

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        for message in messages:
            if self.publishes_left is not None:
                if self.publishes_left == 0:
                    raise BusUnavailable("injected")
                self.publishes_left -= 1
            self.published.append(message)
        return [Position(message.topic, 0, 0) for message in messages]

    async def follow(self, topic: str) -> Consumer:
        raise NotImplementedError

    async def join(self, topic: str, group: str) -> Consumer:
        raise NotImplementedError

    async def trim(self) -> bool:
        return False

    async def close(self) -> None:
        """Nothing to let go of."""
