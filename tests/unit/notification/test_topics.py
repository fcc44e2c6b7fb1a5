"""Topics: who has subscribed and confirmed gets each message once, whole or wrapped, if his filter lets it through."""

import json
import re
from typing import Any

import pytest
from unit.notification.world import ENDPOINT, OURS, THEIRS, World

from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted, Unavailable
from quietzone_notification.delivery.domain import CONFIRM_CAUSE
from quietzone_notification.filters import _policy
from quietzone_notification.patterns import read_event
from quietzone_notification.rules.domain import Kind
from quietzone_notification.topics.deliveries import MAX_PART_BYTES
from quietzone_notification.topics.domain import (
    CONFIRM_WITHIN_MS,
    MAX_ASKED,
    MAX_ASKED_BY_ACCOUNT,
    MAX_MESSAGE_BYTES,
    MAX_SUBSCRIPTIONS,
    MAX_TOPICS,
    Attribute,
    Options,
    Scope,
    State,
    Subscription,
    Topic,
)
from quietzone_notification.topics.use_cases import NewMessage, NewSubscription

ADA = "ada@example.com"


@pytest.fixture(autouse=True)
async def orders(world: World) -> Topic:
    return await world.topics.put(OURS, "orders", "Orders")


async def subscribe(world: World, kind: Kind = Kind.KAFKA, destination: str = "out", **fields: Any) -> Subscription:
    options = {name: fields.pop(name) for name in list(fields) if name in ("filter_policy", "filter_scope", "raw")}
    return await world.topics.subscribe(OURS, NewSubscription("orders", kind, destination, Options(**options), **fields))


async def publish(world: World, text: str = "hello", **fields: Any) -> str:
    return await world.topics.publish(OURS, NewMessage("orders", text, **fields))


def sent(world: World) -> list[str]:
    """Where messages went."""
    return sorted(delivery.destination for delivery in world.outbound.kept.values() if delivery.cause != CONFIRM_CAUSE)


def token_in(world: World) -> str:
    (mail,) = [delivery for delivery in world.outbound.kept.values() if delivery.cause == CONFIRM_CAUSE]
    found = re.search(r"https://q\.example/confirm\?account=ours&token=(\S+)", mail.body.decode())
    assert found
    assert mail.destination == ADA
    return found[1]


async def test_a_message_is_wrapped_as_sns_wraps_it(world: World) -> None:
    subscription = await subscribe(world, Kind.WEBHOOK, ENDPOINT)

    message_id = await publish(world, subject="New", attributes={"n": Attribute("Number", "7")})

    (delivery,) = world.outbound.kept.values()
    assert json.loads(delivery.body) == {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": "topic:ours:orders",
        "SubscriptionArn": f"subscription:ours:{subscription.subscription_id}",
        "Subject": "New",
        "Message": "hello",
        "Timestamp": "2026-03-02T10:00:00.000Z",
        "MessageAttributes": {"n": {"Type": "Number", "Value": "7"}},
    }
    assert (delivery.cause, delivery.content_type) == (f"subscription:{subscription.subscription_id}", "application/json")


async def test_a_phone_gets_the_message_itself(world: World) -> None:
    await subscribe(world, kind=Kind.PUSH, destination="person:anna")

    await world.topics.publish(OURS, NewMessage("orders", "Paid"))

    assert [(new.kind, new.body) for new in world.outbound.kept.values()] == [("push", b"Paid")]


async def test_a_raw_message_is_the_message(world: World) -> None:
    await subscribe(world, raw=True)

    await publish(world, "hello ü", attributes={"kind": Attribute("String", "paid")})

    (delivery,) = world.outbound.kept.values()
    assert (delivery.body, delivery.destination) == ("hello ü".encode(), "out.ours.out")


