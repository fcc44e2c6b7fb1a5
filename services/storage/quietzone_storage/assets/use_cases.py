"""Changing an asset together with the bytes that it has: the only way in which one is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quietzone_kit.documents import InvalidCursor, VersionConflict
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound, ResourceExhausted, RevisionMismatch, Unavailable
from quietzone_kit.runtime import Clock
from quietzone_storage.assets.domain import AccountId, Asset, AssetId, BlobKey, Kind, State, Variant
from quietzone_storage.assets.repository import AssetPage, Assets, Held
from quietzone_storage.contents.domain import Content
from quietzone_storage.contents.use_cases import ATTEMPTS, File, Shelf
from quietzone_storage.usage.use_cases import Ledger

MAX_PAGE, DEFAULT_PAGE = 1_000, 50


@dataclass(frozen=True, slots=True)
class Drawing:
    """A file that is to become a variant; pixels are 0 where they aren't known."""

    name: str
    data: bytes
    media_type: str
    width: int
    height: int


class NoRoom(ResourceExhausted):
    """An account may not have as much as an asset reserves, of which `left` bytes are left; `held` is the asset as it is then."""

    def __init__(self, held: Held, left: int) -> None:
        super().__init__(
            f"the account's plan has room for {held.asset.most_stored:,} bytes, of which {left:,} are left, and this takes "
            f"{held.asset.reserved:,}: delete files that aren't needed, or ask for another plan"
        )
        self.held = held


class Keeper:
    """Writes assets: their bytes before them, their account's use after them."""

    def __init__(self, assets: Assets, shelf: Shelf, ledger: Ledger) -> None:
        self.assets = assets
        self.shelf = shelf
        self._ledger = ledger

    async def begin(self, asset: Asset) -> Held:
        """Add an asset that reserves room, unless its account has more than it may with it. Of several at once that don't fit together
        each may be refused, but never is one too many let in.

        Raises:
            NoRoom: says how much there is; the asset is deleted.
            Unavailable: see `Assets`.
        """
        held = await self._ledger.count(await self.assets.insert(asset))
        try:
            await self._check_room(held)
        except NoRoom:
            await self.change(held, held.asset.deleted(asset.created_at_ms))
            raise
        return held

    async def change(self, held: Held, after: Asset, *, naming: Sequence[BlobKey] = ()) -> Held:
        """Put `after` in the place of what was held. What it names no more is looked at by the sweeper from now on.

        Raises:
            VersionConflict: somebody else has changed it meanwhile.
            Unavailable: see `Assets`.
        """
        left = {*held.asset.blobs, *held.naming} - {*after.blobs, *naming}
        if left:
            await self.shelf.doubt(after.account_id, list(left))
        changed = await self.assets.replace(held, after, naming=naming)
        if left:  # again: a sweeper that came while we were held up has found them needed still
            await self.shelf.doubt(after.account_id, list(left))
        return await self._ledger.count(changed) if changed.counted.is_due else changed

    async def furnish(
        self, held: Held, files: Sequence[Drawing], finish: Callable[[Asset, tuple[Variant, ...]], Asset], *, in_place: bool = False
    ) -> Held:
        """Give an asset files: it becomes what `finish` makes of it and of them, in one write, or stays as it is. Those `in_place` of
        others need no room of their own.

        Raises:
            NoRoom: its account may not have so much; the files aren't kept.
            VersionConflict: somebody else has changed it meanwhile.
            Unavailable: see `Shelf.keep`.
        """
        if held.asset.most_stored is not None and not in_place:
            held = await self.change(held, held.asset.reserving(sum(len(file.data) for file in files)))
            await self._check_room(held)
        kept = [File(file.data, file.media_type) for file in files]
        return await self.keep(held, kept, lambda asset, contents: finish(asset, _variants(files, contents)))

    async def keep(self, held: Held, files: Sequence[File], finish: Callable[[Asset, Sequence[Content]], Asset]) -> Held:
        """The same with bytes that needn't become variants."""
        for _ in range(ATTEMPTS):
            contents = await self.shelf.keep(held.asset.account_id, files)
            try:
                held = await self.change(held, held.asset, naming=list(dict.fromkeys(content.blob for content in contents)))
            except VersionConflict:
                await self.shelf.forget(held.asset.account_id, contents)
                raise
            if await self.shelf.holds(held.asset.account_id, contents):
                return await self.change(held, finish(held.asset, contents))
            await self.shelf.forget(held.asset.account_id, contents)
        raise Unavailable("its bytes come and go: try again")

    async def _check_room(self, held: Held) -> None:
        """See that an account has no more than it may, with what this asset reserves; raises NoRoom."""
        most = held.asset.most_stored
        if most is not None and (used := await self._ledger.bytes_of(held.asset.account_id)) > most:
            raise NoRoom(held, max(0, most - used + held.asset.reserved))


