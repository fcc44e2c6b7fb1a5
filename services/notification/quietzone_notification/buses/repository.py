"""Where buses are kept: one document a bus, but for the default."""

from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Query, Stored, Value
from quietzone_kit.documents.damaged import readable
from quietzone_notification.buses.domain import MAX_BUSES, Bus, is_name
from quietzone_notification.deadlines import store_answers
from quietzone_notification.slots import taken_slots

BUSES = Collection(
    "buses",
    key="bus_id",
    indexes=(
        Index("by_name", ("account_id", "name"), unique=True),
        Index("by_slot", ("account_id", "slot"), unique=True),  # the store itself refuses one more than there may be
    ),
)
COLLECTIONS = (BUSES,)

SLOTS = MAX_BUSES - 1  # the default needs none


class BusExists(Exception):
    """A bus has this name, or this slot: look again."""


@dataclass(frozen=True, slots=True)
class Held:
    """A bus as it was read, with what the store needs to replace it."""

    bus: Bus
    stored: Stored


class Buses:
    """Buses of all accounts. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def get(self, account_id: str, name: str) -> Held | None:
        """A bus of this account, by key; None when there is none."""
        if not is_name(name):
            return None
        async with store_answers():
            stored = await self._documents.get(BUSES, _key(account_id, name))
        return None if stored is None or stored.body["account_id"] != account_id else Held(bus_of(stored), stored)

    async def all_of(self, account_id: str) -> list[Bus]:
        """All buses of an account but the default, by name (index `by_name`): they are bounded."""
        async with store_answers():
            page = await self._documents.query(BUSES, Query("by_name", (account_id,), limit=SLOTS))
        return readable(BUSES, page.items, bus_of)

    async def slots(self, account_id: str) -> set[int]:
        """The slots that an account's buses have (index `by_slot`)."""
        return await taken_slots(self._documents, BUSES, account_id, most=SLOTS)

    async def insert(self, bus: Bus) -> None:
        """Add a bus; raises BusExists."""
        try:
            async with store_answers():
                await self._documents.insert(BUSES, _body(bus))
        except DuplicateKey as error:
            raise BusExists(str(error)) from error

    async def replace(self, held: Held, after: Bus) -> None:
        """Put `after` in its place; raises VersionConflict."""
        async with store_answers():
            await self._documents.replace(BUSES, {**held.stored.body, **_body(after)}, if_version=held.stored.version)

    async def delete(self, held: Held) -> None:
        """Take it away; raises VersionConflict."""
        async with store_answers():
            await self._documents.delete(BUSES, _key(held.bus.account_id, held.bus.name), if_version=held.stored.version)


def bus_of(stored: Stored) -> Bus:
    """The bus in a document; msgspec.ValidationError names the field that something else wrote or that was damaged."""
    return msgspec.convert(stored.body, Bus)


def _key(account_id: str, name: str) -> str:
    return f"{account_id}/{name}"


def _body(bus: Bus) -> dict[str, Value]:
    body: dict[str, Value] = msgspec.to_builtins(bus)
    return {"bus_id": _key(bus.account_id, bus.name), **body}
