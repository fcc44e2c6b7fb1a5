"""Identity, as live updates ask it."""

from typing import cast

import pytest

from quietzone_gateway.identity import Means, Principal
from quietzone_gateway.identity.authentication import Authentication, Credentials
from quietzone_gateway.live import Principals, Watcher
from quietzone_kit.errors import PermissionDenied
from quietzone_kit.http.clients import Clients

CLIENT = Clients(()).peer("192.0.2.7")
ANA = Principal("first", "user:ana", frozenset({"codes:read"}), "free", Means.COOKIE, "session-1", expires_at_ms=7)


class Shown:
    """Lets everybody in as one, and keeps what was shown."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.credentials: list[Credentials] = []

    async def principal_of(self, shown: Credentials) -> Principal:
        self.credentials.append(shown)
        return self.principal


def principals(principal: Principal) -> tuple[Principals, Shown]:
    shown = Shown(principal)
    return Principals(cast("Authentication", shown)), shown


async def test_a_watcher_is_the_principal_that_a_request_would_have() -> None:
    authority, _ = principals(ANA)

    assert await authority.identify({}, CLIENT) == Watcher("first", "user:ana", frozenset({"codes:read"}), "session-1", 7)


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({"authorization": "Bearer  qz_x "}, Credentials("192.0.2.7", bearer="qz_x")),
        ({"authorization": "Basic eDp5"}, Credentials("192.0.2.7")),
        ({"x-api-key": " qz_x"}, Credentials("192.0.2.7", api_key="qz_x")),
        ({"cookie": "theme=dark; __Host-quietzone=abc"}, Credentials("192.0.2.7", cookie="abc")),
        ({"cookie": "theme=dark"}, Credentials("192.0.2.7")),
    ],
)
async def test_what_a_request_could_show_is_shown(headers: dict[str, str], shown: Credentials) -> None:
    authority, seen = principals(ANA)

    await authority.identify(headers, CLIENT)

    assert seen.credentials == [shown]


async def test_a_person_in_no_account_has_nothing_to_watch() -> None:
    authority, _ = principals(Principal("", "user:ana", frozenset(), "", Means.TOKEN))

    with pytest.raises(PermissionDenied):
        await authority.identify({}, CLIENT)