def _variants(files: Sequence[Drawing], contents: Sequence[Content]) -> tuple[Variant, ...]:
    return tuple(
        Variant(file.name, content.blob, content.size, file.media_type, file.width, file.height)
        for file, content in zip(files, contents, strict=True)
    )


async def give_up(keeper: Keeper, clock: Clock, asset_id: AssetId, reason: str) -> None:
    """Say in an asset that is PENDING why nothing comes of it; any other stays as it is. Raises Unavailable."""
    for _ in range(ATTEMPTS):
        held = await keeper.assets.of_any_account(asset_id)
        if held is None or held.asset.state is not State.PENDING:
            return
        try:
            await keeper.change(held, held.asset.quarantined(reason, clock.now_ms()))
        except VersionConflict:
            continue
        return
    raise Unavailable(f"asset {asset_id} changes all the time: try again")


async def get_asset(assets: Assets, account_id: AccountId, asset_id: str) -> Asset:
    """An asset that wasn't deleted.

    Raises:
        NotFound: this account has no such asset.
    """
    return (await _live(assets, account_id, asset_id)).asset


async def list_assets(
    assets: Assets, account_id: AccountId, *, kind: Kind | None, state: State | None, page_size: int, page_token: str
) -> AssetPage:
    """An account's assets, newest first; a page size of 0 means 50, an empty token the first page.

    Raises:
        InvalidInput: a page size above 1,000 or below 0, a token that no page gave, kind and state at once, or deleted ones.
    """
    if not 0 <= page_size <= MAX_PAGE:
        raise InvalidInput(FieldViolation("page_size", f"use 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}"))
    if kind is not None and state is not None:
        raise InvalidInput(FieldViolation("state", "no index serves kind and state together: ask for one of them"))
    if state is State.DELETED:
        raise InvalidInput(FieldViolation("state", "deleted assets aren't listed: use PENDING, READY or QUARANTINED"))
    try:
        return await assets.listed(account_id, kind=kind, state=state, limit=page_size or DEFAULT_PAGE, after=page_token or None)
    except InvalidCursor as error:
        raise InvalidInput(FieldViolation("page_token", "not a token that a page of this list gave; leave it out to begin anew")) from error


async def delete_upload(
    keeper: Keeper, clock: Clock, account_id: AccountId, asset_id: str, *, expected_revision: int | None = None
) -> None:
    """Leave a tombstone of an upload: its files are served no more, and their bytes removed when no other asset has them.

    Raises:
        NotFound: this account has no such asset.
        RevisionMismatch: it has another revision than the one that is expected.
        InvalidInput: it is the image of a code, which goes when its code does.
    """
    for _ in range(ATTEMPTS):
        held = await _live(keeper.assets, account_id, asset_id)
        if held.asset.kind is Kind.CODE:
            raise InvalidInput(FieldViolation("asset_id", "the image of a code goes when its code does: delete the code"))
        if expected_revision is not None and held.asset.revision != expected_revision:
            raise RevisionMismatch(f"the asset has revision {held.asset.revision} by now: read it again")
        try:
            await keeper.change(held, held.asset.deleted(clock.now_ms()))
        except VersionConflict:
            continue
        return
    raise Unavailable(f"asset {asset_id} changes all the time: try again")


async def _live(assets: Assets, account_id: AccountId, asset_id: str) -> Held:
    held = await assets.get(account_id, AssetId(asset_id))
    if held is None or held.asset.state is State.DELETED:
        raise NotFound(f"no asset {asset_id!r:.60}")
    return held
