"""Who calls, by whatever he shows."""

from dataclasses import dataclass

from quietzone_gateway.identity.authorisers.ask import Question
from quietzone_gateway.identity.authorisers.known import KnownByAuthorisers
from quietzone_gateway.identity.domain import Principal
from quietzone_gateway.identity.keys.domain import hash_of
from quietzone_gateway.identity.keys.known import MAX_KEY_CHARACTERS, KnownKeys
from quietzone_gateway.identity.sessions.known import FromBrowser, KnownSessions
from quietzone_gateway.identity.sessions.tokens import is_token
from quietzone_kit.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows, as it came; empty where it shows nothing. `address` is the client's, whole.

    `origin` and `csrf` (the header X-CSRF-Token) are looked at with a `cookie` alone. `account` (the header X-Quietzone-Account) names one
    whose own authoriser is to be asked about `bearer`; it hears of method, path and request id.
    """

    address: str
    bearer: str = ""
    api_key: str = ""
    cookie: str = ""
    method: str = "GET"
    origin: str = ""
    csrf: str = ""
    account: str = ""
    path: str = ""
    request_id: str = ""


class Authentication:
    """Finds principals."""

    def __init__(self, keys: KnownKeys, sessions: KnownSessions, authorisers: KnownByAuthorisers) -> None:
        self._keys = keys
        self._sessions = sessions
        self._authorisers = authorisers

    async def principal_of(self, shown: Credentials) -> Principal:
        """Whoever shows these; what a program shows goes before a cookie, which browsers send by themselves.

        Raises:
            Unauthenticated: nobody known.
            PermissionDenied: somebody known, who may not come in this way or now.
            Unavailable: that can't be found out now.
        """
        if shown.account and shown.bearer:
            question = Question(shown.bearer, shown.method, shown.path, shown.address, shown.request_id)
            return await self._authorisers.principal_of(shown.account, question)
        if is_token(shown.bearer):
            return await self._sessions.by_token(shown.bearer, shown.address)
        if secret := shown.bearer or shown.api_key:
            return await self._keys.principal_of(secret, shown.address)
        if shown.cookie:
            return await self._sessions.by_cookie(FromBrowser(shown.cookie, shown.method, shown.origin, shown.csrf), shown.address)
        raise Unauthenticated("send an API key as `Authorization: Bearer qz_…` or `X-Api-Key: qz_…`, or sign in")

    def at_once(self, key_hash: str, address: str) -> Principal | None:
        """Whoever shows the key with this hash (`key_hash`), for those who can't wait; None: `principal_of` must find out.

        Raises:
            PermissionDenied: as there.
        """
        return self._keys.at_once(key_hash, address)


def key_hash(shown: Credentials) -> str:
    """The hash of the key that alone is shown; empty when it is something else."""
    secret = shown.bearer or shown.api_key
    if not secret or len(secret) > MAX_KEY_CHARACTERS or is_token(secret) or shown.cookie or shown.account:
        return ""
    return hash_of(secret)
