"""Scans of accounts whose plans limit them: told of at 80 and 100 %, also while nobody of the account asks for anything."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn

from quietzone_gateway.identity.accounts.domain import Account
from quietzone_gateway.identity.accounts.repository import Accounts
from quietzone_gateway.plans.limiting import Plans
from quietzone_gateway.plans.quotas import SCANS
from quietzone_kit.cache import Cache, Keep
from quietzone_kit.errors import QuietzoneError
from quietzone_kit.runtime import Randomness
from quietzone_kit.telemetry import logger

log = logger(__name__)

NOTE_S = 300.0
"""Between looks at an account, by whichever replica: a quota that is reached is told of within five minutes."""

PAGE = 500
"""Accounts that are read at once."""

ScansOf = Callable[[str], Awaitable[int]]
"""An account's scans of this month; raises QuietzoneError."""


class QuietAccounts:
    """Notes scans; replicas share the looks by the cache, and without it each looks for itself."""

    def __init__(self, accounts: Accounts, plans: Plans, scans_of: ScansOf, cache: Cache, randomness: Randomness) -> None:
        self._accounts = accounts
        self._plans = plans
        self._scans_of = scans_of
        self._cache = cache
        self._randomness = randomness

    async def run(self) -> NoReturn:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(self._randomness.uniform(NOTE_S / 2, NOTE_S))
            try:
                await self.note()
            except QuietzoneError as error:
                log.warning("scans of accounts aren't looked at", then="it is tried again", reason=str(error))

    async def note(self) -> None:
        """Look once at every account whose plan limits scans.

        Raises:
            QuietzoneError: the store or analytics doesn't answer.
        """
        limited = {plan.name for plan in self._plans.known.all if SCANS in plan.limits}
        after = None
        while limited:
            page = await self._accounts.page(limit=PAGE, after=after)
            for account in page.items:
                if account.plan in limited:
                    keep = Keep(ttl_s=NOTE_S / 2)
                    await self._cache.get_or_load(f"scans-noted:{account.account_id}", partial(self._note, account), keep)
            after = page.cursor
            if after is None:
                return

    async def _note(self, account: Account) -> bytes:
        scans = await self._scans_of(account.account_id)
        await self._plans.use_of(account.account_id, account.plan, scans=scans)
        return b"noted"
