"""What a caller is told who goes beyond a limit, or comes when there is too much for all."""

from collections.abc import Mapping

from quietzone_kit.errors import ResourceExhausted, Unavailable


class LimitReached(ResourceExhausted):
    """A limit of the account's plan: `retry_after_s` is when it is worth trying again, `headers` say which limits there are."""

    def __init__(self, message: str, retry_after_s: int, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.headers = headers


class Overloaded(Unavailable):
    """More comes in than can be answered in time: this request isn't begun."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("more comes in than can be answered now: nothing was done; send it again in a moment")
        self.retry_after_s = retry_after_s
