"""What becomes of one record: handled, skipped, or dead; and when a consumer must stop."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import DecodeError

from quietzone_kit.bus import Bus, BusUnavailable, Message, Record
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event, NotAnEvent, event_of, traces_of
from quietzone_kit.projection import RETRY_BASE_S, RETRY_CAP_S
from quietzone_kit.reaction._letters import MAX_REASON, Death, Origin, dead_topic, redrive_topic, to_dead, told_origin
from quietzone_kit.reaction._metrics import BUDGET_USED, MISSED, RECORDS, REDRIVEN, RETRIES, SECONDS
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import exemplar, is_tracing, logger, mask, taking_up

log = logger(__name__)

BACKOFF_BASE_S = 0.5
BACKOFF_CAP_S = 30.0
PUBLISH_WITHIN_S = 10.0


class Unreadable(ValueError):
    """The bytes of an event can't be understood, now or later: its record is dead at once."""


class FailsOnEverything(Exception):
    """Record after record died: the fault is in the consumer, or in what it needs, not in the records. Says what to do.

    No process should end by it: one that is started again begins to count anew, and puts as many more among the dead.
    """


class Reaction(Protocol):
    """What a service does when something has happened. Calls for one partition never overlap, those for several do."""

    def knows(self, event_type: str) -> bool:
        """Whether it has anything to do with events of this type; all others are counted and skipped."""

    async def react(self, event: Event) -> None:
        """Do it, with the same result however often it is called for one event (`derived_id`).

        Raises:
            Unreadable, DecodeError: the record is dead at once.
            BusUnavailable, DocumentsUnavailable, Unavailable: it is called again until it succeeds.
            Exception: it is called again within the budget.
        """


@dataclass(frozen=True, slots=True)
class Patience:
    """The retry budget of a record, which the rest of its partition waits for: attempts, and seconds over all failed ones.

    One attempt takes `each_within_s` at most. After `dead_in_a_row` dead records without one that was handled, the consumer stops: as
    many as a release with a fault in it may put into the dead letters before anybody looks. Errors `of_others` (a port of the service's
    own) are outages too.
    """

    attempts: int = 5
    within_s: float = 60.0
    each_within_s: float = 30.0
    dead_in_a_row: int = 20
    of_others: tuple[type[Exception], ...] = ()


