"""Events of the tour's own, put and watched as any program's are."""

import asyncio
import time
from contextlib import aclosing

from quietzone_cli.errors import TourFailed
from quietzone_client import AsyncClient, BusEvent, Entry, TailBegun

SOURCE, DETAIL_TYPE = "shop.tour", "Table Booked"
PATTERN = {"source": [SOURCE], "detail": {"guests": [{"numeric": [">=", 6]}]}}
BOOKED = ({"guests": 2}, {"guests": 6})
"""The second is what the pattern asks for."""

TOLD_WITHIN_S = 10.0


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
