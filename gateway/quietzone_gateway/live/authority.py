"""Who may watch: the port that identity stands behind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias

from starlette.requests import cookie_parser

from quietzone_gateway.identity.authentication import Authentication, Credentials
from quietzone_gateway.identity.domain import NO_ACCOUNT, Principal
from quietzone_gateway.identity.keys.use_cases import ID_KIND as KEY_ID
from quietzone_gateway.identity.remembered import News
from quietzone_gateway.identity.users.people import ACCOUNT, SESSION, USER
from quietzone_gateway.live.domain import Watcher
from quietzone_gateway.plans import MethodClass, Plans
from quietzone_gateway.rest.route import COOKIE
from quietzone_kit.errors import PermissionDenied, Unauthenticated
from quietzone_kit.http.clients import Client

ACCOUNT_HEADER = "x-quietzone-account"

SHOWN = ("authorization", "x-api-key", "cookie", ACCOUNT_HEADER)
"""Headers that say who is there; the last with a token alone, of which the account's own authoriser is asked."""

Concerns: TypeAlias = Callable[[Watcher], bool]
"""Whether a change is about a watcher: he may be another now, or nobody."""


@dataclass(frozen=True, slots=True)
class Comer:
    """From where somebody came, to which address, with which request."""

    client: Client
    path: str
    request_id: str


class Authority(Protocol):
    """Knows who is who, when they come and each time that it is asked again."""

    async def identify(self, headers: Mapping[str, str], comer: Comer) -> Watcher:
        """Whoever sent these headers (names in lower case), having come from there.

        Raises:
            QuietzoneError: nobody known, or he may not now.
        """

    def listen(self, listener: Callable[[Concerns], None]) -> None:
        """`listener` hears of each change of who is who, as soon as it can be asked for."""

    async def enter(self, headers: Mapping[str, str], comer: Comer) -> Watcher:
        """The same of who comes, which is a request like others.

        Raises:
            LimitReached: his plan, or what an address may ask without an account, allows no more now.
        """


class Principals:
    """Identity and plans, as live updates ask them."""

    def __init__(self, authentication: Authentication, news: News, plans: Plans) -> None:
        self._authentication = authentication
        self._news = news
        self._plans = plans

    def listen(self, listener: Callable[[Concerns], None]) -> None:
        """Pass on what identity tells its replicas."""

        def hear(kind: str, key: str) -> None:
            if kind in _ABOUT:
                listener(partial(_ABOUT[kind], key))

        self._news.listen(hear)

    async def enter(self, headers: Mapping[str, str], comer: Comer) -> Watcher:
        """Whoever it would be for a request, if he may make one."""
        try:
            principal = await self._principal(headers, comer)
        except (Unauthenticated, PermissionDenied):
            await self._plans.admit("", "", MethodClass.READ, comer.client.address)
            raise
        await self._plans.admit(principal.account_id, principal.plan, MethodClass.READ, comer.client.address)
        return _watcher(principal)

    async def identify(self, headers: Mapping[str, str], comer: Comer) -> Watcher:
        """Whoever it would be for a request."""
        return _watcher(await self._principal(headers, comer))

    async def _principal(self, headers: Mapping[str, str], comer: Comer) -> Principal:
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        shown = Credentials(
            address="" if comer.client.address is None else str(comer.client.address),
            bearer=credentials.strip() if scheme.lower() == "bearer" else "",
            api_key=headers.get("x-api-key", "").strip(),
            cookie=cookie_parser(headers.get("cookie", "")).get(COOKIE, ""),
            account=headers.get(ACCOUNT_HEADER, "").strip(),
            path=comer.path,
            request_id=comer.request_id,
        )
        return await self._authentication.principal_of(shown)


_ABOUT: Mapping[str, Callable[[str, Watcher], bool]] = {
    ACCOUNT: lambda key, watcher: watcher.account_id == key,
    USER: lambda key, watcher: watcher.subject == f"user:{key}",
    SESSION: lambda key, watcher: watcher.session_id == key,
    KEY_ID: lambda key, watcher: watcher.subject == f"key:{key}",
}
"""Watchers whom news of a kind are about."""


def _watcher(principal: Principal) -> Watcher:
    if not principal.account_id:
        raise PermissionDenied(NO_ACCOUNT)
    return Watcher(principal.account_id, principal.subject, principal.scopes, principal.session_id, principal.expires_at_ms)
