"""Carrying pushes: a delivery for a person or a topic becomes one for each device, and each of these goes its own way."""

from collections.abc import Mapping
from dataclasses import dataclass

from quietzone_kit.documents import VersionConflict
from quietzone_kit.errors import FailedPrecondition, Unavailable
from quietzone_kit.ids import derived_id
from quietzone_kit.runtime import Clock
from quietzone_kit.seal import CantOpen
from quietzone_notification.delivery.domain import MAX_ERROR, MAX_EXCERPT, MAX_RETRY_AFTER_MS, Attempt, Delivery, NewDelivery, Outbound
from quietzone_notification.delivery.sender.ports import Ended
from quietzone_notification.push.domain import Device, Platform
from quietzone_notification.push.messages import InvalidPush, Push, read_push
from quietzone_notification.push.metrics import PUSHED, RESTS
from quietzone_notification.push.ports import Outcome, Pushed, Pusher
from quietzone_notification.push.repository import Devices, Held
from quietzone_notification.push.use_cases import PushDesk

TAKEN = 200
"""In the log of a delivery that has become others."""
REST_S = 30.0
"""For which nothing is pushed to a platform whose provider doesn't take our credentials: all its deliveries would ask every 5 s."""


@dataclass(frozen=True, slots=True)
class _Rest:
    """A platform at rest until then (monotonic), and why. `is_ours`: nothing is used up; else the provider has asked for it."""

    until_s: float
    reason: str
    is_ours: bool


class PushCourier:
    """The port `Courier` for push."""

    def __init__(self, devices: Devices, desk: PushDesk, pushers: Mapping[Platform, Pusher], outbound: Outbound, clock: Clock) -> None:
        self._devices = devices
        self._desk = desk
        self._pushers = pushers
        self._outbound = outbound
        self._clock = clock
        self._rests: dict[Platform, _Rest] = {}
        self._gone: dict[str, Held] = {}

    async def carry(self, delivery: Delivery) -> Ended:
        """See Courier."""
        try:
            message = read_push(delivery.body)
        except InvalidPush as error:
            return Ended(None, str(error)[:MAX_ERROR])
        kind, _, name = delivery.destination.partition(":")
        if kind == "device":
            return await self._to_device(delivery, name, message)
        if kind not in ("person", "topic"):
            return Ended(None, "push goes to person:<person> or topic:<topic>")
        return await self._to_many(delivery, message)

    async def settled(self, delivery: Delivery, ended: Ended) -> None:  # noqa: ARG002 - a Courier's
        """See Courier: forget a device whose token leads nowhere, unless its app has registered it again meanwhile."""
        held = self._gone.pop(delivery.delivery_id, None)
        if held is None:
            return
        try:
            await self._devices.delete(held)
        except VersionConflict:
            return

    async def _to_many(self, delivery: Delivery, message: Push) -> Ended:
        """One delivery for each device, whose ids follow from this one's: a repeat makes no more of them."""
        at_ms, began_s, count = self._clock.now_ms(), self._clock.monotonic(), 0
        kind, _, name = delivery.destination.partition(":")
        body = message.encoded()
        if kind == "person":
            devices = await self._devices.of_person(delivery.account_id, name)
            await self._outbound.enqueue([_for_device(delivery, device, body) for device in devices])
            count = len(devices)
        else:
            async for page in self._devices.of_topic(delivery.account_id, name):
                await self._outbound.enqueue([_for_device(delivery, device, body) for device in page])
                count += len(page)
        if not count:
            return Ended(None, f"no device is registered for {delivery.destination}")
        return Ended(Attempt(at_ms, self._took_ms(began_s), delivery.destination, TAKEN, None, f"{count} devices"))

    async def _to_device(self, delivery: Delivery, device_id: str, message: Push) -> Ended:
        held = await self._devices.find(delivery.account_id, device_id)
        if held is None:
            return Ended(None, "its device is gone")
        device = held.device
        pusher = self._pushers.get(device.platform)
        if pusher is None:
            return Ended(None, f"nobody pushes to {device.platform.value} here")
        at_ms, began_s = self._clock.now_ms(), self._clock.monotonic()
        if (resting := self._resting(device.platform, at_ms)) is not None:
            return resting
        try:
            pushed = await pusher.push(self._desk.token_of(device), device.provider_ref, message)
        except (CantOpen, FailedPrecondition) as error:
            raise Unavailable(str(error)) from error
        except Unavailable as error:
            RESTS.labels(device.platform.value).inc()
            self._rests[device.platform] = _Rest(self._clock.monotonic() + REST_S, str(error), is_ours=True)
            raise
        PUSHED.labels(device.platform.value, pushed.outcome.value).inc()
        return await self._ended(delivery, held, pushed, Attempt(at_ms, self._took_ms(began_s), pushed.url))

    async def _ended(self, delivery: Delivery, held: Held, pushed: Pushed, attempt: Attempt) -> Ended:
        """What a provider's word means for a delivery."""
        error = None if pushed.error is None else pushed.error[:MAX_ERROR]
        made = Attempt(attempt.at_ms, attempt.took_ms, attempt.url, pushed.status, error, pushed.answer[:MAX_EXCERPT])
        if pushed.pause_ms:
            pause_s = min(pushed.pause_ms, MAX_RETRY_AFTER_MS) / 1_000
            self._rests[held.device.platform] = _Rest(self._clock.monotonic() + pause_s, error or "", is_ours=False)
        if pushed.outcome is Outcome.GONE:
            self._gone[delivery.delivery_id] = held
        if pushed.ref and pushed.ref != held.device.provider_ref:
            await self._named(held, pushed.ref)
        is_last = pushed.outcome in (Outcome.GONE, Outcome.REFUSED)
        return Ended(made, retry_after_ms=pushed.retry_after_ms or pushed.pause_ms or None, is_last=is_last)

    async def _named(self, held: Held, ref: str) -> None:
        """It was sent, whatever the store says now: a provider is asked for the name again."""
        try:
            await self._devices.name(held, ref)
        except Unavailable:
            return

    def _resting(self, platform: Platform, at_ms: int) -> Ended | None:
        """What becomes of an attempt while a platform rests: a provider that asked for it is asked nothing, and the attempt counts.

        Raises:
            Unavailable: it is for us to mend something.
        """
        rest = self._rests.get(platform)
        left_s = 0.0 if rest is None else rest.until_s - self._clock.monotonic()
        if rest is None or left_s <= 0:
            return None
        if rest.is_ours:
            raise Unavailable(rest.reason)
        error = f"not sent: {platform.value} asks for a pause ({rest.reason})"[:MAX_ERROR]
        return Ended(Attempt(at_ms, 0, platform.value, 429, error), retry_after_ms=int(left_s * 1_000))

    def _took_ms(self, began_s: float) -> int:
        return int((self._clock.monotonic() - began_s) * 1_000)


def _for_device(delivery: Delivery, device: Device, body: bytes) -> NewDelivery:
    return NewDelivery(
        id=derived_id("push", delivery.delivery_id, device.device_id),
        account_id=delivery.account_id,
        cause=delivery.cause,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        kind="push",
        destination=f"device:{device.device_id}",
        body=body,
        content_type="application/json",
        headers=(),
        max_attempts=delivery.max_attempts,
        max_age_ms=delivery.max_age_ms,
        created_ms=delivery.created_ms,
    )
