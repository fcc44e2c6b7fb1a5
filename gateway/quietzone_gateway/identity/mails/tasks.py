"""Mails as tasks: a request only says which mail is due, so that it does the same whether there is somebody to write to or not.

The links' tokens are made when a mail goes out, and only their hashes are kept. A token follows from its task and the gateway's secret key:
a mail whose answer was lost, and which is handed over again, says the same as the one that was taken.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from quietzone_gateway.identity.accounts.domain import hash_of as invitation_hash
from quietzone_gateway.identity.accounts.repository import Accounts
from quietzone_gateway.identity.domain import SYSTEM
from quietzone_gateway.identity.mails.carriers import Carrier, Letter
from quietzone_gateway.identity.mails.texts import Text, Texts
from quietzone_gateway.identity.seal import Seal
from quietzone_gateway.identity.shelf import Changed
from quietzone_gateway.identity.users.domain import Link, Move, Purpose, User, hash_of
from quietzone_gateway.identity.users.newcomers import Newcomers
from quietzone_gateway.identity.users.repository import Users
from quietzone_gateway.rpc.notification.mails import MailKind
from quietzone_kit.documents import Documents, DocumentsUnavailable
from quietzone_kit.errors import FailedPrecondition, Unavailable
from quietzone_kit.mail import MailRefused
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.tasks import Again, Done, Fail, NewTask, Task, Tasks, Tell

KIND = "send-mail"

WITHIN_S = 30.0
"""For one mail: 15 s for the server, the rest for the store."""

ATTEMPTS = 5

TOKEN_BYTES = 32


class Which(StrEnum):
    """The mails that there are."""

    SIGN_UP = "sign-up"
    """Whichever is due of the two that follow; who is new is made before."""
    VERIFY = "verify"
    ALREADY = "already"
    RESET = "reset"
    INVITATION = "invitation"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a mail's name
    FACTOR_ADDED = "factor-added"
    FACTOR_REMOVED = "factor-removed"
    RECOVERY_USED = "recovery-code-used"
    RECOVERY_RENEWED = "recovery-codes-renewed"
    KEY_MADE = "key-made"
    NEW_ADDRESS = "new-address"
    ADDRESS_CHANGED = "address-changed"


class Post(Protocol):
    """Who takes orders for mails."""

    async def order(self, which: Which, **about: str) -> None:
        """Have a mail sent; raises Unavailable."""


class TaskPost:
    """Orders as tasks of the gateway's store."""

    def __init__(self, documents: Documents, clock: Clock, randomness: Randomness, wake: Callable[[], None] = lambda: None) -> None:
        self._tasks = Tasks(documents, clock, randomness, wake=wake)

    async def order(self, which: Which, **about: str) -> None:
        """Have a mail sent."""
        try:
            await self._tasks.add(NewTask(SYSTEM, KIND, {"mail": which.value, **about}, max_attempts=ATTEMPTS))
        except DocumentsUnavailable as error:
            raise Unavailable("mails can't be sent now; try again in a moment") from error


Ready: TypeAlias = tuple[str, Text] | None
"""Whom to write to, and what; None: it isn't due any more."""

NEWER_AGAIN_MS = 30_000
NEWER_WITHIN_MS = 86_400_000
"""A mail that only a newer release knows waits a day for a worker of that release: releases run side by side for minutes."""


@dataclass(frozen=True, slots=True)
class Addressees:
    """Who is written to."""

    users: Users
    accounts: Accounts
    newcomers: Newcomers


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes what opens links."""

    seal: Seal
    randomness: Randomness

    def of(self, task: Task) -> str:
        """The token of a mail's link: the same whenever its task is run."""
        try:
            return self.seal.mac(f"link of mail {task.task_id}")
        except FailedPrecondition:  # nobody signs in at this installation, so that it opens nothing
            return base64.urlsafe_b64encode(self.randomness.token(TOKEN_BYTES)).rstrip(b"=").decode()


