"""Keys that were seen lately, so that a request needn't ask the store."""

from collections import OrderedDict

from quietzone_gateway.identity.domain import Account, id_of
from quietzone_gateway.identity.repository import Accounts
from quietzone_kit.errors import Unauthenticated
from quietzone_kit.runtime import Clock

REMEMBERED_S = 5.0
"""A key that was replaced works this long at most."""

MAX_REMEMBERED = 1_000
"""Accounts that call within REMEMBERED_S; 0.5 KB each. The one that was read longest ago makes room."""


class KnownKeys:
    """Finds the account of a key. Unknown keys aren't remembered: whoever tries many must not push out those in use."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self._remembered: OrderedDict[str, tuple[float, Account]] = OrderedDict()

    async def account_of(self, key: str) -> Account:
        """The account with this key.

        Raises:
            Unauthenticated: nobody has it.
            Unavailable: the store can't be reached.
        """
        key_id = id_of(key)
        read_at, account = self._remembered.get(key_id, (0.0, None))
        now = self._clock.monotonic()
        if account is None or now - read_at > REMEMBERED_S:
            account = await self._accounts.by_key_id(key_id)
            self._remember(key_id, now, account)
        if account is None or not account.has_key(key):
            raise Unauthenticated("no account has this API key")
        return account

    def _remember(self, key_id: str, now: float, account: Account | None) -> None:
        self._remembered.pop(key_id, None)
        if account is not None:
            self._remembered[key_id] = (now, account)
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
