"""PushService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

from collections.abc import Mapping

from quietzone.notification.v1 import push_pb2, push_pb2_grpc
from quietzone_kit.errors import FieldViolation, InvalidInput
from quietzone_notification.push.domain import Device, Platform
from quietzone_notification.push.use_cases import NewDevice, PushDesk
from quietzone_notification.rpc.callers import account

_PLATFORMS: Mapping[Platform, "push_pb2.PushPlatform.ValueType"] = {
    Platform.FCM: push_pb2.PUSH_PLATFORM_FCM,
    Platform.APNS: push_pb2.PUSH_PLATFORM_APNS,
}
_PLATFORM_OF: Mapping[int, Platform] = {number: platform for platform, number in _PLATFORMS.items()}


class PushService(push_pb2_grpc.PushServiceServicer):
    """The errors of each method stand in the contract."""

    def __init__(self, desk: PushDesk) -> None:
        self._desk = desk

    async def RegisterDevice(self, request: push_pb2.RegisterDeviceRequest, context: object) -> push_pb2.RegisterDeviceResponse:
        """See the contract."""
        account_id, platform = account(), _PLATFORM_OF.get(request.platform)
        if platform is None:
            raise InvalidInput(FieldViolation("platform", "use FCM or APNS"))
        device = await self._desk.register(account_id, NewDevice(request.person, platform, request.token, tuple(request.topics)))
        return push_pb2.RegisterDeviceResponse(device=_message(device))

    async def ListDevices(self, request: push_pb2.ListDevicesRequest, context: object) -> push_pb2.ListDevicesResponse:
        """See the contract."""
        page = await self._desk.listed(account(), request.person, page_size=request.page_size, page_token=request.page_token)
        return push_pb2.ListDevicesResponse(devices=map(_message, page.devices), next_page_token=page.next_token or "")

    async def DeleteDevice(self, request: push_pb2.DeleteDeviceRequest, context: object) -> push_pb2.DeleteDeviceResponse:
        """See the contract."""
        await self._desk.delete(account(), request.device_id)
        return push_pb2.DeleteDeviceResponse()


def _message(device: Device) -> push_pb2.Device:
    """A device without its token."""
    return push_pb2.Device(
        id=device.device_id,
        person=device.person,
        platform=_PLATFORMS[device.platform],
        token_end=device.token_end,
        topics=device.topics,
        created_at_ms=device.created_ms,
        seen_at_ms=device.seen_ms,
    )
