"""What an account may do with its devices."""

from collections.abc import Container
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from quietzone_kit.documents import InvalidCursor, VersionConflict
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, ResourceExhausted, Unavailable, Violations
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.seal import Seal
from quietzone_notification.push.domain import (
    MAX_DEVICES,
    MAX_DEVICES_OF_PERSON,
    SHOWN,
    Device,
    Platform,
    check_person,
    check_token,
    check_topics,
    digest_of,
)
from quietzone_notification.push.repository import DevicePage, Devices, Held, Taken

ATTEMPTS = 10
"""Apps register when they start: several of an account may take its slots at the same moment."""
MAX_PAGE, DEFAULT_PAGE = 100, 50


@dataclass(frozen=True, slots=True, repr=False)
class NewDevice:
    """A device as an app registers it, unchecked. Nobody prints it: it has the token."""

    person: str
    platform: Platform
    token: str
    topics: tuple[str, ...] = ()


class PushDesk:
    """Devices and their tokens. `carried` are the platforms that this installation pushes to."""

    def __init__(self, devices: Devices, seal: Seal, clock: Clock, randomness: Randomness, *, carried: AbstractSet[Platform]) -> None:
        self._devices = devices
        self._seal = seal
        self._clock = clock
        self._randomness = randomness
        self._carried = carried

    async def register(self, account_id: str, new: NewDevice) -> Device:
        """Take up a device, or what an app says of one that is there: the same token is the same device, whoever has it now.

        Raises:
            InvalidInput: names each field that is wrong.
            FailedPrecondition: this installation pushes to no such platform, or has no key to seal tokens with.
            ResourceExhausted: the account, or the person, has as many as it may.
        """
        wrong = Violations()
        with wrong.field("person"):
            check_person(new.person)
        with wrong.field("token"):
            check_token(new.platform, new.token)
        with wrong.field("topics"):
            check_topics(new.topics)
        wrong.check()
        if new.platform not in self._carried:
            raise FailedPrecondition(f"this installation pushes to no {new.platform.value}: its operator sets {_SETTINGS[new.platform]}")
        self._seal.check()
        for _ in range(ATTEMPTS):
            held = await self._devices.by_token(account_id, digest_of(new.platform, new.token))
            try:
                return await (self._again(held, new) if held is not None else self._first(account_id, new))
            except (Taken, VersionConflict):
                continue
        raise Unavailable("the account's devices change all the time: try again")

    async def listed(self, account_id: str, person: str, *, page_size: int, page_token: str) -> DevicePage:
        """An account's devices, or those of a person: all of them, whatever the page; raises InvalidInput."""
        if not 0 <= page_size <= MAX_PAGE:
            raise InvalidInput(FieldViolation("page_size", f"use 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}"))
        if person:
            return DevicePage(await self._devices.of_person(account_id, person) if _is_person(person) else (), None)
        try:
            return await self._devices.page(account_id, limit=page_size or DEFAULT_PAGE, after=page_token or None)
        except InvalidCursor as error:
            reason = "not a token that a page of this list gave; leave it out to begin anew"
            raise InvalidInput(FieldViolation("page_token", reason)) from error

    async def delete(self, account_id: str, device_id: str) -> None:
        """Forget a device, and its token; raises NotFound."""
        for _ in range(ATTEMPTS):
            held = await self._devices.find(account_id, device_id)
            if held is None:
                raise NotFound(f"no device {device_id!r:.60}")
            try:
                await self._devices.delete(held)
            except VersionConflict:
                continue
            return
        raise Unavailable("the device changes all the time: try again")

    def token_of(self, device: Device) -> str:
        """The token itself.

        Raises:
            CantOpen: it was sealed with a key that isn't there.
            FailedPrecondition: there is no key at all.
        """
        return self._seal.open(device.sealed_token, _place_of(device.device_id)).decode()

    async def _first(self, account_id: str, new: NewDevice) -> Device:
        slot = self._drawn(await self._devices.slots(account_id), MAX_DEVICES)
        if slot is None:
            raise ResourceExhausted(f"an account has at most {MAX_DEVICES:,} devices: delete those that nobody uses")
        person_slot = await self._person_slot(account_id, new.person)
        device_id, now_ms = uuid7(self._clock, self._randomness), self._clock.now_ms()
        device = Device(
            device_id=device_id,
            account_id=account_id,
            person=new.person,
            person_slot=person_slot,
            platform=new.platform,
            sealed_token=self._sealed(device_id, new.token),
            token_digest=digest_of(new.platform, new.token),
            token_end=new.token[-SHOWN:],
            topics=check_topics(new.topics),
            slot=slot,
            created_ms=now_ms,
            seen_ms=now_ms,
        )
        await self._devices.insert(device)
        return device

    async def _again(self, held: Held, new: NewDevice) -> Device:
        before = held.device
        is_same = before.person == new.person
        person_slot = before.person_slot if is_same else await self._person_slot(before.account_id, new.person)
        sealed = self._sealed(before.device_id, new.token)
        after = before.seen(new.person, person_slot, check_topics(new.topics), sealed, self._clock.now_ms())
        await self._devices.replace(held, after)
        return after

    async def _person_slot(self, account_id: str, person: str) -> int:
        slot = self._drawn(await self._devices.person_slots(account_id, person), MAX_DEVICES_OF_PERSON)
        if slot is None:
            raise ResourceExhausted(f"a person has at most {MAX_DEVICES_OF_PERSON} devices: delete one that he doesn't use")
        return slot

    def _drawn(self, taken: Container[int], most: int) -> int | None:
        """A slot that nobody has, drawn: apps that register together, as after a release, shall not all want the same one."""
        free = [slot for slot in range(most) if slot not in taken]
        return free[min(int(self._randomness.uniform(0, len(free))), len(free) - 1)] if free else None

    def _sealed(self, device_id: str, token: str) -> str:
        return self._seal.seal(token.encode(), _place_of(device_id))


_SETTINGS = {
    Platform.FCM: "QUIETZONE_NOTIFICATION_PUSH_FCM_CREDENTIALS_FILE or QUIETZONE_NOTIFICATION_PUSH_SNS_FCM",
    Platform.APNS: "QUIETZONE_NOTIFICATION_PUSH_SNS_APNS",
}


def _is_person(text: str) -> bool:
    try:
        check_person(text)
    except ValueError:
        return False
    return True


def _place_of(device_id: str) -> str:
    return f"token of push device {device_id}"
