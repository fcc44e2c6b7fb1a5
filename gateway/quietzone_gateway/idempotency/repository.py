"""Where requests under a key are kept: one document each, so that the store decides which of two runs."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import msgspec

from quietzone_gateway.idempotency.domain import Repeat
from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import Body, Collection, Documents, DocumentsUnavailable, DuplicateKey, Index, Query, Stored, VersionConflict
from quietzone_kit.errors import Unavailable

REPEATS = Collection("repeats", key="repeat_id", indexes=(Index("by_end", ("until_ms",)),))

STORE_S = 2.0
"""For one call of the store; the request has 5 s for all that it needs."""

SWEPT_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Held:
    """A request as it was read, with what the store needs to replace it."""

    repeat: Repeat
    version: int


class Repeats:
    """Requests under keys. Every method can raise Unavailable."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def get(self, repeat_id: str) -> Held | None:
        """The request with this id."""
        async with _available():
            stored = await self._documents.get(REPEATS, repeat_id)
        return _held(stored) if stored else None

    async def add(self, repeat: Repeat) -> Held | None:
        """Note that it begins; None when another has."""
        try:
            async with _available():
                return _held(await self._documents.insert(REPEATS, _body(repeat)))
        except DuplicateKey:
            return None

    async def replace(self, held: Held, repeat: Repeat) -> Held | None:
        """Put `repeat` in the place of what was held; None when another has."""
        try:
            async with _available():
                return _held(await self._documents.replace(REPEATS, _body(repeat), if_version=held.version))
        except VersionConflict:
            return None

    async def forget(self, held: Held) -> None:
        """As if it had never begun, unless another has taken it up."""
        try:
            async with _available():
                await self._documents.delete(REPEATS, held.repeat.repeat_id, if_version=held.version)
        except VersionConflict:
            return

    async def over(self, now_ms: int) -> list[Held]:
        """At most SWEPT_AT_ONCE that are over, the oldest first (index `by_end`)."""
        async with _available():
            page = await self._documents.query(REPEATS, Query("by_end", below=now_ms + 1, limit=SWEPT_AT_ONCE))
        return [_held(stored) for stored in page.items]


def _available() -> AbstractAsyncContextManager[None]:
    return deadline(
        STORE_S,
        Unavailable,
        "whether this request was made before can't be looked up now; try again in a moment",
        away=(DocumentsUnavailable,),
    )


def _held(stored: Stored) -> Held:
    return Held(msgspec.convert(stored.body, Repeat), stored.version)


def _body(repeat: Repeat) -> Body:
    body: Body = msgspec.to_builtins(repeat, builtin_types=(bytes,))
    return body
