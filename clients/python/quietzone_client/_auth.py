"""Who calls."""

from collections.abc import Callable
from typing import Protocol

from quietzone_client._requests import Answer, Call, Request, dumped, nothing

EARLY_S = 10.0
"""A token is renewed before it ends, so that it lasts for a request that is under way."""


class Auth(Protocol):
    """What tells the API who calls. A client asks it before each request, and renews by one request at a time, whoever waits for it.

    What it holds may change by `renew` only, which is never called twice at once.
    """

    def authorization(self, now_s: float) -> str | None:
        """The value of `Authorization` at a Unix time; None when it has to be renewed first."""

    def renewal(self) -> Request | None:
        """What is sent to renew it, without an `Authorization`; None when nothing can."""

    def renew(self, answer: Answer, now_s: float) -> None:
        """Take what was answered to `renewal`."""


class ApiKey:
    """An account's API key, `qz_…`."""

    def __init__(self, key: str) -> None:
        """Keep the key.

        Raises:
            ValueError: it can't be one.
        """
        strange = next((character for character in key if not "!" <= character <= "~"), None)
        if strange is not None:
            raise ValueError(f"the key holds {strange!r}, and a key only has letters, digits and signs of ASCII")
        if not key:
            raise ValueError("the key is empty")
        self._authorization = f"Bearer {key}"

    def __repr__(self) -> str:
        return "ApiKey(…)"

    def authorization(self, now_s: float) -> str:  # noqa: ARG002 - it doesn't change
        """The key, as it is sent."""
        return self._authorization

    def renewal(self) -> None:
        """Nothing renews a key."""

    def renew(self, answer: Answer, now_s: float) -> None:
        """Never called."""


class Tokens:
    """A person's session: an access token of some minutes, and a refresh token that brings the next pair, once.

    Keep the newest refresh token where your program finds it when it starts again: `keep` is told of each. One that is used a second time
    brings the same again for some seconds, as its answer may have been lost; later it ends its session, since somebody else may have it.
    """

    def __init__(self, refresh_token: str = "", *, keep: Callable[[str], object] = lambda _token: None) -> None:
        """Go on with a session; without a token, one begins by `sign_in` of the client."""
        self._refresh_token = refresh_token
        self._access_token = ""
        self._until_s = 0.0
        self._keep = keep

    def __repr__(self) -> str:
        return "Tokens(…)"

    def authorization(self, now_s: float) -> str | None:
        """The access token, unless it ends in a moment."""
        return f"Bearer {self._access_token}" if self._access_token and now_s < self._until_s else None

    def renewal(self) -> Request | None:
        """Asks for the next pair."""
        return _open("/v1/auth/refresh", {"refresh_token": self._refresh_token}) if self._refresh_token else None

    def renew(self, answer: Answer, now_s: float) -> None:
        """Take a pair."""
        said = answer.json()
        access_token, refresh_token = str(said["access_token"]), str(said["refresh_token"])
        self._until_s = now_s + float(said["expires_in"]) - EARLY_S
        self._access_token, self._refresh_token = access_token, refresh_token
        self._keep(refresh_token)

    def forget(self) -> None:
        """Have no session any more."""
        self._access_token = self._refresh_token = ""


def sign_in(tokens: Tokens, email: str, password: str, code: str, now_s: Callable[[], float]) -> Call[None]:
    """Begin a session, and have `tokens` hold it."""
    body = {"email": email, "password": password} | ({"code": code} if code else {})
    return Call(_open("/v1/auth/sign-in", body), lambda answer: tokens.renew(answer, now_s()))


def sign_out() -> Call[None]:
    """End the session."""
    return Call(Request("POST", "/v1/auth/sign-out", takes_name=False), nothing)


def tokens_in(auth: Auth) -> Tokens:
    """Where a session is held; raises TypeError when who calls isn't a person."""
    if not isinstance(auth, Tokens):
        raise TypeError("people sign in with a client that was made with Tokens(): this one has a key, or another way to say who calls")
    return auth


def _open(path: str, body: dict[str, str]) -> Request:
    headers = {"content-type": "application/json"}
    return Request("POST", path, headers=headers, content=dumped(body), takes_name=False, needs_caller=False)
