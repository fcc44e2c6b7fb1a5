"""Who may watch: the port that identity stands behind."""

from collections.abc import Mapping
from typing import Protocol

from starlette.requests import cookie_parser

from quietzone_gateway.identity.authentication import Authentication, Credentials
from quietzone_gateway.live.domain import Watcher
from quietzone_gateway.rest.route import COOKIE
from quietzone_kit.errors import PermissionDenied
from quietzone_kit.http.clients import Client

SHOWN = ("authorization", "x-api-key", "cookie")
"""Headers that say who is there."""


class Authority(Protocol):
    """Knows who is who, when they come and each time that it is asked again."""

    async def identify(self, headers: Mapping[str, str], client: Client) -> Watcher:
        """Whoever sent these headers (names in lower case) from this address.

        Raises:
            QuietzoneError: nobody known, or he may not now.
        """


class Principals:
    """Identity, as live updates ask it."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    async def identify(self, headers: Mapping[str, str], client: Client) -> Watcher:
        """Whoever it would be for a request."""
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        shown = Credentials(
            address="" if client.address is None else str(client.address),
            bearer=credentials.strip() if scheme.lower() == "bearer" else "",
            api_key=headers.get("x-api-key", "").strip(),
            cookie=cookie_parser(headers.get("cookie", "")).get(COOKIE, ""),
        )
        principal = await self._authentication.principal_of(shown)
        if not principal.account_id:
            raise PermissionDenied("you are in no account: make one, or accept an invitation")
        return Watcher(principal.account_id, principal.subject, principal.scopes, principal.session_id, principal.expires_at_ms)
