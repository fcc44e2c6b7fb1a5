"""Telling again of those that nobody has told of for long."""

import asyncio
from typing import NoReturn

from quietzone_gateway.identity.accounts.repository import Accounts
from quietzone_gateway.identity.users.repository import Users
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Randomness
from quietzone_kit.telemetry import logger

EVERY_S = 6 * 3_600.0
"""Between looks at all of them: what a release that tells nobody has changed is told within so long, or when a process starts."""

RETRY_S = 30.0
PAGE = 200

log = logger(__name__)


class TellAgain:
    """Sees that all accounts and people were told of as they are, and lately; several processes do no harm to each other."""

    def __init__(self, accounts: Accounts, users: Users, randomness: Randomness) -> None:
        self._accounts = accounts
        self._users = users
        self._randomness = randomness

    async def run(self) -> NoReturn:
        """Look at all now and then, until cancelled."""
        while True:
            try:
                told = await self.all()
            except Unavailable as error:
                log.warning("accounts are told again later", error=str(error))
                await asyncio.sleep(self._randomness.uniform(0, RETRY_S))
                continue
            if told:
                log.info("accounts and people are told again", documents=told)
            await asyncio.sleep(EVERY_S / 2 + self._randomness.uniform(0, EVERY_S))

    async def all(self) -> int:
        """Tell of those for which it is time; how many. People come first: whoever hears of an account knows its members then.

        Raises:
            Unavailable: the store doesn't answer, or too much waits for the bus; those that were told of aren't again.
        """
        told = 0
        for collection in (self._users, self._accounts):
            after: str | None = None
            while True:
                number, after = await collection.tell_again(limit=PAGE, after=after)
                told += number
                if after is None:
                    break
        return told
