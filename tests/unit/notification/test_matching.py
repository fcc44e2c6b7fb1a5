"""What the house's topics tell becomes events; what rules ask for is handed on once, and no record is done with before it is."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from google.protobuf.message import DecodeError, Message
from unit.notification.matching import bodies, kit_event, matcher, scans, tasks_of
from unit.notification.world import BORN_MS, OURS, THEIRS, World, rule, webhook

from quietzone.analytics.v1 import analytics_pb2, exports_pb2
from quietzone.gateway.v1 import usage_pb2
from quietzone.qr.v1 import code_pb2, health_pb2
from quietzone.storage.v1 import asset_pb2
from quietzone.tracking.v1 import scan_pb2
from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event as KitEvent
from quietzone_kit.reaction import Unreadable
from quietzone_kit.urls import domain_of
from quietzone_notification.delivery.domain import NewDelivery, State, taken
from quietzone_notification.events import house
from quietzone_notification.events.domain import Event
from quietzone_notification.events.events import put_event
from quietzone_notification.rules.consumers import MatchEvents
from quietzone_notification.rules.follow import RuleView
from quietzone_notification.rules.handing import MAX_AT_ONCE
from quietzone_notification.rules.inputs import Input, InputKind
from quietzone_notification.rules.numbers import RuleNumbers
from quietzone_notification.rules.repository import NUMBERS
from quietzone_topics import (
    TYPE_ANALYTICS_EXPORT,
    TYPE_ANALYTICS_MILESTONE,
    TYPE_GATEWAY_AUDIT,
    TYPE_GATEWAY_QUOTA,
    TYPE_QR_CODE,
    TYPE_QR_DESTINATION,
    TYPE_STORAGE_ASSET,
    TYPE_TRACKING_SCANS,
    TYPE_TRACKING_SOURCE_CLOSED,
)

MENU = code_pb2.Code(
    id="menu",
    account_id=OURS,
    slug="m7",
    payload="https://q.example/m7",
    destination="https://shop.example/menu?x=1",
    title="Menu",
    state=code_pb2.CODE_STATE_ACTIVE,
    revision=1,
    tags=["summer"],
    folder="Menus",
)


def created() -> KitEvent:
    told = code_pb2.CodeEvent(kind=code_pb2.CHANGE_KIND_CREATED, after=MENU, subject="user:ada")
    return kit_event(TYPE_QR_CODE, told.SerializeToString())


async def test_a_new_code_is_the_event_that_the_brief_names(world: World) -> None:
    match = await matcher(world, rule())

    await match.react(created())

    (body,) = bodies(world)
    assert (body["source"], body["detail-type"], body["account"], body["resources"]) == (
        "quietzone.qr",
        "QR Code Created",
        OURS,
        ["code:menu"],
    )
    assert body["detail"] == {
        "qrId": "menu",
        "slug": "m7",
        "url": "https://q.example/m7",
        "targetUrl": "https://shop.example/menu?x=1",
        "targetDomain": "shop.example",
        "title": "Menu",
        "state": "active",
        "tags": ["summer"],
        "folder": "Menus",
        "revision": 1,
        "changed": [],
        "by": "user:ada",
    }


def test_a_changed_code_brings_what_it_was() -> None:
    told = code_pb2.CodeEvent(kind=code_pb2.CHANGE_KIND_CHANGED, before=MENU, after=MENU, changed=["title"])

    event = house.code_changed(kit_event(TYPE_QR_CODE, told.SerializeToString()))

    assert event.detail_type == "QR Code Changed"
    assert json.loads(event.detail)["before"]["title"] == "Menu"


OF_THE_HOUSE = {
    TYPE_QR_DESTINATION: (
        health_pb2.DestinationChanged(account_id=OURS, code_id="menu", after=health_pb2.DESTINATION_STATE_DEAD, destination="nothing"),
        ("quietzone.qr", "QR Code Destination Changed", "after", "dead"),
    ),
    TYPE_ANALYTICS_MILESTONE: (
        analytics_pb2.MilestoneReached(account_id=OURS, code_id="menu", threshold=10, reached_at_ms=BORN_MS),
        ("quietzone.user-engagement", "User Milestone Reached", "milestone", 10),
    ),
    TYPE_ANALYTICS_EXPORT: (
        exports_pb2.ExportChanged(account_id=OURS, export=exports_pb2.Export(export_id="x", state=exports_pb2.EXPORT_STATE_DONE)),
        ("quietzone.analytics", "Export Changed", "state", "done"),
    ),
    TYPE_STORAGE_ASSET: (
        asset_pb2.AssetEvent(kind=asset_pb2.ASSET_CHANGE_DELETED, after=asset_pb2.Asset(id="a", account_id=OURS)),
        ("quietzone.storage", "Asset Deleted", "assetId", "a"),
    ),
    TYPE_GATEWAY_QUOTA: (
        usage_pb2.QuotaReached(account_id=OURS, unit=usage_pb2.USAGE_UNIT_SCANS, threshold=80, period="2026-11"),
        ("quietzone.gateway", "Quota Reached", "unit", "scans"),
    ),
}


@pytest.mark.parametrize("event_type", OF_THE_HOUSE)
def test_what_parts_tell_becomes_an_event(event_type: str) -> None:
    message, (source, detail_type, field, value) = OF_THE_HOUSE[event_type]

    (event,) = house.events_of(kit_event(event_type, message.SerializeToString()), lambda _account, _code: True)

    assert (event.account_id, event.bus, event.source, event.detail_type) == (OURS, "default", source, detail_type)
    assert json.loads(event.detail)[field] == value


@pytest.mark.parametrize(
    ("number", "word"), [(exports_pb2.EXPORT_FORMAT_XLSX, "xlsx"), (exports_pb2.EXPORT_FORMAT_UNSPECIFIED, "unknown"), (99, "unknown")]
)
def test_an_export_is_told_also_in_a_format_that_only_a_newer_release_knows(number: int, word: str) -> None:
    question = exports_pb2.ExportQuestion(format=number)  # type: ignore[arg-type] # protobuf keeps numbers that it doesn't know
    told = exports_pb2.ExportChanged(account_id=OURS, export=exports_pb2.Export(export_id="x", question=question))

    assert json.loads(house.export_changed(kit_event(TYPE_ANALYTICS_EXPORT, told.SerializeToString())).detail)["format"] == word


NEWER = 77
"""A number that no enum of this release has."""


def of_newer_release(message: Message) -> Message:
    """The message with every enum in it at a value that only a newer release has, but which change it tells of."""
    for each in message.DESCRIPTOR.fields:
        if each.enum_type is not None and not each.is_repeated and "Change" not in each.enum_type.name:
            setattr(message, each.name, NEWER)
        elif each.message_type is not None and not each.is_repeated:
            of_newer_release(getattr(message, each.name))
    return message


@pytest.mark.parametrize("event_type", [*OF_THE_HOUSE, TYPE_QR_CODE])
def test_what_parts_tell_in_words_of_a_newer_release_is_told(event_type: str) -> None:
    told = OF_THE_HOUSE[event_type][0] if event_type in OF_THE_HOUSE else code_pb2.CodeEvent(kind=code_pb2.CHANGE_KIND_CHANGED, after=MENU)
    message = type(told).FromString(told.SerializeToString())

    (event,) = house.events_of(kit_event(event_type, of_newer_release(message).SerializeToString()), lambda _account, _code: True)

    assert (event_type == TYPE_ANALYTICS_MILESTONE) != ("unknown" in event.detail.lower())


def test_a_scan_of_a_class_that_only_a_newer_release_knows_is_told() -> None:
    batch = scan_pb2.ScanBatch.FromString(scans(("menu", OURS)).data)
    for traits in batch.traits:
        of_newer_release(traits)

    [event] = house.events_of(kit_event(TYPE_TRACKING_SCANS, batch.SerializeToString()), lambda _account, _code: True)

    assert json.loads(event.detail)["class"] == "unknown"


def test_the_audit_log_and_what_is_new_are_passed_over() -> None:
    assert not any(map(house.knows, (TYPE_GATEWAY_AUDIT, TYPE_TRACKING_SOURCE_CLOSED, "quietzone.qr.novelty")))


@pytest.mark.parametrize(
    ("url", "domain"), [("", "unknown"), ("mailto:x", "invalid-url"), ("http://[", "invalid-url"), ("https://A.b/c", "a.b")]
)
def test_a_target_has_a_domain_or_says_why_not(url: str, domain: str) -> None:
    assert domain_of(url) == domain


async def test_each_scan_is_one_event_without_an_address(world: World) -> None:
    match = await matcher(world, rule(pattern='{"detail-type": ["QR Code Scanned"]}'))

    await match.react(scans(("menu", OURS), ("other", OURS)))

    first, second = bodies(world)
    assert (first["id"], second["id"]) == ("s1:5", "s1:6")
    assert first["source"] == "quietzone.tracking"
    assert first["detail"] == {
        "qrId": "menu",
        "scanAt": "2026-03-02T10:00:00.000Z",
        "country": "DE",
        "device": "phone",
        "class": "person",
    }


async def test_only_scans_of_codes_that_a_rule_can_match_are_unpacked(world: World) -> None:
    match = await matcher(world, rule(pattern='{"detail": {"qrId": ["menu"]}}'))

    await match.react(scans(("menu", OURS), ("other", OURS), ("menu", THEIRS)))

    assert [body["id"] for body in bodies(world)] == ["s1:5"]


async def test_a_batch_that_comes_again_is_delivered_once(world: World) -> None:
    match = await matcher(world, rule())

    await match.react(scans(("menu", OURS), ("other", OURS)))
    await match.react(scans(("other", OURS), first=6))
    await match.react(scans(("menu", OURS), ("other", OURS)))

    assert len(world.outbound.kept) == 2


async def test_a_record_is_not_done_with_before_its_deliveries_are_stored(world: World) -> None:
    match = await matcher(world, rule())
    world.outbound.failures = 1

    with pytest.raises(Unavailable):
        await match.react(created())
    await match.react(created())

    assert len(world.outbound.kept) == 1


async def test_many_deliveries_are_handed_on_in_parts(world: World) -> None:
    match = await matcher(world, rule(targets=tuple(webhook(f"t{n}") for n in range(5))))

    await match.react(scans(*((f"c{n}", OURS) for n in range(50))))

    assert len(world.outbound.kept) == 250
    assert world.outbound.asked == 3


async def test_of_an_event_that_many_rules_match_no_more_is_made_than_is_handed_on_together(world: World) -> None:
    """The attack: 300 rules with five targets each, and an event of 256 KB, would be 450 MB."""
    numbers = RuleNumbers(world.rules)
    targets = tuple(webhook(f"t{n}") for n in range(5))
    match = await matcher(world, *(rule(f"r{n}", targets=targets) for n in range(40)), numbers=numbers)
    world.outbound.failures = 1

    with pytest.raises(Unavailable):
        await match.react(created())

    await numbers.keep()
    made = [number for n in range(40) if (number := (await world.rules.numbers(rule(f"r{n}"))).matched)]
    assert 5 * len(made) == MAX_AT_ONCE


async def test_rules_that_change_while_an_event_is_handed_on_disturb_nothing(world: World) -> None:
    targets = tuple(webhook(f"t{n}") for n in range(5))
    match = await matcher(world, *(rule(f"r{n}", targets=targets) for n in range(40)))
    book = match._view.book
    enqueue = world.outbound.enqueue

    async def meanwhile(deliveries: Sequence[NewDelivery]) -> None:
        for n in range(40):
            book.admit(rule(f"r{n}", revision=2, deleted=True))
        await enqueue(deliveries)

    world.outbound.enqueue = meanwhile  # type: ignore[method-assign]
    await match.react(created())

    assert len(world.outbound.kept) == 200


async def test_before_rules_are_loaded_records_wait(world: World) -> None:
    view = RuleView(world.rules, world.bus, world.clock, world.randomness)

    match = MatchEvents("topic", view, world.outbound, tasks_of(world), numbers=RuleNumbers(world.rules), clock=world.clock)

    with pytest.raises(Unavailable):
        await match.react(created())


async def test_an_accounts_own_event_goes_to_rules_of_its_bus(world: World) -> None:
    match = await matcher(world, rule(), rule("r2", bus="orders"))

    await match.react(put_event(Event("e7", OURS, "orders", "shop", "Order", BORN_MS, (), '{"n": 1.50}'), BORN_MS))

    (delivery,) = world.outbound.kept.values()
    assert (delivery.cause, delivery.event_id, delivery.event_type) == ("rule:r2:t", "e7", "Order")
    assert b'"n": 1.50' in delivery.body


@pytest.mark.parametrize(
    "poison",
    [
        kit_event(TYPE_QR_CODE, b"\xff"),
        kit_event(TYPE_QR_CODE, b""),
        kit_event(TYPE_QR_CODE, code_pb2.CodeEvent(after=MENU).SerializeToString()),
        kit_event("quietzone.notification.event", b""),
        put_event(Event("e", OURS, "default", "shop", "Order", BORN_MS, (), "no JSON"), BORN_MS),
        kit_event(
            TYPE_TRACKING_SCANS,
            scan_pb2.ScanBatch(codes=[scan_pb2.CodeRef(code_id="c", account_id=OURS)], scans=[scan_pb2.Scan(traits=9)]).SerializeToString(),
        ),
    ],
)
async def test_poison_is_dead_at_once(world: World, poison: KitEvent) -> None:
    match = await matcher(world, rule())

    with pytest.raises((Unreadable, DecodeError)):
        await match.react(poison)


async def test_what_a_rule_has_done_is_added_up(world: World) -> None:
    large = Input(InputKind.TEMPLATE, '["<t>", "<t>"]', {"t": "$.detail.t"})
    one = rule(targets=(webhook("a", input=large), webhook("b")))
    numbers = RuleNumbers(world.rules)
    match = await matcher(world, one, numbers=numbers)

    await match.react(put_event(Event("e1", OURS, "default", "shop", "Order", BORN_MS, (), json.dumps({"t": "x" * 200_000})), BORN_MS))
    await numbers.keep()
    await match.react(created())
    await numbers.keep()

    told = await world.rules.numbers(one)
    assert (told.matched, told.failed, told.last_matched_at_ms) == (2, 1, BORN_MS)


async def test_numbers_that_cannot_be_read_hinder_no_others(world: World) -> None:
    damaged, well = rule("damaged"), rule("well")
    await world.documents.insert(NUMBERS, {"rule_id": damaged.rule_id, "account_id": OURS, "matched": "x", "failed": 0})
    numbers = RuleNumbers(world.rules)
    match = await matcher(world, damaged, well, numbers=numbers)
    await match.react(created())

    await numbers.keep()
    await numbers.keep()

    assert (await world.rules.numbers(well)).matched == 1


async def test_how_what_it_asked_for_has_ended_is_added_up_beside(world: World) -> None:
    one = rule(targets=(webhook("a"),))
    numbers = RuleNumbers(world.rules)
    match = await matcher(world, one, numbers=numbers)
    await match.react(created())
    await numbers.keep()
    (asked,) = world.outbound.kept.values()
    pending = taken(asked, BORN_MS)

    for ended in (replace(pending, state=State.DELIVERED), pending.ended_as(State.DEAD, "no", BORN_MS), pending.dropped("gone", BORN_MS)):
        numbers.ended(ended)
    numbers.ended(replace(pending, cause="topic:orders", state=State.DELIVERED))
    numbers.ended(replace(pending, kind="push", destination="person:ada", state=State.DELIVERED))  # her devices' count
    await numbers.keep()

    told = await world.rules.numbers(one)
    assert (told.matched, told.delivered, told.given_up, told.last_matched_at_ms) == (1, 1, 2, BORN_MS)
