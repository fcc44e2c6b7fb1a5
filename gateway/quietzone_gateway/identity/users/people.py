"""What use cases about people stand on."""

from dataclasses import dataclass

from quietzone_gateway.identity.accounts.memberships import Memberships
from quietzone_gateway.identity.accounts.repository import Accounts
from quietzone_gateway.identity.attempts import Attempts
from quietzone_gateway.identity.mails.tasks import Post
from quietzone_gateway.identity.ports import Ports
from quietzone_gateway.identity.rules import Rules
from quietzone_gateway.identity.seal import Seal
from quietzone_gateway.identity.sessions.repository import Sessions
from quietzone_gateway.identity.sessions.tokens import Tokens
from quietzone_gateway.identity.users.passwords import Passwords
from quietzone_gateway.identity.users.repository import Users

USER = "user"
SESSION = "session"
ACCOUNT = "account"
"""Kinds of news: a person's id, a session's, an account's."""


@dataclass(frozen=True, slots=True)
class People:
    """Collections and ports."""

    users: Users
    accounts: Accounts
    memberships: Memberships
    sessions: Sessions
    attempts: Attempts
    passwords: Passwords
    seal: Seal
    tokens: Tokens
    post: Post
    ports: Ports
    rules: Rules
