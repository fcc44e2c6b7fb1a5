"""Records as the house's topics bring them, and what matches them, for tests."""

import json
from typing import Any

from unit.notification.world import BORN_MS, World

from quietzone.tracking.v1 import scan_pb2
from quietzone_kit.events import Event as KitEvent
from quietzone_kit.tasks import Tasks
from quietzone_notification.rules.consumers import MatchEvents
from quietzone_notification.rules.domain import Rule
from quietzone_notification.rules.follow import RuleView
from quietzone_notification.rules.numbers import RuleNumbers
from quietzone_topics import (
    TYPE_TRACKING_SCANS,
)


def kit_event(event_type: str, data: bytes, event_id: str = "e1") -> KitEvent:
    return KitEvent(event_id, "/quietzone/x", event_type, "menu", BORN_MS, data)


def scans(*codes: tuple[str, str], source: str = "s1", first: int = 5) -> KitEvent:
    """A scan of each of these codes and accounts."""
    batch = scan_pb2.ScanBatch(
        source_id=source,
        base_time_ms=BORN_MS,
        codes=[scan_pb2.CodeRef(code_id=code, account_id=account) for code, account in codes],
        traits=[scan_pb2.Traits(scan_class=scan_pb2.SCAN_CLASS_PERSON, country="DE", device="phone", referrer="example.com")],
        scans=[scan_pb2.Scan(seq=first + at, code=at, traits=0, time_offset_ms=at, visitor=77) for at in range(len(codes))],
    )
    return kit_event(TYPE_TRACKING_SCANS, batch.SerializeToString())


def tasks_of(world: World) -> Tasks:
    return Tasks(world.documents, world.clock, world.randomness)


async def matcher(world: World, *rules: Rule, numbers: RuleNumbers | None = None) -> MatchEvents:
    for number, each in enumerate(rules):
        await world.rules.insert(Rule(**{name: getattr(each, name) for name in Rule.__slots__} | {"slot": number}))
    view = RuleView(world.rules, world.bus, world.clock, world.randomness)
    await view.load()
    return MatchEvents("topic", view, world.outbound, tasks_of(world), numbers=numbers or RuleNumbers(world.rules), clock=world.clock)


def bodies(world: World) -> list[dict[str, Any]]:
    return [json.loads(delivery.body) for delivery in world.outbound.kept.values()]
