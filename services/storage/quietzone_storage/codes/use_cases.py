"""Following codes: their images are drawn, drawn anew and removed. Each step can be done again."""

from functools import partial
from typing import Protocol

from quietzone_kit.documents import VersionConflict
from quietzone_kit.errors import DeadlineExceeded, FailedPrecondition, NotFound, Unavailable
from quietzone_kit.runtime import Clock, Executor
from quietzone_storage.assets.domain import AccountId, Asset, AssetId, Kind, State, Symbol, Variant
from quietzone_storage.assets.repository import AssetExists, Held
from quietzone_storage.assets.use_cases import Drawing, Keeper
from quietzone_storage.codes.domain import Heard, is_to_draw, lacks_files
from quietzone_storage.metrics import DRAWN
from quietzone_storage.variants.domain import WrongSymbol
from quietzone_storage.variants.symbol import NotShown, draw_code

ATTEMPTS = 5
"""Of an event: its redelivery and a clean-up may meet it, a fifth time something else is going on."""


class ForeignAsset(ValueError):
    """An asset of another account has a code's id: nothing that may be overwritten."""


class Symbols(Protocol):
    """Who knows what codes look like; `QrSymbols`, but for tests."""

    async def symbol(self, account_id: AccountId, code_id: AssetId) -> Symbol:
        """See `QrSymbols`."""


class Followed:
    """What is needed to follow codes. `executor` draws."""

    def __init__(self, keeper: Keeper, symbols: Symbols, executor: Executor, clock: Clock) -> None:
        self._keeper = keeper
        self._symbols = symbols
        self._executor = executor
        self._clock = clock

    async def follow(self, told: Heard) -> None:
        """Do what an event asks for; old ones, and those that came before, change nothing.

        Raises:
            Unavailable: store, blobs or qr don't answer, or others change the asset all the time.
            ForeignAsset: see there.
        """
        for _ in range(ATTEMPTS):
            try:
                held = await self._held(told)
                if told.is_deleted:
                    await self._remove(held, told)
                elif is_to_draw(held.asset, told):
                    await self._draw(held, told)
            except (VersionConflict, AssetExists):
                continue
            return
        if await self._keeper.assets.get(told.account_id, told.code_id) is None:
            raise ForeignAsset(f"asset {told.code_id} isn't of account {told.account_id}, whose code has this id")
        raise Unavailable(f"the image of code {told.code_id} changes all the time: try again")

    async def draw_again(self, account_id: AccountId, code_id: AssetId) -> bool:
        """Have all files of a code at hand again, from the modules that they show; whether some were missing.

        Raises:
            Unavailable: as above.
            WrongSymbol, NotShown: this release can't draw it; what there is stays.
        """
        for _ in range(ATTEMPTS):
            held = await self._keeper.assets.get(account_id, code_id)
            if held is None or held.asset.symbol is None or not lacks_files(held.asset):
                return False
            drawings = await self._executor.run(partial(draw_code, held.asset.symbol))
            try:
                await self._keep(held, held.asset.code_revision, held.asset.symbol, drawings)
            except VersionConflict:
                continue
            DRAWN.labels("drawn again").inc()
            return True
        raise Unavailable(f"the image of code {code_id} changes all the time: try again")

    async def _held(self, told: Heard) -> Held:
        """The asset of a code; a code that wasn't heard of gets one, a tombstone if it is deleted already. Raises AssetExists."""
        held = await self._keeper.assets.get(told.account_id, told.code_id)
        if held is not None:
            return held
        now_ms = self._clock.now_ms()
        asset = Asset(told.code_id, told.account_id, Kind.CODE, State.PENDING, "", now_ms, now_ms)
        if told.is_deleted:
            asset = Asset(told.code_id, told.account_id, Kind.CODE, State.DELETED, "", now_ms, now_ms, code_revision=told.revision)
        return await self._keeper.assets.insert(asset)

    async def _remove(self, held: Held, told: Heard) -> None:
        if held.asset.state is not State.DELETED:
            await self._keeper.change(held, held.asset.deleted(self._clock.now_ms(), code_revision=told.revision))
            DRAWN.labels("removed").inc()

    async def _draw(self, held: Held, told: Heard) -> None:
        try:
            symbol = await self._symbols.symbol(told.account_id, told.code_id)
            drawings = await self._executor.run(partial(draw_code, symbol))
        except NotFound:
            return  # it was deleted meanwhile: the event that says so comes next
        except DeadlineExceeded as error:
            raise Unavailable(str(error)) from error
        except (FailedPrecondition, WrongSymbol, NotShown) as error:
            after = held.asset.quarantined(str(error), self._clock.now_ms(), code_revision=told.revision)
            await self._keeper.change(held, after)
            DRAWN.labels("quarantined").inc()
            return
        if symbol != held.asset.symbol or held.asset.state is not State.READY:
            await self._keep(held, told.revision, symbol, drawings)
            DRAWN.labels("drawn").inc()

    async def _keep(self, held: Held, code_revision: int, symbol: Symbol, drawings: list[Drawing]) -> None:
        def finish(asset: Asset, variants: tuple[Variant, ...]) -> Asset:
            return asset.ready(variants, self._clock.now_ms(), symbol=symbol, code_revision=code_revision)

        await self._keeper.furnish(held, drawings, finish)
