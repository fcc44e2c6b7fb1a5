"""The gateway's mails over the real MailService: taken once, sealed, and refused or put off as the gateway's tasks know it."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from contract.access.services import CLOCK, NOTIFICATION_COLLECTIONS, RANDOMNESS
from contract.gateway.served import IDENTITY, SETTINGS
from ports import Inline
from unit.notification.world import KeptDeliveries

from quietzone.notification.v1 import mail_pb2_grpc
from quietzone_gateway.identity.mails.carriers import ByNotification, Letter
from quietzone_gateway.identity.mails.texts import Text, Texts
from quietzone_gateway.rpc.notification import MailKind, Mails, Service
from quietzone_kit.documents import open_documents
from quietzone_kit.mail import MailRefused, MailUnavailable
from quietzone_kit.rpc import CallerKeys, Peer, Server
from quietzone_kit.seal import Seal
from quietzone_notification.mail.envelopes import Envelopes
from quietzone_notification.mail.kinds import HOUSE
from quietzone_notification.mail.parts import MailParts
from quietzone_notification.rpc import MailService

TEXTS = Texts("https://qr.example.com", IDENTITY.rules().lifetimes)
RESET = TEXTS.reset("Ada <b>", "opensesame")
KEY = "n" * 32


@dataclass
class Notification:
    """The service with its mails, and the gateway's carrier that hands it letters."""

    carrier: ByNotification
    server: Server
    sent: KeptDeliveries
    seal: Seal


@asynccontextmanager
async def notification(folder: Path, keys: Sequence[str] = (KEY,)) -> AsyncIterator[Notification]:
    documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=RANDOMNESS)
    await documents.ensure(*NOTIFICATION_COLLECTIONS)
    signing, sent = CallerKeys.of(SETTINGS, CLOCK), KeptDeliveries()
    seal = Seal(keys, RANDOMNESS, setting="QUIETZONE_NOTIFICATION_SECRET_KEY", lacks="no mails here")
    server = Server(f"unix:{folder}/n", signing, SETTINGS, not_ready=list)
    desks = MailParts(documents, seal, CLOCK, unsubscribe_url="https://qr.example.com/unsubscribe").desks(sent)
    server.add(mail_pb2_grpc.add_MailServiceServicer_to_server, MailService(desks))
    await server.start()
    peer = Peer("notification", f"unix:{folder}/n", signing, clock=CLOCK, randomness=RANDOMNESS)
    yield Notification(ByNotification(Mails(Service(peer))), server, sent, seal)
    await peer.close()
    await server.stop(0)
    await documents.close()


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Notification]:
    async with notification(tmp_path) as found:
        yield found


def letter(letter_id: str = "task-1", to: str = "ada@example.com", kind: MailKind = MailKind.SECURITY, text: Text = RESET) -> Letter:
    return Letter(letter_id, to, kind, text)


async def test_a_letter_becomes_a_mail_of_the_house_with_what_the_text_says(there: Notification) -> None:
    await there.carrier.carry(letter())

    (delivery,) = there.sent.kept.values()
    said = Envelopes(there.seal).open(json.loads(delivery.body), delivery.id)
    assert (delivery.account_id, delivery.cause, delivery.destination) == (HOUSE, "mail:security", "ada@example.com")
    assert said == {
        "subject": "Choose a new password",
        "paragraphs": list(RESET.paragraphs),
        "link": "https://qr.example.com/reset#token=opensesame",
        "button": "Choose a new password",
    }


async def test_the_link_of_a_letter_lies_sealed_and_is_printed_by_nobody(there: Notification) -> None:
    await there.carrier.carry(letter())

    (delivery,) = there.sent.kept.values()
    assert b"opensesame" not in delivery.body
    assert "opensesame" not in repr(letter())


async def test_a_letter_that_comes_again_is_the_same_mail(there: Notification) -> None:
    for letter_id in ("task-1", "task-1", "task-2"):
        await there.carrier.carry(letter(letter_id))

    assert len(there.sent.kept) == 2


async def test_an_invitation_is_a_mail_of_its_kind(there: Notification) -> None:
    await there.carrier.carry(letter(kind=MailKind.INVITATION, text=TEXTS.invitation("Ours", "editor", "t")))

    assert [each.cause for each in there.sent.kept.values()] == ["mail:invitation"]


@pytest.mark.parametrize("text", [TEXTS.address_changed("Ada"), TEXTS.already("Ada"), TEXTS.key_made("Ada", "till", "qz_1"), RESET])
async def test_every_text_fills_the_template(there: Notification, text: Text) -> None:
    await there.carrier.carry(letter(text=text))

    assert len(there.sent.kept) == 1


async def test_what_notification_refuses_for_good_is_refused_without_the_address(there: Notification) -> None:
    with pytest.raises(MailRefused, match="to: ") as caught:
        await there.carrier.carry(letter(to="ada at example"))

    assert "ada at" not in str(caught.value)


async def test_a_letter_waits_for_a_notification_that_is_away(there: Notification) -> None:
    await there.server.stop(0)

    with pytest.raises(MailUnavailable):
        await there.carrier.carry(letter())


async def test_a_letter_waits_for_a_store_that_is_away(there: Notification) -> None:
    there.sent.failures = 10

    with pytest.raises(MailUnavailable):
        await there.carrier.carry(letter())


async def test_a_letter_waits_for_a_key_that_its_operator_has_yet_to_set(tmp_path: Path) -> None:
    async with notification(tmp_path, keys=()) as there:
        with pytest.raises(MailUnavailable, match="QUIETZONE_NOTIFICATION_SECRET_KEY"):
            await there.carrier.carry(letter())
