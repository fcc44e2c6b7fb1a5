"""A mail server outside the cluster, which keeps what it gets."""

import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from servers.process import free_port


@dataclass(slots=True)
class Mailbox:
    """What came for everybody; `url` is for who sends."""

    url: str = ""
    texts: list[tuple[str, str]] = field(default_factory=list)
    """Receiver and plain text."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        message = email.message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
        body = message.get_body(("plain",))
        self.texts.append((",".join(envelope.rcpt_tos), "" if body is None else str(body.get_content())))
        return "250 kept"


@contextmanager
def mail_server(host: str) -> Iterator[Mailbox]:
    """One that listens there, without encryption, in a thread of its own."""
    mailbox, port = Mailbox(), free_port()
    controller = Controller(mailbox, hostname=host, port=port)
    controller.start()
    mailbox.url = f"smtp://{host}:{port}?tls=none"
    try:
        yield mailbox
    finally:
        controller.stop()
