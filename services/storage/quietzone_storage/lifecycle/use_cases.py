"""Cleaning up by age and use, and moving an upload because its owner wants it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from quietzone_kit.documents import VersionConflict
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, Unavailable
from quietzone_kit.runtime import Clock
from quietzone_storage.assets.domain import DAY_MS, AccountId, Asset, AssetId, Kind, State, Tier
from quietzone_storage.assets.repository import Held
from quietzone_storage.assets.use_cases import Keeper
from quietzone_storage.contents.use_cases import ATTEMPTS
from quietzone_storage.lifecycle.domain import (
    FOLDERS,
    Act,
    Policy,
    Report,
    after_deletion,
    decide,
    may_be_prefix,
    path_of,
    worth_moving,
)
from quietzone_storage.lifecycle.moves import bring_back, cool, finish

PAGE = 1_000

Looked = Callable[[Report], None]
"""Is told how far a clean-up has come."""


@dataclass(frozen=True, slots=True)
class CleanUp:
    """What is to be cleaned up: one account or all (None), only what begins with `prefix` (`codes/`, `uploads/`, or one with an id); a dry
    run only says what would be done.
    """

    account_id: AccountId | None = None
    prefix: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """How far a clean-up has come: what it has done, the moment as of which it decides, and where it goes on; None at its end."""

    report: Report
    as_of_ms: int
    cursor: str | None = None


class Cleaner:
    """Does clean-ups and moves."""

    def __init__(self, keeper: Keeper, clock: Clock, policy: Policy) -> None:
        self._keeper = keeper
        self._clock = clock
        self._policy = policy

    async def clean_up(
        self, what: CleanUp, so_far: Part | None = None, *, for_s: float = math.inf, looked: Looked = lambda _: None
    ) -> Part:
        """Do with each asset that wasn't used for long what its age asks for, from where `so_far` has come, until all were looked at or
        `for_s` seconds are over; raises Unavailable.
        """
        part = so_far or Part(Report(), self._clock.now_ms())
        if so_far is None and not what.dry_run:
            await finish(self._keeper.shelf, self._keeper.assets, self._clock)
        until = self._clock.monotonic() + for_s
        while True:
            part = await self._clean_page(what, part)
            looked(part.report)
            if part.cursor is None or self._clock.monotonic() >= until:
                return part

    async def move(self, account_id: AccountId, asset_id: AssetId, tier: Tier) -> bool:
        """Have an upload's files at a tier; False while they are still brought back.

        Raises:
            NotFound, InvalidInput, FailedPrecondition: see `check_move`.
            Unavailable: store or blobs don't answer.
        """
        for _ in range(ATTEMPTS):
            held = await self._keeper.assets.get(account_id, asset_id)
            asset = check_move(held)
            if held is None or asset.tier is tier:
                return True
            try:
                if tier is Tier.HOT or asset.tier not in {Tier.HOT, Tier.WARM}:
                    back = await bring_back(self._keeper, self._clock, held)
                    if back is None:
                        return False
                    held = back
                if tier is not Tier.HOT:
                    await cool(self._keeper, self._clock, held, tier, held.asset.movable)
            except VersionConflict:
                continue
            return True
        raise Unavailable(f"asset {asset_id} changes all the time: try again")

    async def _clean_page(self, what: CleanUp, part: Part) -> Part:
        before_ms, report = part.as_of_ms - self._policy.idle * DAY_MS + 1, part.report
        page, cursor = await self._keeper.assets.idle(what.account_id, before_ms, limit=PAGE, after=part.cursor)
        for held in page:
            if path_of(held.asset).startswith(what.prefix):
                act = decide(held.asset, self._policy, part.as_of_ms)
                act = act if what.dry_run else await self._do(held, act)
                at_least = 0 if act is Act.DELETE else self._policy.moved_from
                report = report.plus(act, sum(worth_moving(held.asset, at_least).values()))
        return Part(report, part.as_of_ms, cursor)

    async def _do(self, held: Held, act: Act) -> Act:
        """Do it; KEEP when somebody began to use the asset meanwhile."""
        try:
            if act is Act.DELETE:
                await self._keeper.change(held, after_deletion(held.asset, self._clock.now_ms()))
            elif act is not Act.KEEP:
                blobs = tuple(worth_moving(held.asset, self._policy.moved_from))
                await cool(self._keeper, self._clock, held, Tier.WARM if act is Act.WARM else Tier.ARCHIVE, blobs)
        except VersionConflict:
            return Act.KEEP
        return act


def check_move(held: Held | None) -> Asset:
    """An asset whose files can be moved because somebody wants it.

    Raises:
        NotFound: there is no such asset.
        InvalidInput: it is the image of a code.
        FailedPrecondition: it isn't READY.
    """
    if held is None or held.asset.state is State.DELETED:
        raise NotFound("there is no such asset")
    if held.asset.kind is Kind.CODE:
        raise InvalidInput(FieldViolation("asset_id", "images of codes needn't be moved: what isn't at hand of them is drawn"))
    if held.asset.state is not State.READY:
        raise FailedPrecondition(f"the asset is {held.asset.state.value}, not ready: only files that are there can be moved")
    return held.asset


def check_prefix(prefix: str) -> str:
    """A clean-up's prefix; raises InvalidInput."""
    if not may_be_prefix(prefix):
        raise InvalidInput(FieldViolation("prefix", f"use {' or '.join(FOLDERS)}, with the beginning of an id or without; or leave it out"))
    return prefix