@pytest.mark.parametrize(
    ("policy", "scope", "goes"),
    [
        ("", Scope.ATTRIBUTES, True),
        ('{"kind": ["paid"]}', Scope.ATTRIBUTES, True),
        ('{"kind": ["open"]}', Scope.ATTRIBUTES, False),
        ('{"n": [{"numeric": [">", 5]}]}', Scope.ATTRIBUTES, True),
        ('{"secret": [{"exists": true}]}', Scope.ATTRIBUTES, False),
        ('{"order": {"sum": [12]}}', Scope.BODY, True),
        ('{"order": {"sum": [13]}}', Scope.BODY, False),
    ],
)
async def test_a_filter_lets_through_what_snss_would(world: World, policy: str, scope: Scope, goes: bool) -> None:
    await subscribe(world, filter_policy=policy, filter_scope=scope)
    attributes = {"kind": Attribute("String", "paid"), "n": Attribute("Number.int", "7"), "secret": Attribute("Binary", "AAA=")}

    await publish(world, '{"order": {"sum": 12}}', attributes=attributes)

    assert bool(sent(world)) == goes


async def test_a_message_is_read_once_however_many_filters_look_at_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: a thousand policies about bodies, and a message of 256 KB."""
    read: list[str] = []
    monkeypatch.setattr(_policy, "read_event", lambda text: read.append(text) or read_event(text))
    for number in range(5):
        await subscribe(world, destination=f"out{number}", filter_policy='{"n": [1]}', filter_scope=Scope.BODY)

    await publish(world, '{"n": 1}')
    await publish(world, "no JSON")

    assert (len(sent(world)), read) == (5, ['{"n": 1}', "no JSON"])


async def test_a_filter_is_refused_in_snss_words(world: World) -> None:
    with pytest.raises(InvalidInput, match="Invalid parameter: FilterPolicy: "):
        await subscribe(world, filter_policy='{"a": "b"}')


async def test_a_stranger_gets_nothing_before_he_has_confirmed(world: World) -> None:
    subscription = await subscribe(world, Kind.MAIL, ADA)
    await publish(world)
    assert (subscription.state, sent(world)) == (State.PENDING, [])

    confirmed = await world.topics.confirm(OURS, token_in(world))
    again = await world.topics.confirm(OURS, token_in(world))
    await publish(world)

    assert confirmed.state is State.CONFIRMED
    assert again == confirmed
    assert sent(world) == [ADA]


async def test_a_mail_is_the_text_with_a_subject(world: World) -> None:
    await subscribe(world, Kind.MAIL, ADA, verified=True)

    await publish(world)
    await publish(world, subject="New")

    assert [delivery.headers for delivery in world.outbound.kept.values()] == [
        (("x-subject", "Message of Orders"),),
        (("x-subject", "New"),),
    ]
    assert {delivery.body for delivery in world.outbound.kept.values()} == {b"hello"}


async def test_a_verified_member_is_not_asked(world: World) -> None:
    assert (await subscribe(world, Kind.MAIL, ADA, verified=True)).state is State.CONFIRMED
    assert not world.outbound.kept


@pytest.mark.parametrize("token", ["", "x", ".", "{id}", "{id}.", "{id}.AAAA", "\0"])
async def test_nobody_confirms_by_guessing(world: World, token: str) -> None:
    subscription = await subscribe(world, Kind.MAIL, ADA)

    with pytest.raises(NotFound):
        await world.topics.confirm(OURS, token.replace("{id}", subscription.subscription_id))


async def test_no_other_account_confirms(world: World) -> None:
    await subscribe(world, Kind.MAIL, ADA)

    with pytest.raises(NotFound):
        await world.topics.confirm(THEIRS, token_in(world))


async def test_the_store_does_not_hold_the_token(world: World) -> None:
    subscription = await subscribe(world, Kind.MAIL, ADA)

    held = await world.subscribed.subscription(OURS, subscription.subscription_id)

    assert held is not None
    assert token_in(world).partition(".")[2] not in str(held.stored.body)


async def test_who_answers_too_late_is_asked_again(world: World) -> None:
    await subscribe(world, Kind.MAIL, ADA)
    token = token_in(world)
    world.clock.seconds += CONFIRM_WITHIN_MS / 1_000

    with pytest.raises(NotFound, match="expired"):
        await world.topics.confirm(OURS, token)

    before = set(world.outbound.kept)
    assert (await subscribe(world, Kind.MAIL, ADA)).state is State.PENDING
    assert len(world.outbound.kept.keys() - before) == 1


async def test_nobody_is_mailed_again_and_again(world: World) -> None:
    """The attack: subscribing a stranger's address over and over."""
    first = await subscribe(world, Kind.MAIL, ADA)

    for _ in range(5):
        assert await subscribe(world, Kind.MAIL, ADA) == first

    assert len(world.outbound.kept) == 1


