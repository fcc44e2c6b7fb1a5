"""Uploads, from the URL that they are sent to until their files are there, or why they aren't."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from quietzone_kit.documents import VersionConflict
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, Unavailable
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Executor, Randomness
from quietzone_kit.tasks import NewTask, State, Task, Tasks
from quietzone_storage.assets.domain import IMAGES, ORIGINAL, AccountId, Asset, AssetId, InvalidTransition, Kind, Source, Variant
from quietzone_storage.assets.domain import State as AssetState
from quietzone_storage.assets.repository import Held
from quietzone_storage.assets.use_cases import Drawing, Keeper, NoRoom, give_up
from quietzone_storage.contents.domain import Content, digest, digest_of
from quietzone_storage.contents.use_cases import File
from quietzone_storage.deadlines import store_answers
from quietzone_storage.images.messages import Made
from quietzone_storage.images.process import ImageFailed, Images
from quietzone_storage.metrics import UPLOADS
from quietzone_storage.scanning import Scanner
from quietzone_storage.serving.links import DEFAULT_EXPIRY_S, MAX_EXPIRY_S, PUT, Allowed, UrlKeys
from quietzone_storage.serving.use_cases import SignedUrl
from quietzone_storage.uploads.files import SVG, Refused, alone, clean_name, look
from quietzone_storage.uploads.svg import cleaned

FOLDER = "/uploads/"
PROCESS = "process-image"
ATTEMPTS = 5
BYTES_TERM, TYPE_TERM = "b", "t"

STALLED_MS = 600_000
"""After which an upload that is still pending is looked after: its task takes a minute at most."""
GRACE_MS = 300_000
"""How long an upload is awaited after its URL has expired: bytes that are under way have a minute, their answer 20 s, clocks differ."""
FORGOTTEN_MS = (MAX_EXPIRY_S + DEFAULT_EXPIRY_S) * 1000
"""The same for uploads that older releases began, which didn't keep when the URL expires: after which nobody's holds any more."""

CANCELLED = "it was cancelled before it was looked at"
ENDED: Mapping[State, str] = {State.DEAD: "it couldn't be processed; its task says why", State.CANCELLED: CANCELLED}
"""Tasks that make nothing any more, and what is then said of their uploads."""


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What somebody wants to send; `expires_s` is how long the URL holds, 0: 3,600 s. `most_stored` are the bytes that the account may have
    with it and what is made of it, None: any number.
    """

    name: str
    media_type: str
    size: int
    expires_s: int = 0
    most_stored: int | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload that is awaited, and where its bytes are sent by PUT."""

    asset: Asset
    put: SignedUrl


class Uploads:
    """What is needed for uploads. `executor` looks at bytes."""

    def __init__(self, keeper: Keeper, tasks: Tasks, executor: Executor, clock: Clock, randomness: Randomness) -> None:
        self._keeper = keeper
        self.tasks = tasks
        self._executor = executor
        self._clock = clock
        self._randomness = randomness

    async def begin(self, keys: UrlKeys, account_id: AccountId, new: NewUpload, *, base: str, max_bytes: int) -> Begun:
        """Await an upload.

        Raises:
            InvalidInput: names what is wrong.
            ResourceExhausted: the account may not store so much.
        """
        _check(new, max_bytes)
        now_ms = self._clock.now_ms()
        asset_id = AssetId(uuid7(self._clock, self._randomness))
        until_s = now_ms // 1000 + (new.expires_s or DEFAULT_EXPIRY_S)
        asset = Asset(asset_id, account_id, Kind.UPLOAD, AssetState.PENDING, clean_name(new.name), now_ms, now_ms)
        asset = replace(asset, reserved=new.size, expires_at_ms=until_s * 1000, most_stored=new.most_stored)
        asset = (await self._keeper.begin(asset)).asset
        allowed = Allowed(until_s, ((BYTES_TERM, str(new.size)), (TYPE_TERM, new.media_type)))
        return Begun(asset, SignedUrl(base + keys.sign(PUT, FOLDER + asset_id, allowed), until_s * 1000))

    async def receive(self, asset_id: AssetId, data: bytes, media_type: str) -> Asset:
        """Take the bytes of an upload that is awaited, and have them looked at; the same bytes again change nothing.

        Raises:
            Refused: what they are, or hide, isn't taken; the upload is awaited still.
            NotFound: it was deleted.
            FailedPrecondition: other bytes came before.
            Unavailable: try again.
        """
        data = await self._executor.run(partial(_taken, data, media_type))
        for _ in range(ATTEMPTS):
            held = await self._keeper.assets.of_any_account(asset_id)
            if held is None or held.asset.kind is not Kind.UPLOAD or held.asset.state is AssetState.DELETED:
                raise NotFound("the upload was deleted: begin a new one")
            if _is_there(held.asset, data):
                if held.asset.state is AssetState.PENDING:
                    await self.process(held.asset)
                return held.asset
            try:
                held = await self._sourced(held, File(data, media_type))
            except VersionConflict:
                continue
            except InvalidTransition as error:
                raise FailedPrecondition(str(error)) from error
            await self.process(held.asset)
            return held.asset
        raise Unavailable("the upload changes all the time: try again")

    async def process(self, asset: Asset) -> State:
        """Have an upload processed, unless that is under way or over; where its task stands. Raises Unavailable."""
        async with store_answers():
            task = await self.tasks.add(NewTask(asset.account_id, PROCESS, {"asset_id": asset.asset_id}, dedup_key=asset.asset_id))
        return task.state

    async def let_go(self, task: Task) -> None:
        """Say in an upload that its task was cancelled; one that is there stays. Raises Unavailable."""
        await give_up(self._keeper, self._clock, AssetId(str(task.payload["asset_id"])), CANCELLED)

    async def _sourced(self, held: Held, file: File) -> Held:
        def finish(asset: Asset, contents: Sequence[Content]) -> Asset:
            return asset.sourced(Source(contents[0].blob, contents[0].size, file.media_type), self._clock.now_ms())

        return await self._keeper.keep(held, [file], finish)


def _is_there(asset: Asset, data: bytes) -> bool:
    """Whether these bytes came before, whatever has become of them: an answer that was lost is asked for again.

    Raises:
        FailedPrecondition: others did, or nothing is awaited. It is said before bytes are kept, which nobody's room would count.
    """
    if asset.source is not None and digest_of(asset.source.blob) == digest(data):
        return True
    if asset.source is not None:
        raise FailedPrecondition("other bytes came before: wait for what becomes of them, or begin a new upload")
    if asset.state is not AssetState.PENDING:
        raise FailedPrecondition(f"an asset that is {asset.state.value} takes no upload; begin a new one")
    return False


def _taken(data: bytes, media_type: str) -> bytes:
    """What is kept of what was sent; raises Refused. 10 MB take 0.1 s, an SVG longer."""
    look(data, media_type)
    return cleaned(data) if media_type == SVG else alone(data, media_type)


def _check(new: NewUpload, max_bytes: int) -> None:
    violations = []
    if new.media_type not in IMAGES:
        violations.append(FieldViolation("media_type", f"use one of {', '.join(IMAGES)}"))
    if not 1 <= new.size <= max_bytes:
        violations.append(FieldViolation("size", f"use 1 to {max_bytes:,} bytes"))
    if not 0 <= new.expires_s <= MAX_EXPIRY_S:
        violations.append(FieldViolation("expires_s", f"use 1 to {MAX_EXPIRY_S} seconds, or 0 for {DEFAULT_EXPIRY_S}"))
    if violations:
        raise InvalidInput(*violations)


class Pipeline:
    """What becomes of an upload's bytes: they are decoded whole and scanned, side by side; then resampled. Each run does all of it again,
    and what it makes has the same names.
    """

    def __init__(self, keeper: Keeper, images: Images, scanner: Scanner, clock: Clock) -> None:
        self._keeper = keeper
        self._images = images
        self._scanner = scanner
        self._clock = clock

    async def process(self, asset_id: AssetId) -> AssetState | None:
        """What an upload has become; None when there is none.

        Raises:
            ScannerUnavailable, Unavailable: it is to be tried again.
        """
        for _ in range(ATTEMPTS):
            held = await self._keeper.assets.of_any_account(asset_id)
            if held is None or held.asset.source is None or held.asset.state is not AssetState.PENDING:
                return None if held is None else held.asset.state
            try:
                ended = await self._process(held, held.asset.source)
            except VersionConflict:
                continue
            UPLOADS.labels(ended.asset.state.value).inc()
            return ended.asset.state
        raise Unavailable(f"asset {asset_id} changes all the time: try again")

    async def _process(self, held: Held, source: Source) -> Held:
        data = await self._keeper.shelf.read(source.blob)
        try:
            (width, height), found = await _together(self._images, self._scanner, data, source.media_type)
            if found is not None:
                return await self.quarantine(held, f"the scanner found {found}")
            made = await self._images.make(data, source.media_type)
        except (ImageFailed, Refused) as error:
            return await self.quarantine(held, str(error))
        original = Variant(ORIGINAL, source.blob, source.size, source.media_type, width, height)

        def finish(asset: Asset, variants: tuple[Variant, ...]) -> Asset:
            return asset.ready((original, *variants), self._clock.now_ms())

        try:
            return await self._keeper.furnish(held, [_drawing(each) for each in made], finish)
        except NoRoom as error:
            return await self.quarantine(error.held, f"no room for its copies: {error}")

    async def quarantine(self, held: Held, reason: str) -> Held:
        """Keep an upload from everybody; raises VersionConflict."""
        return await self._keeper.change(held, held.asset.quarantined(reason, self._clock.now_ms()))


async def _together(images: Images, scanner: Scanner, data: bytes, media_type: str) -> tuple[tuple[int, int], str | None]:
    """An image's size, if it can be decoded whole, and what was found in it; raises the first error of either."""
    try:
        async with asyncio.TaskGroup() as group:
            looked, scanned = group.create_task(images.look(data, media_type)), group.create_task(scanner.scan(data))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return looked.result(), scanned.result()


