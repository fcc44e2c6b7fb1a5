"""Devices with their ports: a store in memory, a provider that answers as it is told."""

from collections.abc import Sequence
from typing import Any

from ports import Hands, Inline

from quietzone_kit.documents import open_documents
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import SystemRandomness
from quietzone_kit.seal import Seal
from quietzone_notification.collections import COLLECTIONS
from quietzone_notification.delivery.domain import Delivery, NewDelivery, taken
from quietzone_notification.push.courier import PushCourier
from quietzone_notification.push.domain import Device, Platform
from quietzone_notification.push.messages import Push
from quietzone_notification.push.ports import Outcome, Pushed
from quietzone_notification.push.repository import DEVICES, Devices
from quietzone_notification.push.use_cases import NewDevice, PushDesk

OURS, THEIRS = "ours", "theirs"
BORN_MS = 1_772_445_600_000
TOKEN = "cXk:APA91b" + "F" * 130 + "last"


def token(number: int) -> str:
    return f"{TOKEN}{number:04}"


class Provider:
    """A pusher that says what it is told, then that all is well; `asked` is what it was given."""

    def __init__(self) -> None:
        self.says: list[Pushed | Unavailable] = []
        self.asked: list[tuple[str, str, Push]] = []

    async def push(self, token: str, ref: str, message: Push) -> Pushed:
        self.asked.append((token, ref, message))
        said = self.says.pop(0) if self.says else Pushed(Outcome.SENT, "push:test", 200, answer="m1")
        if isinstance(said, Unavailable):
            raise said
        return said


class Taker:
    """The port `Outbound`: what was handed on, each id once."""

    def __init__(self) -> None:
        self.kept: dict[str, NewDelivery] = {}

    async def enqueue(self, deliveries: Sequence[NewDelivery]) -> None:
        for delivery in deliveries:
            taken(delivery, BORN_MS)  # what the store of deliveries would refuse is refused here too
            self.kept.setdefault(delivery.id, delivery)


def delivery(destination: str = "person:anna", body: bytes = b'"The order is paid"', name: str = "d1", **more: Any) -> Delivery:
    fields: dict[str, Any] = {
        "id": name,
        "account_id": OURS,
        "cause": "rule:r1:t1",
        "event_id": "e1",
        "event_type": "Order",
        "kind": "push",
        "destination": destination,
        "body": body,
        "content_type": "application/json",
        "headers": (),
        "max_attempts": 3,
        "max_age_ms": 60_000,
        "created_ms": BORN_MS,
    }
    return taken(NewDelivery(**fields | more), BORN_MS)


class World:
    """One installation, that pushes to FCM and APNs unless told otherwise."""

    def __init__(self) -> None:
        self.clock = Hands(since_ms=BORN_MS)
        self.randomness = SystemRandomness()
        self.documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=self.randomness)
        self.devices = Devices(self.documents)
        self.desk = self.desk_of("s" * 32)
        self.provider, self.taker = Provider(), Taker()
        pushers = {Platform.FCM: self.provider, Platform.APNS: self.provider}
        self.courier = PushCourier(self.devices, self.desk, pushers, self.taker, self.clock)

    def desk_of(self, *keys: str, carried: frozenset[Platform] = frozenset(Platform)) -> PushDesk:
        seal = Seal(keys, self.randomness, setting="SECRET_KEY", lacks="no push")
        return PushDesk(self.devices, seal, self.clock, self.randomness, carried=carried)

    async def open(self) -> "World":
        await self.documents.ensure(*COLLECTIONS)
        return self

    async def register(self, person: str = "anna", number: int = 0, *topics: str, account_id: str = OURS) -> Device:
        return await self.desk.register(account_id, NewDevice(person, Platform.FCM, token(number), topics))

    async def stored(self) -> list[Device]:
        page = await self.devices.page(OURS, limit=1_000)
        return list(page.devices)

    async def in_store(self) -> str:
        """All that lies in the store of devices."""
        return str([stored.body for stored in (await self.documents.scan(DEVICES, limit=1_000)).items])
