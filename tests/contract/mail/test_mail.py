"""What every mailer does, over stdout and over SMTP; and what SMTP refuses."""

import asyncio
import email
import email.policy
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from contract.rpc.authority import Authority

from quietzone_kit.mail import InvalidAddress, Mail, Mailer, MailRefused, MailUnavailable, Taken, check_address, open_mail

SENDER = "Quietzone <codes@example.com>"
MAIL = Mail("ada@example.com", "Grüße", "Hello: https://example.com/#token=1\n", "<p>Hello</p>", "verify.1")


@dataclass
class Desk:
    """An SMTP server's view of what it takes; `refusal` is what it answers to a recipient."""

    taken: list[Envelope] = field(default_factory=list)
    refusal: str = ""

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        return "250 taken"


class Place(Protocol):
    """Where a mailer's messages can be seen."""

    mailer: Mailer

    def seen(self) -> str:
        """Header lines and text of all messages."""


@pytest.fixture
async def desk() -> Desk:
    return Desk()


@asynccontextmanager
async def listening(desk: Desk, **options: Any) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(desk, **options), "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def port(desk: Desk) -> AsyncIterator[int]:
    async with listening(desk) as port:
        yield port


@dataclass
class Printed:
    mailer: Mailer
    out: pytest.CaptureFixture[str]

    def seen(self) -> str:
        return self.out.readouterr().out


@dataclass
class Sent:
    mailer: Mailer
    desk: Desk

    def seen(self) -> str:
        messages = [message(envelope) for envelope in self.desk.taken]
        return "\n".join(f"{name}: {value}" for each in messages for name, value in each.items()) + "".join(map(text_of, messages))


@pytest.fixture(params=["print", "smtp"])
async def place(request: pytest.FixtureRequest, desk: Desk, port: int, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Place]:
    url = "print://" if request.param == "print" else f"smtp://127.0.0.1:{port}?tls=none"
    mailer = open_mail(url, sender=SENDER)
    yield Printed(mailer, capsys) if request.param == "print" else Sent(mailer, desk)
    await mailer.close()


def message(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.content, bytes)
    return email.message_from_bytes(envelope.content, policy=email.policy.default)  # type: ignore[return-value]


def text_of(of: EmailMessage) -> str:
    body = of.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_a_message_has_sender_receiver_subject_and_text(place: Place) -> None:
    await place.mailer.send(MAIL)

    seen = place.seen()
    for part in (SENDER, MAIL.to, MAIL.subject, MAIL.text.strip()):
        assert part in seen


async def test_a_message_that_is_sent_again_has_the_same_id(place: Place) -> None:
    await place.mailer.send(MAIL)
    await place.mailer.send(MAIL)

    ids = re.findall(r"Message-ID: (\S+)", place.seen())
    assert len(ids) == 2
    assert len(set(ids)) == 1


async def test_a_message_has_a_plain_and_an_html_form(desk: Desk, port: int) -> None:
    await open_mail(f"smtp://127.0.0.1:{port}?tls=none", sender=SENDER).send(MAIL)

    parts = [part.get_content_type() for part in message(desk.taken[0]).iter_parts()]
    assert parts == ["text/plain", "text/html"]
    assert (desk.taken[0].mail_from, desk.taken[0].rcpt_tos) == ("codes@example.com", ["ada@example.com"])


@pytest.mark.parametrize(
    "address",
    ["ada@example.com\r\nBcc: eve@example.com", "ada@example.com,eve@example.com", "ada@localhost", "@x.y", "a b@x.y", "", "a" * 300],
)
def test_header_injection_by_an_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidAddress):
        check_address(address)


@pytest.mark.parametrize("subject", ["Hello\r\nBcc: eve@example.com", "Hello\nX: y", "", "x" * 201])
def test_header_injection_by_a_subject_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        replace(MAIL, subject=subject)


