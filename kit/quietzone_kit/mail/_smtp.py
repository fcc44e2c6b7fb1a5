"""SMTP, by aiosmtplib: a connection for each message, since they are few."""

import asyncio
import re
import ssl

import aiosmtplib

from quietzone_kit.mail import Mail, MailFailed, MailRefused, MailUnavailable, Taken
from quietzone_kit.mail._message import bytes_of, sender_of
from quietzone_kit.urls import CredentialsUnreadable, InvalidUrl, ServerUrl, split

PORTS = {"smtp": 587, "smtps": 465}
"""RFC 6409 and RFC 8314."""

WITHIN_S = 15.0
"""For connection, TLS, login and message: servers that check as they take need seconds."""

PERMANENT = 500
"""Replies from here on say that the same message is refused again (RFC 5321, 4.2.1)."""

ACCEPTED = 250

NO_SUCH_MAILBOX = frozenset({550, 551, 553})
"""Answers to RCPT that say so (RFC 5321, 4.2.3), unless an enhanced code tells more."""
_NO_SUCH_MAILBOX = re.compile(r"5\.(?:1\.(?:1|2|3|6|10)|2\.1)\b")
"""Enhanced codes of an address that is none (RFC 3463, RFC 7505): not 5.7, by which a server says that it doesn't like us."""
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")

NOT_LET_IN = frozenset({530, 534, 535, 538})
"""Who we are is refused, not the message (RFC 4954)."""


class SmtpMailer:
    """Hands messages to one server."""

    def __init__(self, url: str, sender: str) -> None:
        scheme = split(url).scheme
        self._url = ServerUrl.parse(url, default_port=PORTS[scheme], options=["tls"])
        tls = self._url.options.get("tls", "starttls")
        if scheme == "smtps" and "tls" in self._url.options:
            raise InvalidUrl("smtps:// is encrypted from the first byte: leave tls out")
        if tls not in ("starttls", "none"):
            raise InvalidUrl(f"tls={tls}: use tls=starttls or tls=none")
        if len(self._url.hosts) != 1 or self._url.path:
            raise InvalidUrl("one host, and no path; use smtp://host:587")
        self._is_plain = tls == "none"
        if self._is_plain and self._url.user:
            raise InvalidUrl("a password would be sent in the clear: leave the user out, or use tls=starttls")
        self._is_tls = scheme == "smtps"
        sender_of(sender)
        self._sender = sender

    async def send(self, mail: Mail) -> Taken:
        """Hand a message over."""
        message = bytes_of(mail, self._sender)
        host, port = self._url.hosts[0]
        try:
            async with asyncio.timeout(WITHIN_S):
                _, said = await aiosmtplib.send(
                    message,
                    sender=sender_of(self._sender)[1],
                    recipients=[mail.to],
                    hostname=host,
                    port=port,
                    username=self._url.user,
                    password=self._url.password() if self._url.user else None,
                    use_tls=self._is_tls,
                    start_tls=not (self._is_tls or self._is_plain),
                    tls_context=self._context(),
                    timeout=WITHIN_S,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            raise _meaning(refused.code, refused.message, self._url.shown, is_recipient=True) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _meaning(error.code, error.message, self._url.shown) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError, CredentialsUnreadable) as error:
            raise MailUnavailable(f"{self._url.shown}: {str(error) or f'no answer within {WITHIN_S:g} s'}") from error
        return Taken(ACCEPTED, said)

    async def close(self) -> None:
        """Nothing is open between messages."""

    def _context(self) -> ssl.SSLContext | None:
        return None if self._is_plain else self._url.tls()


def _meaning(code: int, said: str, shown: str, *, is_recipient: bool = False) -> MailFailed:
    """What a refusal means; the server's words stay out of the message, they may hold the address."""
    if code in NOT_LET_IN:
        return MailUnavailable(f"{shown}: the server doesn't let us in ({code}): look at user and password_file", status=code, said=said)
    message = f"{shown}: the server answers {code}"
    if code < PERMANENT:
        return MailUnavailable(message, status=code, said=said)
    is_enhanced = _ENHANCED.match(said) is not None
    is_address = _NO_SUCH_MAILBOX.match(said) is not None if is_enhanced else code in NO_SUCH_MAILBOX
    return MailRefused(message, status=code, said=said, is_address=is_recipient and is_address)
