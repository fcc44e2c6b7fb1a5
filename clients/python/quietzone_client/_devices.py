"""Devices that pushes go to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from quietzone_client._events import JSON
from quietzone_client._models import Json, OpenEnum, Page, moment
from quietzone_client._requests import Call, Request, as_json, dumped, nothing, page, segment


class PushPlatform(OpenEnum):
    """Whose tokens they are: Firebase's, for Android and browsers, or Apple's."""

    FCM = "fcm"
    APNS = "apns"


@dataclass(frozen=True, slots=True)
class Device:
    """One app on one device of a person; `token_end` are the last 4 characters of its token, `seen_at` is when it last registered."""

    id: str
    person: str
    platform: PushPlatform
    token_end: str
    topics: tuple[str, ...]
    created_at: datetime
    seen_at: datetime

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            id=item["id"],
            person=item["person"],
            platform=PushPlatform(item["platform"]),
            token_end=item["token_end"],
            topics=tuple(item["topics"]),
            created_at=moment(item["created_at"]),
            seen_at=moment(item["seen_at"]),
        )


def register_device(person: str, platform: str, token: str, topics: Sequence[str]) -> Call[Device]:
    """Take up a device, or what its app says of it now."""
    body = dumped({"person": person, "platform": platform, "token": token, "topics": list(topics)})
    return Call(Request("POST", "/v1/push-devices", headers=JSON, content=body), as_json(Device.of))


def page_of_devices(person: str | None, *, cursor: str | None) -> Call[Page[Device]]:
    """One page of devices, or all of a person."""
    return page("/v1/push-devices", Device.of, {} if person is None else {"person": person}, limit=100, cursor=cursor)


def delete_device(device_id: str) -> Call[None]:
    """Forget a device."""
    return Call(Request("DELETE", f"/v1/push-devices/{segment(device_id)}"), nothing, gone_is_done=True)
