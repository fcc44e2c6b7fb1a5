"""Carrying mails: to whom they may go, once as far as SMTP lets, and what the server's answers say."""

import asyncio
from dataclasses import dataclass, replace

from msgspec import ValidationError

from quietzone_kit.breaker import Breaker
from quietzone_kit.errors import FailedPrecondition, Unavailable
from quietzone_kit.mail import Mail, Mailer, MailFailed, MailRefused, Taken, check_address
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_notification.delivery.domain import MAX_ERROR, MAX_EXCERPT, Attempt, Delivery
from quietzone_notification.delivery.sender.ports import Ended
from quietzone_notification.mail.addresses.domain import ALL, Addressee, Reason
from quietzone_notification.mail.addresses.repository import Addresses
from quietzone_notification.mail.envelopes import Envelopes
from quietzone_notification.mail.kinds import EVENTS, HOUSE
from quietzone_notification.mail.letters import Letter, letter_of
from quietzone_notification.mail.metrics import SECONDS, SENT, SUPPRESSED, UNSENT, WAITING
from quietzone_notification.mail.post import Post
from quietzone_notification.mail.templates.domain import NotRendered
from quietzone_notification.people.repository import People

log = logger(__name__)

TOLD_WITHIN_MS = 600_000
"""Who has joined an account is told of within seconds; ten minutes outlast a bus that is started again."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What a courier works with."""

    mailer: Mailer
    post: Post
    addresses: Addresses
    envelopes: Envelopes
    people: People


class MailCourier:
    """The port `Courier` for mails; `at_once` is how many the server is handed together."""

    def __init__(self, ports: Ports, clock: Clock, *, at_once: int) -> None:
        self._mailer = ports.mailer
        self._post = ports.post
        self._envelopes = ports.envelopes
        self._addresses = ports.addresses
        self._people = ports.people
        self._clock = clock
        self._room = asyncio.Semaphore(at_once)
        self._breaker = Breaker("the mail server", clock)

    async def carry(self, delivery: Delivery) -> Ended:
        """See Courier."""
        try:
            made = await self._made(delivery)
        except ValueError as error:  # no address, no letter; or what another release has taken, and this one can't send
            return _unsent("invalid", str(error))
        except (FailedPrecondition, ValidationError) as error:  # no key, or a document that was damaged
            raise Unavailable(str(error)) from error
        return made if isinstance(made, Ended) else await self._handed(delivery, made)

    async def settled(self, delivery: Delivery, ended: Ended) -> None:
        """See Courier: nothing follows from it that isn't done yet."""

    async def _made(self, delivery: Delivery) -> Mail | Ended:
        """The mail that is to be sent, or why none is."""
        check_address(delivery.destination)
        letter = letter_of(delivery)
        if delivery.account_id == HOUSE:
            letter = replace(letter, data=self._envelopes.open(letter.data, delivery.delivery_id))
        refused = await self._refusal(delivery, letter)
        if refused is not None:
            return refused
        of = delivery.delivery_id, delivery.account_id, delivery.destination
        try:
            return await self._post.mail(letter, *of, created_ms=delivery.created_ms)
        except NotRendered as error:
            return _unsent("template", f"template {letter.template}: {error}")

    async def _refusal(self, delivery: Delivery, letter: Letter) -> Ended | None:
        """Why this address gets no such mail. Mails of the house go to whoever has just asked for them, and are kept from nobody."""
        if delivery.account_id == HOUSE:
            return None
        addressee = await self._addresses.get(delivery.account_id, delivery.destination)
        reason = addressee.refusal(letter.kind)
        if reason is not None:
            return _unsent("unwanted" if addressee.stopping(letter.kind) is None else "suppressed", reason)
        if letter.kind == EVENTS and not await self._people.has_member_at(delivery.account_id, delivery.destination):
            return self._left(delivery)
        return None

    def _left(self, delivery: Delivery) -> Ended:
        """Rules mail members only. Whoever isn't one may have left, or have joined just now: that is tried again until it must be known."""
        now_ms = self._clock.now_ms()
        is_last = now_ms - delivery.created_ms > TOLD_WITHIN_MS
        if is_last:
            UNSENT.labels("left").inc()
        why = "not the address of a verified member: take it out of the rule, or have it subscribed to a topic"
        return Ended(Attempt(now_ms, 0, f"mailto:{delivery.destination}", error=why), is_last=is_last)

    async def _handed(self, delivery: Delivery, mail: Mail) -> Ended:
        WAITING.inc()
        try:
            await self._room.acquire()
        finally:
            WAITING.dec()
        at_ms, began_s = self._clock.now_ms(), self._clock.monotonic()
        to = f"mailto:{mail.to}"
        try:
            taken = await self._through(mail)
        except MailFailed as error:
            took_ms = self._took_ms(began_s)
            return await self._failed(delivery, error, Attempt(at_ms, took_ms, to, error.status, _words(error), _excerpt(error.said)))
        except Unavailable as error:
            if delivery.tries + 1 >= delivery.max_attempts:  # no mail is given up by an attempt that wasn't made: it waits
                raise
            SENT.labels("silent").inc()
            return Ended(Attempt(at_ms, self._took_ms(began_s), to, error=str(error)))
        finally:
            self._room.release()
        SENT.labels("taken").inc()
        # a mailer without codes has taken it as well
        return Ended(Attempt(at_ms, self._took_ms(began_s), to, taken.status or 250, answer=_excerpt(taken.said)))

    async def _through(self, mail: Mail) -> Taken:
        """Hand it over, unless the server hasn't answered lately: waiting for it one by one would keep webhooks waiting too."""
        self._breaker.admit()
        try:
            taken = await self._mailer.send(mail)
        except MailFailed as error:
            if error.status is None:
                self._breaker.failed()
            else:
                self._breaker.succeeded()
            raise
        except BaseException:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return taken

    async def _failed(self, delivery: Delivery, error: MailFailed, attempt: Attempt) -> Ended:
        if not isinstance(error, MailRefused):
            log.warning("a mail wasn't taken and is sent again", delivery_id=delivery.delivery_id, error=str(error))
            SENT.labels("silent" if error.status is None else "later").inc()
            return Ended(attempt)
        SENT.labels("no_address" if error.is_address else "refused").inc()
        if error.is_address and delivery.account_id != HOUSE:
            # before the outcome is stored: after a crash in between the server refuses once more
            await self._bounced(delivery, error)
        return Ended(attempt, is_last=True)

    async def _bounced(self, delivery: Delivery, error: MailRefused) -> None:
        now_ms, is_new = self._clock.now_ms(), False

        def change(before: Addressee) -> Addressee:
            nonlocal is_new
            after = before.suppressed(ALL, Reason.BOUNCED, now_ms, f"{error.status} {error.said}")
            is_new = after is not before
            return after

        await self._addresses.change(delivery.account_id, delivery.destination, change)
        if is_new:
            SUPPRESSED.labels(Reason.BOUNCED.value).inc()

    def _took_ms(self, began_s: float) -> int:
        took_s = self._clock.monotonic() - began_s
        SECONDS.observe(took_s)
        return int(took_s * 1_000)


def _unsent(reason: str, why: str) -> Ended:
    UNSENT.labels(reason).inc()
    return Ended(None, why)


def _words(error: MailFailed) -> str:
    """What went wrong, with the server's own words where it has any."""
    if error.status is None or not error.said:
        return str(error)[:MAX_ERROR]
    return _excerpt(f"{error.status} {error.said}")[:MAX_ERROR]


def _excerpt(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:MAX_EXCERPT]