def _drawing(made: Made) -> Drawing:
    return Drawing(made.variant, made.data, made.media_type, made.width, made.height)


async def look_after(keeper: Keeper, uploads: Uploads, pipeline: Pipeline, clock: Clock) -> int:
    """See to uploads that have been pending for too long, and say how many: those whose bytes came are processed, or quarantined if that
    has failed for good; those whose bytes can't come any more are deleted. Raises Unavailable.
    """
    now_ms = clock.now_ms()
    seen = 0
    async for held in keeper.assets.pending_since(now_ms - STALLED_MS):
        if held.asset.kind is not Kind.UPLOAD:
            continue  # a code's event comes again by itself
        seen += 1
        try:
            if held.asset.source is not None:
                if (reason := ENDED.get(await uploads.process(held.asset))) is not None:
                    await pipeline.quarantine(held, reason)
            elif _is_forgotten(held.asset, now_ms):
                await keeper.change(held, held.asset.deleted(now_ms))
        except VersionConflict:
            continue  # it has gone on meanwhile
    return seen


def _is_forgotten(asset: Asset, now_ms: int) -> bool:
    """Whether the bytes of an upload can't come any more."""
    if asset.expires_at_ms is None:
        return asset.updated_at_ms < now_ms - FORGOTTEN_MS
    return asset.expires_at_ms < now_ms - GRACE_MS
