"""The link store: one document for each slug that was ever issued, and how far the projection that fills it has come."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from quietzone_kit.documents import (
    Body,
    Collection,
    Documents,
    DocumentsUnavailable,
    DuplicateKey,
    Outcome,
    Put,
    Stored,
    Value,
    VersionConflict,
)
from quietzone_kit.documents.migrations import declare
from quietzone_kit.documents.unknown import NOTHING, Unknown
from quietzone_kit.telemetry import logger
from quietzone_tracking.deadlines import STORE_S, store_answers
from quietzone_tracking.decide import Link, LinkState
from quietzone_tracking.metrics import LINKS_DAMAGED
from quietzone_tracking.migrations import MIGRATIONS

log = logger(__name__)

LINKS = Collection("links", key="slug")
LINK_STATE = Collection("link_state", key="partition_id")
LINK_REJECTS = Collection("link_rejects", key="reject_id")
COLLECTIONS = (LINKS, LINK_STATE, LINK_REJECTS)

PAGE = 1000
"""Links read at once: 300 kB, and 3 ms of an edge's event loop."""

MAX_PARTITIONS = 1000
"""States read at once; the topic has eight partitions."""

ATTEMPTS = 10
"""Of a write that others overtake: only another owner of the partition, or one that has just lost it, writes the same links."""

REJECTS_KEPT = 1000
"""Rejected events kept for each partition, the newest; a producer that emits nothing else must not fill the store."""

MAX_REJECT_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class PartitionState:
    """How far the link store has taken up a partition of `qr.code.v1`: all below `next_offset` of the log `log_id`."""

    partition: int
    log_id: str
    next_offset: int
    owner: str
    version: int | None = None
    unknown: Unknown = NOTHING


@dataclass(frozen=True, slots=True)
class LinkPage:
    """Links in the order of their slugs; `cursor` brings the next page, None when there is none."""

    links: Sequence[Link]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Reject:
    """An event that couldn't be taken up, for people to look at."""

    partition: int
    offset: int
    log_id: str
    key: str
    value: bytes
    reason: str
    at_ms: int


