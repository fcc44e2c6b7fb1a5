"""Mail to people: one message to one address, handed to a server that sends it on. `open_mail` chooses the adapter by the URL's scheme.

A message that was handed over may still not arrive, or arrive twice: whoever needs to know asks the person.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from quietzone_kit.urls import wrong_scheme

MAX_ADDRESS = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3, without its angle brackets)."""

MAX_SUBJECT = 200
MAX_NAME = 100
"""Of a sender's name: what a list of messages shows is shorter."""
MAX_UNSUBSCRIBE_URL = 900
"""Its header is one line of at most 998 characters (RFC 5322, 2.1.1), which must not be folded."""

MAX_ATTACHMENTS = 5
MAX_ATTACHED_BYTES = 5_000_000
"""Of all attachments together: in a mail they grow by a third, and many servers take 10 MB."""

SCHEMES = "smtp://host:587, smtps://host:465, ses://eu-central-1 or print://"

# What browsers take for an address (https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address), with a dot in its domain.
_LABEL = r"[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?"
_ADDRESS = re.compile(rf"[0-9A-Za-z.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+")
_FILE_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")
_MEDIA_TYPE = re.compile(r"[a-z]{1,40}/[a-z0-9.+-]{1,60}")
_UNSUBSCRIBE = re.compile(rf"https?://[!-;=?-~]{{1,{MAX_UNSUBSCRIBE_URL - 8}}}")


class InvalidAddress(ValueError):
    """Not an address that mail can be sent to: says what would do."""


class MailFailed(Exception):
    """A message wasn't taken. `status` is the server's code (None: it gave none), `said` its words, which may hold the address."""

    def __init__(self, message: str, *, status: int | None = None, said: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.said = said


class MailUnavailable(MailFailed):
    """The server doesn't answer, or refuses for now: the same message may well be taken later."""


class MailRefused(MailFailed):
    """The server takes this message neither now nor later: says why, without the address.

    `is_address`: it is the address that it refuses, whatever is sent there.
    """

    def __init__(self, message: str, *, status: int | None = None, said: str = "", is_address: bool = False) -> None:
        super().__init__(message, status=status, said=said)
        self.is_address = is_address


@dataclass(frozen=True, slots=True)
class Taken:
    """A message was handed over: `status` is the server's code (None: it has none), `said` its words."""

    status: int | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message. Its name has letters and digits of ASCII, dots, dashes and underscores."""

    name: str
    media_type: str
    data: bytes

    def __post_init__(self) -> None:
        if not _FILE_NAME.fullmatch(self.name) or not _MEDIA_TYPE.fullmatch(self.media_type):
            raise ValueError(f"{self.name[:100]!r} can't be attached: name it as report.pdf, and its type as application/pdf")


@dataclass(frozen=True, slots=True)
class Mail:
    """A message: plain `text` for every reader, and the same as `html` for those who show that.

    `message_id` is the part of Message-ID before the @: the same for a message that is sent again. `from_name` stands in the place of the
    sender's own, `reply_to` is an address, `unsubscribe_url` becomes List-Unsubscribe (RFC 2369), for https with one click (RFC 8058);
    `at_ms` (Unix) becomes Date, which the server adds otherwise.
    """

    to: str
    subject: str
    text: str
    html: str
    message_id: str
    from_name: str = ""
    reply_to: str = ""
    unsubscribe_url: str = ""
    at_ms: int | None = None
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        check_address(self.to)
        if not self.subject or not is_header_text(self.subject, MAX_SUBJECT):
            raise ValueError(f"a subject has 1 to {MAX_SUBJECT} printable characters: a line's end in it would begin another header")
        if not re.fullmatch(r"[0-9A-Za-z.-]{1,100}", self.message_id):
            raise ValueError("a message id has 1 to 100 letters, digits, dots and dashes")
        if not is_header_text(self.from_name, MAX_NAME):
            raise ValueError(f"a sender's name has at most {MAX_NAME} printable characters")
        if self.reply_to:
            check_address(self.reply_to)
        if self.unsubscribe_url and not _UNSUBSCRIBE.fullmatch(self.unsubscribe_url):
            raise ValueError(f"a URL to unsubscribe at is http or https, in at most {MAX_UNSUBSCRIBE_URL} characters of ASCII without <>")
        if len(self.attachments) > MAX_ATTACHMENTS or sum(len(each.data) for each in self.attachments) > MAX_ATTACHED_BYTES:
            raise ValueError(f"at most {MAX_ATTACHMENTS} files go with a message, of {MAX_ATTACHED_BYTES:,} bytes together")


class Mailer(Protocol):
    """Who takes messages."""

    async def send(self, mail: Mail) -> Taken:
        """Hand a message over, within 15 s.

        Raises:
            MailUnavailable: try again later; it may have been taken.
            MailRefused: it is no use to try again.
        """

    async def close(self) -> None:
        """Let go of everything."""


def open_mail(url: str, *, sender: str) -> Mailer:
    """The mailer at `url`, which sends as `sender` (an address, or `Name <address>`); nothing is opened before the first message.

    - `smtp://[user@]host[:587]?password_file=path&tls=starttls`: encrypted by STARTTLS, which is demanded; `tls=none` sends in the clear,
      to a server on this machine or network, and then without a password.
    - `smtps://[user@]host[:465]?password_file=path`: encrypted from the first byte.
    - `ses://eu-central-1`: SES (v2) of that region, with the rights that boto3 finds; Message-ID is SES's own then.
    - `print://` writes messages to stdout, for a laptop: whoever reads that reads all links.

    `password_file`, `ca_file`, `cert_file` and `key_file` are as in `quietzone_kit.urls`, and read again for each message.

    Raises:
        ValueError: says which URLs there are, or what is wrong with this one, or with `sender`.
    """
    scheme, separator, place = url.partition("://")
    if separator and scheme == "print":
        if place:
            raise ValueError(f"{url!r}: stdout has no place; use print://")
        from quietzone_kit.mail._print import PrintMailer  # noqa: PLC0415 - a process loads only what it uses

        return PrintMailer(sender)
    if separator and scheme in ("smtp", "smtps"):
        from quietzone_kit.mail._smtp import SmtpMailer  # noqa: PLC0415 - a process loads only what it uses

        return SmtpMailer(url, sender)
    if separator and scheme == "ses":
        try:
            from quietzone_kit.mail._ses import SesMailer  # noqa: PLC0415 - a process loads only what it uses
        except ImportError as error:
            raise ValueError("ses:// needs boto3, which this part is installed without; use smtp://") from error

        return SesMailer(place, sender)
    raise ValueError(wrong_scheme(url, SCHEMES))


def is_header_text(text: str, most: int) -> bool:
    """Whether a text may stand in a header as it is: printable, at most so long, and nothing that would be read as an encoded word."""
    return len(text) <= most and text.isprintable() and "=?" not in text


def header_text(text: str, most: int) -> str:
    """A text as it may stand in a header: what can't be printed (lines' ends, marks of direction) becomes a space, spaces become one."""
    # what reads mail takes =?…?= for an encoded word (RFC 2047), and decodes whatever is in it
    printable = "".join(each if each.isprintable() else " " for each in text).replace("=?", "= ?")
    return " ".join(printable.split())[:most].strip()


def check_address(address: str) -> str:
    """The address, which mail can be sent to.

    Raises:
        InvalidAddress: it can't; a line's end or a second address in it is among what is refused.
    """
    if len(address) > MAX_ADDRESS or not _ADDRESS.fullmatch(address):
        raise InvalidAddress(f"not an e-mail address of at most {MAX_ADDRESS} characters, such as ada@example.com")
    return address
