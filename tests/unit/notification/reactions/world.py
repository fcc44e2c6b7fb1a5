"""The product's reactions on a store in memory, an account with an owner, and the mails that are taken."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from unit.notification.world import BORN_MS, OURS
from unit.notification.world import World as House

from quietzone.analytics.v1 import analytics_pb2
from quietzone.gateway.v1 import usage_pb2
from quietzone.qr.v1 import code_pb2
from quietzone_kit.documents import Query
from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event
from quietzone_kit.seal import Seal
from quietzone_kit.tasks import TASKS, Again, Done, Handler, NewTask, State, Task, Tasks, task_of
from quietzone_notification.delivery.domain import NewDelivery, taken
from quietzone_notification.mail.kinds import HOUSE
from quietzone_notification.mail.letters import Letter, letter_of
from quietzone_notification.mail.parts import MailParts
from quietzone_notification.people.domain import Account, Member, Person
from quietzone_notification.people.repository import People
from quietzone_notification.reactions.consumers import TellOfCreated, TellOfMilestones, TellOfQuotas
from quietzone_notification.reactions.repository import NewsStore
from quietzone_notification.reactions.tasks import FORGET, ForgetNews, SendTogether
from quietzone_notification.reactions.use_cases import SEND, Teller
from quietzone_topics import TYPE_ANALYTICS_MILESTONE, TYPE_GATEWAY_QUOTA, TYPE_QR_CODE

ADA = "ada@example.com"
DASHBOARD = "https://console.example/dashboard"


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail that was taken."""

    to: str
    account_id: str
    letter: Letter


class KnownCodes:
    """What codes are called; fails so many times before it answers."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.failures = 0

    async def titles(self, account_id: str, code_ids: Collection[str]) -> Mapping[str, str]:  # noqa: ARG002 - the port's
        if self.failures:
            self.failures -= 1
            raise Unavailable("injected")
        return {code_id: self.names[code_id] for code_id in code_ids if code_id in self.names}


class World(House):
    """One installation."""

    def __init__(self, *, keys: tuple[str, ...] = ("s" * 32,)) -> None:
        super().__init__()
        self.clock.seconds = 0
        seal = Seal(keys, self.randomness, setting="SECRET_KEY", lacks="no key")
        self.parts = MailParts(self.documents, seal, self.clock, unsubscribe_url="https://console.example/unsubscribe")
        self.scribe = self.parts.scribe(self.outbound)
        self.people, self.news = People(self.documents), NewsStore(self.documents)
        self.codes = KnownCodes()
        self.tasks = Tasks(self.documents, self.clock, self.randomness)
        self.teller = Teller(self.people, self.news, self.tasks, self.scribe, self.clock, dashboard_url=DASHBOARD)
        self.created = TellOfCreated(self.teller, is_on=True)
        self.milestones = TellOfMilestones(self.teller, self.codes)
        self.quotas = TellOfQuotas(self.teller)

    async def open(self) -> "World":
        await super().open()
        await self.own("ada", ADA)
        return self

    async def own(self, user_id: str, email: str, account_id: str = OURS) -> None:
        """Make somebody the one owner of an account."""
        account = await self.people.account(account_id)
        revision = 1 if account is None else account.revision + 1
        members = (Member(user_id, "owner"),)
        await self.people.keep_account(Account(account_id, "Ours", members, is_suspended=False, created_at_ms=1, revision=revision))
        await self.people.keep_person(Person(user_id, email, user_id.title(), 1, 1, 1))

    def mails(self) -> list[Taken]:
        """All that were taken, in order."""
        return [Taken(each.destination, each.account_id, self._letter(each)) for each in self.outbound.kept.values()]

    def _letter(self, new: NewDelivery) -> Letter:
        letter = letter_of(taken(new, 1))
        if new.account_id != HOUSE:
            return letter
        assert letter.data.keys() == {"sealed"}
        return Letter(letter.kind, letter.template, self.parts._envelopes.open(letter.data, new.id))

    async def due(self, kind: str) -> list[Task]:
        """Tasks of a kind that are due by now."""
        found = await self.documents.query(TASKS, Query("by_wake", at_least=0, below=self.clock.now_ms() + 1, limit=1_000))
        return [task for task in map(task_of, found.items) if task.kind == kind]

    async def do(self, kind: str, handler: Handler) -> list[Done | Again]:
        """Run the tasks of a kind that are due, as a worker does."""
        results = []
        for task in await self.due(kind):
            results.append(await handler.run(task, lambda _: None))
            if isinstance(results[-1], Done):
                await self.end(task)
        return results

    async def end(self, task: Task) -> None:
        """Have a task be done."""
        stored = await self.documents.get(TASKS, task.task_id)
        assert stored is not None
        body = {name: value for name, value in stored.body.items() if name not in ("wake_at_ms", "set_at_ms")}
        await self.documents.replace(TASKS, {**body, "state": State.DONE.value}, if_version=stored.version)

    async def do_forget(self, forget: ForgetNews) -> None:
        """Forget what is old, as the task does."""
        await forget.run(await self.tasks.add(NewTask("", FORGET, dedup_key=FORGET)), lambda _: None)

    async def hour_ends(self) -> None:
        """Let the hour pass, and tell of what is left."""
        self.clock.seconds += 3_700
        await self.do(SEND, SendTogether(self.teller))


def created(code_id: str = "menu", title: str = "Menu", *, at_ms: int = BORN_MS, account_id: str = OURS) -> Event:
    code = code_pb2.Code(
        id=code_id, account_id=account_id, title=title, destination=f"https://example.com/{code_id}", revision=1, created_at_ms=at_ms
    )
    told = code_pb2.CodeEvent(kind=code_pb2.CHANGE_KIND_CREATED, after=code)
    return Event(f"{code_id}.1", "/quietzone/qr", TYPE_QR_CODE, code_id, at_ms, told.SerializeToString())


def milestone(code_id: str = "menu", threshold: int = 100, *, at_ms: int = BORN_MS) -> Event:
    told = analytics_pb2.MilestoneReached(code_id=code_id, account_id=OURS, threshold=threshold, reached_at_ms=at_ms)
    event_id = f"milestone:{code_id}:{threshold}"
    return Event(event_id, "/quietzone/analytics", TYPE_ANALYTICS_MILESTONE, code_id, at_ms, told.SerializeToString())


def data(letter: Letter) -> dict[str, object]:
    """What fills a template, as JSON gives it back."""
    found: dict[str, object] = json.loads(json.dumps(letter.data))
    return found


def quota(threshold: int = 80, *, at_ms: int = BORN_MS, **fields: object) -> Event:
    given = {"unit": usage_pb2.USAGE_UNIT_REQUESTS, "method_class": usage_pb2.METHOD_CLASS_WRITE, "period": "2026-11", "limit": 10_000}
    told = usage_pb2.QuotaReached(**{"account_id": OURS, "used": 8_000, "threshold": threshold, "at_ms": at_ms, **given, **fields})
    return Event(f"quota:{threshold}", "/quietzone/gateway", TYPE_GATEWAY_QUOTA, OURS, at_ms, told.SerializeToString())
