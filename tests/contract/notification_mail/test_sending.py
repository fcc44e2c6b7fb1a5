"""Deliveries of kind mail, from the store to a mail server and back."""

import re

import pytest
from contract.notification_mail.world import ACCOUNT, ADA, OTHER, UNSUBSCRIBE, World, delivery, part, token_in

from quietzone_kit.documents import Documents
from quietzone_kit.errors import FailedPrecondition, NotFound
from quietzone_kit.ids import derived_id
from quietzone_kit.tasks import Done
from quietzone_notification.delivery.deliveries.repository import Wanted
from quietzone_notification.delivery.deliveries.tasks import Redrive
from quietzone_notification.delivery.domain import State
from quietzone_notification.mail.addresses.domain import ALL, Reason
from quietzone_notification.mail.brands.domain import Looks
from quietzone_notification.mail.kinds import OPTIONAL
from quietzone_notification.mail.templates.domain import Source
from quietzone_notification.people.domain import Account, Member, Person
from quietzone_notification.people.repository import People
from quietzone_notification.topics.deliveries import CONFIRM_CAUSE

LINK = "https://console.example/confirm?account=north&token=s3cret"
CONFIRMATION = {
    "cause": CONFIRM_CAUSE,
    "event_type": "SubscriptionConfirmation",
    "content_type": "text/plain; charset=utf-8",
    "headers": (("x-subject", "Confirm that you want these messages"),),
    "body": f"Somebody wants messages of <Menus>.\n\nIf you want them, confirm it:\n{LINK}\n\nIf not, do nothing.\n".encode(),
}
MESSAGE = {
    "cause": "subscription:s1",
    "event_type": "Notification",
    "content_type": "text/plain; charset=utf-8",
    "headers": (("x-subject", "Lunch"),),
    "body": b"Soup & <bread>\n",
}


async def test_an_event_of_a_rule_arrives_as_text_and_html(world: World) -> None:
    (ended,) = await world.sent(delivery("one"))

    (message,) = world.mailbox.messages()
    assert (ended.state, str(message["To"]), str(message["Subject"])) == (State.DELIVERED, ADA, "QR Code Created")
    assert '"title": "<Menu>"' in part(message, "plain")
    assert "&lt;Menu&gt;" in part(message, "html")
    assert "<Menu>" not in part(message, "html")


async def told(world: World, *members: str, revision: int = 1) -> None:
    """Tell notification who is in the account: ada, bob; the address of each is that at example.com."""
    people = People(world.documents)
    for name in ("ada", "bob"):
        await people.keep_person(Person(name, f"{name}@example.com", name, 1, 1, 1))
    await people.keep_account(Account(ACCOUNT, "North", tuple(Member(name, "editor") for name in members), False, 1, revision))


async def test_a_rule_mails_a_member_however_the_address_is_written(world: World) -> None:
    await told(world, "ada", "bob")

    (ended,) = await world.sent(delivery("one", "Ada@Example.com"))

    assert ended.state is State.DELIVERED


async def test_a_rule_mails_nobody_who_has_left_the_account(world: World) -> None:
    await told(world, "ada", "bob")
    await told(world, "bob", revision=2)

    (ended,) = await world.sent(delivery("one"))

    assert (ended.state, world.mailbox.taken) == (State.DEAD, [])
    assert "not the address of a verified member" in ended.attempts[-1].error


async def test_a_topic_mails_also_who_is_no_member(world: World) -> None:
    await told(world, "bob")

    (ended,) = await world.sent(delivery("one", **MESSAGE))

    assert ended.state is State.DELIVERED


async def test_a_rule_mails_a_member_as_soon_as_he_is_told_of(world: World) -> None:
    await told(world, "bob")
    await world.take(delivery("one", created_ms=world.clock.now_ms()))
    async with world.sending():
        await world.until("one", lambda found: found.tries == 1)
        await told(world, "ada", "bob", revision=2)
        world.move(10)
        ended = await world.ended("one")

    assert ended.state is State.DELIVERED


async def test_a_text_of_a_rule_arrives_as_it_is(world: World) -> None:
    await world.sent(delivery("one", body=b"Menu was scanned 10 times", content_type="text/plain; charset=utf-8"))

    assert part(world.mailbox.messages()[0], "plain").startswith("Menu was scanned 10 times\n")


async def test_a_message_of_a_topic_arrives_with_its_subject(world: World) -> None:
    await world.sent(delivery("one", **MESSAGE))

    (message,) = world.mailbox.messages()
    assert str(message["Subject"]) == "Lunch"
    assert "Soup & <bread>" in part(message, "plain")
    assert "Soup &amp; &lt;bread&gt;" in part(message, "html")


