"""Durable tasks of reactions: telling of many at an hour's end, and forgetting what was told."""

from collections.abc import Mapping

from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import Again, Done, Fail, Kind, Progress, Task, Tell
from quietzone_notification.mail.kinds import OPTIONAL
from quietzone_notification.reactions.domain import HOUR_MS, KEPT_MS, MAX_TOGETHER
from quietzone_notification.reactions.repository import NewsStore
from quietzone_notification.reactions.use_cases import SEND, Teller

FORGET = "forget-news"
FORGET_EVERY_MS = 3_600_000
WITHIN_S = 600.0


class SendTogether:
    """Handler of SEND."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller

    async def run(self, task: Task, tell: Tell) -> Done | Again:
        """See `quietzone_kit.tasks.Handler`. What is more than one mail tells is told by another, an hour later."""
        kind = str(task.payload["kind"])
        if kind not in OPTIONAL:
            raise Fail(f"no mails of kind {kind[:40]!r} are told together: a newer release has ordered them")
        told = await self._teller.tell_together(task.account_id, kind, task.task_id)
        tell(Progress(told, told))
        return Done({"told": told}) if told < MAX_TOGETHER else Again(after_ms=HOUR_MS, result={"told": told})


class ForgetNews:
    """Handler of FORGET, which comes again: removes what was told long ago."""

    def __init__(self, store: NewsStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self, task: Task, tell: Tell) -> Again:  # noqa: ARG002 - a Handler's
        """See `quietzone_kit.tasks.Handler`."""
        before_ms, gone = self._clock.now_ms() - KEPT_MS, 0
        while now_gone := await self._store.forget(before_ms):
            gone += now_gone
            tell(Progress(gone))
        return Again(after_ms=FORGET_EVERY_MS, result={"removed": gone})


def kinds(teller: Teller, store: NewsStore, clock: Clock) -> Mapping[str, Kind]:
    """All kinds of reactions' tasks, for a worker."""
    return {SEND: Kind(SendTogether(teller), within_s=WITHIN_S), FORGET: Kind(ForgetNews(store, clock), within_s=WITHIN_S)}
