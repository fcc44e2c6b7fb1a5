"""A token bucket: so many at once, then so many a second."""

from collections.abc import Callable


class TokenBucket:
    """`rate` tokens a second, at most `burst` saved up; `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float], *, rate: float, burst: int) -> None:
        self._monotonic = monotonic
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at = monotonic()

    def take(self) -> bool:
        """Whether there was a token, which is gone now."""
        now = self._monotonic()
        self._tokens = min(float(self._burst), self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
