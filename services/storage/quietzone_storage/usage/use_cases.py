"""Adding up what accounts have stored. `usage.domain` says why each change counts once."""

from dataclasses import replace

from quietzone_kit.documents import VersionConflict
from quietzone_kit.errors import Unavailable
from quietzone_storage.assets.domain import AccountId, AssetId
from quietzone_storage.assets.repository import Assets
from quietzone_storage.assets.repository import Held as HeldAsset
from quietzone_storage.usage.domain import MAX_OPEN, Change
from quietzone_storage.usage.repository import Held, Usages

ATTEMPTS = 50
"""Eight partitions of events may meet at one account's sum, each for some writes of a millisecond."""

PAGE = 100


class Ledger:
    """The sums, and the assets that they are made of."""

    def __init__(self, usages: Usages, assets: Assets) -> None:
        self._usages = usages
        self._assets = assets

    async def count(self, held: HeldAsset) -> HeldAsset:
        """Have all that an asset takes in its account's sum; the asset as it is then.

        Raises:
            Unavailable: the store doesn't answer; what isn't counted is counted before anybody is told the sum.
        """
        asset_id, account_id = held.asset.asset_id, held.asset.account_id
        for _ in range(ATTEMPTS):
            try:
                sum_held = await self._usages.get(account_id)  # before the asset: see usage.domain
                found = await self._assets.get(account_id, asset_id)
                if found is None or not found.counted.is_due:
                    return held if found is None else found
                held = await self._add(sum_held, found)
            except VersionConflict:
                continue
            if not held.counted.is_due:
                return held
        raise Unavailable(f"the use of account {account_id} changes all the time: try again")

    async def bytes_of(self, account_id: AccountId) -> int:
        """What an account has stored, exactly; raises Unavailable."""
        while due := await self._assets.uncounted(account_id, limit=PAGE):
            for held in due:
                await self.count(held)
        return (await self._usages.get(account_id)).usage.bytes

    async def count_all(self) -> int:
        """Count what was left uncounted by a crash, of all accounts, and say how many assets that were; raises Unavailable."""
        counted = 0
        while due := await self._assets.uncounted(None, limit=PAGE):
            for held in due:
                await self.count(held)
            counted += len(due)
        return counted

    async def _add(self, sum_held: Held, found: HeldAsset) -> HeldAsset:
        """Add the next change of an asset, and take that down in it; raises VersionConflict."""
        asset, counted = found.asset, found.counted
        no = counted.no + 1
        change = sum_held.usage.change_of(asset.asset_id, no)
        if change is None:
            change = Change(asset.asset_id, no, asset.bytes)
            after = sum_held.usage.added(change, counted.bytes)
            if len(after.open) > MAX_OPEN:
                after = after.without(await self._known(after.open, but=asset.asset_id))
            await self._usages.put(sum_held, after)
        return await self._assets.count(found, replace(counted, bytes=change.bytes, no=no))

    async def _known(self, changes: tuple[Change, ...], *, but: str) -> dict[str, int]:
        """Up to which change assets know that they were added."""
        ids = [AssetId(change.asset_id) for change in changes if change.asset_id != but]
        return {asset_id: held.counted.no for asset_id in ids if (held := await self._assets.of_any_account(asset_id)) is not None}
