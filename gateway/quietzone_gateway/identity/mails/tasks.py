"""Mails as tasks: a request only says which mail is due, so that it takes as long whether there is somebody to write to or not.

The links' tokens are made when a mail goes out, and only their hashes are kept: a mail that is sent again has another token, and the one
before works too.
"""

import base64
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol, TypeAlias

from quietzone_gateway.identity.accounts.domain import hash_of as invitation_hash
from quietzone_gateway.identity.accounts.repository import Accounts
from quietzone_gateway.identity.domain import SYSTEM
from quietzone_gateway.identity.mails.texts import Text, Texts
from quietzone_gateway.identity.shelf import Changed
from quietzone_gateway.identity.users.domain import LINK_MS, RESET_MS, Link, Purpose, User, hash_of
from quietzone_gateway.identity.users.repository import Users
from quietzone_kit.documents import Documents, DocumentsUnavailable
from quietzone_kit.errors import Unavailable
from quietzone_kit.mail import Mail, Mailer, MailRefused
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.tasks import Done, Fail, NewTask, Task, Tasks, Tell

KIND = "send-mail"

WITHIN_S = 30.0
"""For one mail: 15 s for the server, the rest for the store."""

ATTEMPTS = 5

TOKEN_BYTES = 32


class Which(StrEnum):
    """The mails that there are."""

    VERIFY = "verify"
    ALREADY = "already"
    RESET = "reset"
    INVITATION = "invitation"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a mail's name


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


class SendMail:
    """Handles tasks of kind `send-mail`."""

    def __init__(self, users: Users, accounts: Accounts, mailer: Mailer, texts: Texts, clock: Clock, *, randomness: Randomness) -> None:
        self._users = users
        self._accounts = accounts
        self._mailer = mailer
        self._texts = texts
        self._clock = clock
        self._randomness = randomness

    async def run(self, task: Task, tell: Tell) -> Done:  # noqa: ARG002 - one mail has no progress
        """Send one mail, or none when nobody is there to be written to."""
        about = {name: str(value) for name, value in task.payload.items()}
        ready = await self._ready(Which(about["mail"]), about)
        if ready is None:
            return Done({"sent": False})
        to, text = ready
        try:
            await self._mailer.send(Mail(to, text.subject, text.plain(), text.html(), task.task_id))
        except MailRefused as error:
            raise Fail(str(error)) from error
        return Done({"sent": True})

    async def _ready(self, which: Which, about: Mapping[str, str]) -> Ready:
        if which is Which.INVITATION:
            return await self._invitation(about["account_id"], about["invitation_id"])
        user = await self._users.by_email(about["email"])
        if user is None:
            return None
        match which:
            case Which.VERIFY:
                if user.verified_at_ms is not None:
                    return None
                return user.email, self._texts.verify(user.name, await self._link(user, Purpose.VERIFY, LINK_MS))
            case Which.RESET:
                return user.email, self._texts.reset(user.name, await self._link(user, Purpose.RESET, RESET_MS))
            case Which.ALREADY:
                return user.email, self._texts.already(user.name)
            case Which.PASSWORD_CHANGED:
                return user.email, self._texts.password_changed(user.name)

    async def _invitation(self, account_id: str, invitation_id: str) -> Ready:
        secret = self._secret()

        account = await self._accounts.get(account_id)
        invitation = account.invitation(invitation_id) if account else None
        if account is None or invitation is None or invitation.expires_at_ms <= self._clock.now_ms():
            return None
        await self._accounts.change(account_id, lambda found: Changed(found.mailed(invitation_id, invitation_hash(secret))))
        return invitation.email, self._texts.invitation(account.name, invitation.role.value, f"{account_id}.{invitation_id}.{secret}")

    async def _link(self, user: User, purpose: Purpose, for_ms: int) -> str:
        """A new token of a person, whose hash is kept."""
        secret, now_ms = self._secret(), self._clock.now_ms()
        link = Link(purpose, hash_of(secret), now_ms + for_ms)
        await self._users.change(user.user_id, lambda found: Changed(found.with_link(link, now_ms)))
        return f"{user.user_id}.{secret}"

    def _secret(self) -> str:
        return base64.urlsafe_b64encode(self._randomness.token(TOKEN_BYTES)).rstrip(b"=").decode()