class SendMail:
    """Handles tasks of kind `send-mail`."""

    def __init__(self, addressees: Addressees, carrier: Carrier, texts: Texts, clock: Clock, *, tokens: Tokens) -> None:
        self._users = addressees.users
        self._accounts = addressees.accounts
        self._newcomers = addressees.newcomers
        self._carrier = carrier
        self._texts = texts
        self._notices: Mapping[Which, Callable[[str], Text]] = {
            Which.ALREADY: texts.already,
            Which.PASSWORD_CHANGED: texts.password_changed,
            Which.FACTOR_ADDED: texts.factor_added,
            Which.FACTOR_REMOVED: texts.factor_removed,
            Which.RECOVERY_USED: texts.recovery_used,
            Which.RECOVERY_RENEWED: texts.recovery_renewed,
        }
        self._clock = clock
        self._tokens = tokens

    async def run(self, task: Task, tell: Tell) -> Done | Again:  # noqa: ARG002 - one mail has no progress
        """Send one mail, or none when nobody is there to be written to."""
        about = {name: str(value) for name, value in task.payload.items()}
        if about["mail"] not in set(Which):
            return self._left(about["mail"], task)
        which = Which(about["mail"])
        ready = await self._ready(which, about, self._tokens.of(task))
        if ready is None:
            return Done({"sent": False})
        to, text = ready
        kind = MailKind.INVITATION if which is Which.INVITATION else MailKind.SECURITY
        try:
            await self._carrier.carry(Letter(task.task_id, to, kind, text))
        except MailRefused as error:
            raise Fail(str(error)) from error
        return Done({"sent": True})

    def _left(self, mail: str, task: Task) -> Again:
        """Leave a mail to a worker of the release that knows it."""
        if self._clock.now_ms() - task.created_at_ms > NEWER_WITHIN_MS:
            raise Fail(f"no mail is called {mail}: a newer release has ordered it, and none runs here; retry it once one does")
        return Again(NEWER_AGAIN_MS)

    async def _ready(self, which: Which, about: Mapping[str, str], secret: str) -> Ready:
        if which is Which.INVITATION:
            return await self._invitation(about["account_id"], about["invitation_id"], secret)
        if which is Which.SIGN_UP:
            which = Which.VERIFY if await self._newcomers.make(about) else Which.ALREADY
        if which in (Which.NEW_ADDRESS, Which.ADDRESS_CHANGED):
            return await self._address(which, about, secret)
        user = await self._users.by_email(about["email"])
        if user is None or (which is Which.VERIFY and user.verified_at_ms is not None):
            return None
        return user.email, await self._text(which, user, about, secret)

    async def _text(self, which: Which, user: User, about: Mapping[str, str], secret: str) -> Text:
        lasts = self._texts.lifetimes
        if which is Which.VERIFY:
            return self._texts.verify(user.name, await self._link(user, Purpose.VERIFY, lasts.verification_ms, secret))
        if which is Which.RESET:
            return self._texts.reset(user.name, await self._link(user, Purpose.RESET, lasts.reset_ms, secret))
        if which is Which.KEY_MADE:
            return self._texts.key_made(user.name, about["key"], about["shown"])
        return self._notices[which](user.name)

    async def _address(self, which: Which, about: Mapping[str, str], secret: str) -> Ready:
        """What is said to the address that somebody wants to have, or to the one that he had."""
        user, to = await self._users.get(about["user_id"]), about["to"]
        if user is None:
            return None
        if which is Which.ADDRESS_CHANGED:
            return to, self._texts.address_changed(user.name)
        if (other := await self._users.by_email(to)) is not None:
            return None if other.user_id == user.user_id else (to, self._texts.address_taken(other.name))
        now_ms = self._clock.now_ms()
        move = Move(to, hash_of(secret), now_ms + self._texts.lifetimes.verification_ms)

        def decide(found: User) -> Changed[User] | None:
            return Changed(found.with_move(move, now_ms)) if str(found.password_at_ms) == about["password_at_ms"] else None

        after = await self._users.change(user.user_id, decide)
        if after is None or move not in after.moves:
            return None
        return to, self._texts.new_address(user.name, f"{user.user_id}.{secret}")

    async def _invitation(self, account_id: str, invitation_id: str, secret: str) -> Ready:
        account = await self._accounts.get(account_id)
        invitation = account.invitation(invitation_id) if account else None
        if account is None or invitation is None or invitation.expires_at_ms <= self._clock.now_ms():
            return None
        await self._accounts.change(account_id, lambda found: Changed(found.mailed(invitation_id, invitation_hash(secret))))
        return invitation.email, self._texts.invitation(account.name, invitation.role, f"{account_id}.{invitation_id}.{secret}")

    async def _link(self, user: User, purpose: Purpose, for_ms: int, secret: str) -> str:
        """A token of a person, whose hash is kept."""
        now_ms = self._clock.now_ms()
        link = Link(purpose, hash_of(secret), now_ms + for_ms)
        await self._users.change(user.user_id, lambda found: Changed(found.with_link(link, now_ms)))
        return f"{user.user_id}.{secret}"
