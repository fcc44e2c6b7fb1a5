"""Looking up one slug that isn't in memory: in the link store, then at the qr service, which is asked so many times a second only."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from quietzone_kit.documents import DocumentsError
from quietzone_kit.errors import QuietzoneError, Unavailable
from quietzone_kit.telemetry import logger
from quietzone_tracking.decide import Link
from quietzone_tracking.links.bucket import TokenBucket
from quietzone_tracking.links.memory import LinkMemory
from quietzone_tracking.links.repository import LinkStore
from quietzone_tracking.metrics import LINKS_RESOLVED

STORE_S = 0.5
"""For one look into the link store: it answers in a millisecond, and qr is there when it doesn't."""

QR_RATE, QR_BURST = 50.0, 100
"""Slugs that one edge asks qr for, a second and at once: new codes whose first scan is quicker than their event are rarer by far, and
guessing slugs must not become qr's load."""

log = logger(__name__)


class Resolver(Protocol):
    """Whoever issues codes."""

    async def resolve(self, slug: str) -> Link | None:
        """The link of a slug; None when it was never issued.

        Raises:
            QuietzoneError: it can't be said now.
        """


class Fills:
    """Looks slugs up, each once at a time, and takes what it finds into memory.

    `is_current` says whether the memory has every change of the last seconds: then a slug that neither it nor the store has is unknown,
    also when qr can't be asked because too many slugs were.
    """

    def __init__(
        self,
        memory: LinkMemory,
        store: LinkStore,
        resolver: Resolver | None,
        monotonic: Callable[[], float],
        is_current: Callable[[], bool],
    ) -> None:
        self._memory = memory
        self._store = store
        self._resolver = resolver
        self._is_current = is_current
        self._bucket = TokenBucket(monotonic, rate=QR_RATE, burst=QR_BURST)
        self._under_way: dict[str, asyncio.Future[Link | None]] = {}  # as many as the edge looks up at once

    async def resolve(self, slug: str) -> Link | None:
        """The link of a slug; None when nobody knows it.

        Raises:
            QuietzoneError: it can't be said now.
        """
        if self._memory.is_unknown(slug):
            return None
        under_way = self._under_way.get(slug)
        if under_way is not None:
            return await asyncio.shield(under_way)
        answer = self._under_way[slug] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_retrieved)
        try:
            link = await self._find(slug)
        except QuietzoneError as error:
            LINKS_RESOLVED.labels("failed").inc()
            answer.set_exception(error)
            raise
        else:
            answer.set_result(link)
            return link
        finally:
            del self._under_way[slug]
            if not answer.done():  # whoever asked first has gone
                answer.set_exception(Unavailable("the look-up was given up; scan again"))

    async def _find(self, slug: str) -> Link | None:
        link, by, store_failed = None, "store", False
        try:
            link = await self._store.get(slug, within_s=STORE_S)
        except DocumentsError as error:
            log.warning("link store refused; asking qr", reason=str(error))
            store_failed = True
        if link is None:
            by = "qr"
            link = await self._ask_qr(slug, certain=not store_failed and self._is_current())
        if link is None:
            LINKS_RESOLVED.labels("nobody").inc()
            known = self._memory.get(slug)  # its event may have come meanwhile
            if known is None:
                self._memory.note_unknown(slug)
            return known
        LINKS_RESOLVED.labels(by).inc()
        try:
            return self._memory.admit(link)
        except ValueError as error:
            raise Unavailable(f"two parts disagree about a slug: {error}") from error

    async def _ask_qr(self, slug: str, *, certain: bool) -> Link | None:
        if self._resolver is not None and self._bucket.take():
            return await self._resolver.resolve(slug)
        if certain:
            return None
        raise Unavailable("the link can't be looked up now; scan again in a moment")


def _retrieved(answer: "asyncio.Future[Link | None]") -> None:
    """An error that nobody else waits for is no complaint of asyncio's."""
    if not answer.cancelled():
        answer.exception()
