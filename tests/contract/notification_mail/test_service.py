"""MailService as others meet it, by gRPC, on every store."""

import json
from typing import Any

import pytest
from contract.notification_mail.world import ACCOUNT, ADA, NOTICE, OTHER, Service, World, delivery, part, served, token_in, wrong

from quietzone.notification.v1 import delivery_pb2, mail_pb2
from quietzone_kit.errors import (
    FailedPrecondition,
    InvalidInput,
    NotFound,
    PermissionDenied,
)
from quietzone_notification.delivery.deliveries.repository import DELIVERIES
from quietzone_notification.delivery.domain import State
from quietzone_notification.mail.kinds import HOUSE, OPTIONAL


def new(**more: Any) -> mail_pb2.SendMailRequest:
    given = {"to": ADA, "kind": "security", "template": "notice", "data": json.dumps(NOTICE), "idempotency_key": "k1"}
    return mail_pb2.SendMailRequest(**given | more)


async def send(service: Service, **more: Any) -> str:
    return str((await service.as_part(service.mail.SendMail, new(**more))).delivery_id)


# SendMail


async def test_a_mail_of_the_house_arrives_and_is_in_no_account_s_log(world: World, service: Service) -> None:
    delivery_id = await send(service)
    async with world.sending():
        ended = await world.ended(delivery_id, HOUSE)

    (message,) = world.mailbox.messages()
    assert (ended.state, str(message["Subject"])) == (State.DELIVERED, "Choose a new password")
    assert NOTICE["link"] in part(message, "plain")
    assert "&lt;link&gt;" in part(message, "html")
    assert "List-Unsubscribe" not in message
    with pytest.raises(NotFound):
        await service.call(service.deliveries.GetDelivery, delivery_pb2.GetDeliveryRequest(delivery_id=delivery_id))


async def test_what_a_mail_of_the_house_says_is_sealed_in_the_store(world: World, service: Service) -> None:
    await send(service)

    (stored,) = (await world.documents.scan(DELIVERIES, limit=10)).items
    assert b"opensesame" not in bytes(stored.body["body"])  # type: ignore[arg-type] # bytes
    assert b"Choose" not in bytes(stored.body["body"])  # type: ignore[arg-type] # bytes


async def test_what_was_sealed_for_one_mail_is_not_opened_for_another(world: World, service: Service) -> None:
    await send(service)
    (stored,) = (await world.documents.scan(DELIVERIES, limit=10)).items
    headers = (("x-mail-kind", "security"), ("x-mail-template", "notice"))
    forged = delivery("forged", account_id=HOUSE, cause="mail:security", body=bytes(stored.body["body"]), headers=headers)  # type: ignore[arg-type] # bytes

    (ended,) = await world.sent(forged)

    assert ended.state is State.DROPPED


async def test_a_mail_of_an_account_is_in_its_log_and_can_be_left(world: World, service: Service) -> None:
    delivery_id = await send(service, kind="weekly-summary", account_id=ACCOUNT)
    async with world.sending():
        await world.ended(delivery_id)

    found = (await service.call(service.deliveries.GetDelivery, delivery_pb2.GetDeliveryRequest(delivery_id=delivery_id))).delivery
    assert (found.cause, found.attempts[0].status, found.attempts[0].answer) == ("mail:weekly-summary", 250, "taken")
    assert "List-Unsubscribe" in world.mailbox.messages()[0]


async def test_the_same_key_again_is_the_same_mail(world: World, service: Service) -> None:
    first, again = await send(service), await send(service, data=json.dumps(NOTICE | {"subject": "Another"}))
    async with world.sending():
        await world.ended(first, HOUSE)

    assert first == again
    assert len(world.mailbox.taken) == 1


