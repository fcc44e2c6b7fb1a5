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

SCHEMES = "smtp://host:587, smtps://host:465 or print://"

# What browsers take for an address (https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address), with a dot in its domain.
_LABEL = r"[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?"
_ADDRESS = re.compile(rf"[0-9A-Za-z.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+")


class InvalidAddress(ValueError):
    """Not an address that mail can be sent to: says what would do."""


class MailUnavailable(Exception):
    """The server doesn't answer, or refuses for now: the same message may well be taken later."""


class MailRefused(Exception):
    """The server takes this message neither now nor later: says why, without the address."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A message: plain `text` for every reader, and the same as `html` for those who show that.

    `message_id` is the part of Message-ID before the @: the same for a message that is sent again.
    """

    to: str
    subject: str
    text: str
    html: str
    message_id: str

    def __post_init__(self) -> None:
        check_address(self.to)
        if not 1 <= len(self.subject) <= MAX_SUBJECT or not self.subject.isprintable():
            raise ValueError(f"a subject has 1 to {MAX_SUBJECT} printable characters: a line's end in it would begin another header")
        if not re.fullmatch(r"[0-9A-Za-z.-]{1,100}", self.message_id):
            raise ValueError("a message id has 1 to 100 letters, digits, dots and dashes")


class Mailer(Protocol):
    """Who takes messages."""

    async def send(self, mail: Mail) -> None:
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
    raise ValueError(wrong_scheme(url, SCHEMES))


def check_address(address: str) -> str:
    """The address, which mail can be sent to.

    Raises:
        InvalidAddress: it can't; a line's end or a second address in it is among what is refused.
    """
    if len(address) > MAX_ADDRESS or not _ADDRESS.fullmatch(address):
        raise InvalidAddress(f"not an e-mail address of at most {MAX_ADDRESS} characters, such as ada@example.com")
    return address
