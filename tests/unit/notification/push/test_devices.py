"""Devices: one for each token, within bounds, their tokens sealed and never told."""

import pytest
from unit.notification.push.world import OURS, THEIRS, World, token

from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted
from quietzone_kit.seal import CantOpen
from quietzone_notification.push.domain import MAX_DEVICES, MAX_DEVICES_OF_PERSON, Platform, check_push_destination
from quietzone_notification.push.repository import DEVICES
from quietzone_notification.push.use_cases import NewDevice
from quietzone_notification.rules.domain import Kind, check_destination


async def test_a_device_is_known_by_the_end_of_its_token(world: World) -> None:
    device = await world.register("anna", 7, "offers")

    assert (device.person, device.token_end, device.topics) == ("anna", "0007", ("offers",))


async def test_a_token_lies_nowhere_in_the_store_as_it_is(world: World) -> None:
    await world.register("anna", 7)

    assert token(7)[:30] not in await world.in_store()


async def test_a_sealed_token_opens_for_its_own_device_only(world: World) -> None:
    one, other = await world.register("anna", 1), await world.register("anna", 2)
    stored = await world.documents.get(DEVICES, other.device_id)
    assert stored is not None
    await world.documents.replace(DEVICES, {**stored.body, "sealed_token": one.sealed_token}, if_version=stored.version)
    held = await world.devices.find(OURS, other.device_id)
    assert held is not None

    assert world.desk.token_of(one) == token(1)
    with pytest.raises(CantOpen):
        world.desk.token_of(held.device)


async def test_the_same_token_is_the_same_device(world: World) -> None:
    first = await world.register("anna", 1, "offers")
    world.clock.seconds += 60

    again = await world.register("anna", 1, "news")

    assert (again.device_id, again.topics, again.created_ms, again.seen_ms) == (
        first.device_id,
        ("news",),
        first.created_ms,
        first.created_ms + 60_000,
    )


async def test_a_phone_that_somebody_else_has_now_is_pushed_nothing_of_who_had_it(world: World) -> None:
    await world.register("anna", 1)

    await world.register("ben", 1)

    assert (await world.devices.of_person(OURS, "anna"), len(await world.devices.of_person(OURS, "ben"))) == ((), 1)


async def test_a_token_that_is_registered_after_a_key_was_changed_is_still_the_same_device(world: World) -> None:
    await world.register("anna", 1)
    world.desk = world.desk_of("t" * 32, "s" * 32)

    again = await world.register("anna", 1)

    assert (len(await world.stored()), world.desk_of("t" * 32).token_of(again)) == (1, token(1))


async def test_the_same_token_in_another_account_is_another_device(world: World) -> None:
    ours = await world.register("anna", 1)

    theirs = await world.register("anna", 1, account_id=THEIRS)

    assert ours.device_id != theirs.device_id


async def test_a_person_has_so_many_devices_and_no_more(world: World) -> None:
    for number in range(MAX_DEVICES_OF_PERSON):
        await world.register("anna", number)

    with pytest.raises(ResourceExhausted, match="a person has at most 20 devices"):
        await world.register("anna", 99)
    await world.register("ben", 99)


async def test_who_has_as_many_as_may_be_can_register_them_again(world: World) -> None:
    for number in range(MAX_DEVICES_OF_PERSON):
        await world.register("anna", number)

    await world.register("anna", 3)

    assert len(await world.stored()) == MAX_DEVICES_OF_PERSON


async def test_an_account_has_so_many_devices_and_no_more(world: World) -> None:
    one = await world.register("anna", 1)
    stored = await world.documents.get(DEVICES, one.device_id)
    assert stored is not None
    for slot in set(range(MAX_DEVICES)) - {one.slot}:
        more = {"device_id": f"d{slot}", "slot": slot, "person": f"p{slot}", "token_digest": f"t{slot}"}
        await world.documents.insert(DEVICES, {**stored.body, **more})

    with pytest.raises(ResourceExhausted, match="an account has at most 1,000 devices"):
        await world.register("ben", 2)


async def test_a_device_that_is_deleted_makes_room(world: World) -> None:
    devices = [await world.register("anna", number) for number in range(MAX_DEVICES_OF_PERSON)]

    await world.desk.delete(OURS, devices[3].device_id)

    assert (await world.register("anna", 99)).person_slot == devices[3].person_slot


async def test_another_account_s_device_is_not_found(world: World) -> None:
    device = await world.register()

    with pytest.raises(NotFound):
        await world.desk.delete(THEIRS, device.device_id)


@pytest.mark.parametrize("person", ["", "a b", "a:b", "ä", "x" * 65])
async def test_a_person_has_a_plain_name(world: World, person: str) -> None:
    with pytest.raises(InvalidInput, match="use 1 to 64 characters"):
        await world.register(person)


@pytest.mark.parametrize(
    ("platform", "text"),
    [
        (Platform.FCM, "short"),
        (Platform.FCM, "x" * 1_025),
        (Platform.FCM, f"{token(1)}\r\n"),
        (Platform.APNS, "zz" * 32),
        (Platform.APNS, "ab" * 31),
    ],
)
async def test_what_is_no_token_is_refused_without_being_repeated(world: World, platform: Platform, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await world.desk.register(OURS, NewDevice("anna", platform, text))

    assert text not in str(refused.value)


async def test_topics_are_few_and_plain(world: World) -> None:
    with pytest.raises(InvalidInput, match="at most 10 topics"):
        await world.register("anna", 1, *(f"t{number}" for number in range(11)))


async def test_a_platform_that_nobody_carries_to_is_refused_with_what_to_set(world: World) -> None:
    world.desk = world.desk_of("s" * 32, carried=frozenset({Platform.APNS}))

    with pytest.raises(FailedPrecondition, match="QUIETZONE_NOTIFICATION_PUSH_FCM_CREDENTIALS_FILE"):
        await world.register()


async def test_without_a_key_no_device_is_taken(world: World) -> None:
    world.desk = world.desk_of()

    with pytest.raises(FailedPrecondition, match="SECRET_KEY"):
        await world.register()


async def test_what_a_newer_release_wrote_survives_a_registration(world: World) -> None:
    device = await world.register()
    stored = await world.documents.get(DEVICES, device.device_id)
    assert stored is not None
    await world.documents.replace(DEVICES, {**stored.body, "newer": "kept"}, if_version=stored.version)

    await world.register()

    after = await world.documents.get(DEVICES, device.device_id)
    assert after is not None
    assert after.body["newer"] == "kept"


def test_a_token_is_not_printed_by_accident() -> None:
    assert token(1) not in repr(NewDevice("anna", Platform.FCM, token(1)))


@pytest.mark.parametrize("text", ["person:anna", "person:anna@example.com", "topic:offers"])
def test_a_push_goes_to_a_person_or_a_topic(text: str) -> None:
    assert check_push_destination(text) == check_destination(Kind.PUSH, text) == text


@pytest.mark.parametrize("text", ["", "anna", "person:", "device:019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a10", "topic:a b", "person:a:b"])
def test_and_nowhere_else(text: str) -> None:
    with pytest.raises(ValueError, match="push goes to person:<person> or topic:<topic>"):
        check_destination(Kind.PUSH, text)