class LinkStore:
    """Links in a store of documents. Every call can raise DocumentsUnavailable, and declares the collections if none has yet: an edge
    starts while the store is down.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._declared = False

    async def get(self, slug: str, *, within_s: float) -> Link | None:
        """The link of a slug, deleted ones too."""
        async with self._answers(within_s):
            stored = await self._documents.get(LINKS, slug)
        return _link(stored) if stored is not None else None

    async def page(self, after: str | None = None) -> LinkPage:
        """All links, PAGE at a time."""
        async with self._answers():
            page = await self._documents.scan(LINKS, limit=PAGE, after=after)
        return LinkPage([link for stored in page.items if (link := _link(stored)) is not None], page.cursor)

    async def put_newer(self, links: Mapping[str, Link]) -> list[Link]:
        """Store each link (by slug) unless one with its revision or a higher one is there.

        Returns those whose slug belongs to another code: a code's slug is never given to another, so these are wrong.
        """
        wrong: list[Link] = []
        left = dict(links)
        for _ in range(ATTEMPTS):
            if not left:
                return wrong
            async with self._answers():
                there = await self._documents.get_many(LINKS, list(left))
            puts = []
            for slug, link in links.items():
                if slug not in left:
                    continue
                stored = there.get(slug)
                place = _place(stored.body) if stored is not None else None
                if place is not None and (place[0] != link.code_id or place[1] >= link.revision):
                    del left[slug]
                    wrong += [link] if place[0] != link.code_id else []
                else:
                    puts.append(_put(link, stored))
            for put, outcome in await self._bulk(puts):
                if outcome is Outcome.WRITTEN:
                    del left[str(put.body["slug"])]
        raise DocumentsUnavailable(f"{len(left)} links were overtaken {ATTEMPTS} times in a row")

    async def state(self, partition: int) -> PartitionState | None:
        """How far a partition has come; None when nobody has read it yet."""
        async with self._answers():
            stored = await self._documents.get(LINK_STATE, str(partition))
        return _state(stored.body, stored.version) if stored is not None else None

    async def states(self) -> list[PartitionState]:
        """How far all partitions have come. Links that are read afterwards are at least as new."""
        async with self._answers():
            page = await self._documents.scan(LINK_STATE, limit=MAX_PARTITIONS)
        return [_state(stored.body, stored.version) for stored in page.items]

    async def write_state(self, state: PartitionState) -> PartitionState | None:
        """Put a state in the place of the one with its `version` (None: of none); None when another stands there."""
        body = state.unknown.beside(_state_body(state))
        try:
            async with self._answers():
                if state.version is None:
                    stored = await self._documents.insert(LINK_STATE, body)
                else:
                    stored = await self._documents.replace(LINK_STATE, body, if_version=state.version)
        except (DuplicateKey, VersionConflict):
            return None
        return _state(stored.body, stored.version)

    async def set_aside(self, reject: Reject) -> None:
        """Keep a rejected event: the newest REJECTS_KEPT of each partition are there."""
        key = f"{reject.partition}:{reject.offset % REJECTS_KEPT}"
        body: dict[str, Value] = {
            "reject_id": key,
            "partition": reject.partition,
            "offset": reject.offset,
            "log_id": reject.log_id,
            "key": reject.key,
            "value": reject.value[:MAX_REJECT_BYTES],
            "reason": reject.reason,
            "rejected_at_ms": reject.at_ms,
        }
        async with self._answers():
            before = await self._documents.get(LINK_REJECTS, key)
            if before is None or any(before.body.get(name) != body[name] for name in ("offset", "log_id")):  # else it is there already
                await self._documents.bulk(LINK_REJECTS, [Put(body, before.version if before is not None else None)])

    @asynccontextmanager
    async def _answers(self, within_s: float = STORE_S) -> AsyncIterator[None]:
        async with store_answers(within_s):
            if not self._declared:
                await declare(self._documents, COLLECTIONS, MIGRATIONS)
                self._declared = True
            yield

    async def _bulk(self, puts: Sequence[Put]) -> list[tuple[Put, Outcome]]:
        if not puts:
            return []
        async with self._answers():
            return list(zip(puts, await self._documents.bulk(LINKS, puts), strict=True))


def _body(link: Link) -> dict[str, Value]:
    """A link as it is stored. A blocked one is paused, so that an older release redirects no scan of it; the revision beside that says
    that it is blocked, for as long as no other is written, by whomever.
    """
    blocked = link.state is LinkState.BLOCKED
    return {
        "slug": link.slug,
        "code_id": link.code_id,
        "account_id": link.account_id,
        "destination": link.destination,
        "state": LinkState.PAUSED.value if blocked else link.state.value,
        "revision": link.revision,
        **({"blocked_revision": link.revision} if blocked else {}),
    }


def _put(link: Link, over: Stored | None) -> Put:
    """The write that puts a link in a document's place; fields that a newer release has added stay."""
    return Put(_body(link), None) if over is None else Put({**over.body, **_body(link)}, over.version)


def _place(body: Body) -> tuple[str, int] | None:
    """Code and revision of a link, also where the rest is damaged or a newer release's; None when these are."""
    try:
        return _text(body, "code_id"), _number(body, "revision")
    except ValueError:
        return None


def link_of(stored: Stored) -> Link:
    """The link in a document; ValueError names the field that was damaged."""
    body = stored.body
    return Link(
        slug=_text(body, "slug"),
        code_id=_text(body, "code_id"),
        account_id=sys.intern(_text(body, "account_id")),
        destination=_text(body, "destination"),
        state=LinkState.BLOCKED if body.get("blocked_revision") == body.get("revision") else LinkState(_text(body, "state")),
        revision=_number(body, "revision"),
    )


def _link(stored: Stored) -> Link | None:
    """None when the document is damaged: then the link counts as absent, qr is asked, and its next change repairs it."""
    try:
        return link_of(stored)
    except ValueError as error:
        LINKS_DAMAGED.inc()
        log.warning("document of a link is damaged", slug=str(stored.body.get("slug")), reason=str(error))
        return None


def _state_body(state: PartitionState) -> dict[str, Value]:
    return {
        "partition_id": str(state.partition),
        "log_id": state.log_id,
        "next_offset": state.next_offset,
        "owner": state.owner,
    }


def _state(body: Body, version: int) -> PartitionState:
    state = PartitionState(
        partition=int(_text(body, "partition_id")),
        log_id=_text(body, "log_id"),
        next_offset=_number(body, "next_offset"),
        owner=_text(body, "owner"),
        version=version,
    )
    return replace(state, unknown=Unknown.of(body, _state_body(state)))


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise ValueError(f"field {name} of a stored document is {value!r:.100}, not a text; restore it from a backup")  # noqa: TRY004
    return value


def _number(body: Body, name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int):
        raise ValueError(f"field {name} of a stored document is {value!r:.100}, not a whole number; restore it from a backup")  # noqa: TRY004
    return value
