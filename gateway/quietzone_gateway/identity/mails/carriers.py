"""Who takes mails to people: notification, which has the layout, the retries and the server; or, without it, a server of our own."""

from dataclasses import dataclass, field
from typing import Protocol

from quietzone_gateway.identity.mails.texts import Text
from quietzone_gateway.rpc.notification.mails import MailKind, Mails, NewMail
from quietzone_kit.errors import InvalidInput, QuietzoneError
from quietzone_kit.mail import Mail, Mailer, MailRefused, MailUnavailable

TEMPLATE = "notice"
"""Of the house, which every release of notification has; one that knows no `button` yet shows the link alone."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What is said to one address. Letters with the same `letter_id` are one, and must say the same; nobody prints what links they hold."""

    letter_id: str
    to: str
    kind: MailKind
    text: Text = field(repr=False)


class Carrier(Protocol):
    """Takes letters."""

    async def carry(self, letter: Letter) -> None:
        """Take a letter, to be sent or sent already.

        Raises:
            MailUnavailable: not now; it may have been taken.
            MailRefused: neither now nor later; says why, without the address.
        """


class Direct:
    """Hands letters to a mail server: a letter that comes twice may arrive twice, under one Message-ID."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer

    async def carry(self, letter: Letter) -> None:
        """See Carrier."""
        text = letter.text
        await self._mailer.send(Mail(letter.to, text.subject, text.plain(), text.html(), letter.letter_id))


class ByNotification:
    """Hands letters to the notification service, where they lie sealed until they are sent: a letter that comes twice is sent once."""

    def __init__(self, mails: Mails) -> None:
        self._mails = mails

    async def carry(self, letter: Letter) -> None:
        """See Carrier. What its operator must mend there, such as a key that it lacks, is mended one day: the letter waits for it."""
        try:
            await self._mails.send(NewMail(letter.to, letter.kind, TEMPLATE, letter.text.data(), letter.letter_id))
        except InvalidInput as error:
            raise MailRefused(f"notification takes no such mail: {error}") from error
        except QuietzoneError as error:
            raise MailUnavailable(f"notification doesn't take the mail now: {error}") from error
