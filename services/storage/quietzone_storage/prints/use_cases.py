"""Prints: asked for, made in the background, kept for a week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from quietzone_kit.documents import Body, VersionConflict
from quietzone_kit.errors import FieldViolation, InvalidInput, Unavailable
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.tasks import NewTask, Task, Tasks
from quietzone_kit.tasks import State as TaskState
from quietzone_storage.assets.domain import AccountId, Asset, AssetId, Kind, Source, State, Symbol, Variant
from quietzone_storage.assets.repository import Assets, Held
from quietzone_storage.assets.use_cases import Drawing, Keeper, NoRoom, give_up
from quietzone_storage.contents.domain import Content
from quietzone_storage.contents.use_cases import File
from quietzone_storage.deadlines import store_answers
from quietzone_storage.fonts import FAMILY
from quietzone_storage.fonts.characters import lacking
from quietzone_storage.prints.domain import (
    MAX_CAPTION,
    MAX_COLUMNS,
    MAX_LABELS,
    MAX_ROWS,
    MAX_TITLE,
    Form,
    Label,
    Layout,
    TooSmall,
    check_module,
)
from quietzone_storage.prints.messages import Job
from quietzone_storage.prints.process import NotPrintable
from quietzone_storage.variants.domain import MIN_SIDE

MAKE, FORGET = "make-print", "forget-print"
KEPT_MS = 7 * 24 * 3_600_000
"""How long a print is kept: as long as an export."""
PATIENCE_MS = 60_000
"""How long codes are waited for that aren't drawn: new ones are within a second."""
ATTEMPTS = 5
STALLED_MS = 600_000
"""After which a print that is still pending is looked after: its task takes five minutes at most."""
ORDER_TYPE = "application/json"
"""Of what is asked for, which is kept as the asset's source until it is printed: a task holds too little."""


MISSING_NAMED = 5
"""Of the characters that captions can't be written with."""

CANCELLED = "it was cancelled before it was made"
ENDED: Mapping[TaskState, str] = {TaskState.DEAD: "it couldn't be made; its operation says why", TaskState.CANCELLED: CANCELLED}
"""Tasks that make nothing any more, and what is then said of their prints."""

FOUR_BY_SIX = Layout()


@dataclass(frozen=True, slots=True)
class NewPrint:
    """What is to be printed; `layout` is of sheets."""

    title: str
    form: Form
    labels: tuple[Label, ...]
    layout: Layout = FOUR_BY_SIX


class NotDrawn(ValueError):
    """Codes aren't there, or not yet: says which."""


class Prints(Protocol):
    """Who makes files; `Printer`, but for tests."""

    async def make(self, job: Job) -> bytes:
        """See `Printer`."""


class Press:
    """Takes orders for prints, and sees to them."""

    def __init__(self, keeper: Keeper, tasks: Tasks, clock: Clock, randomness: Randomness) -> None:
        self._keeper = keeper
        self._tasks = tasks
        self._clock = clock
        self._randomness = randomness

    async def order(self, account_id: AccountId, new: NewPrint, *, most_stored: int | None = None) -> tuple[Asset, Task]:
        """The asset that will hold the file, PENDING, and the task that makes it; `most_stored` are the bytes that the account may have
        with it, None: any number.

        Raises:
            InvalidInput: names what is wrong; also what is known already to be too small to be printed.
            ResourceExhausted: the account may not store so much.
            Unavailable: try again.
        """
        check(new)
        if new.form is Form.SHEETS:
            await self._check_modules(account_id, new)
        now_ms = self._clock.now_ms()
        asset_id = AssetId(uuid7(self._clock, self._randomness))
        order = msgspec.json.encode(new)
        asset = Asset(asset_id, account_id, Kind.PRINT, State.PENDING, new.title, now_ms, now_ms)
        held = await self._keeper.begin(replace(asset, reserved=len(order), most_stored=most_stored))
        held = await self._keeper.keep(held, [File(order, ORDER_TYPE)], self._ordered)
        return held.asset, await self.have_made(held.asset)

    async def have_made(self, asset: Asset) -> Task:
        """See that there is a task that makes it, and one that deletes it when its time is over. Raises Unavailable."""
        what: Body = {"asset_id": asset.asset_id}
        async with store_answers():
            await self._tasks.add(NewTask("", FORGET, what, after_ms=KEPT_MS, dedup_key=asset.asset_id))
            return await self._tasks.add(NewTask(asset.account_id, MAKE, what, dedup_key=asset.asset_id))

    async def let_go(self, task: Task) -> None:
        """Say in the asset of a print that it was cancelled; one that was made before stays. Raises Unavailable."""
        await give_up(self._keeper, self._clock, AssetId(str(task.payload["asset_id"])), CANCELLED)

    async def _check_modules(self, account_id: AccountId, new: NewPrint) -> None:
        """As the process that prints does, by the codes that are drawn; those that aren't may be as small as can be."""
        drawn = await self._keeper.assets.symbols(account_id, _code_ids(new.labels))
        side = max((symbol.side for symbol in drawn.values()), default=MIN_SIDE)
        try:
            check_module(new.layout, side, captioned=any(label.caption for label in new.labels))
        except TooSmall as error:
            raise InvalidInput(FieldViolation("columns", str(error))) from error

    def _ordered(self, asset: Asset, contents: Sequence[Content]) -> Asset:
        return asset.sourced(Source(contents[0].blob, contents[0].size, ORDER_TYPE), self._clock.now_ms())


