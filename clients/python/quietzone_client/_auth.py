"""Who calls."""

from typing import Protocol

from quietzone_client._requests import Answer, Request


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
