"""Telling whoever keeps copies what an owner wants: forget them, or have them before anybody asks."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, Unavailable
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_storage.assets.domain import AccountId
from quietzone_storage.assets.repository import Assets
from quietzone_storage.assets.use_cases import get_asset
from quietzone_storage.copies import Copies, CopiesUnavailable, Purge
from quietzone_storage.copies.requests import Failed, ask
from quietzone_storage.serving.links import UrlKeys
from quietzone_storage.serving.use_cases import Wanted, sign_url

MAX_ASSETS = 20
"""Of one call, with some five files each: they are fetched within seconds."""
AT_ONCE = 8
"""Files that are fetched at once: what a small cache has room for beside its readers."""


@dataclass(frozen=True, slots=True)
class Warmed:
    """A file that was fetched through whoever keeps copies; `failure` is empty when that went well, `url` where it can't be fetched."""

    name: str
    url: str
    expires_at_ms: int
    failure: str


class CopyDesk:
    """What is needed to purge and to warm up. `base` is where the world gets files."""

    def __init__(self, assets: Assets, copies: Copies, keys: UrlKeys, clock: Clock, randomness: Randomness, *, base: str) -> None:
        self._assets = assets
        self._copies = copies
        self._keys = keys
        self._clock = clock
        self._randomness = randomness
        self._base = base

    async def purge(self, account_id: AccountId, asset_ids: Sequence[str]) -> None:
        """Have all copies of these assets' files forgotten.

        Raises:
            InvalidInput: none, or more than MAX_ASSETS.
            NotFound: this account has no such asset.
            Unavailable: whoever keeps copies can't be told now.
        """
        _check(asset_ids)
        for asset_id in asset_ids:
            await get_asset(self._assets, account_id, asset_id)
        try:
            await self._copies.purge(Purge(uuid7(self._clock, self._randomness), tags=tuple(asset_ids)))
        except CopiesUnavailable as error:
            raise Unavailable(str(error)) from error

    async def warm_up(self, account_id: AccountId, asset_ids: Sequence[str], expires_s: int) -> list[Warmed]:
        """Have copies made of these assets' files, by URLs that hold for `expires_s`; what fails is only reported.

        Raises:
            InvalidInput: none, or more than MAX_ASSETS; an expiry that no URL has.
            NotFound: this account has no such asset.
        """
        _check(asset_ids)
        assets = [await get_asset(self._assets, account_id, asset_id) for asset_id in asset_ids]
        signed = [
            await self._signed(account_id, name, Wanted(asset.asset_id, variant.name, expires_s=expires_s))
            for asset in assets
            for name, variant in asset.files().items()
        ]
        room = asyncio.Semaphore(AT_ONCE)

        async def fetched(file: Warmed) -> Warmed:
            async with room:
                return file if file.failure else replace(file, failure=await _failure(file.url))

        async with asyncio.TaskGroup() as group:
            fetching = [group.create_task(fetched(file)) for file in signed]
        return [task.result() for task in fetching]

    async def _signed(self, account_id: AccountId, name: str, file: Wanted) -> Warmed:
        """A file that is to be fetched, or why it can't be."""
        try:
            signed = await sign_url(self._assets, self._keys, self._clock, base=self._base, account_id=account_id, wanted=file)
        except (FailedPrecondition, NotFound) as error:  # archived, or deleted or drawn anew just now
            return Warmed(name, "", 0, str(error))
        return Warmed(name, signed.url, signed.expires_at_ms, "")


async def _failure(url: str) -> str:
    """Why a file didn't come; empty when it did."""
    try:
        status = await ask("GET", url, {})
    except Failed as error:
        return str(error)
    return "" if status == 200 else f"status {status}"


def _check(asset_ids: Sequence[str]) -> None:
    if not 1 <= len(asset_ids) <= MAX_ASSETS:
        raise InvalidInput(FieldViolation("asset_ids", f"name 1 to {MAX_ASSETS}, these are {len(asset_ids)}"))
