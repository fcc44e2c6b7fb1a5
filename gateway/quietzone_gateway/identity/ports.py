"""What use cases of identity stand on besides their collections."""

from dataclasses import dataclass

from quietzone_gateway.identity.remembered import News
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Randomness


@dataclass(frozen=True, slots=True)
class Ports:
    """Time, chance, and who tells the other replicas what has changed."""

    clock: Clock
    randomness: Randomness
    news: News

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return self.clock.now_ms()

    def new_id(self) -> str:
        """A UUIDv7."""
        return uuid7(self.clock, self.randomness)