class Maker:
    """Makes what was ordered. Each run does all of it again."""

    def __init__(self, keeper: Keeper, printer: Prints, clock: Clock) -> None:
        self._keeper = keeper
        self._printer = printer
        self._clock = clock

    async def make(self, asset_id: AssetId) -> State | None:
        """What a print has become, PENDING when codes aren't drawn yet; None when there is none any more. Raises Unavailable."""
        for _ in range(ATTEMPTS):
            held = await self._keeper.assets.of_any_account(asset_id)
            if held is None or held.asset.state is State.DELETED:
                return None
            if held.asset.state is not State.PENDING or held.asset.source is None:
                return held.asset.state
            try:
                return (await self._made(held, held.asset.source)).asset.state
            except VersionConflict:
                continue
        raise Unavailable(f"print {asset_id} changes all the time: try again")

    async def forget(self, asset_id: AssetId) -> None:
        """Delete a print whose time is over. Raises Unavailable."""
        for _ in range(ATTEMPTS):
            held = await self._keeper.assets.of_any_account(asset_id)
            if held is None or held.asset.state is State.DELETED:
                return
            try:
                await self._keeper.change(held, held.asset.deleted(self._clock.now_ms()))
            except VersionConflict:
                continue
            return
        raise Unavailable(f"print {asset_id} changes all the time: try again")

    async def _made(self, held: Held, source: Source) -> Held:
        order = msgspec.json.decode(await self._keeper.shelf.read(source.blob), type=NewPrint)
        try:
            symbols = await symbols_of(self._keeper.assets, held.asset.account_id, order.labels)
            data = await self._printer.make(job_of(order, symbols))
        except NotDrawn as error:
            if self._clock.now_ms() - held.asset.created_at_ms < PATIENCE_MS:
                return held
            return await self._keeper.change(held, held.asset.quarantined(str(error), self._clock.now_ms()))
        except NotPrintable as error:
            return await self._keeper.change(held, held.asset.quarantined(str(error), self._clock.now_ms()))

        def finish(asset: Asset, variants: tuple[Variant, ...]) -> Asset:
            return asset.printed(variants, self._clock.now_ms())

        try:
            return await self._keeper.furnish(held, [Drawing("", data, order.form.value, 0, 0)], finish)
        except NoRoom as error:
            return await self._keeper.change(error.held, error.held.asset.quarantined(f"no room for it: {error}", self._clock.now_ms()))


async def look_after(keeper: Keeper, press: Press, clock: Clock) -> int:
    """See to prints that have been pending for too long, and say how many: what was ordered is made, or quarantined if that has failed for
    good; what a crash has cut off before is deleted. Raises Unavailable.
    """
    now_ms, seen = clock.now_ms(), 0
    async for held in keeper.assets.pending_since(now_ms - STALLED_MS):
        if held.asset.kind is not Kind.PRINT:
            continue
        seen += 1
        try:
            if held.asset.source is None:
                await keeper.change(held, held.asset.deleted(now_ms))
            elif (reason := ENDED.get((await press.have_made(held.asset)).state)) is not None:
                await keeper.change(held, held.asset.quarantined(reason, now_ms))
        except VersionConflict:
            continue  # it has gone on meanwhile
    return seen


async def symbols_of(assets: Assets, account_id: AccountId, labels: Sequence[Label]) -> list[Symbol]:
    """The modules of codes, as their images have them.

    Raises:
        NotDrawn: one of them isn't there, or isn't drawn.
        Unavailable: the store doesn't answer.
    """
    found: Mapping[str, Symbol] = await assets.symbols(account_id, _code_ids(labels))
    missing = [label.code_id for label in labels if label.code_id not in found]
    if missing:
        raise NotDrawn(f"codes aren't there, or not drawn yet: {len(missing):,}, the first is {missing[0]:.36}")
    return [found[label.code_id] for label in labels]


def _code_ids(labels: Sequence[Label]) -> list[AssetId]:
    return list(dict.fromkeys(AssetId(label.code_id) for label in labels))


def job_of(order: NewPrint, symbols: Sequence[Symbol]) -> Job:
    """The order as the process that prints takes it."""
    return Job(order.title, order.labels, tuple(symbols), None if order.form is Form.ARCHIVE else order.layout)


def check(new: NewPrint) -> None:
    """See that it can be asked for; raises InvalidInput."""
    violations = []
    if not 1 <= len(new.labels) <= MAX_LABELS:
        violations.append(FieldViolation("labels", f"use 1 to {MAX_LABELS:,}, these are {len(new.labels):,}; more are several prints"))
    if len(new.title) > MAX_TITLE:
        violations.append(FieldViolation("title", f"use at most {MAX_TITLE} characters"))
    if any(len(label.caption) > MAX_CAPTION or len(label.name) > MAX_CAPTION for label in new.labels):
        violations.append(FieldViolation("labels", f"captions and names have at most {MAX_CAPTION} characters"))
    if new.form is Form.SHEETS and (missing := lacking("".join(label.caption for label in new.labels))):
        violations.append(FieldViolation("labels", _without_glyphs(missing)))
    if not 1 <= new.layout.columns <= MAX_COLUMNS:
        violations.append(FieldViolation("columns", f"use 1 to {MAX_COLUMNS}"))
    if not 1 <= new.layout.rows <= MAX_ROWS:
        violations.append(FieldViolation("rows", f"use 1 to {MAX_ROWS}"))
    if violations:
        raise InvalidInput(*violations)


def _without_glyphs(missing: Sequence[str]) -> str:
    """That the font of sheets can't show them: a box on a thousand labels is nothing that anybody wants."""
    more = f" and {len(missing) - MISSING_NAMED:,} more" if len(missing) > MISSING_NAMED else ""
    return f"captions have characters that {FAMILY} lacks, {' '.join(missing[:MISSING_NAMED])}{more}: take other captions, or none"
