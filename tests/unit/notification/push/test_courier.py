"""A push to many becomes one to each device; what a provider says decides what becomes of it."""

import pytest
from unit.notification.push.world import OURS, World, delivery, token

from quietzone_kit.errors import Unavailable
from quietzone_notification.delivery.domain import taken
from quietzone_notification.delivery.sender.ports import Ended
from quietzone_notification.push.messages import Push
from quietzone_notification.push.ports import Outcome, Pushed
from quietzone_notification.push.repository import DEVICES


async def sent(world: World, **says: object) -> Ended:
    """How an attempt at one device ends when its provider says so."""
    device = await world.register("anna", 1)
    if says:
        world.provider.says.append(Pushed(url="push:test", **says))  # type: ignore[arg-type] # fields of Pushed
    return await world.courier.carry(delivery(f"device:{device.device_id}"))


async def test_a_push_to_a_person_becomes_one_to_each_of_his_devices(world: World) -> None:
    devices = [await world.register("anna", number) for number in range(3)]
    await world.register("ben", 9)

    ended = await world.courier.carry(delivery("person:anna"))

    assert {new.destination for new in world.taker.kept.values()} == {f"device:{device.device_id}" for device in devices}
    assert ended.attempt is not None
    assert (ended.attempt.is_success, ended.attempt.answer) == (True, "3 devices")


async def test_a_push_to_a_topic_becomes_one_to_each_device_that_wants_it(world: World) -> None:
    wanting = await world.register("anna", 1, "offers", "news")
    await world.register("anna", 2, "news")

    await world.courier.carry(delivery("topic:offers"))

    assert [new.destination for new in world.taker.kept.values()] == [f"device:{wanting.device_id}"]


async def test_a_repeat_makes_no_more_of_them(world: World) -> None:
    await world.register("anna", 1)

    await world.courier.carry(delivery("person:anna"))
    await world.courier.carry(delivery("person:anna"))

    assert len(world.taker.kept) == 1


async def test_each_has_the_cause_and_the_bounds_of_what_it_is_made_of(world: World) -> None:
    await world.register("anna", 1)

    await world.courier.carry(delivery("person:anna"))

    (new,) = world.taker.kept.values()
    assert (new.cause, new.event_id, new.max_attempts, new.max_age_ms, new.kind) == ("rule:r1:t1", "e1", 3, 60_000, "push")


async def test_another_account_s_devices_of_the_same_name_get_nothing(world: World) -> None:
    await world.register("anna", 1, "offers", account_id="theirs")

    await world.courier.carry(delivery("person:anna"))
    await world.courier.carry(delivery("topic:offers"))

    assert world.taker.kept == {}


async def test_without_a_device_it_is_dropped_and_says_so(world: World) -> None:
    ended = await world.courier.carry(delivery("person:anna"))

    assert (ended.attempt, ended.reason) == (None, "no device is registered for person:anna")


@pytest.mark.parametrize("destination", ["anna", "account:anna", "Person:anna"])
async def test_a_destination_of_another_form_is_dropped(world: World, destination: str) -> None:
    ended = await world.courier.carry(delivery(destination))

    assert (ended.attempt, ended.reason) == (None, "push goes to person:<person> or topic:<topic>")


async def test_what_no_platform_takes_is_dropped_before_anybody_is_asked(world: World) -> None:
    ended = await world.courier.carry(delivery(body=b'{"default": ""}'))

    assert (ended.attempt, ended.reason) == (None, "the text of a push is empty")


async def test_a_device_gets_the_message_by_its_token(world: World) -> None:
    ended = await sent(world)

    assert world.provider.asked == [(token(1), "", Push("The order is paid"))]
    assert ended.attempt is not None
    assert (ended.attempt.status, ended.attempt.answer) == (200, "m1")


async def test_what_was_made_for_a_device_is_carried_to_it(world: World) -> None:
    await world.register("anna", 1)
    await world.courier.carry(delivery("person:anna", b'{"default": "Paid", "APNS": {"aps": {"badge": 1}}}'))
    (new,) = world.taker.kept.values()

    await world.courier.carry(taken(new, new.created_ms))

    assert world.provider.asked[0][2] == Push("Paid", apns={"aps": {"badge": 1}})


async def test_a_device_that_is_gone_from_the_list_is_not_pushed_to(world: World) -> None:
    ended = await world.courier.carry(delivery("device:nowhere"))

    assert (ended.attempt, ended.reason) == (None, "its device is gone")


