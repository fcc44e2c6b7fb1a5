"""What was told of something last. Pure."""

from dataclasses import dataclass

DAY_MS = 86_400_000

AGAIN_AFTER_MS = 14 * DAY_MS
"""All are told again after so long: less than half of what the topic keeps, so that it always holds everybody."""


@dataclass(frozen=True, slots=True)
class Told:
    """The revision that was told last, and when; revision 0: nothing was."""

    revision: int = 0
    at_ms: int = 0

    def is_due(self, revision: int, now_ms: int) -> bool:
        """Whether it is to be told again: it was long ago, or a release that tells nobody has made it another."""
        return self.revision != revision or self.at_ms < now_ms - AGAIN_AFTER_MS


NOTHING = Told()
