"""What a caller is told who goes beyond a limit."""

from collections.abc import Mapping

from quietzone_kit.errors import ResourceExhausted


class LimitReached(ResourceExhausted):
    """A limit of the account's plan; `headers` say which limits there are."""

    def __init__(self, message: str, retry_after_s: int, headers: Mapping[str, str]) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.headers = headers
