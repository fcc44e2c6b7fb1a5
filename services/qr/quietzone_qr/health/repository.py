"""Where the health of destinations is kept: one document a code, with the events of its changes until they are published.

A document stays when its code is deleted, since it knows which events are old.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import msgspec

from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import Collection, Documents, DocumentsUnavailable, DuplicateKey, Stored, Value, VersionConflict
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import OUTBOX_INDEX, OUTBOX_LEASES, Outgoing, replace_keeping_outbox
from quietzone_kit.tasks import TASKS
from quietzone_qr.codes.repository import STORE_S
from quietzone_qr.health.domain import Health
from quietzone_qr.health.events import destination_event
from quietzone_qr.health.metrics import CHANGES
from quietzone_topics import QR_DESTINATION_V1

HEALTH = Collection("destination_health", key="code_id", indexes=(OUTBOX_INDEX,))

COLLECTIONS = (HEALTH, TASKS, OUTBOX_LEASES)


@dataclass(frozen=True, slots=True)
class Held:
    """A health as it was read, with what the store needs to replace it."""

    health: Health
    stored: Stored


class Healths:
    """The health of all destinations. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` tells the outbox's relay that an event waits, if it runs in this process."""
        self._documents = documents
        self._wake = wake

    async def get(self, account_id: str, code_id: str) -> Held | None:
        """What is known of a code of this account, by key; None when nothing is, or it is another account's."""
        async with _answers():
            stored = await self._documents.get(HEALTH, code_id)
        if stored is None or stored.body["account_id"] != account_id:
            return None
        return Held(health_of(stored), stored)

    async def insert(self, health: Health) -> None:
        """Add what is known of a new code.

        Raises:
            VersionConflict: something is known already; read it.
        """
        try:
            async with _answers():
                await self._documents.insert(HEALTH, _body(health))
        except DuplicateKey as error:
            raise VersionConflict(str(error)) from error

    async def replace(self, held: Held, after: Health, at_ms: int) -> None:
        """Put `after` in the place of what was held, and add the event that says so if its state is another.

        Raises:
            VersionConflict: somebody else has changed it meanwhile.
            Unavailable: 100 events wait in it.
        """
        changed = after.revision != held.health.revision
        events = [Outgoing(QR_DESTINATION_V1.name, destination_event(held.health, after, at_ms))] if changed else []
        async with _answers():
            await replace_keeping_outbox(self._documents, HEALTH, held.stored, {**held.stored.body, **_body(after)}, *events)
        if changed:
            CHANGES.labels(after.state.value).inc()
            self._wake()


def _answers() -> AbstractAsyncContextManager[None]:
    """The block under the store's deadline.

    Raises:
        Unavailable: it passed, or the store can't be reached.
    """
    return deadline(STORE_S, Unavailable, "the store of codes doesn't answer; try again", away=(DocumentsUnavailable,))


def health_of(stored: Stored) -> Health:
    """The health in a document; msgspec.ValidationError names the field that something else wrote or that was damaged."""
    return msgspec.convert(stored.body, Health)


def _body(health: Health) -> dict[str, Value]:
    body: dict[str, Value] = msgspec.to_builtins(health)
    return body
