"""Finding a file by its name."""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from quietzone_kit.blobs import BlobArchived, BlobNotFound
from quietzone_kit.documents import VersionConflict
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, QuietzoneError, Unavailable
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_storage.assets.domain import AT_ONCE, DAY_MS, ENDINGS, AccountId, Asset, AssetId, State, Variant
from quietzone_storage.assets.repository import Assets, Held
from quietzone_storage.assets.use_cases import Drawing, get_asset
from quietzone_storage.contents.domain import digest, digest_of
from quietzone_storage.contents.use_cases import BytesDamaged, File, Shelf
from quietzone_storage.lifecycle.returns import Returns
from quietzone_storage.metrics import LOST
from quietzone_storage.serving.held import HeldFiles, Served
from quietzone_storage.serving.links import DEFAULT_EXPIRY_S, GET, MAX_EXPIRY_S, OFTEN_DAYS, OFTEN_EXPIRY_S, Allowed, UrlKeys
from quietzone_storage.serving.sizes import Sizes, as_size, sharpest
from quietzone_storage.variants.domain import CODE_FORMS, MAX_SIZED_PX, MIN_SIZED_PX, SIZED_QUALITY, Form, module_px

log = logger(__name__)

FOLDER = "/files/"

LOOKS = 3
"""At a file that is replaced while it is read; its code would have to change each time."""

_SIZED = re.compile(rf"([0-9a-f-]{{1,36}})_([1-9]\d{{1,3}})px\.({'|'.join(ENDINGS[kind] for kind in SIZED_QUALITY)})")
_ASSET = re.compile(r"([0-9a-f-]{36})[_.]")
_MEDIA_TYPES = {ending: kind for kind, ending in ENDINGS.items()}


LOST_BYTES = "the file's bytes are damaged or gone: send it again, or ask who runs this to restore them from a copy"


class BytesLost(QuietzoneError):
    """A file's bytes are damaged or gone, and nothing is left to make them from."""

    code = "DATA_LOSS"
    http_status = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants a URL for: a file by its variant (empty: the master), or a size of it in pixels."""

    asset_id: str
    variant: str = ""
    size_px: int = 0
    media_type: str = ""
    expires_s: int = 0


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A URL, and until when it holds, Unix time in milliseconds."""

    url: str
    expires_at_ms: int


class Finder:
    """Files of all accounts, for who brings a signed URL."""

    def __init__(self, assets: Assets, shelf: Shelf, held: HeldFiles, clock: Clock, *, sizes: Sizes, returns: Returns) -> None:
        self._clock = clock
        self._assets = assets
        self._shelf = shelf
        self._held = held
        self._sizes = sizes
        self._returns = returns

    def at_hand(self, name: str) -> Served | None:
        """A file that is in memory."""
        return self._held.get(name)

    def is_due(self, served: Served) -> bool:
        """Whether a file in memory should be read anew, by `renew`."""
        return self._held.is_due(served)

    async def renew(self, name: str) -> None:
        """Read a file in memory anew before it is good no more; raises as `find`, but for NotFound."""
        await self._held.renew(name, partial(self._fetch, name))

    async def find(self, name: str) -> Served:
        """The file of this name.

        Raises:
            NotFound: there is none, or its asset isn't ready.
            InvalidInput: a size in which it can't be drawn.
            FailedPrecondition: it is archived.
            ResourceExhausted: too many sizes wait to be made.
            Unavailable: store or blobs don't answer.
        """
        return await self._held.get_or_fetch(name, partial(self._fetch, name))

    async def _fetch(self, name: str) -> Served:
        held, served = await self._read(name)
        await self._use(held)
        return served

    async def _read(self, name: str) -> tuple[Held, Served]:
        for _ in range(LOOKS):
            read_at = self._clock.monotonic()
            held = await self._held_for(name)
            asset = held.asset
            variant = asset.files().get(name)
            if variant is None or (variant.blob in asset.movable and asset.tier not in AT_ONCE):
                drawing = await self._drawn(asset, name, is_archived=variant is not None)
                return held, Served(drawing.data, drawing.media_type, f'"{digest(drawing.data)[:32]}"', name, read_at)
            try:
                data, sha256 = await self._shelf.read(variant.blob), digest_of(variant.blob)
            except BlobArchived:
                break  # it is being moved
            except (BlobNotFound, BytesDamaged) as error:
                if (await self._held_for(name)).asset.files().get(name) != variant:
                    continue  # it was replaced meanwhile
                data = await self._made_again(asset, variant, name, error)
                sha256 = digest(data)
            return held, Served(data, variant.media_type, f'"{sha256[:32]}"', name, read_at)
        raise Unavailable("the file is being replaced: try again")

    async def _held_for(self, name: str) -> Held:
        """The asset whose file it may be; raises NotFound."""
        found = _ASSET.match(name)
        held = None if found is None else await self._assets.of_any_account(AssetId(found.group(1)))
        if held is None or held.asset.state is not State.READY:
            raise NotFound("there is no such file, or none any more")
        return held

    async def _made_again(self, asset: Asset, variant: Variant, name: str, error: Exception) -> bytes:
        """A file whose bytes are gone or damaged: a code's is drawn, and put back if it is the same. Raises BytesLost for others."""
        log.error("a file's bytes are lost", asset=asset.asset_id, blob=variant.blob, error=str(error))
        if asset.symbol is None:
            LOST.labels("lost").inc()
            raise BytesLost(LOST_BYTES)
        LOST.labels("mended").inc()
        data = (await self._drawn(asset, name, is_archived=False)).data
        if digest(data) == digest_of(variant.blob):
            with suppress(Unavailable):
                await self._shelf.mend(asset.account_id, variant.blob, File(data, variant.media_type))
        return data

    async def _use(self, held: Held) -> None:
        """Take down that the asset is used, once a day, and have its files brought back; they are served all the same when that can't be
        written.
        """
        now_ms = self._clock.now_ms()
        if now_ms - held.asset.last_used_ms >= DAY_MS:
            with suppress(VersionConflict, Unavailable):
                await self._returns.begin(held.asset)  # first: what is known to be used isn't looked at again today
                await self._assets.use(held, now_ms)

    async def _drawn(self, asset: Asset, name: str, *, is_archived: bool) -> Drawing:
        """A file that isn't kept, or isn't at hand."""
        if asset.symbol is None and is_archived:
            raise FailedPrecondition("the file is archived: its owner can have it brought back")
        form = _form_of(asset, name)
        if form is None:
            raise NotFound("there is no such file, or none any more")
        try:
            return await self._sizes.make(asset, form)
        except BlobArchived as error:
            raise Unavailable("the file is being moved: try again") from error
        except (BlobNotFound, BytesDamaged) as error:
            log.error("bytes of an upload are lost", asset=asset.asset_id, error=str(error))  # noqa: TRY400 - it says it all
            LOST.labels("lost").inc()
            raise BytesLost(LOST_BYTES) from error


