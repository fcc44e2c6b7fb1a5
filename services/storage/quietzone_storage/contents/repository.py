"""Where is written which bytes there are: one document a content of an account."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Outcome, Put, Query, Stored, Value, VersionConflict
from quietzone_kit.documents.unknown import Unknown
from quietzone_storage.assets.domain import Tier
from quietzone_storage.contents.domain import Content, Standing
from quietzone_storage.deadlines import store_answers

CONTENTS = Collection(
    "contents",
    key="content_id",
    indexes=(Index("by_check", ("check_at_ms",), sparse=True), Index("by_move", ("moving_since_ms",), sparse=True)),
)

COLLECTIONS = (CONTENTS,)


@dataclass(frozen=True, slots=True)
class Held:
    """A content as it was read, with what the store needs to replace it."""

    content: Content
    stored: Stored


class Contents:
    """All contents. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def get_many(self, account_id: str, content_ids: Sequence[str]) -> dict[str, Held]:
        """Contents of an account that there are, by key."""
        async with store_answers():
            found = await self._documents.get_many(CONTENTS, content_ids)
        return {key: Held(content_of(stored), stored) for key, stored in found.items() if stored.body["account_id"] == account_id}

    async def insert_many(self, contents: Sequence[Content]) -> None:
        """Add contents, each unless it is there."""
        async with store_answers():
            await self._documents.bulk(CONTENTS, [Put(_body(content), None) for content in contents])

    async def insert(self, content: Content) -> None:
        """Add a content; raises VersionConflict when it is there."""
        try:
            async with store_answers():
                await self._documents.insert(CONTENTS, _body(content))
        except DuplicateKey as error:
            raise VersionConflict(str(error)) from error

    async def replace(self, held: Held, after: Content) -> Held:
        """Put `after` in the place of what was held; raises VersionConflict."""
        async with store_answers():
            stored = await self._documents.replace(CONTENTS, _next_body(held, after), if_version=held.stored.version)
        return Held(after, stored)

    async def replace_many(self, changes: Sequence[tuple[Held, Content]]) -> bool:
        """Do many replacements, each on its own; False when somebody else has changed one meanwhile."""
        puts = [Put(_next_body(held, after), held.stored.version) for held, after in changes]
        async with store_answers():
            outcomes = await self._documents.bulk(CONTENTS, puts)
        return all(outcome is Outcome.WRITTEN for outcome in outcomes)

    async def delete(self, held: Held) -> None:
        """Forget a content; raises VersionConflict."""
        async with store_answers():
            await self._documents.delete(CONTENTS, held.content.content_id, if_version=held.stored.version)

    async def to_check(self, before_ms: int, *, limit: int, after: str | None) -> tuple[Sequence[Held], str | None]:
        """Contents that are due to be looked at since before a moment, the oldest first (index `by_check`), and the next page's cursor."""
        async with store_answers():
            page = await self._documents.query(CONTENTS, Query("by_check", below=before_ms, limit=limit, after=after))
        return [Held(content_of(stored), stored) for stored in page.items], page.cursor

    async def moving(self, before_ms: int, *, limit: int) -> Sequence[Held]:
        """Contents that have been on the way to a tier since before a moment (index `by_move`)."""
        async with store_answers():
            page = await self._documents.query(CONTENTS, Query("by_move", below=before_ms, limit=limit))
        return [Held(content_of(stored), stored) for stored in page.items]

    async def page(self, *, limit: int, after: str | None) -> tuple[Sequence[Held], str | None]:
        """Contents in the order of their keys, and the next page's cursor."""
        async with store_answers():
            page = await self._documents.scan(CONTENTS, limit=limit, after=after)
        return [Held(content_of(stored), stored) for stored in page.items], page.cursor


def content_of(stored: Stored) -> Content:
    """The content in a document; msgspec.ValidationError names the field that was damaged."""
    return msgspec.convert(stored.body, Content)


def is_live(held: Held | None, content: Content) -> bool:
    """Whether `content` is there with the same blob, and can be counted on."""
    return held is not None and held.content.blob == content.blob and held.content.standing is Standing.LIVE


def is_at_hand(held: Held | None, content: Content) -> bool:
    """The same, and nobody has begun to move it away."""
    return held is not None and is_live(held, content) and held.content.tier is Tier.HOT


def _body(content: Content) -> dict[str, Value]:
    body: dict[str, Value] = msgspec.to_builtins(content)
    return body


def _next_body(held: Held, after: Content) -> dict[str, Value]:
    return Unknown.of(held.stored.body, _body(held.content)).beside(_body(after))
