"""Letters that the house itself writes, taken for delivery."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from quietzone_kit.runtime import Clock
from quietzone_notification.delivery.domain import Outbound
from quietzone_notification.mail.envelopes import Envelopes
from quietzone_notification.mail.letters import Letter, delivery_of


@dataclass(frozen=True, slots=True)
class Addressed:
    """A letter, and where it goes: `delivery_id` follows from what caused it, `account_id` is HOUSE for kinds that are the house's own."""

    delivery_id: str
    account_id: str
    to: str
    letter: Letter


class Scribe:
    """Hands letters on; those of the house lie sealed in the store."""

    def __init__(self, outbound: Outbound, envelopes: Envelopes, clock: Clock) -> None:
        self._outbound = outbound
        self._envelopes = envelopes
        self._clock = clock

    async def take(self, letters: Sequence[Addressed]) -> None:
        """Take letters, durably; by their ids, repeats change nothing.

        Raises:
            FailedPrecondition: there is no key that letters of the house are sealed with.
            Unavailable: some may be stored; repeat it.
        """
        now_ms = self._clock.now_ms()
        closed = [(each, self._closed(each)) for each in letters]
        await self._outbound.enqueue(
            [delivery_of(each.delivery_id, each.account_id, each.to, letter, created_ms=now_ms) for each, letter in closed]
        )

    def _closed(self, addressed: Addressed) -> Letter:
        letter = addressed.letter
        return replace(letter, data=self._envelopes.close(letter.data, addressed.delivery_id)) if letter.is_ours else letter