async def test_nobody_is_mailed_again_and_again_by_who_ends_what_is_not_confirmed(world: World) -> None:
    """The attack: subscribing and unsubscribing a stranger's address by turns."""
    for _ in range(MAX_ASKED):
        await world.topics.unsubscribe(OURS, (await subscribe(world, Kind.MAIL, ADA)).subscription_id)

    with pytest.raises(ResourceExhausted, match="asked 3 times"):
        await subscribe(world, Kind.MAIL, ADA)
    world.clock.seconds += CONFIRM_WITHIN_MS / 1_000 + 1
    assert (await subscribe(world, Kind.MAIL, ADA)).state is State.PENDING


async def test_an_account_asks_so_many_strangers_and_no_more(world: World) -> None:
    """The attack: mailing the world in the name of confirmations, which are ended at once to leave no trace."""
    for n in range(MAX_ASKED_BY_ACCOUNT):
        await world.topics.unsubscribe(OURS, (await subscribe(world, Kind.MAIL, f"a{n}@example.com")).subscription_id)

    with pytest.raises(ResourceExhausted, match="1,000 addresses were asked"):
        await subscribe(world, Kind.MAIL, ADA)
    world.clock.seconds += CONFIRM_WITHIN_MS / 1_000 + 1
    assert (await subscribe(world, Kind.MAIL, ADA)).state is State.PENDING


async def test_an_address_is_one_however_it_is_written(world: World) -> None:
    first = await subscribe(world, Kind.MAIL, ADA)

    assert await subscribe(world, Kind.MAIL, ADA.upper()) == first


async def test_a_mail_whose_token_has_expired_is_not_sent_any_more(world: World) -> None:
    await subscribe(world, Kind.MAIL, ADA)

    (mail,) = world.outbound.kept.values()
    assert mail.max_age_ms == CONFIRM_WITHIN_MS


async def test_a_mail_that_was_not_taken_leaves_no_subscription(world: World) -> None:
    world.outbound.failures = 1
    with pytest.raises(Unavailable):
        await subscribe(world, Kind.MAIL, ADA)

    await subscribe(world, Kind.MAIL, ADA)

    assert token_in(world)


async def test_who_was_never_asked_since_a_process_was_killed_is_asked_by_the_next_try(world: World) -> None:
    await subscribe(world, Kind.MAIL, ADA)
    world.outbound.kept.clear()  # as if it had been killed between the two writes

    await subscribe(world, Kind.MAIL, ADA)

    assert (await world.topics.confirm(OURS, token_in(world))).state is State.CONFIRMED


async def test_another_accounts_endpoint_is_not_there(world: World) -> None:
    await world.topics.put(THEIRS, "orders", "")

    with pytest.raises(InvalidInput, match="endpoint"):
        await world.topics.subscribe(THEIRS, NewSubscription("orders", Kind.WEBHOOK, ENDPOINT))


async def test_a_destination_gets_a_message_once_with_its_newest_options(world: World) -> None:
    first = await subscribe(world)
    second = await subscribe(world, raw=True)

    await publish(world)

    assert (second.subscription_id, second.options.raw) == (first.subscription_id, True)
    assert [delivery.body for delivery in world.outbound.kept.values()] == [b"hello"]


async def test_who_has_ended_it_gets_no_more(world: World) -> None:
    subscription = await subscribe(world)
    with pytest.raises(NotFound):
        await world.topics.unsubscribe(THEIRS, subscription.subscription_id)

    await world.topics.unsubscribe(OURS, subscription.subscription_id)
    await publish(world)

    assert sent(world) == []


async def test_a_repeated_request_is_one_message(world: World) -> None:
    await subscribe(world)

    first, again = await publish(world, request_id="7"), await publish(world, request_id="7")

    assert first == again
    assert len(world.outbound.kept) == 1


async def test_a_publish_that_broke_off_is_ended_by_its_repetition(world: World) -> None:
    for number in range(150):
        await subscribe(world, destination=f"d{number}")
    world.outbound.failures = 1
    with pytest.raises(Unavailable):
        await publish(world, request_id="7")

    await publish(world, request_id="7")

    assert len(world.outbound.kept) == 150


