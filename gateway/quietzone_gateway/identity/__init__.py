"""Who calls the API: accounts and their keys."""

from quietzone_gateway.identity.domain import MIN_KEY_CHARACTERS, Account
from quietzone_gateway.identity.known import KnownKeys
from quietzone_gateway.identity.repository import Accounts
from quietzone_gateway.identity.use_cases import FirstAccount, open_first_account

__all__ = ["MIN_KEY_CHARACTERS", "Account", "Accounts", "FirstAccount", "KnownKeys", "open_first_account"]
