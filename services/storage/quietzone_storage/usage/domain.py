"""An account's use of storage, added up from its assets, each change once. Pure.

Two documents change for one asset, one after the other, and either write may be the last before a crash. So each change of what an asset
takes has a number, and the sum keeps the numbers that it has added until the asset itself says that it knows:

1. the sum is read, then the asset; 2. the sum takes the change, with its number; 3. the asset takes down what was added, and the number.

Who comes after a crash between 2 and 3 finds the number in the sum and adds nothing. The sum is read first, and written only as it was
read: a number is forgotten only when the asset knows it, so who misses it in the sum finds it in the asset.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

MAX_OPEN = 64
"""Changes that a sum remembers before it looks which ones their assets know; 80 bytes each."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an asset took after its change number `no` was added."""

    asset_id: str
    no: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """The sum of what an account's assets take."""

    account_id: str
    bytes: int = 0
    open: tuple[Change, ...] = ()

    def added(self, change: Change, before: int) -> "Usage":
        """With a change of an asset that took `before` bytes; itself when it has been added."""
        if self.change_of(change.asset_id, change.no) is not None:
            return self
        others = tuple(each for each in self.open if each.asset_id != change.asset_id)
        return replace(self, bytes=self.bytes + change.bytes - before, open=(*others, change))

    def change_of(self, asset_id: str, no: int) -> Change | None:
        """The change with this number, if it is remembered."""
        return next((each for each in self.open if (each.asset_id, each.no) == (asset_id, no)), None)

    def without(self, known: Mapping[str, int]) -> "Usage":
        """Without the changes that their assets know: up to which number, by asset."""
        left = tuple(each for each in self.open if known.get(each.asset_id, 0) < each.no)
        return replace(self, open=left)
