"""Where accounts' use is kept: one document for an account's month."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import cast

import msgspec

from quietzone_gateway.plans.events import quota_event
from quietzone_gateway.plans.quotas import Crossing, Usage
from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import Body, Collection, Documents, DocumentsUnavailable, DuplicateKey, Stored, VersionConflict
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import MAX_WAITING, OUTBOX_INDEX, Outgoing, replace_keeping_outbox, waiting, with_event
from quietzone_topics import GATEWAY_USAGE_V1

USAGE = Collection("usage", key="usage_id", indexes=(OUTBOX_INDEX,))

STORE_S = 2.0
"""For one call of the store; the request has 5 s for all that it needs."""


class Moved(Exception):
    """Somebody else has written it meanwhile: read it again."""


@dataclass(frozen=True, slots=True)
class HeldUsage:
    """A month as it was read, with what the store needs to replace it."""

    usage: Usage
    stored: Stored

    @property
    def takes_events(self) -> bool:
        """Whether all that one exchange can cross fits into its outbox; without a bus for days it may not, and requests go on."""
        return len(waiting(self.stored.body)) <= MAX_WAITING // 2


class UsageStore:
    """Accounts' months. Every method can raise Unavailable: whether a write has happened is not known then."""

    def __init__(self, documents: Documents, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` tells the outbox's relay that an event waits."""
        self._documents = documents
        self._wake = wake

    async def get(self, account_id: str, usage_id: str) -> HeldUsage | None:
        """A month of this account, by key."""
        async with _answers():
            stored = await self._documents.get(USAGE, usage_id)
        if stored is None or stored.body["account_id"] != account_id:
            return None
        return HeldUsage(msgspec.convert(stored.body, Usage), stored)

    async def put(self, held: HeldUsage | None, usage: Usage, crossings: Sequence[Crossing], at_ms: int) -> HeldUsage:
        """Write a month, new when nothing is held, with the events of what was crossed.

        Raises:
            Moved: somebody else was first.
        """
        events = [Outgoing(GATEWAY_USAGE_V1.name, quota_event(usage, crossing, at_ms)) for crossing in crossings]
        try:
            async with _answers():
                stored = await self._write(held, usage, events)
        except (VersionConflict, DuplicateKey) as error:
            raise Moved(usage.usage_id) from error
        if events:
            self._wake()
        return HeldUsage(usage, stored)

    async def _write(self, held: HeldUsage | None, usage: Usage, events: Sequence[Outgoing]) -> Stored:
        if held is not None:
            whole = Unknown.of(held.stored.body, _usage_body(held.usage)).beside(_usage_body(usage))
            return await replace_keeping_outbox(self._documents, USAGE, held.stored, whole, *events)
        body: Body = _usage_body(usage)
        for outgoing in events:
            body = with_event(body, usage.usage_id, outgoing)
        return await self._documents.insert(USAGE, body)


def _answers() -> AbstractAsyncContextManager[None]:
    return deadline(STORE_S, Unavailable, "the store of usage doesn't answer; try again in a moment", away=(DocumentsUnavailable,))


def _usage_body(usage: Usage) -> Body:
    return cast("Body", msgspec.to_builtins(usage))
