"""What each rule has done, added up in memory and kept every ten seconds: numbers for people, which a crash makes a little too low."""

import asyncio
from typing import NoReturn

from quietzone_kit.errors import Unavailable
from quietzone_kit.telemetry import logger
from quietzone_notification.delivery.domain import Delivery, State
from quietzone_notification.rules.book import Matched
from quietzone_notification.rules.repository import Numbers, Rules

EVERY_S = 10.0
MAX_AT_ONCE = 1_000  # rules of one write, some 100 kB

log = logger(__name__)


class RuleNumbers:
    """Numbers that aren't kept yet; `run` must run beside it."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._added: dict[str, tuple[str, Numbers]] = {}  # as many as there are rules at work, at most

    def count(self, matched: Matched, at_ms: int) -> None:
        """A rule matched an event."""
        self._add(matched.rule.rule_id, matched.rule.account_id, Numbers(1, len(matched.failed), at_ms))

    def ended(self, delivery: Delivery) -> None:
        """A delivery has ended. Those that no rule asked for don't count here, nor one that has become others: these count."""
        is_delivered = delivery.state is State.DELIVERED
        if delivery.rule_id is not None and not (is_delivered and delivery.is_to_many):
            self._add(delivery.rule_id, delivery.account_id, Numbers(delivered=int(is_delivered), given_up=int(not is_delivered)))

    async def run(self) -> NoReturn:
        """Keep them, until cancelled; a last time then."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                await self._try()
        finally:
            await self._try()

    async def keep(self) -> None:
        """Write what was added; what others have written meanwhile waits for the next time. Raises Unavailable."""
        for _ in range(0, len(self._added), MAX_AT_ONCE):
            added = dict(list(self._added.items())[:MAX_AT_ONCE])
            again = await self._rules.add(added)
            for rule_id, (account_id, kept) in added.items():
                if rule_id not in again:
                    self._subtract(rule_id, account_id, kept)

    def _subtract(self, rule_id: str, account_id: str, kept: Numbers) -> None:
        """What was counted while the store was written to is still to be kept."""
        _, now = self._added[rule_id]
        if now == kept:
            del self._added[rule_id]
        else:
            self._added[rule_id] = account_id, now.without(kept)

    def _add(self, rule_id: str, account_id: str, more: Numbers) -> None:
        _, before = self._added.get(rule_id, ("", Numbers()))
        self._added[rule_id] = account_id, before.plus(more)

    async def _try(self) -> None:
        try:
            await self.keep()
        except Unavailable as error:
            log.warning("what rules have done isn't kept yet", error=str(error))
