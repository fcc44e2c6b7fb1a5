"""Devices that pushes go to."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, Services, known_id, names_of_the_api
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_gateway.rpc.notification import Device, DevicePage, NewDevice, PushPlatform

MAX_TOPICS = 10

NEW_DEVICE: dict[str, JsonValue] = {"person": "ada", "platform": "apns", "token": "c0ffee00" * 8, "topics": ["orders"]}
DEVICE: dict[str, JsonValue] = {
    "id": CODE_ID,
    "person": "ada",
    "platform": "apns",
    "token_end": "ee00",
    "topics": ["orders"],
    "created_at": "2026-11-21T09:30:00.125Z",
    "seen_at": "2026-11-21T09:30:00.125Z",
}
"""Examples; tests hold them against the models."""


class DeviceInput(Input):
    """A device, as its app registers it."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW_DEVICE]})

    person: Text = Field(description="Who has it, by names of your own: 1 to 64 characters of `[0-9A-Za-z._@+-]`")
    platform: PushPlatform = Field(description="`fcm`: Firebase, for Android and browsers; `apns`: Apple")
    token: Text = Field(description="As the platform gives it to the app; never shown again", max_length=1024)
    topics: list[Text] = Field([], description="What it wants to hear of, in the place of what it wanted before", max_length=MAX_TOPICS)

    def asked(self) -> NewDevice:
        """What the service is asked for."""
        return NewDevice(self.person, self.platform, self.token, tuple(self.topics))


class DeviceView(BaseModel):
    """One app on one device of a person."""

    model_config = ConfigDict(json_schema_extra={"examples": [DEVICE]})

    id: str
    person: str
    platform: PushPlatform
    token_end: str = Field(description="The last 4 characters of its token")
    topics: list[str]
    created_at: Time
    seen_at: Time = Field(description="When its app last registered it")

    @classmethod
    def of(cls, device: Device) -> Self:
        """As it is shown."""
        return cls(
            id=device.id,
            person=device.person,
            platform=device.platform,
            token_end=device.token_end,
            topics=list(device.topics),
            created_at=rfc3339(device.created_at_ms),
            seen_at=rfc3339(device.seen_at_ms),
        )


class DevicePageView(BaseModel):
    """One page of devices."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [DEVICE], "next_cursor": None}]})

    items: list[DeviceView] = Field(description="The first registered first")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")

    @classmethod
    def of(cls, page: DevicePage) -> Self:
        """As it is shown."""
        return cls(items=list(map(DeviceView.of, page.items)), next_cursor=page.next_cursor)


class DeviceListQuery(Input):
    """Which page, or whose devices."""

    limit: int = Field(50, description="How many at most", ge=1, le=100)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=2000)
    person: Text | None = Field(None, description="Only those of this person: all of them, at most 20", min_length=1, max_length=64)


router = APIRouter(prefix="/v1/push-devices", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["push"])

DeviceId = Annotated[str, Path(description="The device's id", examples=[CODE_ID])]

# The service's fields by the names that callers of the API know.
_NAMES = {"page_size": "limit", "page_token": "cursor"}


@router.post("", status_code=201, responses=problems(400, 401, 403, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def register_device(body: DeviceInput, parts: Services, caller: CallerNow) -> DeviceView:
    """Take up a device, or what its app says of it now: the same token is the same device, whoever has it. An account has at most 1,000, a
    person 20.
    """
    with names_of_the_api(_NAMES):
        return DeviceView.of(await parts.notification.devices.register(caller, body.asked()))


@router.get("", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def list_devices(query: Annotated[DeviceListQuery, Query()], parts: Services, caller: CallerNow) -> DevicePageView:
    """The account's devices, or those of a person."""
    with names_of_the_api(_NAMES):
        page = await parts.notification.devices.page(caller, person=query.person, limit=query.limit, cursor=query.cursor)
    return DevicePageView.of(page)


@router.delete("/{device_id}", status_code=204, responses=problems(401, 403, 404), openapi_extra=scoped(CODES_WRITE))
async def delete_device(device_id: DeviceId, parts: Services, caller: CallerNow) -> None:
    """Forget a device and its token; what waits for it is dropped."""
    await parts.notification.devices.delete(caller, known_id(device_id, "device"))
