"""People who show a token or a cookie."""

from dataclasses import dataclass

from quietzone_gateway.identity.accounts.repository import Standing
from quietzone_gateway.identity.domain import Means, Principal, truncated
from quietzone_gateway.identity.remembered import Remembered
from quietzone_gateway.identity.seal import Seal
from quietzone_gateway.identity.sessions.domain import InvalidToken, Kind, Session, is_csrf_token, is_genuine, read_cookie
from quietzone_gateway.identity.sessions.tokens import Tokens
from quietzone_gateway.identity.sessions.use_cases import scopes_in
from quietzone_gateway.identity.users.domain import User
from quietzone_kit.errors import PermissionDenied, Unauthenticated
from quietzone_kit.runtime import Clock

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""


@dataclass(frozen=True, slots=True)
class FromBrowser:
    """What comes with a cookie: `csrf` is the header X-CSRF-Token."""

    cookie: str
    method: str
    origin: str
    csrf: str


class KnownSessions:
    """Finds who shows a token or a cookie. A token's words about role and scopes aren't taken: they are looked up as they are now."""

    def __init__(
        self,
        tokens: Tokens,
        seal: Seal,
        clock: Clock,
        *,
        sessions: Remembered[Session],
        users: Remembered[User],
        accounts: Remembered[Standing],
        origin: str,
    ) -> None:
        """`origin` is that of the installation's own pages."""
        self._tokens = tokens
        self._seal = seal
        self._clock = clock
        self._sessions = sessions
        self._users = users
        self._accounts = accounts
        self._origin = origin

    async def by_token(self, token: str, address: str) -> Principal:
        """Whoever shows this access token.

        Raises:
            Unauthenticated: it isn't good, or its session has ended.
        """
        access = await self._tokens.read(token)
        session = await self._live(access.session_id, Kind.TOKEN)
        if session.user_id != access.user_id:
            raise _ended()
        return await self._principal(session, access.account_id, Means.TOKEN, address, expires_at_ms=access.expires_at_ms)

    async def by_cookie(self, shown: FromBrowser, address: str) -> Principal:
        """Whoever shows this cookie.

        Raises:
            Unauthenticated: it isn't good, or its session has ended.
            PermissionDenied: it comes from a page of somebody else's (cross-site request forgery).
        """
        try:
            parts = read_cookie(shown.cookie)
        except InvalidToken as error:
            raise _ended() from error
        session = await self._live(parts.session_id, Kind.COOKIE)
        key = self._seal.open(session.sealed_key, f"session {session.session_id}")
        if not is_genuine(parts, key):
            raise _ended()
        if shown.method not in SAFE:
            if shown.origin != self._origin:
                raise PermissionDenied("with a cookie only pages of this installation's own origin may change something")
            if not is_csrf_token(shown.csrf, key):
                raise PermissionDenied("with a cookie send the CSRF token that signing in gave, as X-CSRF-Token")
        return await self._principal(session, session.account_id, Means.COOKIE, address, expires_at_ms=session.expires_at_ms)

    async def _live(self, session_id: str, kind: Kind) -> Session:
        session = await self._sessions.get(session_id)
        if session is None or session.kind != kind or not session.is_live(self._clock.now_ms()):
            raise _ended()
        return session

    async def _principal(self, session: Session, account_id: str, means: Means, address: str, *, expires_at_ms: int) -> Principal:
        user = await self._users.get(session.user_id)
        if user is None:
            raise _ended()
        standing = await self._accounts.get(account_id) if account_id else None
        account = standing.account if standing else None
        role, scopes = scopes_in(account, user)
        return Principal(
            account_id=account.account_id if account is not None and role else "",
            subject=f"user:{user.user_id}",
            scopes=scopes,
            plan=account.plan if account is not None and role else "",
            means=means,
            session_id=session.session_id,
            address=truncated(address),
            expires_at_ms=min(expires_at_ms, session.expires_at_ms),
        )


def _ended() -> Unauthenticated:
    return Unauthenticated("the session isn't good, or has ended: sign in again")
