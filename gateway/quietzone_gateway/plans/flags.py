"""Feature flags: who has what isn't for everybody yet; pure."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from quietzone_gateway.plans.domain import NAME

MAX_FLAGS = 200
"""In an installation: all are in the memory of each replica, and each has two metrics; one that is decided can be used again."""

MAX_ACCOUNTS = 1_000
"""In a flag's list; more is a share."""

SALT_BYTES = 8
"""Random, of each flag: so that it isn't always the same accounts that try what is new."""

_PARTS = 10_000


class InvalidFlag(ValueError):
    """The flag can't be kept; `field` is what of it is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class FlagState(StrEnum):
    """For whom a flag is on."""

    OFF = "off"
    """Nobody."""
    SOME = "some"
    """Its list, its share, and the accounts of plans that have it."""
    ON = "on"
    """Everybody."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag; while it is for some, these are `accounts` and `percent` of all others, chosen by `salt`."""

    name: str
    state: FlagState
    salt: str
    percent: int = 0
    accounts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InvalidFlag("name", f"{self.name!r:.60} is no name: use up to 40 of a-z, 0-9 and -, a letter first")
        if not 0 <= self.percent <= 100:
            raise InvalidFlag("percent", f"{self.percent}: use 0 to 100")
        if len(self.accounts) > MAX_ACCOUNTS:
            raise InvalidFlag("accounts", f"{len(self.accounts):,} of them: a list has at most {MAX_ACCOUNTS:,}; use percent")
        if twice := [account for account, times in Counter(self.accounts).items() if times > 1]:
            raise InvalidFlag("accounts", f"{twice[0]:.60} is there twice")

    def is_on(self, account_id: str, *, in_plan: bool = False) -> bool:
        """Whether an account has it; `in_plan`: its plan does."""
        if self.state is not FlagState.SOME:
            return self.state is FlagState.ON
        return in_plan or account_id in self.accounts or self._part_of(account_id) < self.percent * _PARTS // 100

    def _part_of(self, account_id: str) -> int:
        """Always the same for an account: a larger share holds all of a smaller one."""
        return int.from_bytes(hashlib.sha256(f"{self.salt}/{account_id}".encode()).digest()[:8], "big") % _PARTS
