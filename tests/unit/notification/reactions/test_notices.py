"""Owners are told of quotas that run out and of endpoints that are disabled, each once."""

import pytest
from unit.notification.reactions.world import ADA, DASHBOARD, World, quota
from unit.notification.world import BORN_MS, ENDPOINT, OURS

from quietzone.gateway.v1 import usage_pb2
from quietzone_kit.reaction import Unreadable
from quietzone_notification.delivery.endpoints.domain import Endpoint, Reason
from quietzone_notification.delivery.webhooks import Notice
from quietzone_notification.notices import Notices


def notice(reason: Reason, name: str = "n1") -> Notice:
    endpoint = Endpoint(ENDPOINT, OURS, "https://a.example/hook", "orders", (), BORN_MS, BORN_MS, failing_since_ms=BORN_MS)
    return Notice(name, endpoint, reason)


async def test_the_owner_is_told_of_a_quota_that_runs_out(world: World) -> None:
    await world.quotas.react(quota())

    (mail,) = world.mails()
    assert (mail.to, mail.letter.kind, mail.letter.template) == (ADA, "notices", "notice")
    assert mail.letter.data == {
        "subject": "80 % used: write requests of 2026-11",
        "paragraphs": ["Hello Ada, your account has used 8,000 of the 10,000 write requests of 2026-11 that its plan allows."],
        "link": DASHBOARD,
    }


async def test_a_quota_of_all_requests_says_so(world: World) -> None:
    await world.quotas.react(quota(100, method_class=usage_pb2.METHOD_CLASS_ALL))

    assert world.mails()[0].letter.data["subject"] == "100 % used: requests of 2026-11"


async def test_a_quota_that_is_told_twice_is_one_mail(world: World) -> None:
    for _ in range(2):
        await world.quotas.react(quota())

    assert len(world.mails()) == 1


async def test_what_tells_of_no_quota_is_unreadable(world: World) -> None:
    with pytest.raises(Unreadable):
        await world.quotas.react(quota(0))


@pytest.mark.parametrize(
    ("reason", "why"),
    [(Reason.GONE, "is gone (410)"), (Reason.FAILED, "all that was sent there since 2 March 2026, 10:00 UTC has failed")],
)
async def test_the_owner_is_told_of_an_endpoint_that_is_disabled(world: World, reason: Reason, why: str) -> None:
    notices = Notices(world.events, world.teller.tell, world.clock)
    for _ in range(2):
        await notices.disabled(notice(reason))

    (mail,) = world.mails()
    assert (mail.to, mail.letter.data["subject"]) == (ADA, "Webhook disabled: orders")
    assert why in str(mail.letter.data["paragraphs"])


async def test_many_endpoints_that_are_disabled_are_told_of_together(world: World) -> None:
    notices = Notices(world.events, world.teller.tell, world.clock)
    for number in range(30):
        await notices.disabled(notice(Reason.GONE, f"n{number}"))
    await world.hour_ends()

    *alone, together = world.mails()
    assert (len(alone), together.letter.data["subject"]) == (20, "10 more notices")