async def test_a_confirmation_arrives_with_its_link(world: World) -> None:
    await world.sent(delivery("one", **CONFIRMATION))

    (message,) = world.mailbox.messages()
    assert LINK in part(message, "plain")
    assert f'href="{LINK.replace("&", "&amp;")}"' in part(message, "html")
    assert "List-Unsubscribe" not in message


@pytest.mark.parametrize(
    "more",
    [{}, MESSAGE, {"cause": "reaction:milestone", "headers": (("x-mail-kind", "milestone"),)}],
    ids=["rule", "subscription", "reaction"],
)
async def test_who_is_there_can_leave_by_one_click(world: World, more: dict[str, object]) -> None:
    await world.sent(delivery("one", **more))

    (message,) = world.mailbox.messages()
    assert str(message["List-Unsubscribe"]).startswith(f"<{UNSUBSCRIBE}?token=")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"{UNSUBSCRIBE}?token=" in part(message, "plain")
    assert f"{UNSUBSCRIBE}?token=" in part(message, "html")


async def test_a_link_to_leave_by_tells_nothing_of_account_and_address(world: World) -> None:
    await world.sent(delivery("one"))

    token = token_in(world.mailbox.messages()[0])
    assert not re.search(f"{ACCOUNT}|{ADA}|ada|events", token)
    with pytest.raises(NotFound):
        await world.desks.addresses.unsubscribe(token[:-4] + "AAAA", all_kinds=False)


async def test_a_repeat_after_a_crash_is_the_same_message(world: World) -> None:
    """The server has taken it, and the outcome was lost."""
    world.mailbox.at_end = ["451 4.3.0 took it, and says it didn't"]
    await world.take(delivery("one"))
    async with world.sending():
        await world.until("one", lambda found: found.tries == 1)
        world.move(10)
        await world.ended("one")

    first, second = world.mailbox.messages()
    assert str(first["Message-ID"]) == str(second["Message-ID"]) == f"<{derived_id('mail', 'one')}@example.com>"
    assert str(first["Date"]) == str(second["Date"]) == "Mon, 02 Mar 2026 10:00:00 +0000"


async def test_what_a_server_refuses_for_now_is_tried_again(world: World) -> None:
    world.mailbox.to_recipient = ["451 4.2.1 greylisted"]
    await world.take(delivery("one"))
    async with world.sending():
        waiting = await world.until("one", lambda found: found.tries == 1)
        world.move(10)
        ended = await world.ended("one")

    assert (waiting.state, waiting.error, waiting.attempts[0].status) == (State.PENDING, "451 4.2.1 greylisted", 451)
    assert (ended.state, [each.status for each in ended.attempts]) == (State.DELIVERED, [451, 250])


async def test_what_a_server_refuses_for_good_is_dead_at_once_with_its_words(world: World) -> None:
    world.mailbox.at_end = ["554 5.7.1 that is spam"]

    (ended,) = await world.sent(delivery("one"))

    assert (ended.state, ended.error, ended.tries) == (State.DEAD, "554 5.7.1 that is spam", 1)
    assert (await world.addresses.get(ACCOUNT, ADA)).suppressions == ()


async def test_an_address_that_is_none_is_suppressed_for_its_account_alone(world: World) -> None:
    world.mailbox.to_recipient = ["550 5.1.1 no such user"]

    (dead,) = await world.sent(delivery("one"))
    (dropped,) = await world.sent(delivery("two", "Ada@Example.com"))
    (other,) = await world.sent(delivery("three", account_id=OTHER))

    (found,) = (await world.addresses.get(ACCOUNT, ADA)).suppressions
    assert (found.kind, found.reason, found.detail) == (ALL, Reason.BOUNCED, "550 5.1.1 no such user")
    assert dead.state is State.DEAD
    assert (dropped.state, dropped.error, dropped.attempts) == (State.DROPPED, "the address is suppressed: bounced", ())
    assert other.state is State.DELIVERED


async def test_a_server_that_is_away_counts_as_no_answer_and_the_mail_is_tried_again(world: World) -> None:
    up, world.mail_url = world.mail_url, "smtp://127.0.0.1:1?tls=none"
    await world.take(delivery("one"))
    async with world.sending():
        waiting = await world.until("one", lambda found: found.tries == 1)
    world.mail_url = up
    world.move(10)
    async with world.sending():
        ended = await world.ended("one")

    assert (waiting.attempts[0].status, waiting.state) == (None, State.PENDING)
    assert ended.state is State.DELIVERED