def _form_of(asset: Asset, name: str) -> Form | None:
    """How a file that isn't kept is made; None when nobody makes one of this name."""
    for form in CODE_FORMS if asset.symbol is not None else ():
        if name == code_file(asset.asset_id, form):
            return form
    found = _SIZED.fullmatch(name)
    if found is None or not MIN_SIZED_PX <= int(found.group(2)) <= MAX_SIZED_PX:
        return None
    media_type = _MEDIA_TYPES[found.group(3)]
    return Form("", int(found.group(2)), media_type, SIZED_QUALITY[media_type])


def code_file(asset_id: AssetId, form: Form) -> str:
    """What the file of a code in this form is called."""
    return f"{asset_id}{form.variant}.{ENDINGS[form.media_type]}"


async def sign_url(assets: Assets, keys: UrlKeys, clock: Clock, *, base: str, account_id: AccountId, wanted: Wanted) -> SignedUrl:
    """A URL by which anybody gets a file; unless something else is asked for it holds for 3,600 s, and for a day where the asset is read
    day after day: who reads it tomorrow needn't ask again.

    Raises:
        InvalidInput: names each field that is wrong.
        NotFound: this account has no such asset, or the asset no such file.
        FailedPrecondition: the asset isn't ready.
    """
    if not 0 <= wanted.expires_s <= MAX_EXPIRY_S:
        raise InvalidInput(FieldViolation("expires_s", f"use 1 to {MAX_EXPIRY_S} seconds, or 0 for the usual {DEFAULT_EXPIRY_S}"))
    asset = await get_asset(assets, account_id, wanted.asset_id)
    if asset.state is not State.READY:
        why = f": {asset.reason}" if asset.reason else ": wait until it is"
        raise FailedPrecondition(f"the asset is {asset.state.value}, not ready{why}")
    usual_s = OFTEN_EXPIRY_S if asset.used_days >= OFTEN_DAYS else DEFAULT_EXPIRY_S
    until_s = clock.now_ms() // 1000 + (wanted.expires_s or usual_s)
    return SignedUrl(base + keys.sign(GET, FOLDER + _name(asset, wanted), Allowed(until_s)), until_s * 1000)


def _name(asset: Asset, wanted: Wanted) -> str:
    if wanted.size_px:
        return _sized_name(asset, wanted)
    for name, variant in asset.files().items():
        if variant.name == wanted.variant:
            if asset.symbol is None and asset.tier not in AT_ONCE:
                raise FailedPrecondition("the asset is archived: move it to HOT, and wait until it is there")
            return name
    for form in CODE_FORMS if asset.symbol is not None else ():
        if form.variant == wanted.variant:
            return code_file(asset.asset_id, form)  # drawn when it is asked for, since it wasn't for long
    there = ", ".join(repr(variant.name) for variant in asset.variants)
    raise NotFound(f"the asset has no variant {wanted.variant!r:.40}; there are {there}")


def _sized_name(asset: Asset, wanted: Wanted) -> str:
    if asset.symbol is None and sharpest(asset) is None:
        raise InvalidInput(FieldViolation("size_px", "only images are made in other sizes: ask for a variant"))
    if not MIN_SIZED_PX <= wanted.size_px <= MAX_SIZED_PX:
        raise InvalidInput(FieldViolation("size_px", f"use {MIN_SIZED_PX} to {MAX_SIZED_PX} pixels"))
    if asset.symbol is not None:
        with as_size():
            module_px(asset.symbol.side, wanted.size_px)
    if wanted.media_type not in SIZED_QUALITY:
        raise InvalidInput(FieldViolation("media_type", f"use one of {', '.join(SIZED_QUALITY)}"))
    return f"{asset.asset_id}_{wanted.size_px}px.{ENDINGS[wanted.media_type]}"
