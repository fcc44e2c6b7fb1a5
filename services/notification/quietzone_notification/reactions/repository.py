"""What was told by mails of its own within an hour, and what waits to be told together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from quietzone_kit.documents import Body, Collection, Documents, DuplicateKey, Index, Order, Outcome, Put, Query, Stored, VersionConflict
from quietzone_kit.errors import Unavailable
from quietzone_notification.deadlines import store_answers
from quietzone_notification.reactions.domain import AN_HOUR, HOUR_MS, News

HOURS = Collection("news_hours", key="hour_id", indexes=(Index("by_age", ("at_ms",)),))
HELD = Collection(
    "news_held",
    key="news_id",
    indexes=(
        Index("by_waiting", ("waits_for", "at_ms"), sparse=True),
        Index("by_telling", ("told_in", "at_ms"), sparse=True),
        Index("by_age", ("at_ms",)),
    ),
)
COLLECTIONS = (HOURS, HELD)

ATTEMPTS = 16
"""Codes come in eight partitions: as many may want a place in the same hour at once."""
PAGE = 500
FORGOTTEN_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Together:
    """What is told by one mail: how many there are, the id of the first (empty: there are none), and the first lines, the oldest first."""

    number: int
    first: str
    lines: tuple[str, ...]


class NewsStore:
    """What is told of codes. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def has_place(self, news: News) -> bool:
        """Whether it is told by a mail of its own: it is one of the first AN_HOUR of its account, kind and hour, and stays one."""
        key = f"{news.account_id}/{news.kind}/{news.hour}"
        for _ in range(ATTEMPTS):
            async with store_answers():
                stored = await self._documents.get(HOURS, key)
            told = _told(stored)
            if news.news_id in told:
                return True
            if len(told) >= AN_HOUR:
                return False
            fields: Body = {"hour_id": key, "at_ms": news.hour * HOUR_MS, "told": [*told, news.news_id]}
            try:
                async with store_answers():
                    if stored is None:
                        await self._documents.insert(HOURS, fields)
                    else:
                        await self._documents.replace(HOURS, {**stored.body, **fields}, if_version=stored.version)
            except (DuplicateKey, VersionConflict):
                continue
            return True
        raise Unavailable("an hour's news change all the time: try again")

    async def hold(self, news: News) -> None:
        """Have it wait for being told with others; what waits, or was told, stays as it is."""
        body: Body = {
            "news_id": news.news_id,
            "waits_for": _whom(news.account_id, news.kind),
            "at_ms": news.at_ms,
            "line": news.line,
        }
        try:
            async with store_answers():
                await self._documents.insert(HELD, body)
        except DuplicateKey:
            return

    async def gather(self, account_id: str, kind: str, telling: str, *, most: int) -> None:
        """Have what waits be told by one telling (index `by_waiting`); at most about so much, the oldest first."""
        gathered = 0
        while gathered < most:
            async with store_answers():
                query = Query("by_waiting", (_whom(account_id, kind),), limit=PAGE)
                page = await self._documents.query(HELD, query)
                if not page.items:
                    return
                outcomes = await self._documents.bulk(HELD, [Put(_in(stored, telling), stored.version) for stored in page.items])
            gathered += sum(outcome is Outcome.WRITTEN for outcome in outcomes)

    async def gathered(self, telling: str, *, named: int) -> Together:
        """What one telling has yet to tell (index `by_telling`)."""
        number, first, lines, after = 0, "", list[str](), None
        while True:
            async with store_answers():
                page = await self._documents.query(HELD, Query("by_telling", (telling,), limit=PAGE, after=after))
            if page.items and not first:
                first = str(page.items[0].body["news_id"])
            number += len(page.items)
            lines += [str(stored.body["line"]) for stored in page.items[: max(0, named - len(lines))]]
            after = page.cursor
            if after is None:
                return Together(number, first, tuple(lines))

    async def settle(self, telling: str) -> None:
        """What one telling has gathered is told. The first is settled last: who is killed meanwhile leaves what his mail follows from."""
        while True:
            async with store_answers():
                query = Query("by_telling", (telling,), order=Order.DESCENDING, limit=PAGE)
                page = await self._documents.query(HELD, query)
                if not page.items:
                    return
                most = page.items[:-1] or page.items
                await self._documents.bulk(HELD, [Put(_without(stored, "told_in"), stored.version) for stored in most])

    async def forget(self, before_ms: int) -> int:
        """Remove some of what is older (index `by_age`); how many."""
        gone = 0
        for collection in COLLECTIONS:
            async with store_answers():
                page = await self._documents.query(collection, Query("by_age", below=before_ms, limit=FORGOTTEN_AT_ONCE))
                gone += await self._removed(collection, page.items)
        return gone

    async def _removed(self, collection: Collection, items: Sequence[Stored]) -> int:
        gone = 0
        for stored in items:
            try:
                await self._documents.delete(collection, str(stored.body[collection.key]), if_version=stored.version)
            except VersionConflict:
                continue  # another process was faster
            gone += 1
        return gone


def hour_of(stored: Stored) -> list[str]:
    """What was told within an hour, for `verify`."""
    return _told(stored)


def held_of(stored: Stored) -> str:
    """What of a held one is told, for `verify`."""
    return str(stored.body["line"])


def _told(stored: Stored | None) -> list[str]:
    return [] if stored is None else [str(each) for each in cast("list[object]", stored.body["told"])]


def _whom(account_id: str, kind: str) -> str:
    return f"{account_id}/{kind}"


def _in(stored: Stored, telling: str) -> Body:
    return {**_without(stored, "waits_for"), "told_in": telling}


def _without(stored: Stored, field: str) -> Body:
    return {name: value for name, value in stored.body.items() if name != field}
