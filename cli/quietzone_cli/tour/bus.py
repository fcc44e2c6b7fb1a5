"""Events of the tour's own, put, watched and delivered by a rule as any program's are."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

from quietzone_cli.errors import TourFailed
from quietzone_client import AsyncClient, BusEvent, Delivery, DeliveryState, Entry, Rule, TailBegun, Target

SOURCE, DETAIL_TYPE = "shop.tour", "Table Booked"
PATTERN = {"source": [SOURCE], "detail": {"guests": [{"numeric": [">=", 6]}]}}
BOOKED = ({"guests": 2}, {"guests": 6})
"""The second is what the pattern asks for."""

RULE, TOPIC = "quietzone-tour", "tour-tables"
"""The rule that the tour makes and takes away, and where on Kafka it sends to: what needs no receiver."""

TOLD_WITHIN_S = 10.0
DELIVERED_WITHIN_S = 30.0
AGAIN_S = 2.0
"""After which the event is put again: a rule holds within a second in every process, and what is put before isn't its."""
LOOK_EVERY_S = 0.2


async def put_and_watch(api: AsyncClient) -> tuple[BusEvent, float]:
    """The one event of two that a pattern lets through, and the seconds from putting to watching it.

    Raises:
        TourFailed: another was told, or none in time.
    """
    try:
        async with asyncio.timeout(TOLD_WITHIN_S):
            event, seconds = await _first(api)
    except TimeoutError as error:
        raise TourFailed(f"GET /v1/events/tail told nothing within {TOLD_WITHIN_S:.0f} s of an event that was put") from error
    if event.detail != BOOKED[1]:
        raise TourFailed(f"GET /v1/events/tail told of {event.text}, which the pattern doesn't match")
    return event, seconds


async def deliver_by_rule(api: AsyncClient) -> tuple[Delivery, float]:
    """What a rule had delivered of an event that its pattern matches, and the seconds from putting that to its end.

    Raises:
        TourFailed: it wasn't delivered, or not in time.
    """
    async with _rule(api) as rule:
        try:
            async with asyncio.timeout(DELIVERED_WITHIN_S):
                delivery, seconds = await _ended(api, rule)
        except TimeoutError as error:
            raise TourFailed(f"rule {RULE} had nothing delivered within {DELIVERED_WITHIN_S:.0f} s of an event that it matches") from error
    if delivery.state is not DeliveryState.DELIVERED:
        raise TourFailed(f"what rule {RULE} sends to topic {TOPIC} is {delivery.state}: {delivery.error}")
    return delivery, seconds


@asynccontextmanager
async def _rule(api: AsyncClient) -> AsyncGenerator[Rule, None]:
    """A rule that is there for so long."""
    rule = await api.rules.put(RULE, PATTERN, [Target("tables", "kafka", TOPIC)], description="Made by quietzone tour")
    try:
        yield rule
    finally:
        await api.rules.delete(RULE)


async def _ended(api: AsyncClient, rule: Rule) -> tuple[Delivery, float]:
    while True:
        began = time.monotonic()
        await _put(api)
        while time.monotonic() < began + AGAIN_S:
            async with aclosing(api.deliveries.list(cause=f"rule:{rule.id}")) as deliveries:
                async for delivery in deliveries:
                    if delivery.has_ended:
                        return delivery, time.monotonic() - began
            await asyncio.sleep(LOOK_EVERY_S)


async def _first(api: AsyncClient) -> tuple[BusEvent, float]:
    """What is told first, and how long after it was put."""
    began = time.monotonic()
    async with aclosing(api.tail(pattern=PATTERN)) as tail:
        async for told in tail:
            if isinstance(told, BusEvent):
                return told, time.monotonic() - began
            if isinstance(told, TailBegun):  # what is put before isn't told
                began = time.monotonic()
                await _put(api)
    raise TourFailed("GET /v1/events/tail ended before it told anything")


async def _put(api: AsyncClient) -> None:
    for result in await api.events.put([Entry(SOURCE, DETAIL_TYPE, detail) for detail in BOOKED]):
        if not result.ok:
            raise TourFailed(f"an event wasn't taken: {result.error_code}: {result.error_message}")
