"""What can be asked about accounts."""

from dataclasses import dataclass

from quietzone_gateway.identity.domain import FIRST_ACCOUNT, KEY_BYTES, Account, first_account, new_key
from quietzone_gateway.identity.repository import Accounts
from quietzone_kit.runtime import Clock, Randomness


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """The account that an installation starts with. `new_key` is to be shown, now or never: only its hash is kept."""

    account: Account
    new_key: str | None


async def open_first_account(accounts: Accounts, clock: Clock, randomness: Randomness, *, preset: str | None) -> FirstAccount:
    """The first account, made when there is none; its key is `preset`, or drawn when it is made.

    A `preset` that isn't the account's key takes its place. Of several first starts at once, one makes the account and its key.

    Raises:
        Unavailable: the store can't be reached.
    """
    account = await accounts.get(FIRST_ACCOUNT)
    if account is None:
        key = preset or new_key(randomness.token(KEY_BYTES))
        made = first_account(key, clock.now_ms())
        if await accounts.add(made):
            return FirstAccount(made, None if preset else key)
        account = await accounts.get(FIRST_ACCOUNT)
    if preset is not None and (account is None or not account.has_key(preset)):
        account = await accounts.change_key(FIRST_ACCOUNT, preset)
    if account is None:
        raise LookupError("the first account was there and is gone: somebody changes the store by hand")
    return FirstAccount(account, None)