async def test_another_account_s_device_is_not_pushed_to(world: World) -> None:
    device = await world.register("anna", 1, account_id="theirs")

    ended = await world.courier.carry(delivery(f"device:{device.device_id}"))

    assert (ended.reason, world.provider.asked) == ("its device is gone", [])


async def test_what_a_provider_calls_a_device_is_kept(world: World) -> None:
    await sent(world, outcome=Outcome.SENT, status=200, ref="arn:1")

    assert [device.provider_ref for device in await world.stored()] == ["arn:1"]


async def test_a_provider_is_asked_for_its_name_again_when_an_app_registers_again(world: World) -> None:
    await sent(world, outcome=Outcome.SENT, status=200, ref="arn:1")

    await world.register("anna", 1)

    assert [device.provider_ref for device in await world.stored()] == [""]


async def test_a_token_that_leads_nowhere_is_removed_when_that_is_stored(world: World) -> None:
    ended = await sent(world, outcome=Outcome.GONE, status=404, error="UNREGISTERED")
    before = await world.stored()

    await world.courier.settled(delivery("device:x"), ended)

    assert (ended.is_last, len(before), await world.stored()) == (True, 1, [])


async def test_an_app_that_has_registered_again_meanwhile_keeps_its_device(world: World) -> None:
    ended = await sent(world, outcome=Outcome.GONE, status=404, error="UNREGISTERED")
    await world.register("anna", 1)

    await world.courier.settled(delivery("device:x"), ended)

    assert len(await world.stored()) == 1


async def test_what_a_provider_refuses_is_not_tried_again(world: World) -> None:
    ended = await sent(world, outcome=Outcome.REFUSED, status=400, error="INVALID_ARGUMENT")
    await world.courier.settled(delivery(), ended)

    assert (ended.is_last, len(await world.stored())) == (True, 1)


async def test_what_failed_is_tried_again(world: World) -> None:
    ended = await sent(world, outcome=Outcome.FAILED, status=503, error="UNAVAILABLE", retry_after_ms=9_000)

    assert (ended.is_last, ended.retry_after_ms) == (False, 9_000)


async def test_a_provider_that_asks_for_a_pause_is_asked_nothing_meanwhile(world: World) -> None:
    await sent(world, outcome=Outcome.FAILED, status=429, error="QUOTA_EXCEEDED", pause_ms=60_000)
    world.clock.seconds += 20
    other = await world.register("ben", 2)

    ended = await world.courier.carry(delivery(f"device:{other.device_id}", name="d2"))

    assert (len(world.provider.asked), ended.retry_after_ms, ended.is_heard) == (1, 40_000, True)


async def test_after_the_pause_it_is_asked_again(world: World) -> None:
    await sent(world, outcome=Outcome.FAILED, status=429, error="QUOTA_EXCEEDED", pause_ms=60_000)
    world.clock.seconds += 61

    await sent(world)

    assert len(world.provider.asked) == 2


async def test_credentials_that_nobody_takes_use_nothing_up_and_are_shown_once(world: World) -> None:
    device = await world.register("anna", 1)
    world.provider.says.append(Unavailable("no such key"))

    for _ in range(3):
        with pytest.raises(Unavailable, match="no such key"):
            await world.courier.carry(delivery(f"device:{device.device_id}"))

    assert len(world.provider.asked) == 1


async def test_when_they_are_mended_pushes_go_on(world: World) -> None:
    device = await world.register("anna", 1)
    world.provider.says.append(Unavailable("no such key"))
    with pytest.raises(Unavailable):
        await world.courier.carry(delivery(f"device:{device.device_id}"))
    world.clock.seconds += 31

    ended = await world.courier.carry(delivery(f"device:{device.device_id}"))

    assert ended.attempt is not None
    assert ended.attempt.is_success


async def test_a_token_that_can_not_be_opened_makes_its_push_wait(world: World) -> None:
    device = await world.register("anna", 1)
    stored = await world.documents.get(DEVICES, device.device_id)
    assert stored is not None
    other = world.desk_of("t" * 32)._sealed(device.device_id, token(1))
    await world.documents.replace(DEVICES, {**stored.body, "sealed_token": other}, if_version=stored.version)

    with pytest.raises(Unavailable):
        await world.courier.carry(delivery(f"device:{device.device_id}"))


async def test_a_device_of_another_account_is_not_removed_with_ours(world: World) -> None:
    await world.register("anna", 1, account_id="theirs")

    await world.courier.settled(delivery(), await sent(world, outcome=Outcome.GONE, status=404))

    assert (await world.devices.of_person(OURS, "anna"), len(await world.devices.of_person("theirs", "anna"))) == ((), 1)