class Records:
    """Takes the records of one reaction, from its topic and from those that are redriven."""

    def __init__(
        self, bus: Bus, topic: str, name: str, reaction: Reaction, *, patience: Patience, clock: Clock, randomness: Randomness
    ) -> None:
        self._bus = bus
        self._topic = topic
        self._name = name
        self._dead = dead_topic(topic, name)
        self._redriven = redrive_topic(topic, name).name
        self._reaction = reaction
        self._patience = patience
        self._clock = clock
        self._randomness = randomness
        self._outages = (BusUnavailable, DocumentsUnavailable, Unavailable, *patience.of_others)
        self._dead_in_a_row = 0
        # A series that begins with its first failure shows no increase.
        RECORDS.labels(topic, name, "dead")
        MISSED.labels(topic, name)

    async def settle(self, record: Record) -> None:
        """Handle a record, or skip it, or have it among the dead letters when this returns.

        Raises:
            FailsOnEverything: too many have died one after the other.
        """
        with taking_up(f"{self._name} takes up {record.topic}", traces_of([record]) if is_tracing() else ()):
            outcome = await self._settle(record)
        RECORDS.labels(self._topic, self._name, outcome).inc()
        if record.topic == self._redriven:
            REDRIVEN.labels(self._topic, self._name, outcome).inc()

    async def _settle(self, record: Record) -> str:
        try:
            event = event_of(record)
        except NotAnEvent as error:
            await self._bury(record, error, 0)
            return "dead"
        if not self._reaction.knows(event.type):
            return "skipped"
        return await self._try(record, event)

    async def _try(self, record: Record, event: Event) -> str:
        patience = self._patience
        attempts = outages = 0
        spent_s = used = 0.0
        while True:
            began = self._clock.monotonic()
            error = await self._attempt(event)
            outcome = "handled" if error is None else "failed"
            SECONDS.labels(self._topic, self._name, outcome).observe(self._clock.monotonic() - began, exemplar())
            if error is None:
                break
            if isinstance(error, self._outages):
                RETRIES.labels(self._topic, self._name, "unavailable").inc()
                if not outages:
                    log.warning("a record waits for an outage to end", topic=self._topic, consumer=self._name, error=repr(error))
                await asyncio.sleep(self._jitter(RETRY_BASE_S, RETRY_CAP_S, outages))
                outages += 1
                continue
            attempts += 1
            wait_s = self._jitter(BACKOFF_BASE_S, BACKOFF_CAP_S, attempts - 1)
            spent_s += self._clock.monotonic() - began + wait_s
            used = max(attempts / patience.attempts, spent_s / patience.within_s)
            if used >= 1 or isinstance(error, Unreadable | DecodeError):
                BUDGET_USED.labels(self._topic, self._name).observe(min(used, 1.0))
                await self._bury(record, error, attempts)
                return "dead"
            RETRIES.labels(self._topic, self._name, "failed").inc()
            await asyncio.sleep(wait_s)
        self._dead_in_a_row = 0
        if attempts:
            BUDGET_USED.labels(self._topic, self._name).observe(used)
        return "handled"

    async def _attempt(self, event: Event) -> Exception | None:
        try:
            async with asyncio.timeout(self._patience.each_within_s):
                await self._reaction.react(event)
        except Exception as error:  # noqa: BLE001 - it is written to the dead letters, or tried again; many in a row end the process
            return error
        return None

    async def _bury(self, record: Record, error: Exception, attempts: int) -> None:
        death = Death(type(error).__name__, self._reason(error), attempts, self._clock.now_ms())
        origin = self._origin(record)
        await self._publish(to_dead(record, origin, death, self._dead))
        log.error(
            "a record is dead: see `quietzone dlq show`",
            topic=self._topic,
            consumer=self._name,
            letter=origin.letter_id,
            error=f"{death.error}: {death.reason}",
        )
        if record.topic == self._redriven:  # a redrive that came too early puts nothing among the dead that wasn't there
            return
        self._dead_in_a_row += 1
        if self._dead_in_a_row >= self._patience.dead_in_a_row:
            raise FailsOnEverything(
                f"{self._name} failed on {self._dead_in_a_row} records of {record.topic} in a row, the last with {death.error}: "
                f"{death.reason}. Mend the consumer, or what it needs, start it again, then `quietzone dlq redrive`"
            )

    async def _publish(self, message: Message) -> None:
        """Without end: a record that is neither handled nor among the dead letters must not be passed over."""
        failures = 0
        while True:
            try:
                async with asyncio.timeout(PUBLISH_WITHIN_S):
                    await self._bus.publish([message])
            except (BusUnavailable, TimeoutError):  # a letter that is there twice is one letter
                RETRIES.labels(message.topic, self._name, "unavailable").inc()
                await asyncio.sleep(self._jitter(RETRY_BASE_S, RETRY_CAP_S, failures))
                failures += 1
            else:
                return

    def _origin(self, record: Record) -> Origin:
        told = told_origin(record) if record.topic == self._redriven else None
        return told or Origin(record.topic, record.partition, record.offset)

    def _reason(self, error: Exception) -> str:
        text = str(error) or (f"no answer within {self._patience.each_within_s:g} s" if isinstance(error, TimeoutError) else "no message")
        return mask(text)[:MAX_REASON]

    def _jitter(self, base_s: float, cap_s: float, failures: int) -> float:
        """Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)."""
        return self._randomness.uniform(0, min(cap_s, base_s * 2 ** min(failures, 10)))