async def test_large_messages_are_handed_on_in_parts(world: World) -> None:
    for number in range(50):
        await subscribe(world, destination=f"d{number}", raw=True)

    await publish(world, "x" * MAX_MESSAGE_BYTES)

    assert len(world.outbound.kept) == 50
    assert world.outbound.asked >= 50 * MAX_MESSAGE_BYTES / MAX_PART_BYTES


WRONG: dict[str, dict[str, Any]] = {
    "message": {"text": ""},
    "message ": {"text": "x" * (MAX_MESSAGE_BYTES + 1)},
    "message  ": {"text": '"' * 200_000},
    "subject": {"subject": "a\r\nBcc: all@example.com"},
    "subject ": {"subject": "a" * 101},
    "request_id": {"request_id": ""},
    "attributes": {"attributes": {f"a{n}": Attribute("String", "x") for n in range(11)}},
    "attributes ": {"attributes": {"AWS.x": Attribute("String", "x")}},
    "attributes  ": {"attributes": {"a..b": Attribute("String", "x")}},
    "attributes   ": {"attributes": {"a": Attribute("Text", "x")}},
    "attributes    ": {"attributes": {"a": Attribute("Number", "x")}},
    "attributes     ": {"attributes": {"a": Attribute("Binary", "x")}},
    "attributes      ": {"attributes": {"a": Attribute("String.Array", "x")}},
    "attributes       ": {"attributes": {"a": Attribute("String", "")}},
}


@pytest.mark.parametrize("field", WRONG)
async def test_what_is_wrong_with_a_message_is_named(world: World, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await world.topics.publish(OURS, NewMessage(**({"topic": "orders", "text": "x"} | WRONG[field])))

    assert [violation.field for violation in refused.value.violations] == [field.strip()]


async def test_a_topic_of_another_account_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await world.topics.publish(THEIRS, NewMessage("orders", "x"))
    with pytest.raises(NotFound):
        await world.topics.delete(THEIRS, "orders")
    assert (await world.topics.list(THEIRS, page_size=0, page_token="")).topics == ()


async def test_a_topic_goes_when_nobody_subscribes(world: World) -> None:
    subscription = await subscribe(world)
    with pytest.raises(FailedPrecondition):
        await world.topics.delete(OURS, "orders")

    await world.topics.unsubscribe(OURS, subscription.subscription_id)
    await world.topics.delete(OURS, "orders")

    with pytest.raises(NotFound):
        await publish(world)


@pytest.mark.parametrize(("name", "display"), [("a b", ""), ("", ""), ("a", "x\n"), ("a", "x" * 101)])
async def test_a_topic_that_can_not_be_is_refused(world: World, name: str, display: str) -> None:
    with pytest.raises(InvalidInput):
        await world.topics.put(OURS, name, display)


async def test_an_account_has_so_many_topics_and_no_more(world: World) -> None:
    for number in range(1, MAX_TOPICS):
        await world.subscribed.insert(Topic(OURS, f"t{number}", "", 1, number))

    with pytest.raises(ResourceExhausted):
        await world.topics.put(OURS, "more", "")


async def test_a_topic_has_so_many_subscriptions_and_no_more(world: World) -> None:
    for number in range(MAX_SUBSCRIPTIONS):
        await world.subscribed.subscribe(Subscription(f"s{number}", OURS, "orders", Kind.KAFKA, f"d{number}", State.CONFIRMED, 1, number))

    with pytest.raises(ResourceExhausted):
        await subscribe(world)


async def test_lists_come_in_pages(world: World) -> None:
    made = [await subscribe(world, destination=f"d{number}") for number in range(3)]

    first = await world.topics.subscriptions(OURS, "orders", page_size=2, page_token="")
    second = await world.topics.subscriptions(OURS, "orders", page_size=2, page_token=first.next_token or "")

    assert sorted(each.destination for each in (*first.subscriptions, *second.subscriptions)) == [each.destination for each in made]
    for size, token in ((-1, ""), (1_001, ""), (0, "x")):
        with pytest.raises(InvalidInput):
            await world.topics.subscriptions(OURS, "orders", page_size=size, page_token=token)
        with pytest.raises(InvalidInput):
            await world.topics.list(OURS, page_size=size, page_token=token)