async def test_of_a_kind_that_somebody_has_left_he_gets_no_more(world: World) -> None:
    await world.sent(delivery("one"))
    way = await world.desks.addresses.unsubscribe(token_in(world.mailbox.messages()[0]), all_kinds=False)

    rule, message = await world.sent(delivery("two"), delivery("three", **MESSAGE))

    assert (way.kind, rule.state, rule.error) == ("events", State.DROPPED, "the address is suppressed: unsubscribed from events")
    assert message.state is State.DELIVERED


async def test_who_has_left_all_gets_a_confirmation_still(world: World) -> None:
    await world.sent(delivery("one"))
    await world.desks.addresses.unsubscribe(token_in(world.mailbox.messages()[0]), all_kinds=True)

    message, confirmation = await world.sent(delivery("two", **MESSAGE), delivery("three", **CONFIRMATION))

    assert (message.state, confirmation.state) == (State.DROPPED, State.DELIVERED)


async def test_a_kind_that_somebody_does_not_want_is_not_sent(world: World) -> None:
    await world.desks.addresses.prefer(ACCOUNT, ADA, {"events": False})

    (ended,) = await world.sent(delivery("one"))

    assert (ended.state, ended.error) == (State.DROPPED, "whoever is there wants no mails of kind events")
    assert world.mailbox.taken == []


async def test_a_suppressed_delivery_is_sent_when_it_is_sent_again_after_that_was_lifted(world: World) -> None:
    await world.desks.addresses.put(ACCOUNT, ADA, ALL, "asked us")
    await world.sent(delivery("one"))
    await world.desks.addresses.delete(ACCOUNT, ADA, ALL)

    async with world.sending():
        await world.log.retry(ACCOUNT, "one")
        ended = await world.ended("one")

    assert ended.state is State.DELIVERED


@pytest.mark.parametrize("first_answer", ["250 OK", "550 5.7.1 not now, not ever"])
async def test_a_confirmation_is_never_sent_again_by_whoever_has_subscribed_the_address(world: World, first_answer: str) -> None:
    """It asks a stranger: an account could have him asked as often as it likes."""
    world.mailbox.to_recipient = [first_answer]
    await world.sent(delivery("one", **CONFIRMATION))
    before = len(world.mailbox.taken)

    with pytest.raises(FailedPrecondition):
        await world.log.retry(ACCOUNT, "one")

    assert len(world.mailbox.taken) == before


async def test_a_redrive_of_all_that_was_delivered_sends_no_confirmation_again(world: World) -> None:
    await world.sent(delivery("asked", **CONFIRMATION), delivery("told", "bob@example.com", **MESSAGE))
    world.move(1)
    wanted = Wanted(state=State.DELIVERED)

    async with world.sending():
        begun = await Redrive(world.deliveries).run(await world.log.redrive(ACCOUNT, wanted, request_id="r"), lambda _: None)
        await world.until("told", lambda found: len(found.attempts) == 2)

    assert begun == Done({"begun": 1})
    assert sorted(envelope.rcpt_tos[0] for envelope in world.mailbox.taken) == [ADA, "bob@example.com", "bob@example.com"]


async def test_a_confirmation_that_the_server_did_not_take_is_tried_again_by_the_schedule(world: World) -> None:
    world.mailbox.to_recipient = ["451 later"]
    await world.take(delivery("one", **CONFIRMATION))
    async with world.sending():
        await world.until("one", lambda found: found.tries == 1)
        world.move(10)
        ended = await world.ended("one")

    assert (ended.state, len(world.mailbox.taken)) == (State.DELIVERED, 1)


async def test_a_mail_looks_as_its_account_wants_and_comes_from_the_house_s_address(world: World) -> None:
    looks = Looks("Käthe's Menus", "#aa0000", "https://menus.example/logo.png", "Menus Ltd\nBerlin", "kaethe@menus.example")
    await world.desks.brands.put(ACCOUNT, looks, verified=True)

    await world.sent(delivery("one"))

    (message,) = world.mailbox.messages()
    (sender,) = message["From"].addresses
    assert (sender.display_name, sender.addr_spec, str(message["Reply-To"])) == ("Käthe's Menus", "codes@example.com", looks.reply_to)
    page = part(message, "html")
    assert all(each in page for each in ("#aa0000", looks.logo_url, "Menus Ltd\nBerlin"))
    assert "-- \nMenus Ltd\nBerlin" in part(message, "plain")


