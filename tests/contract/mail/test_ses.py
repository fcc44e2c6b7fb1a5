"""SES as botocore's Stubber has it, which holds requests and answers against AWS's own description: SES itself was never asked."""

import email
import email.policy
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from quietzone_kit.mail import Mail, MailRefused, MailUnavailable, Taken, open_mail
from quietzone_kit.mail._ses import SesMailer

SENDER = "Quietzone <codes@example.com>"
MAIL = Mail("ada@example.com", "Grüße", "Hello\n", "<p>Hello</p>", "verify.1")


@pytest.fixture
async def mailer() -> AsyncIterator[SesMailer]:
    mailer = open_mail("ses://eu-central-1", sender=SENDER)
    assert isinstance(mailer, SesMailer)
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    mailer._made = boto3.client("sesv2", region_name="eu-central-1", **keys)
    yield mailer
    await mailer.close()


async def test_a_message_is_handed_over_as_it_is(mailer: SesMailer) -> None:
    sent: dict[str, Any] = {}
    mailer.client().meta.events.register("provide-client-params.sesv2.SendEmail", lambda params, **_: sent.update(params))
    with Stubber(mailer.client()) as stub:
        answer = {"MessageId": "m-1", "ResponseMetadata": {"HTTPStatusCode": 200}}
        to = {"ToAddresses": ["ada@example.com"]}
        stub.add_response("send_email", answer, {"FromEmailAddress": "codes@example.com", "Destination": to, "Content": ANY})

        assert await mailer.send(MAIL) == Taken(200, "m-1")
    message = email.message_from_bytes(sent["Content"]["Raw"]["Data"], policy=email.policy.default)
    assert (str(message["Subject"]), str(message["To"])) == (MAIL.subject, MAIL.to)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("MessageRejected", MailRefused),
        ("BadRequestException", MailRefused),
        ("TooManyRequestsException", MailUnavailable),
        ("SendingPausedException", MailUnavailable),
        ("AccountSuspendedException", MailUnavailable),
        ("MailFromDomainNotVerifiedException", MailUnavailable),
        ("AccessDeniedException", MailUnavailable),
        ("InternalFailure", MailUnavailable),
    ],
)
async def test_a_refusal_says_whether_to_try_again_and_no_address(mailer: SesMailer, code: str, kind: type[Exception]) -> None:
    with Stubber(mailer.client()) as stub:
        stub.add_client_error("send_email", code, f"not {MAIL.to}", http_status_code=400)

        with pytest.raises(kind) as caught:
            await mailer.send(MAIL)
    assert MAIL.to not in str(caught.value)
    assert isinstance(caught.value, MailRefused | MailUnavailable)
    assert (caught.value.status, caught.value.said) == (400, f"{code}: not {MAIL.to}")


async def test_ses_that_is_not_there_is_unavailable(mailer: SesMailer) -> None:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    mailer._made = boto3.client("sesv2", region_name="eu-central-1", endpoint_url="http://127.0.0.1:1", **keys)

    with pytest.raises(MailUnavailable, match="SES in eu-central-1"):
        await mailer.send(MAIL)
