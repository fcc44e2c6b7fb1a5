"""Many codes in one call: each for itself, with its own outcome, and written in one bulk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

from quietzone_kit.documents import Outcome
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, QuietzoneError, Unavailable
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_qr.codes.domain import AccountId, Act, Code, CodeId, Draft, InvalidSlug, ScanBase, State, issue
from quietzone_qr.codes.repository import Codes, Held, Rewrite
from quietzone_qr.codes.requests import Edit, NewCode, checked, drafted
from quietzone_qr.codes.use_cases import ATTEMPTS, DRAWS, Issued, count_change, followed, live, not_issued, proved, slug_for, still_there
from quietzone_qr.metrics import CODES, SLUGS_DRAWN_AGAIN
from quietzone_qr.rendering import Renderer

MAX_BATCH = 100
"""A symbol takes 2 to 20 ms to read back: the longest batch takes 2 s of a process at worst, and others wait for it."""

T = TypeVar("T")

Ended: TypeAlias = Code | QuietzoneError
"""How an item ended."""

Creation: TypeAlias = Issued | QuietzoneError
"""The same of a new code."""


@dataclass(frozen=True, slots=True)
class CodeEdit:
    """What is to be different about one code; `expected_revision` None: whichever it has."""

    code_id: str
    edit: Edit
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True)
class CodeDeletion:
    """A code to delete; `expected_revision` None: whichever it has."""

    code_id: str
    expected_revision: int | None = None


async def get_codes(codes: Codes, *, account_id: AccountId, code_ids: Sequence[str]) -> list[Code | None]:
    """Codes of the account in the order of their ids; None for those that it hasn't, or has deleted.

    Raises:
        InvalidInput: no ids, or too many.
    """
    _check_count(code_ids, "code_ids")
    found = await codes.get_many(account_id, [CodeId(code_id) for code_id in dict.fromkeys(code_ids)])
    shown = {code_id: held.code for code_id, held in found.items() if held.code.state is not State.DELETED}
    return [shown.get(CodeId(code_id)) for code_id in code_ids]


async def create_codes(
    codes: Codes,
    renderer: Renderer,
    clock: Clock,
    randomness: Randomness,
    *,
    scan: ScanBase,
    account_id: AccountId,
    new: Sequence[NewCode],
    act: Act,
) -> list[Creation]:
    """Issue codes, each as `create_code` does.

    Raises:
        InvalidInput: no items, or too many.
        Unavailable: the store doesn't answer; which were written is not known.
    """
    _check_count(new, "items")
    draft = partial(drafted, scan=scan, account_id=account_id, new_id=lambda: uuid7(clock, randomness))
    creation = _Creation(codes, renderer, lambda one: issue(one, slug_for(one, randomness), scan, clock.now_ms()))
    return await creation.run(new, draft, act)


async def update_codes(
    codes: Codes, clock: Clock, *, scan: ScanBase, account_id: AccountId, edits: Sequence[CodeEdit], act: Act
) -> list[Ended]:
    """Change codes, each as `update_code` does.

    Raises:
        InvalidInput: no items, too many, or a code twice.
        Unavailable: the store doesn't answer; which were written is not known.
    """
    _check_once([edit.code_id for edit in edits])

    def change(edit: CodeEdit) -> Callable[[Code], Code]:
        wanted = checked(edit.edit, scan)
        return lambda code: code.changed(wanted, clock.now_ms())

    items = [_Item(CodeId(edit.code_id), edit.expected_revision, partial(change, edit)) for edit in edits]
    return await _rewrite_all(codes, account_id, items, act)


async def delete_codes(codes: Codes, clock: Clock, *, account_id: AccountId, deletions: Sequence[CodeDeletion], act: Act) -> list[Ended]:
    """Delete codes, each as `delete_code` does: its tombstone, or why it isn't deleted.

    Raises:
        InvalidInput: no items, too many, or a code twice.
        Unavailable: the store doesn't answer; which were written is not known.
    """
    _check_once([deletion.code_id for deletion in deletions])

    def delete() -> Callable[[Code], Code]:
        return lambda code: code.deleted(clock.now_ms())

    items = [_Item(CodeId(deletion.code_id), deletion.expected_revision, delete) for deletion in deletions]
    return await _rewrite_all(codes, account_id, items, act)


class _Creation:
    """A batch of codes to be issued; `issued` makes one of a draft, or raises InvalidSlug: draw again."""

    def __init__(self, codes: Codes, renderer: Renderer, issued: Callable[[Draft], Code]) -> None:
        self._codes = codes
        self._renderer = renderer
        self._issued = issued
        self._drafts: dict[int, Draft] = {}
        self._ended: dict[int, Creation] = {}

    async def run(self, new: Sequence[NewCode], draft: Callable[[NewCode], Draft], act: Act) -> list[Creation]:
        """Issue all that can be."""
        for place, one in enumerate(new):
            try:
                self._drafts[place] = self._once(draft(one))
            except InvalidInput as error:
                self._ended[place] = error
        await self._find([place for place, one in enumerate(new) if one.request_id is not None])
        for _ in range(DRAWS):
            if ready := await self._drawn():
                await self._insert(ready, act)
        return [self._ended[place] if place in self._ended else not_issued(self._drafts[place]) for place in range(len(new))]

    def _once(self, draft: Draft) -> Draft:
        if any(draft.code_id == other.code_id for other in self._drafts.values()):
            raise InvalidInput(FieldViolation("request_id", "another item of this batch has it; each code has one of its own"))
        return draft

    def _left(self) -> list[int]:
        return [place for place in self._drafts if place not in self._ended]

    async def _find(self, places: Sequence[int]) -> None:
        """End those items that have been issued before by the same request."""
        wanted = {self._drafts[place].code_id: place for place in places if place in self._drafts}
        if not wanted:
            return
        account_id = self._drafts[next(iter(wanted.values()))].account_id
        for code_id, held in (await self._codes.get_many(account_id, list(wanted))).items():
            self._ended[wanted[code_id]] = _found(held)

    async def _drawn(self) -> dict[int, Code]:
        """Codes with a slug, whose symbol was read back, of all items that are left."""
        ready: dict[int, Code] = {}
        for place in self._left():
            try:
                code = self._issued(self._drafts[place])
                await proved(self._renderer, code)
            except InvalidSlug:
                SLUGS_DRAWN_AGAIN.inc()
            except FailedPrecondition as error:
                self._ended[place] = error
            else:
                ready[place] = code
        return ready

    async def _insert(self, ready: dict[int, Code], act: Act) -> None:
        outcomes = await self._codes.insert_many(list(ready.values()), act)
        taken: list[int] = []
        for (place, code), outcome in zip(ready.items(), outcomes, strict=True):
            if outcome is Outcome.WRITTEN:
                CODES.labels("created").inc()
                self._ended[place] = Issued(code, before=False)
            else:
                taken.append(place)
        # a store that finds both the id and the slug taken says either: the same request may have done so in this moment
        await self._find(taken)
        for place in taken:
            if place not in self._ended and self._drafts[place].chosen:
                self._ended[place] = not_issued(self._drafts[place])
            elif place not in self._ended:
                SLUGS_DRAWN_AGAIN.inc()


@dataclass(frozen=True, slots=True)
class _Item:
    """What is to follow a code; `follow` checks what is wanted, and raises InvalidInput."""

    code_id: CodeId
    expected_revision: int | None
    follow: Callable[[], Callable[[Code], Code]]


async def _rewrite_all(codes: Codes, account_id: AccountId, items: Sequence[_Item], act: Act) -> list[Ended]:
    """Replace codes by what follows; what came between reading and writing is read again, and with it the expected revisions."""
    ended: dict[int, Ended] = {}
    follow = {place: checked for place, item in enumerate(items) if (checked := _kept(ended, place, item.follow)) is not None}
    for _ in range(ATTEMPTS):
        left = [place for place in follow if place not in ended]
        if not left:
            break
        found = await codes.get_many(account_id, [items[place].code_id for place in left])
        rewrites: dict[int, Rewrite] = {}
        for place in left:
            item = items[place]
            rewrite = _kept(ended, place, partial(_rewrite, found.get(item.code_id), item, follow[place], act))
            if rewrite is not None and rewrite.after == rewrite.held.code:
                ended[place] = rewrite.after
            elif rewrite is not None:
                rewrites[place] = rewrite
        await _replace(codes, rewrites, ended)
    return [ended.get(place, Unavailable("too many others change this code; try again")) for place in range(len(items))]


async def _replace(codes: Codes, rewrites: dict[int, Rewrite], ended: dict[int, Ended]) -> None:
    if not rewrites:
        return
    outcomes = await codes.replace_many(list(rewrites.values()))
    for (place, rewrite), outcome in zip(rewrites.items(), outcomes, strict=True):
        if isinstance(outcome, Unavailable):
            ended[place] = outcome
        elif outcome is Outcome.WRITTEN:
            count_change(rewrite.after)
            ended[place] = rewrite.after


def _rewrite(held: Held | None, item: _Item, follow: Callable[[Code], Code], act: Act) -> Rewrite:
    known = live(held, f"id {item.code_id!r}")
    return Rewrite(known, followed(known.code, item.expected_revision, follow), act)


def _kept(ended: dict[int, Ended], place: int, work: Callable[[], T]) -> T | None:
    """What `work` gives; None when it raises an error, which is how the item has ended then."""
    try:
        return work()
    except QuietzoneError as error:
        ended[place] = error
        return None


def _found(held: Held) -> Creation:
    try:
        return Issued(still_there(held), before=True)
    except QuietzoneError as error:
        return error


def _check_count(items: Sequence[object], field: str) -> None:
    if not 1 <= len(items) <= MAX_BATCH:
        raise InvalidInput(FieldViolation(field, f"use 1 to {MAX_BATCH}, these are {len(items)}"))


def _check_once(code_ids: Sequence[str]) -> None:
    _check_count(code_ids, "items")
    if len(set(code_ids)) < len(code_ids):
        raise InvalidInput(FieldViolation("items", "a code is there twice; what is to become of it goes into one item"))
