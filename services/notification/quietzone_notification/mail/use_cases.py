"""Mails that other parts have sent."""

from dataclasses import dataclass

from quietzone_kit.errors import FieldViolation, InvalidInput, Violations
from quietzone_kit.ids import derived_id
from quietzone_kit.mail import check_address
from quietzone_kit.runtime import Clock
from quietzone_notification.mail.kinds import HOUSE, check_sendable
from quietzone_notification.mail.letters import InvalidLetter, Letter, read_data
from quietzone_notification.mail.post import Post
from quietzone_notification.mail.scribe import Addressed, Scribe
from quietzone_notification.mail.templates.domain import NotRendered, is_name

MAX_KEY = 128
MAX_ACCOUNT = 128


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail, unchecked; `data` is JSON. Mails of an account and a kind with the same `key` are one."""

    account_id: str
    to: str
    kind: str
    template: str
    data: str
    key: str


class MailDesk:
    """Takes mails of other parts."""

    def __init__(self, post: Post, scribe: Scribe, clock: Clock) -> None:
        self._post = post
        self._scribe = scribe
        self._clock = clock

    async def send(self, new: NewMail) -> str:
        """Take a mail, durably; the answer is its delivery's id.

        It is made once before it is taken, so that whoever sends learns at once that a template can't be filled with this.

        Raises:
            InvalidInput: names each field that is wrong.
            FailedPrecondition: there is no key that what is secret in mails is sealed with.
            Unavailable: it may be stored; the same key repeats it safely.
        """
        letter = _checked(new)
        account_id, now_ms = new.account_id or HOUSE, self._clock.now_ms()
        delivery_id = derived_id("sent mail", account_id, new.kind, new.key)
        try:
            await self._post.mail(letter, delivery_id, account_id, new.to, created_ms=now_ms)
        except InvalidLetter as error:
            raise InvalidInput(FieldViolation("template", str(error))) from error
        except NotRendered as error:
            raise InvalidInput(FieldViolation("data", f"template {new.template}: {error}")) from error
        await self._scribe.take([Addressed(delivery_id, account_id, new.to, letter)])
        return delivery_id


def _checked(new: NewMail) -> Letter:
    violations, data = Violations(), {}
    with violations.field("to"):
        check_address(new.to)
    with violations.field("kind"):
        check_sendable(new.kind, new.account_id)
    if len(new.account_id) > MAX_ACCOUNT or not new.account_id.isascii() or not new.account_id.isprintable() or " " in new.account_id:
        violations.add("account_id", "use the id of an account")
    if new.account_id == HOUSE:
        violations.add("account_id", "leave it out for mails of the house")
    if not is_name(new.template):
        violations.add("template", "use the name of a template, as notice")
    with violations.field("data"):
        data = read_data(new.data or "{}")
    if not (1 <= len(new.key) <= MAX_KEY and new.key.isprintable()):
        violations.add("idempotency_key", f"use 1 to {MAX_KEY} printable characters")
    violations.check()
    return Letter(new.kind, new.template, data)
