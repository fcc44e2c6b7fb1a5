"""Devices that pushes go to, by REST: a token is never shown again."""

from typing import Any

import pytest
from contract.gateway.notified import NOON, last
from contract.gateway.served import CODE_ID, Api, problem
from pydantic import BaseModel

from quietzone.notification.v1 import push_pb2
from quietzone_gateway.rest.devices import DEVICE, NEW_DEVICE, DeviceInput, DeviceView
from quietzone_gateway.rpc.notification import NewDevice, PushPlatform
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound

TOKEN = "c0ffee00" * 8
NEW = {"person": "ada", "platform": "apns", "token": TOKEN}


async def test_a_device_is_registered_and_shown_without_its_token(notifying: Api) -> None:
    answer = await notifying.send("POST", "/v1/push-devices", NEW | {"topics": ["orders"]})

    shown = {
        "id": CODE_ID,
        "person": "ada",
        "platform": "apns",
        "token_end": "ee00",
        "topics": ["orders"],
        "created_at": NOON,
        "seen_at": NOON,
    }
    assert (answer.status_code, answer.json()) == (201, shown)
    assert last(notifying) == push_pb2.RegisterDeviceRequest(
        person="ada", platform=push_pb2.PUSH_PLATFORM_APNS, token=TOKEN, topics=["orders"]
    )


async def test_devices_are_listed_all_or_those_of_a_person(notifying: Api) -> None:
    page = (await notifying.send("GET", "/v1/push-devices?limit=7&cursor=abc")).json()
    asked = last(notifying)
    await notifying.send("GET", "/v1/push-devices?person=ada")

    assert ([item["person"] for item in page["items"]], page["next_cursor"]) == (["ada"], "next")
    assert (asked.page_size, asked.page_token, asked.person, last(notifying).person) == (7, "abc", "", "ada")


async def test_a_device_is_forgotten(notifying: Api) -> None:
    assert (await notifying.send("DELETE", f"/v1/push-devices/{CODE_ID}")).status_code == 204
    assert last(notifying) == push_pb2.DeleteDeviceRequest(device_id=CODE_ID)


@pytest.mark.parametrize("device_id", [CODE_ID, "mine"])
async def test_what_the_account_has_not_is_not_found(notifying: Api, device_id: str) -> None:
    notifying.services.fail("DeleteDevice", NotFound("no device"))

    assert problem(await notifying.send("DELETE", f"/v1/push-devices/{device_id}"))[:2] == (404, "not-found")


@pytest.mark.parametrize(
    ("fields", "wrong"), [({"platform": "fax"}, "platform"), ({"topics": ["a"] * 11}, "topics"), ({"token": "x" * 1025}, "token")]
)
async def test_a_device_that_cannot_be_is_refused_with_the_field(notifying: Api, fields: dict[str, Any], wrong: str) -> None:
    assert problem(await notifying.send("POST", "/v1/push-devices", NEW | fields)) == (400, "invalid-argument", [wrong])


async def test_what_the_service_refuses_is_named(notifying: Api) -> None:
    notifying.services.fail("RegisterDevice", InvalidInput(FieldViolation("token", "a token of apns has 64 to 400 hexadecimal digits")))

    assert problem(await notifying.send("POST", "/v1/push-devices", NEW)) == (400, "invalid-argument", ["token"])


async def test_a_platform_that_the_installation_has_not_is_said(notifying: Api) -> None:
    notifying.services.fail("RegisterDevice", FailedPrecondition("this installation pushes to no apns"))

    assert problem(await notifying.send("POST", "/v1/push-devices", NEW))[0] == 422


def test_a_token_is_not_printed() -> None:
    assert TOKEN not in repr(NewDevice("ada", PushPlatform.APNS, TOKEN, ()))


def test_each_platform_is_known() -> None:
    named = {value.name.removeprefix("PUSH_PLATFORM_").lower() for value in push_pb2.PushPlatform.DESCRIPTOR.values}

    assert named - {"unspecified"} == {platform.value for platform in PushPlatform}


@pytest.mark.parametrize(("model", "example"), [(DeviceInput, NEW_DEVICE), (DeviceView, DEVICE)], ids=str)
def test_examples_are_such(model: type[BaseModel], example: dict[str, Any]) -> None:
    shown = model.model_validate(example).model_dump(mode="json")

    assert {name: shown[name] for name in example} == example