async def test_a_confirmation_has_nothing_of_its_account(world: World) -> None:
    """An answer would bring its link to the account, and a name would be believed."""
    looks = Looks("Your Bank", "#aa0000", "https://menus.example/logo.png", "Bank Ltd", "kaethe@menus.example")
    await world.desks.brands.put(ACCOUNT, looks, verified=True)

    await world.sent(delivery("one", **CONFIRMATION))

    (message,) = world.mailbox.messages()
    assert "Reply-To" not in message
    assert message["From"].addresses[0].display_name == "Quietzone"
    assert not any(each in message.as_string() for each in ("Your Bank", "logo.png", "Bank Ltd", "#aa0000"))


async def test_an_account_s_own_template_stands_in_the_place_of_the_house_s(world: World) -> None:
    source = Source("New: {{ data.value.detail.title }}", "{{ brand.link_base }}/codes", "<b>{{ data.value.detail.title }}</b>")
    await world.desks.templates.put(ACCOUNT, "event", source)
    await world.desks.brands.put(ACCOUNT, Looks(link_base="https://console.example"), verified=False)

    await world.sent(delivery("one"))
    await world.sent(delivery("two", account_id=OTHER))

    ours, theirs = world.mailbox.messages()
    assert str(ours["Subject"]) == "New: <Menu>"
    assert part(ours, "plain").startswith("https://console.example/codes\n")
    assert "<b>&lt;Menu&gt;</b>" in part(ours, "html")
    assert str(theirs["Subject"]) == "QR Code Created"


async def test_a_template_that_can_t_be_filled_drops_its_delivery_and_says_where(world: World) -> None:
    await world.desks.templates.put(ACCOUNT, "event", Source("s", "one\n{{ data.value.nothing }}", "h"))

    (dropped,) = await world.sent(delivery("one"))
    await world.desks.templates.put(ACCOUNT, "event", Source("s", "one", "h"))
    async with world.sending():
        await world.log.retry(ACCOUNT, "one")
        ended = await world.ended("one")

    assert (dropped.state, dropped.error) == (State.DROPPED, "template event: text, line 2: there is no 'nothing' in it")
    assert ended.state is State.DELIVERED


@pytest.mark.parametrize(
    "title", ["Menu\r\nBcc: eve@example.com", "=?utf-8?q?=0D=0ABcc=3A_eve=40example=2Ecom?=", "\u2028\x00\x1b", "x" * 1_500]
)
async def test_no_event_adds_a_header(world: World, title: str) -> None:
    await world.desks.templates.put(ACCOUNT, "event", Source("{{ data.type }}", "t", "h"))

    await world.sent(delivery("one", event_type=title))

    (message,) = world.mailbox.messages()
    assert "Bcc" not in message
    assert world.mailbox.taken[0].rcpt_tos == [ADA]


async def test_an_event_that_is_too_long_for_a_mail_is_cut_and_says_so(world: World) -> None:
    await world.sent(delivery("one", body=b'{"a": "' + b"x" * 250_000 + b'"}'))

    (message,) = world.mailbox.messages()
    assert "the rest is left out" in part(message, "plain")
    assert len(part(message, "html")) < 60_000


@pytest.mark.parametrize("to", ["nobody", "ada@example.com,eve@example.com", "<ada@example.com>"])
async def test_what_is_no_address_is_dropped(world: World, to: str) -> None:
    (ended,) = await world.sent(delivery("one", to))

    assert (ended.state, world.mailbox.connections) == (State.DROPPED, 0)


async def test_without_a_key_mails_that_one_can_leave_wait(documents: Documents, world: World) -> None:
    keyless = World(documents, world.mailbox, keys=())
    await keyless.take(delivery("one"), delivery("two", "bob@example.com", **CONFIRMATION))
    async with keyless.sending():
        confirmed = await keyless.ended("two")
    waiting = await keyless.log.get(ACCOUNT, "one")

    assert (confirmed.state, waiting.state, waiting.tries) == (State.DELIVERED, State.PENDING, 0)


@pytest.mark.parametrize("kind", OPTIONAL)
async def test_each_kind_can_be_left(world: World, kind: str) -> None:
    cause = {"messages": "subscription:s1", "events": "rule:r1:t"}.get(kind, f"reaction:{kind}")
    more = {"cause": cause, "headers": (("x-mail-kind", kind),)}
    await world.sent(delivery("one", **more))
    await world.desks.addresses.unsubscribe(token_in(world.mailbox.messages()[0]), all_kinds=False)

    (ended,) = await world.sent(delivery("two", **more))

    assert ended.error == f"the address is suppressed: unsubscribed from {kind}"
