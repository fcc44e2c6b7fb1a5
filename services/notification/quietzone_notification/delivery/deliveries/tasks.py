"""Durable tasks of delivery: sending again what fits a filter, and removing what ended long ago."""

import msgspec

from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import Again, Done, Kind, Progress, Task, Tell
from quietzone_notification.delivery.deliveries.repository import Deliveries, Wanted
from quietzone_notification.delivery.deliveries.use_cases import REDRIVE
from quietzone_notification.delivery.domain import Delivery, State

FORGET = "forget-deliveries"

PAGE = 500
WITHIN_S = 600.0  # a run, which looks at 10,000 or removes 20,000: a minute on a slow store
MOST_BEGUN = 10_000  # looked at in a run, before others have a turn
MOST_FORGOTTEN = 20_000  # in a run, before others have a turn
FORGET_EVERY_MS = 600_000
AT_ONCE_MS = 1_000
DAY_MS = 24 * 3_600_000


class _Begun(msgspec.Struct, frozen=True):
    """How far earlier runs of a task came."""

    begun: int = 0
    after: str | None = None


class Redrive:
    """Handler of REDRIVE. It takes what was created before it began, from the newest: what it begins again doesn't come up twice."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    async def run(self, task: Task, tell: Tell) -> Done | Again:
        """See `quietzone_kit.tasks.Handler`. It goes on where its last run ended; what one that broke off had begun is pending."""
        wanted = msgspec.convert(task.payload, Wanted)
        until_ms = task.created_at_ms if wanted.until_ms is None else min(wanted.until_ms, task.created_at_ms)
        wanted = Wanted(wanted.destination, wanted.state, wanted.cause, wanted.since_ms, until_ms)
        found = msgspec.convert(task.result or {}, _Begun)
        begun, after = found.begun, found.after
        for _ in range(0, MOST_BEGUN, PAGE):
            held, after = await self._deliveries.found(task.account_id, wanted, limit=PAGE, after=after)
            due = [each for each in held if _ends_before(each.delivery, task.created_at_ms) and not each.delivery.is_asking]
            begun += await self._deliveries.begin_again(due) if due else 0
            tell(Progress(begun))
            if after is None:
                return Done({"begun": begun})
        return Again(after_ms=AT_ONCE_MS, result={"begun": begun, "after": after})

    def kind(self) -> Kind:
        """As a worker wants it."""
        return Kind(self, within_s=WITHIN_S)


class Forget:
    """Handler of FORGET, which comes again: removes what ended more than `kept_days` ago, with its body and its log."""

    def __init__(self, deliveries: Deliveries, clock: Clock, *, kept_days: int) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._kept_ms = kept_days * DAY_MS

    async def run(self, task: Task, tell: Tell) -> Done | Again:  # noqa: ARG002 - a Handler's
        """See `quietzone_kit.tasks.Handler`."""
        before_ms, gone = self._clock.now_ms() - self._kept_ms, 0
        while gone < MOST_FORGOTTEN:
            now_gone = await self._deliveries.forget_ended(before_ms)
            gone += now_gone
            tell(Progress(gone))
            if not now_gone:
                return Again(after_ms=FORGET_EVERY_MS, result={"removed": gone})
        return Again(after_ms=AT_ONCE_MS, result={"removed": gone})

    def kind(self) -> Kind:
        """As a worker wants it."""
        return Kind(self, within_s=WITHIN_S)


def _ends_before(delivery: Delivery, at_ms: int) -> bool:
    """Whether it has ended, and wasn't begun again since a moment."""
    return delivery.state is not State.PENDING and delivery.since_ms < at_ms


def kinds(deliveries: Deliveries, clock: Clock, *, kept_days: int) -> dict[str, Kind]:
    """All kinds of delivery's tasks, for a worker."""
    return {REDRIVE: Redrive(deliveries).kind(), FORGET: Forget(deliveries, clock, kept_days=kept_days).kind()}
