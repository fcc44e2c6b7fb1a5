"""From a device that is registered over gRPC to a push that a provider takes, whatever store stands below."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ports import Inline, NoJitter
from receiver import Receiver
from unit.notification.push.world import token

from quietzone.notification.v1 import push_pb2, push_pb2_grpc
from quietzone_kit.documents import Documents
from quietzone_kit.errors import InvalidInput, NotFound
from quietzone_kit.outside import SystemResolver
from quietzone_kit.rpc import CODES_READ, CODES_WRITE, Caller, CallerKeys, Peer, RpcSettings, Server
from quietzone_kit.runtime import SystemClock, SystemRandomness
from quietzone_kit.seal import Seal
from quietzone_notification.collections import COLLECTIONS
from quietzone_notification.delivery.client import Client, Connector
from quietzone_notification.delivery.deliveries.repository import Deliveries, Wanted
from quietzone_notification.delivery.domain import Delivery, NewDelivery, State
from quietzone_notification.delivery.sender import Sender
from quietzone_notification.push.courier import PushCourier
from quietzone_notification.push.domain import MAX_DEVICES_OF_PERSON, Platform
from quietzone_notification.push.fcm import EXCERPT_BYTES, FcmPusher
from quietzone_notification.push.repository import Devices
from quietzone_notification.push.settings import PushSettings
from quietzone_notification.push.use_cases import PushDesk
from quietzone_notification.rpc import PushService

CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()
ACCOUNT = "north"
SEND = "/v1/projects/shop-1/messages:send"
GONE = {"error": {"code": 404, "status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}}


def answer(status: int, body: object) -> bytes:
    encoded = json.dumps(body).encode()
    return f"HTTP/1.1 {status} Said\r\nContent-Length: {len(encoded)}\r\n\r\n".encode() + encoded


@dataclass
class World:
    """One installation with a provider on this machine."""

    documents: Documents
    peer: Peer
    receiver: Receiver
    courier: PushCourier
    deliveries: Deliveries
    sender: Sender

    async def call(self, method: Callable[..., Any], request: object, account_id: str = ACCOUNT) -> Any:
        return await self.peer.call(method, request, caller=Caller(account_id, frozenset({CODES_READ, CODES_WRITE})))  # type: ignore[arg-type]

    async def register(self, person: str = "anna", number: int = 1, *topics: str, account_id: str = ACCOUNT) -> push_pb2.Device:
        request = push_pb2.RegisterDeviceRequest(person=person, platform=push_pb2.PUSH_PLATFORM_FCM, token=token(number), topics=topics)
        answered = await self.call(push_pb2_grpc.PushServiceStub(self.peer.channel).RegisterDevice, request, account_id)
        device: push_pb2.Device = answered.device
        return device

    async def listed(self, account_id: str = ACCOUNT, **asked: Any) -> push_pb2.ListDevicesResponse:
        request = push_pb2.ListDevicesRequest(**asked)
        response: push_pb2.ListDevicesResponse = await self.call(
            push_pb2_grpc.PushServiceStub(self.peer.channel).ListDevices, request, account_id
        )
        return response

    async def delete(self, device_id: str) -> None:
        request = push_pb2.DeleteDeviceRequest(device_id=device_id)
        await self.call(push_pb2_grpc.PushServiceStub(self.peer.channel).DeleteDevice, request)

    async def push(self, destination: str) -> list[Delivery]:
        """Have something pushed; all deliveries that it became, when they have ended."""
        new = NewDelivery(
            id="one",
            account_id=ACCOUNT,
            cause="rule:r1:t1",
            event_id="e1",
            event_type="Order",
            kind="push",
            destination=destination,
            body=b'"Paid"',
            content_type="application/json",
            headers=(),
            max_attempts=None,
            max_age_ms=None,
            created_ms=CLOCK.now_ms(),
        )
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            running = group.create_task(self.sender.run())
            await self.deliveries.enqueue([new])
            while True:
                found = (await self.deliveries.found(ACCOUNT, Wanted(), limit=100, after=None))[0]
                if all(held.delivery.state is not State.PENDING for held in found):
                    break
                await asyncio.sleep(0.01)
            running.cancel()
        return [held.delivery for held in found]


@pytest.fixture
async def world(documents: Documents, tmp_path: Path) -> AsyncIterator[World]:
    await documents.ensure(*COLLECTIONS)
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver.serving())
        receiver.answers |= {"/token": [answer(200, {"access_token": "a" * 2_000})], SEND: [answer(200, {"name": "m1"})]}
        base = f"http://127.0.0.1:{receiver.port}"
        reach = PushSettings(notification_push_fcm_url=base).fcm_reach()
        client = Client(Connector(SystemResolver(Inline()), reach, CLOCK, excerpt_bytes=EXCERPT_BYTES), CLOCK)
        stack.callback(client.close)
        devices = Devices(documents)
        seal = Seal(["s" * 32], RANDOMNESS, setting="SECRET_KEY", lacks="no push")
        desk = PushDesk(devices, seal, CLOCK, RANDOMNESS, carried=frozenset({Platform.FCM}))
        pusher = FcmPusher(client, reach, _credentials(tmp_path), CLOCK, base=base)
        couriers: dict[str, PushCourier] = {}
        sender = Sender(documents, couriers, clock=CLOCK, randomness=NoJitter(), owner="sender")
        couriers["push"] = PushCourier(devices, desk, {Platform.FCM: pusher}, sender.deliveries, CLOCK)
        settings = RpcSettings(caller_key="k" * 32)
        keys = CallerKeys.of(settings, CLOCK)
        server = Server(f"unix:{tmp_path}/s", keys, settings, not_ready=list)
        server.add(push_pb2_grpc.add_PushServiceServicer_to_server, PushService(desk))
        await server.start()
        stack.push_async_callback(server.stop, 0)
        peer = Peer("notification", f"unix:{tmp_path}/s", keys, clock=CLOCK, randomness=RANDOMNESS)
        stack.push_async_callback(peer.close)
        yield World(documents, peer, receiver, couriers["push"], sender.deliveries, sender)


def _credentials(folder: Path) -> Path:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {"project_id": "shop-1", "private_key_id": "k1", "private_key": pem, "client_email": "a@b.example"}
    path = folder / "account.json"
    path.write_text(json.dumps(account))
    return path


async def test_a_device_is_registered_and_listed_without_its_token(world: World) -> None:
    device = await world.register("anna", 7, "offers")

    (listed,) = (await world.listed()).devices
    assert listed == device
    assert (listed.token_end, token(7) in str(listed)) == ("0007", False)


async def test_a_person_s_devices_are_listed_alone(world: World) -> None:
    await world.register("anna", 1)
    await world.register("ben", 2)

    assert [device.person for device in (await world.listed(person="ben")).devices] == ["ben"]


async def test_a_list_comes_in_pages(world: World) -> None:
    for number in range(5):
        await world.register("anna", number)

    first = await world.listed(page_size=3)
    rest = await world.listed(page_size=3, page_token=first.next_page_token)

    assert [device.token_end for device in (*first.devices, *rest.devices)] == ["0000", "0001", "0002", "0003", "0004"]


async def test_another_account_sees_none_of_it(world: World) -> None:
    await world.register("anna", 1)

    assert not (await world.listed("south")).devices


async def test_a_platform_that_nobody_knows_is_refused(world: World) -> None:
    request = push_pb2.RegisterDeviceRequest(person="anna", platform=9, token=token(1))  # type: ignore[arg-type] # as a newer caller sends it

    with pytest.raises(InvalidInput, match="use FCM or APNS"):
        await world.call(push_pb2_grpc.PushServiceStub(world.peer.channel).RegisterDevice, request)


async def test_apps_that_register_together_stay_within_the_person_s_bound(world: World) -> None:
    results = await asyncio.gather(*(world.register("anna", number) for number in range(24)), return_exceptions=True)

    kept = (await world.listed()).devices
    assert len(kept) <= MAX_DEVICES_OF_PERSON
    assert len(kept) == sum(isinstance(result, push_pb2.Device) for result in results)


async def test_apps_of_many_people_that_register_together_all_come_in(world: World) -> None:
    await asyncio.gather(*(world.register(f"p{number}", number) for number in range(50)))

    assert len((await world.listed(page_size=100)).devices) == 50


async def test_a_phone_that_registers_twice_at_once_is_one_device(world: World) -> None:
    one, other = await asyncio.gather(world.register("anna", 1), world.register("anna", 1))

    assert (one.id, len((await world.listed()).devices)) == (other.id, 1)


async def test_a_device_that_was_deleted_is_not_found(world: World) -> None:
    device = await world.register()

    await world.delete(device.id)

    with pytest.raises(NotFound):
        await world.delete(device.id)


@pytest.mark.parametrize("destination", ["person:anna", "topic:offers"])
async def test_what_is_pushed_comes_to_each_device_once(world: World, destination: str) -> None:
    await world.register("anna", 1, "offers")
    await world.register("anna", 2, "offers")

    deliveries = await world.push(destination)

    tokens = [json.loads(got.body)["message"]["token"] for got in world.receiver.got if got.path == SEND]
    assert sorted(tokens) == [token(1), token(2)]
    assert {delivery.state for delivery in deliveries} == {State.DELIVERED}


async def test_a_token_that_the_provider_says_is_gone_is_gone_from_the_list(world: World) -> None:
    world.receiver.answers[SEND] = [answer(404, GONE)]
    await world.register("anna", 1)

    deliveries = await world.push("person:anna")

    assert {delivery.state for delivery in deliveries if delivery.destination.startswith("device:")} == {State.DEAD}
    assert not (await world.listed()).devices