async def test_a_mail_of_the_house_goes_to_an_address_that_an_account_has_suppressed(world: World, service: Service) -> None:
    await service.call(service.mail.PutSuppression, mail_pb2.PutSuppressionRequest(address=ADA))
    delivery_id = await send(service)
    async with world.sending():
        ended = await world.ended(delivery_id, HOUSE)

    assert ended.state is State.DELIVERED


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"to": "ada@example.com\r\nBcc: eve@example.com"}, "to"),
        ({"to": ""}, "to"),
        ({"kind": "spam"}, "kind"),
        ({"kind": "confirmation"}, "kind"),
        ({"kind": "messages", "account_id": ACCOUNT}, "kind"),
        ({"kind": "created"}, "kind"),
        ({"kind": "security", "account_id": ACCOUNT}, "kind"),
        ({"kind": "created", "account_id": HOUSE}, "account_id"),
        ({"kind": "created", "account_id": "a b"}, "account_id"),
        ({"template": "../notice"}, "template"),
        ({"template": "nothing"}, "template"),
        ({"template": ""}, "template"),
        ({"data": "[]"}, "data"),
        ({"data": "{"}, "data"),
        ({"data": '{"a": ' + "[" * 100 + "]" * 100 + "}"}, "data"),
        ({"data": '{"a": "' + "x" * 70_000 + '"}'}, "data"),
        ({"data": "{}"}, "data"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "x" * 129}, "idempotency_key"),
    ],
)
async def test_what_is_no_mail_is_refused_by_its_field(service: Service, more: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await send(service, **more)

    assert wrong(refused.value) == {field}


async def test_no_account_sends_mails_of_the_house_or_takes_people_s_words(service: Service) -> None:
    with pytest.raises(PermissionDenied):
        await service.call(service.mail.SendMail, new())
    with pytest.raises(PermissionDenied):
        await service.call(service.mail.Unsubscribe, mail_pb2.MailServiceUnsubscribeRequest())


# Unsubscribing


async def test_who_clicks_gets_no_more_of_that_kind_and_is_listed(world: World, service: Service) -> None:
    await world.sent(delivery("one"))
    request = mail_pb2.MailServiceUnsubscribeRequest(token=token_in(world.mailbox.messages()[0]))
    first = await service.as_part(service.mail.Unsubscribe, request)
    again = await service.as_part(service.mail.Unsubscribe, request)

    (found,) = (await service.call(service.mail.ListSuppressions, mail_pb2.ListSuppressionsRequest())).suppressions
    assert first == again == mail_pb2.MailServiceUnsubscribeResponse(kind="events")
    assert (found.address, found.kind, found.reason) == (ADA, "events", mail_pb2.SUPPRESSION_REASON_UNSUBSCRIBED)


@pytest.mark.parametrize("token", ["", "x", "1.2.3", "1..", "ü", "1.aaaaaaaa.AAAA", "a" * 5_000, "1.0.\n"])
async def test_what_is_no_token_is_not_found(service: Service, token: str) -> None:
    with pytest.raises(NotFound):
        await service.as_part(service.mail.Unsubscribe, mail_pb2.MailServiceUnsubscribeRequest(token=token))


async def test_without_a_key_nobody_s_word_can_be_taken(world: World, tmp_path: Any) -> None:
    async with served(World(world.documents, world.mailbox, keys=()), tmp_path) as service:
        with pytest.raises(FailedPrecondition):
            await service.as_part(service.mail.Unsubscribe, mail_pb2.MailServiceUnsubscribeRequest())


# Suppressions


async def test_suppressions_are_put_listed_in_pages_and_lifted(service: Service) -> None:
    addresses = [f"ada{n}@example.com" for n in range(3)]
    for address in addresses:
        await service.call(service.mail.PutSuppression, mail_pb2.PutSuppressionRequest(address=address, detail="asked us"))
    listed: list[str] = []
    page_token = ""
    while True:
        request = mail_pb2.ListSuppressionsRequest(page_size=2, page_token=page_token)
        page = await service.call(service.mail.ListSuppressions, request)
        listed += [each.address for each in page.suppressions]
        if not (page_token := page.next_page_token):
            break
    for address in addresses:
        await service.call(service.mail.DeleteSuppression, mail_pb2.DeleteSuppressionRequest(address=address))

    assert sorted(listed) == addresses
    assert not (await service.call(service.mail.ListSuppressions, mail_pb2.ListSuppressionsRequest())).suppressions
    with pytest.raises(NotFound):
        await service.call(service.mail.DeleteSuppression, mail_pb2.DeleteSuppressionRequest(address=ADA))


async def test_a_suppression_that_is_there_stays_as_it_was(service: Service) -> None:
    first = await service.call(service.mail.PutSuppression, mail_pb2.PutSuppressionRequest(address=ADA, detail="first"))
    again = await service.call(service.mail.PutSuppression, mail_pb2.PutSuppressionRequest(address=ADA, detail="second"))

    assert again.suppression == first.suppression


@pytest.mark.parametrize(
    ("more", "field"),
    [({"address": "x"}, "address"), ({"kind": "security"}, "kind"), ({"kind": "x"}, "kind"), ({"detail": "a\nb"}, "detail")],
)
async def test_what_is_no_suppression_is_refused_by_its_field(service: Service, more: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await service.call(service.mail.PutSuppression, mail_pb2.PutSuppressionRequest(**{"address": ADA} | more))

    assert wrong(refused.value) == {field}


@pytest.mark.parametrize("more", [{"page_size": 1_001}, {"page_size": -1}, {"page_token": "x"}])
async def test_a_page_that_can_t_be_is_refused(service: Service, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await service.call(service.mail.ListSuppressions, mail_pb2.ListSuppressionsRequest(**more))


# Preferences


async def prefers(service: Service, **wanted: bool) -> dict[str, bool]:
    preferences = mail_pb2.Preferences(address=ADA, wanted={kind.replace("_", "-"): wants for kind, wants in wanted.items()})
    answer = await service.call(service.mail.PutPreferences, mail_pb2.PutPreferencesRequest(preferences=preferences))
    return dict(answer.preferences.wanted)


async def gets(service: Service, account_id: str = ACCOUNT) -> dict[str, bool]:
    answer = await service.call(service.mail.GetPreferences, mail_pb2.GetPreferencesRequest(address=ADA), account_id)
    return dict(answer.preferences.wanted)


async def test_who_has_said_nothing_gets_what_the_house_has(service: Service) -> None:
    assert await gets(service) == dict.fromkeys(OPTIONAL, True)


async def test_what_a_person_wants_replaces_what_he_wanted_before_in_one_account(service: Service) -> None:
    await prefers(service, created=False, milestone=False)
    told = await prefers(service, milestone=False)

    assert told == await gets(service) == {**dict.fromkeys(OPTIONAL, True), "milestone": False}
    assert await gets(service, OTHER) == dict.fromkeys(OPTIONAL, True)


async def test_who_wants_something_after_he_has_left_all_gets_that_alone(world: World, service: Service) -> None:
    await world.sent(delivery("one"))
    token = token_in(world.mailbox.messages()[0])
    await service.as_part(service.mail.Unsubscribe, mail_pb2.MailServiceUnsubscribeRequest(token=token, all_kinds=True))
    left = await gets(service)

    told = await prefers(service, created=True)

    assert left == dict.fromkeys(OPTIONAL, False)
    assert told == {**dict.fromkeys(OPTIONAL, False), "created": True}


async def test_no_wish_lifts_what_a_server_or_the_account_has_said(service: Service) -> None:
    await service.call(service.mail.PutSuppression, mail_pb2.PutSuppressionRequest(address=ADA))

    await prefers(service, created=True)

    assert len((await service.call(service.mail.ListSuppressions, mail_pb2.ListSuppressionsRequest())).suppressions) == 1


@pytest.mark.parametrize(("address", "kind"), [("x", "created"), (ADA, "security"), (ADA, "x")])
async def test_what_nobody_can_want_is_refused(service: Service, address: str, kind: str) -> None:
    preferences = mail_pb2.Preferences(address=address, wanted={kind: True})

    with pytest.raises(InvalidInput):
        await service.call(service.mail.PutPreferences, mail_pb2.PutPreferencesRequest(preferences=preferences))
