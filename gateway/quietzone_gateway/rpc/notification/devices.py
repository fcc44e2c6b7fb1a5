"""Devices that pushes go to."""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from quietzone.notification.v1 import push_pb2, push_pb2_grpc
from quietzone_gateway.rpc.notification.service import Service
from quietzone_kit.rpc import Caller


class PushPlatform(StrEnum):
    """Whose tokens they are."""

    FCM = "fcm"
    APNS = "apns"


@dataclass(frozen=True, slots=True)
class Device:
    """One app on one device of a person; fields as in `quietzone.notification.v1.Device`."""

    id: str
    person: str
    platform: PushPlatform
    token_end: str
    topics: tuple[str, ...]
    created_at_ms: int
    seen_at_ms: int


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Devices, the first registered first."""

    items: tuple[Device, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device as its app registers it. Nobody prints its token."""

    person: str
    platform: PushPlatform
    token: str = field(repr=False)
    topics: tuple[str, ...]


_PLATFORMS = {platform: push_pb2.PushPlatform.Value(f"PUSH_PLATFORM_{platform.name}") for platform in PushPlatform}
_PLATFORMS_BY_NUMBER = {number: platform for platform, number in _PLATFORMS.items()}


class Devices:
    """A client of the service's devices; what each call raises stands in `push.proto`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @cached_property
    def _stub(self) -> "push_pb2_grpc.PushServiceAsyncStub":
        return push_pb2_grpc.PushServiceStub(self._service.channel)

    async def register(self, caller: Caller, new: NewDevice) -> Device:
        """A device, taken up or as its app describes it now."""
        request = push_pb2.RegisterDeviceRequest(person=new.person, platform=_PLATFORMS[new.platform], token=new.token, topics=new.topics)
        return _device((await self._service.peer.call(self._stub.RegisterDevice, request, caller=caller, idempotent=True)).device)

    async def page(self, caller: Caller, *, person: str | None, limit: int, cursor: str | None) -> DevicePage:
        """One page of the account's devices; or all of a person, at most 20."""
        request = push_pb2.ListDevicesRequest(person=person or "", page_size=limit, page_token=cursor or "")
        response = await self._service.peer.call(self._stub.ListDevices, request, caller=caller, idempotent=True)
        return DevicePage(tuple(map(_device, response.devices)), response.next_page_token or None)

    async def delete(self, caller: Caller, device_id: str) -> None:
        """Forget a device."""
        await self._service.peer.call(self._stub.DeleteDevice, push_pb2.DeleteDeviceRequest(device_id=device_id), caller=caller)


def _device(message: push_pb2.Device) -> Device:
    return Device(
        id=message.id,
        person=message.person,
        platform=_PLATFORMS_BY_NUMBER[message.platform],
        token_end=message.token_end,
        topics=tuple(message.topics),
        created_at_ms=message.created_at_ms,
        seen_at_ms=message.seen_at_ms,
    )
