"""Mails of a rule as people get them: through the whole service, to a mail server."""

from typing import Any

import pytest
from contract.notification_mail.world import Mailbox, part, token_in
from system.conftest import collect_what_was_cut_off
from system.notification.world import ANNA, CLOCK, put_until_taken, serving

from quietzone.notification.v1 import mail_pb2, mail_pb2_grpc, rule_pb2, rule_service_pb2, rule_service_pb2_grpc
from quietzone_kit.rpc import SCOPE_OPERATOR, Caller
from quietzone_kit.settings import SettingsError, load
from quietzone_notification.app import build_send
from quietzone_notification.settings import SendSettings

ADA = "ada@example.com"


async def test_an_event_becomes_a_mail_whose_reader_leaves_by_its_token(values: dict[str, str], mailbox: Mailbox) -> None:
    async with serving(values) as notification:
        target = rule_pb2.Target(id="t", kind=rule_pb2.DESTINATION_KIND_MAIL, destination=ADA)
        rule = rule_service_pb2.PutRuleRequest(name="orders", pattern='{"source": ["shop"]}', targets=[target], verified_addresses=[ADA])
        await notification.peer.call(rule_service_pb2_grpc.RuleServiceStub(notification.peer.channel).PutRule, rule, caller=ANNA)
        deadline_s = CLOCK.monotonic() + 60
        while not mailbox.taken:
            assert CLOCK.monotonic() < deadline_s, "no mail came"
            await put_until_taken(notification)
            await notification.delivered(0)

        (message, *_) = mailbox.messages()
        assert (str(message["Subject"]), str(message["To"])) == ("Order", ADA)
        assert '"n": 1' in part(message, "plain")
        mails = mail_pb2_grpc.MailServiceStub(notification.peer.channel)
        request = mail_pb2.MailServiceUnsubscribeRequest(token=token_in(message))
        await notification.peer.call(mails.Unsubscribe, request, caller=Caller("", frozenset({SCOPE_OPERATOR})))
        listed: Any = await notification.peer.call(mails.ListSuppressions, mail_pb2.ListSuppressionsRequest(), caller=ANNA)
        assert [(each.address, each.kind) for each in listed.suppressions] == [(ADA, "events")]
    collect_what_was_cut_off()


@pytest.mark.parametrize("url", ["mail://host", "smtp://", "ses://nowhere"])
async def test_a_mail_server_that_makes_no_sense_is_refused_by_its_setting(values: dict[str, str], url: str) -> None:
    with pytest.raises(SettingsError, match="QUIETZONE_NOTIFICATION_MAIL_URL"):
        await build_send(load(SendSettings, values | {"QUIETZONE_NOTIFICATION_MAIL_URL": url}))
    collect_what_was_cut_off()
