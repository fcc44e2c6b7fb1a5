"""A message in the form in which it is sent (RFC 5322, MIME)."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

from quietzone_kit.mail import InvalidAddress, Mail, check_address


def sender_of(text: str) -> tuple[str, str]:
    """Name and address of a sender; the name may be empty. Raises ValueError."""
    if not text.isprintable():
        raise InvalidAddress("an e-mail address with a line's end in it: that would begin another header")
    name, address = parseaddr(text)
    return name, check_address(address)


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """The message."""
    _, address = sender_of(sender)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Message-ID"] = f"<{mail.message_id}@{address.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message
