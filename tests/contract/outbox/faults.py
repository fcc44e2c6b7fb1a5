"""Ports that fail at a chosen call, and a crash that ends whoever makes it."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

P = TypeVar("P")


class Crash(BaseException):
    """The process ends here."""


class Steps:
    """Counts calls of ports; at call number `at` it raises `error`, before the call's effect or after it."""

    def __init__(self, at: int, *, after: bool, error: Callable[[], BaseException] = Crash) -> None:
        self._left = at
        self._after = after
        self._error = error
        self.struck = False

    def wrap(self, port: P) -> P:
        """The same port, its calls counted."""
        return cast("P", _Counted(port, self))

    async def call(self, method: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """One call."""
        self._left -= 1
        self.struck = self.struck or self._left == 0
        if self._left == 0 and not self._after:
            raise self._error()
        answer = await method(*args, **named)
        if self._left == 0 and self._after:
            raise self._error()
        return answer


class _Counted:
    def __init__(self, port: object, steps: Steps) -> None:
        self._port = port
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def counted(*args: Any, **named: Any) -> Any:
            return await self._steps.call(method, *args, **named)

        return counted
