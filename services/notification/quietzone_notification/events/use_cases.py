"""Putting events on a bus, and trying patterns."""

from collections.abc import Sequence
from dataclasses import dataclass

from quietzone_kit.bus import Bus, UnknownTopic
from quietzone_kit.errors import FieldViolation, InvalidInput, Unavailable, Violations
from quietzone_kit.ids import derived_id, uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_notification.buses.repository import Buses
from quietzone_notification.buses.use_cases import has_bus
from quietzone_notification.deadlines import bus_answers
from quietzone_notification.events.domain import DEFAULT_BUS, Entry, Event, InvalidEntry, check_entry, check_request
from quietzone_notification.events.events import put_event
from quietzone_notification.metrics import PUT
from quietzone_notification.patterns import Explanation, compile_pattern, read_event
from quietzone_topics import NOTIFICATION_EVENT_V1


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an entry: an event's id, or why it wasn't taken."""

    event_id: str = ""
    error_code: str = ""
    error_message: str = ""


NOT_NOW = Result("", "ServiceUnavailable", "the event bus doesn't answer; put it again, best with an id: it may be there already")


class EventDesk:
    """Takes events of accounts."""

    def __init__(self, bus: Bus, buses: Buses, clock: Clock, randomness: Randomness) -> None:
        self._bus = bus
        self._buses = buses
        self._clock = clock
        self._randomness = randomness

    async def put(self, account_id: str, entries: Sequence[Entry]) -> list[Result]:
        """Put events, each on its own: what gets an id is on the bus, durably. Entries with the same id are one event.

        Raises:
            InvalidInput: no entry, too many, or too large ones together.
            Unavailable: the store doesn't answer; nothing was put.
        """
        try:
            check_request(entries)
        except ValueError as error:
            raise InvalidInput(FieldViolation("entries", str(error))) from error
        now_ms = self._clock.now_ms()
        events: dict[str, Event] = {}
        results = [await self._taken(account_id, entry, now_ms, events) for entry in entries]
        if events and not await self._publish(list(events.values()), now_ms):
            results = [NOT_NOW if result.event_id else result for result in results]
        for result in results:
            PUT.labels(result.error_code or "taken").inc()
        return results

    async def tell(self, event: Event) -> None:
        """Put an event of the house's own; again with the same id it is the same event.

        Raises:
            Unavailable: nobody knows whether the bus has it.
        """
        if not await self._publish([event], self._clock.now_ms()):
            raise Unavailable("the event bus doesn't answer; try again")

    async def _taken(self, account_id: str, entry: Entry, now_ms: int, events: dict[str, Event]) -> Result:
        """What becomes of an entry if the bus takes it; its event is in `events` then."""
        try:
            check_entry(entry)
        except InvalidEntry as error:
            return Result("", error.code, str(error))
        event = self._event(account_id, entry, now_ms)
        if not await has_bus(self._buses, account_id, event.bus):
            return Result("", "ResourceNotFound", f"no bus {event.bus!r:.110}")
        events.setdefault(event.id, event)
        return Result(event.id)

    def _event(self, account_id: str, entry: Entry, now_ms: int) -> Event:
        return Event(
            id=uuid7(self._clock, self._randomness) if entry.id is None else derived_id("event put", account_id, entry.id),
            account_id=account_id,
            bus=entry.bus or DEFAULT_BUS,
            source=entry.source,
            detail_type=entry.detail_type,
            time_ms=now_ms if entry.time_ms is None else entry.time_ms,
            resources=entry.resources,
            detail=entry.detail,
        )

    async def _publish(self, events: Sequence[Event], now_ms: int) -> bool:
        """Whether all are on the bus: of those that aren't known to be, some may be."""
        messages = [put_event(event, now_ms).to_message(NOTIFICATION_EVENT_V1.name) for event in events]
        try:
            async with bus_answers():
                await self._bus.publish(messages)
        except (Unavailable, UnknownTopic):  # the latter before our topics are made, in a new installation
            return False
        return True


def try_pattern(pattern: str, event: str) -> Explanation:
    """Whether an event matches a pattern, and why.

    Raises:
        InvalidInput: pattern or event can't be read; of a pattern with path and reason.
    """
    violations = Violations()
    with violations.field("pattern"):
        compiled = compile_pattern(pattern)
    with violations.field("event"):
        read = read_event(event)
    violations.check()
    return compiled.explain(read)
