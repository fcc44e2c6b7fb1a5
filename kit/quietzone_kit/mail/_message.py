"""A message in the form in which it is sent (RFC 5322, MIME).

Headers are written here and not by `email.message`: that unfolds and folds what it is given, and on the way a name in quotes loses them
and becomes a second sender, and a long URL becomes encoded words.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from quietzone_kit.mail import InvalidAddress, Mail, check_address

POLICY = SMTP.clone(cte_type="7bit")  # not every server takes 8 bits

LINE_END = "\r\n"


def sender_of(text: str) -> tuple[str, str]:
    """Name and address of a sender; the name may be empty. Raises ValueError."""
    if not text.isprintable():
        raise InvalidAddress("an e-mail address with a line's end in it: that would begin another header")
    name, address = parseaddr(text)
    return name, check_address(address)


def bytes_of(mail: Mail, sender: str) -> bytes:
    """The message as it goes over the line, in ASCII."""
    body = EmailMessage(policy=POLICY)
    body.set_content(mail.text)
    body.add_alternative(mail.html, subtype="html")
    for attachment in mail.attachments:
        kind, _, subtype = attachment.media_type.partition("/")
        body.add_attachment(attachment.data, maintype=kind, subtype=subtype, filename=attachment.name)
    head = "".join(f"{name}: {value}{LINE_END}" for name, value in _headers(mail, sender))
    return head.encode("ascii") + body.as_bytes()


def _headers(mail: Mail, sender: str) -> Iterator[tuple[str, str]]:
    name, address = sender_of(sender)
    name = mail.from_name or name
    yield "From", f"{_phrase(name)} <{address}>" if name else address
    yield "To", mail.to
    if mail.reply_to:
        yield "Reply-To", mail.reply_to
    yield "Subject", _encoded(mail.subject)
    yield "Message-ID", f"<{mail.message_id}@{address.partition('@')[2]}>"
    if mail.at_ms is not None:
        yield "Date", format_datetime(datetime.fromtimestamp(mail.at_ms // 1_000, UTC))
    yield "Auto-Submitted", "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    if mail.unsubscribe_url:
        yield "List-Unsubscribe", f"<{mail.unsubscribe_url}>"
        if mail.unsubscribe_url.startswith("https://"):  # RFC 8058, 3.1: one click goes by https only
            yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def _phrase(name: str) -> str:
    """A name as it stands before an address: in quotes, since it may have what parts addresses."""
    if not name.isascii():
        return _encoded(name)
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _encoded(text: str) -> str:
    """ASCII as it is, in one line, since it has at most 200 characters of 998; else encoded words (RFC 2047), one a line."""
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=75).encode(linesep=LINE_END)
