"""The product's reactions, put together: consumers and tasks for the process that sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quietzone_kit.bus import Topic
from quietzone_kit.documents import Documents
from quietzone_kit.reaction import Reaction
from quietzone_kit.rpc import Peer
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import Kind, Tasks
from quietzone_notification.deadlines import store_answers
from quietzone_notification.mail.scribe import Scribe
from quietzone_notification.people.consumers import CONSUMER as PEOPLE
from quietzone_notification.people.consumers import KeepPeople
from quietzone_notification.people.repository import People
from quietzone_notification.reactions.consumers import TellOfCreated, TellOfMilestones, TellOfQuotas
from quietzone_notification.reactions.domain import CONSUMER
from quietzone_notification.reactions.repository import NewsStore
from quietzone_notification.reactions.settings import ReactionSettings
from quietzone_notification.reactions.tasks import FORGET
from quietzone_notification.reactions.tasks import kinds as news_kinds
from quietzone_notification.reactions.use_cases import Teller
from quietzone_notification.reactions.welcome import Welcome
from quietzone_notification.reports.peers import CountedScans, KnownTitles
from quietzone_notification.reports.printer import Printer
from quietzone_notification.reports.repository import Reports
from quietzone_notification.reports.tasks import PLAN, GenerateReport, PlanReports, Sources
from quietzone_notification.reports.tasks import kinds as report_kinds
from quietzone_topics import ANALYTICS_MILESTONE_V1, GATEWAY_ACCOUNT_V1, GATEWAY_USAGE_V1, QR_CODE_V1


@dataclass(frozen=True, slots=True)
class Peers:
    """Services that are asked; None where there is none."""

    qr: Peer | None
    analytics: Peer | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A consumer; `from_now`: what was told before it was there is passed over."""

    topic: Topic
    name: str
    reaction: Reaction
    from_now: bool


class Reactions:
    """All of them on a store."""

    def __init__(
        self, documents: Documents, settings: ReactionSettings, peers: Peers, *, tasks: Tasks, scribe: Scribe, clock: Clock
    ) -> None:
        link = settings.notification_dashboard_url
        self._people, self._news, self._titles = People(documents), NewsStore(documents), KnownTitles(peers.qr)
        self.teller = Teller(self._people, self._news, tasks, scribe, clock, dashboard_url=link)
        self._welcome = Welcome(scribe, clock, dashboard_url=link)
        self._is_created_on = settings.notification_created_mails
        self._clock = clock
        reports = Reports(documents)
        schedule = settings.weekly_schedule()
        self._plan = PlanReports(self._people, reports, tasks, clock, schedule=schedule)
        self._generate = None
        if peers.analytics is not None:
            sources = Sources(self._people, CountedScans(peers.analytics), self._titles, Printer(), reports)
            self._generate = GenerateReport(sources, scribe, clock, dashboard_url=link)

    def consumers(self) -> Sequence[Heard]:
        """Who hears of what. Mails are about what happens from now on; people are all that there are."""
        return (
            Heard(GATEWAY_ACCOUNT_V1, PEOPLE, KeepPeople(self._people, self._welcome.write), from_now=False),
            Heard(QR_CODE_V1, CONSUMER, TellOfCreated(self.teller, is_on=self._is_created_on), from_now=True),
            Heard(ANALYTICS_MILESTONE_V1, CONSUMER, TellOfMilestones(self.teller, self._titles), from_now=True),
            Heard(GATEWAY_USAGE_V1, CONSUMER, TellOfQuotas(self.teller), from_now=True),
        )

    def kinds(self) -> Mapping[str, Kind]:
        """All kinds of their tasks, for a worker."""
        return {**news_kinds(self.teller, self._news, self._clock), **report_kinds(self._plan, self._generate)}

    async def keep(self, tasks: Tasks) -> None:
        """Have the tasks there that come again; raises Unavailable."""
        async with store_answers():
            await tasks.keep(FORGET)
            await tasks.keep(PLAN)
