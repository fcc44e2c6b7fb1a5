"""Events in: what owners are told by mail."""

from quietzone.analytics.v1 import analytics_pb2
from quietzone.gateway.v1 import usage_pb2
from quietzone.qr.v1 import code_pb2
from quietzone_kit.events import Event
from quietzone_kit.ids import derived_id
from quietzone_kit.reaction import Unreadable
from quietzone_kit.words import Words
from quietzone_notification.reactions.domain import News, created, crossed, used
from quietzone_notification.reactions.use_cases import Teller
from quietzone_notification.reports.ports import Titles
from quietzone_topics import TYPE_ANALYTICS_MILESTONE, TYPE_GATEWAY_QUOTA, TYPE_QR_CODE

_UNITS = Words(usage_pb2.UsageUnit.items())
_CLASSES = Words(usage_pb2.MethodClass.items())


class TellOfCreated:
    """Tells owners of codes that are new; those that are made while that is switched off are passed over for good."""

    def __init__(self, teller: Teller, *, is_on: bool) -> None:
        self._teller = teller
        self._is_on = is_on

    def knows(self, event_type: str) -> bool:
        """Changes of codes."""
        return self._is_on and event_type == TYPE_QR_CODE

    async def react(self, event: Event) -> None:
        """Tell of a new code."""
        news = created_in(event)
        if news is not None:
            await self._teller.tell(news)


class TellOfMilestones:
    """Tells owners of numbers that were crossed."""

    def __init__(self, teller: Teller, titles: Titles) -> None:
        self._teller = teller
        self._titles = titles

    def knows(self, event_type: str) -> bool:
        """Milestones."""
        return event_type == TYPE_ANALYTICS_MILESTONE

    async def react(self, event: Event) -> None:
        """Tell of one."""
        told = analytics_pb2.MilestoneReached.FromString(event.data)
        if not (told.code_id and told.account_id and told.threshold):
            raise Unreadable("the event tells of no milestone: code, account or threshold is missing")
        titles = await self._titles.titles(told.account_id, [told.code_id])
        news_id, title = derived_id("news", event.source, event.id), titles.get(told.code_id, "")
        at_ms = told.reached_at_ms or event.time_ms
        await self._teller.tell(crossed(news_id, told.account_id, at_ms, title=title, threshold=told.threshold))


class TellOfQuotas:
    """Tells owners of quotas of their plan that run out."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller

    def knows(self, event_type: str) -> bool:
        """Quotas."""
        return event_type == TYPE_GATEWAY_QUOTA

    async def react(self, event: Event) -> None:
        """Tell of one."""
        told = usage_pb2.QuotaReached.FromString(event.data)
        if not (told.account_id and told.limit and told.threshold):
            raise Unreadable("the event tells of no quota: account, limit or threshold is missing")
        of_all = told.method_class in (usage_pb2.METHOD_CLASS_UNSPECIFIED, usage_pb2.METHOD_CLASS_ALL)
        of_class = "" if of_all else f"{_CLASSES[told.method_class].replace('_', '-')} "
        quota = f"{of_class}{_UNITS[told.unit]} of {told.period}"
        news_id = derived_id("news", event.source, event.id)
        at_ms = told.at_ms or event.time_ms
        await self._teller.tell(
            used(news_id, told.account_id, at_ms, quota=quota, percent=told.threshold, number=told.used, limit=told.limit)
        )


def created_in(event: Event) -> News | None:
    """What an event tells of a new code; None: it tells of a change. Raises Unreadable, DecodeError."""
    told = code_pb2.CodeEvent.FromString(event.data)
    code = told.after
    if not (code.id and code.account_id):
        raise Unreadable("the event tells of no code: `after` lacks id or account")
    if told.kind != code_pb2.CHANGE_KIND_CREATED:
        return None
    news_id = derived_id("news", event.source, event.id)
    return created(news_id, code.account_id, code.created_at_ms or event.time_ms, title=code.title, destination=code.destination)
