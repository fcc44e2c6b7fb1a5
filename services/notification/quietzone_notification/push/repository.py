"""Where devices are kept: one document a device."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Query, Stored, Value, VersionConflict
from quietzone_kit.documents.damaged import readable
from quietzone_kit.documents.unknown import Unknown
from quietzone_notification.deadlines import store_answers
from quietzone_notification.push.domain import MAX_DEVICES, MAX_DEVICES_OF_PERSON, Device
from quietzone_notification.slots import taken_slots

DEVICES = Collection(
    "push_devices",
    key="device_id",
    indexes=(
        Index("by_token", ("account_id", "token_digest"), unique=True),
        Index("by_slot", ("account_id", "slot"), unique=True),  # the store itself refuses one more than there may be
        Index("by_person", ("account_id", "person", "person_slot"), unique=True),
        Index("by_topic", ("account_id", "topics"), many="topics"),
        Index("by_account", ("account_id", "created_ms")),
    ),
)

COLLECTIONS = (DEVICES,)

PAGE = 100
"""Devices that a message goes to at once: 60 kB."""


class Taken(Exception):
    """Another one has this token or this slot: look again."""


@dataclass(frozen=True, slots=True)
class Held:
    """A device as it was read, with what the store needs to replace it."""

    device: Device
    stored: Stored


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Some devices; `next_token` brings those after them, None when there are none."""

    devices: tuple[Device, ...]
    next_token: str | None


class Devices:
    """Devices of all accounts. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def find(self, account_id: str, device_id: str) -> Held | None:
        """A device of this account, by key; None when there is none, or it is another's."""
        if not (device_id.isprintable() and 1 <= len(device_id) <= 36):
            return None
        async with store_answers():
            stored = await self._documents.get(DEVICES, device_id)
        return None if stored is None or stored.body["account_id"] != account_id else held_of(stored)

    async def by_token(self, account_id: str, token_digest: str) -> Held | None:
        """The device with this token (index `by_token`)."""
        async with store_answers():
            page = await self._documents.query(DEVICES, Query("by_token", (account_id, token_digest), limit=1))
        return held_of(page.items[0]) if page.items else None

    async def slots(self, account_id: str) -> set[int]:
        """The slots that an account's devices have (index `by_slot`)."""
        return await taken_slots(self._documents, DEVICES, account_id, most=MAX_DEVICES)

    async def person_slots(self, account_id: str, person: str) -> set[int]:
        """The slots that a person's devices have among his (index `by_person`)."""
        return await taken_slots(
            self._documents, DEVICES, account_id, person, most=MAX_DEVICES_OF_PERSON, index="by_person", field="person_slot"
        )

    async def of_person(self, account_id: str, person: str) -> tuple[Device, ...]:
        """A person's devices (index `by_person`)."""
        async with store_answers():
            query = Query("by_person", (account_id, person), limit=MAX_DEVICES_OF_PERSON)
            page = await self._documents.query(DEVICES, query)
        return _devices(page.items)

    async def of_topic(self, account_id: str, topic: str) -> AsyncIterator[tuple[Device, ...]]:
        """The devices that want to hear of a topic, page by page (index `by_topic`)."""
        after: str | None = None
        while True:
            async with store_answers():
                page = await self._documents.query(DEVICES, Query("by_topic", (account_id, topic), limit=PAGE, after=after))
            yield _devices(page.items)
            after = page.cursor
            if after is None:
                return

    async def page(self, account_id: str, *, limit: int, after: str | None = None) -> DevicePage:
        """An account's devices, the first registered first (index `by_account`); raises InvalidCursor."""
        async with store_answers():
            page = await self._documents.query(DEVICES, Query("by_account", (account_id,), limit=limit, after=after))
        return DevicePage(_devices(page.items), page.cursor)

    async def insert(self, device: Device) -> None:
        """Add a device; raises Taken."""
        try:
            async with store_answers():
                await self._documents.insert(DEVICES, _body(device))
        except DuplicateKey as error:
            raise Taken(str(error)) from error

    async def replace(self, held: Held, after: Device) -> None:
        """Put `after` in the place of what was held; raises VersionConflict, and Taken."""
        body = Unknown.of(held.stored.body, _body(held.device)).beside(_body(after))
        try:
            async with store_answers():
                await self._documents.replace(DEVICES, body, if_version=held.stored.version)
        except DuplicateKey as error:
            raise Taken(str(error)) from error

    async def name(self, held: Held, ref: str) -> None:
        """Keep what a provider calls a device, unless it was registered again meanwhile: then it is asked again."""
        try:
            await self.replace(held, replace(held.device, provider_ref=ref))
        except VersionConflict:
            return

    async def delete(self, held: Held) -> None:
        """Remove a device; raises VersionConflict."""
        async with store_answers():
            await self._documents.delete(DEVICES, held.device.device_id, if_version=held.stored.version)


def _devices(items: Sequence[Stored]) -> tuple[Device, ...]:
    return tuple(held.device for held in readable(DEVICES, items, held_of))


def held_of(stored: Stored) -> Held:
    """The device in a document; msgspec.ValidationError names the field that was damaged."""
    return Held(msgspec.convert(stored.body, Device), stored)


def _body(device: Device) -> dict[str, Value]:
    body: dict[str, Value] = msgspec.json.decode(msgspec.json.encode(device))
    return body