@pytest.mark.parametrize(("refusal", "kind"), [("550 no such user", MailRefused), ("451 later", MailUnavailable)])
async def test_a_refusal_says_whether_to_try_again_and_no_address(desk: Desk, port: int, refusal: str, kind: type[Exception]) -> None:
    desk.refusal = refusal

    with pytest.raises(kind) as caught:
        await open_mail(f"smtp://127.0.0.1:{port}?tls=none", sender=SENDER).send(MAIL)
    assert MAIL.to not in str(caught.value)


@pytest.mark.parametrize(
    ("refusal", "is_address"),
    [
        ("550 no such user", True),
        ("550 5.1.1 no such user", True),
        ("554 5.1.10 null MX", True),
        ("550 5.2.1 mailbox is closed", True),
        ("550 5.7.1 we don't like your network", False),
        ("554 no service for you", False),
        ("552 5.2.2 mailbox is full", False),
    ],
)
async def test_a_refusal_for_good_says_whether_it_is_the_address_and_has_the_server_s_words(
    desk: Desk, port: int, refusal: str, is_address: bool
) -> None:
    desk.refusal = refusal

    with pytest.raises(MailRefused) as caught:
        await open_mail(f"smtp://127.0.0.1:{port}?tls=none", sender=SENDER).send(MAIL)
    assert (f"{caught.value.status} {caught.value.said}", caught.value.is_address) == (refusal, is_address)


async def test_what_was_taken_has_the_server_s_words(port: int) -> None:
    assert await open_mail(f"smtp://127.0.0.1:{port}?tls=none", sender=SENDER).send(MAIL) == Taken(250, "taken")


async def test_a_line_with_a_dot_alone_ends_no_message(desk: Desk, port: int) -> None:
    mail = replace(MAIL, text="one\n.\nMAIL FROM:<eve@example.com>\n")

    await open_mail(f"smtp://127.0.0.1:{port}?tls=none", sender=SENDER).send(mail)

    assert [text_of(message(envelope)).replace("\r\n", "\n") for envelope in desk.taken] == [mail.text]


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(MailUnavailable, match=r"smtp://127\.0\.0\.1:1"):
        await open_mail("smtp://127.0.0.1:1", sender=SENDER).send(MAIL)


async def test_a_server_without_encryption_gets_nothing_unless_it_may(desk: Desk, port: int) -> None:
    with pytest.raises(MailUnavailable):
        await open_mail(f"smtp://127.0.0.1:{port}", sender=SENDER).send(MAIL)
    assert desk.taken == []


async def test_a_message_goes_by_starttls_with_a_password_from_a_file(desk: Desk, tmp_path: Path) -> None:
    files = Authority(tmp_path, "authority").certificate("mail")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    (tmp_path / "password").write_text("s3cret\n")

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, data: Any) -> AuthResult:
        fits = isinstance(data, LoginPassword) and (data.login, data.password) == (b"codes", b"s3cret")
        return AuthResult(success=fits, handled=fits)

    async with listening(desk, tls_context=context, require_starttls=True, authenticator=check, auth_required=True) as port:
        url = f"smtp://codes@127.0.0.1:{port}?password_file={tmp_path}/password&ca_file={files.ca}"
        await open_mail(url, sender=SENDER).send(MAIL)

        (tmp_path / "password").write_text("other\n")
        with pytest.raises(MailUnavailable, match="password_file"):
            await open_mail(url, sender=SENDER).send(MAIL)
    assert len(desk.taken) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mail://host", "smtp://host:587"),
        ("smtp://", "no host"),
        ("smtp://host?tls=maybe", "tls=starttls"),
        ("ses://", "no region of AWS"),
        ("ses://eu-central-1/x", "no region of AWS"),
        ("smtp://user@host?tls=none", "in the clear"),
        ("smtps://host?tls=none", "leave tls out"),
        ("smtp://host/path", "no path"),
        ("print://x", "print://"),
    ],
)
def test_a_url_that_makes_no_sense_says_what_would(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        open_mail(url, sender=SENDER)


@pytest.mark.parametrize("sender", ["nobody", "Quietzone <here>", "a@example.com\nBcc: b@example.com"])
def test_a_sender_that_is_none_is_refused(sender: str) -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        open_mail("print://", sender=sender)
