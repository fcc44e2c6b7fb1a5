"""Telling an account's owners: by a mail of its own, or with others."""

from collections.abc import Callable, Sequence

from quietzone_kit.ids import derived_id
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import NewTask, State, Tasks
from quietzone_notification.deadlines import store_answers
from quietzone_notification.mail.letters import Letter
from quietzone_notification.mail.scribe import Addressed, Scribe
from quietzone_notification.people.domain import Addressee
from quietzone_notification.people.repository import People
from quietzone_notification.reactions.domain import HOUR_MS, LATE_MS, MAX_TOGETHER, NAMED, News, together
from quietzone_notification.reactions.metrics import TOLD
from quietzone_notification.reactions.repository import NewsStore

SEND = "send-email"
"""The kind of task that tells of many."""

GRACE_MS = 60_000
"""After an hour's end: events of its last seconds may still be on their way."""
CLOCKS_APART = 3
"""Hours that are tried: with a clock that is behind, the end of this one was told already."""


class Teller:
    """Tells owners of news, each once however often its event comes."""

    def __init__(self, people: People, store: NewsStore, tasks: Tasks, scribe: Scribe, clock: Clock, *, dashboard_url: str = "") -> None:
        self._people = people
        self._store = store
        self._tasks = tasks
        self._scribe = scribe
        self._clock = clock
        self._dashboard_url = dashboard_url

    async def tell(self, news: News) -> None:
        """Write to the owners, or have it told at the end of the hour when there were many; nothing happens where nobody can be written to,
        or with what is LATE_MS old.

        Raises:
            Unavailable: the store doesn't answer; the same again is safe.
        """
        if self._clock.now_ms() - news.at_ms >= LATE_MS:
            TOLD.labels(news.kind, "late").inc()
            return
        owners = await self._people.owners_of(news.account_id)
        if not owners:
            TOLD.labels(news.kind, "nobody").inc()
        elif await self._store.has_place(news):
            await self._write(news.account_id, owners, news.news_id, lambda owner: news.letter(owner.name, self._dashboard_url))
            TOLD.labels(news.kind, "alone").inc()
        else:
            await self._store.hold(news)
            await self._order(news)
            TOLD.labels(news.kind, "together").inc()

    async def tell_together(self, account_id: str, kind: str, telling: str) -> int:
        """Write one mail about all that waits, at most about MAX_TOGETHER; how much that is. The same `telling` again tells what is left.

        What a run that was killed has gathered is told first, as it was: its mail, which follows from the first of it, may have been taken.
        """
        left = await self._tell_gathered(account_id, kind, telling)
        await self._store.gather(account_id, kind, telling, most=MAX_TOGETHER)
        return left + await self._tell_gathered(account_id, kind, telling)

    async def _tell_gathered(self, account_id: str, kind: str, telling: str) -> int:
        found = await self._store.gathered(telling, named=NAMED)
        if not found.number:
            return 0
        owners, link = await self._people.owners_of(account_id), self._dashboard_url
        await self._write(
            account_id,
            owners,
            derived_id("told together", telling, found.first),
            lambda owner: together(kind, found.number, found.lines, name=owner.name, link=link),
        )
        await self._store.settle(telling)
        return found.number

    async def _order(self, news: News) -> None:
        """Have the end of the hour tell of it; of what comes late the end of this one."""
        first = max(news.hour, self._clock.now_ms() // HOUR_MS)
        for hour in range(first, first + CLOCKS_APART):
            key, due_at_ms = f"{news.kind}/{hour}", (hour + 1) * HOUR_MS + GRACE_MS
            async with store_answers():
                task = await self._tasks.add(NewTask(news.account_id, SEND, {"kind": news.kind}, due_at_ms=due_at_ms, dedup_key=key))
            if task.state is State.WAITING:
                return

    async def _write(self, account_id: str, owners: Sequence[Addressee], mail_id: str, letter: Callable[[Addressee], Letter]) -> None:
        mails = [Addressed(derived_id("mail", mail_id, owner.user_id), account_id, owner.email, letter(owner)) for owner in owners]
        await self._scribe.take(mails)
