"""docs/plans.md: its conversations are had, one after the other; its tables and numbers are those of the code."""

import json
import re
from collections.abc import Iterator

from contract.gateway.conversations import Conversation, blocks, missing, page, section, table
from contract.gateway.served import KEY, Api
from google.protobuf import json_format

from quietzone.gateway.v1 import usage_pb2
from quietzone_gateway.identity.accounts.domain import DEFAULT_PLAN, FIRST_PLAN
from quietzone_gateway.plans import MethodClass, Pace, Plan, PlansSettings, Quota, Unit, flags, ledgers, quotas, shedding
from quietzone_gateway.plans import domain as plans
from quietzone_gateway.plans.changes import SYSTEM
from quietzone_gateway.plans.compose import QUARTER_HOUR_MS
from quietzone_gateway.rest.problems import overloaded
from quietzone_kit.settings import variable
from quietzone_topics import GATEWAY_USAGE_V1, TYPE_GATEWAY_QUOTA

PAGE = page("plans.md")
BEARER = {"authorization": f"Bearer {KEY}"}


async def test_the_conversations_on_the_page_are_what_is_said(api: Api) -> None:
    async def two(_said: re.Match[str]) -> str:
        for _ in range(2):
            await api.http.get("/v1/codes", headers=BEARER)
        return ""

    async def minute(_said: re.Match[str]) -> str:
        """The clock stands: more tokens are there when there is no rate."""
        gold = api.plans.known.get("gold")
        await api.plans.known.put(Plan("gold", (), gold.quotas), SYSTEM)
        return ""

    talk = Conversation(api.http, {"two requests more": two, "a minute passes": minute}, {"operator": KEY})

    for block in blocks(PAGE, "http"):
        await talk.take(block)

    assert int(talk.known["used"]) + int(talk.known["left"]) == 1_000


def said(rules: tuple[Pace, ...] | tuple[Quota, ...]) -> str:
    """Rates or quotas, as the page has them."""

    def each() -> Iterator[str]:
        for rule in rules:
            match rule:
                case Pace(count=count, period_s=period_s, burst=burst, method_class=None):
                    yield f"{count:,} requests in {period_s} s, {burst:,} at once"
                case Quota(unit=unit, period=period, limit=limit, method_class=None):
                    yield f"{limit:,} {unit} a {period}"

    return ", ".join(each()) or "none"


def test_the_plans_on_the_page_are_those_that_an_installation_begins_with() -> None:
    assert table(section(PAGE, "Plans")) == [[plan.name, said(plan.rates), said(plan.quotas)] for plan in plans.DEFAULT_PLANS]
    told = [f"New accounts have `{DEFAULT_PLAN}`, the first one `{FIRST_PLAN}`.", f"isn't there any more has `{plans.FALLBACK}`."]
    assert missing(told, PAGE) == []


def test_all_units_stand_on_the_page() -> None:
    assert {row[0] for row in table(PAGE.partition("**Quotas**")[2])} == set(Unit)


def test_classes_stand_on_the_page_in_the_order_in_which_they_are_refused() -> None:
    rows = table(PAGE.partition("by `method_class`")[2])

    assert [(row[0], row[2]) for row in rows] == [
        (kind, f"{shedding.SHARES[kind]:.0%}".replace("%", " %")) for kind in reversed(MethodClass)
    ]


def test_the_event_on_the_page_is_one() -> None:
    told = json_format.ParseDict(json.loads(blocks(PAGE, "json")[0]), usage_pb2.QuotaReached())

    assert (told.used, told.limit, told.threshold) == (8_000, 10_000, 80)
    assert missing([f"`{GATEWAY_USAGE_V1.name}`", f"`{TYPE_GATEWAY_QUOTA}`"], PAGE) == []


def test_the_refusal_on_the_page_is_the_one_that_is_sent() -> None:
    sent = json.loads(overloaded().body(instance="/v1/codes", request_id="…"))

    assert json.loads(blocks(PAGE, "json")[1]) == sent


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    anonymous = PlansSettings().gateway_anonymous_requests
    share = {100: "a hundredth"}[quotas.SHARE]
    told = [
        f"has {plans.MAX_RATES} rates and {plans.MAX_QUOTAS} quotas at most, an installation {plans.MAX_PLANS} plans",
        f"at most {plans.MAX_PER_S:,} requests a second, over at most a day, with a burst of at most {plans.MAX_BURST:,}",
        f"{anonymous} requests in {QUARTER_HOUR_MS // 60_000} minutes (`{variable('gateway_anonymous_requests')}`)",
        "At {} and at {} % of a quota".format(*quotas.THRESHOLDS),
        f"never more than {share} of what is left (below {quotas.SHARE} units one by one)",
        f"exchanges them for others every {ledgers.SETTLE_S:.0f} s",
        f"within {ledgers.SETTLE_S:.0f} s, or {share} of what was left, the smaller",
        f"{shedding.BEGIN} at first; they become fewer ({shedding.LEAST} at least)",
        f"half of the answers take longer than {shedding.TARGET_S} s, and more ({shedding.MOST} at most)",
        f"has {flags.MAX_FLAGS} flags, a flag's list {flags.MAX_ACCOUNTS:,} accounts, a plan {plans.MAX_FLAGS} flags",
    ]

    assert missing(told, PAGE) == []
    assert plans.LONGEST_S == 86_400
