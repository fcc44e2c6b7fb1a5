"""What can be asked of codes. Each is for one account: codes of others are not found.

Every change is one write together with the event that tells of it. A store that doesn't answer in time is Unavailable.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from quietzone_kit.documents import InvalidCursor, VersionConflict
from quietzone_kit.errors import (
    AlreadyExists,
    FailedPrecondition,
    FieldViolation,
    InvalidInput,
    NotFound,
    QuietzoneError,
    RevisionMismatch,
    Unavailable,
    Violations,
)
from quietzone_kit.ids import short_code, uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_qr.codes.domain import (
    AccountId,
    Act,
    Code,
    CodeId,
    Draft,
    InvalidSlug,
    InvalidTransition,
    ScanBase,
    Slug,
    State,
    draw_slug,
    issue,
    parse_slug,
)
from quietzone_qr.codes.listing import NotServed, Question, plan
from quietzone_qr.codes.repository import AlreadyIssued, CodePage, Codes, Held, SlugTaken
from quietzone_qr.codes.requests import Edit, NewCode, Target, checked, drafted
from quietzone_qr.metrics import CODES, SLUGS_DRAWN_AGAIN
from quietzone_qr.rendering import (
    DEFAULT_SIZE_PX,
    MAX_SIZE_PX,
    MIN_SIZE_PX,
    Image,
    ImageFormat,
    ImageTooSmall,
    Matrix,
    Renderer,
    Unreadable,
)

DRAWS = 5
"""Slugs that are tried for one code: with 1e8 codes issued, five in a row are taken once in 1e20."""
ATTEMPTS = 10
"""Of a write: the relay may take events out of the document twice meanwhile; the rest is for others who change the same code."""
DEFAULT_PAGE, MAX_PAGE = 50, 1000
MAX_SKIP = 9_000
"""What is passed over is read: with the longest page behind it as much as a store gives at once."""
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Issued:
    """The code of a request; `before`: the same request has issued it already, and nothing was done now."""

    code: Code
    before: bool


async def create_code(
    codes: Codes, renderer: Renderer, clock: Clock, randomness: Randomness, *, scan: ScanBase, account_id: AccountId, new: NewCode, act: Act
) -> Issued:
    """Issue a code whose slug was never used before, and whose symbol two decoders have read; or find what the same request has issued.

    Raises:
        InvalidInput: names each field that is wrong.
        AlreadyExists: the slug is or was taken.
        FailedPrecondition: the symbol can't be read back, or the code that this request has issued was deleted since.
        Unavailable: every drawn slug was taken, which is next to impossible; try again.
    """
    draft = drafted(new, scan, account_id, lambda: uuid7(clock, randomness))
    if new.request_id is not None and (there := await issued_before(codes, draft)):
        return Issued(there, before=True)
    at_ms = clock.now_ms()
    for _ in range(1 if draft.chosen else DRAWS):
        try:
            code = issue(draft, slug_for(draft, randomness), scan, at_ms)
            await proved(renderer, code)
            await codes.insert(code, act)
        except (SlugTaken, InvalidSlug):
            SLUGS_DRAWN_AGAIN.inc(0 if draft.chosen else 1)
        except AlreadyIssued:
            break
        else:
            CODES.labels("created").inc()
            return Issued(code, before=False)
    # a store that finds both the id and the slug taken names either: the same request may have done so in this moment
    if there := await issued_before(codes, draft):
        return Issued(there, before=True)
    raise not_issued(draft)


def slug_for(draft: Draft, randomness: Randomness) -> Slug:
    """The slug that was chosen, or one that is drawn; raises InvalidSlug: draw again."""
    return draft.chosen or draw_slug(partial(short_code, randomness))


async def proved(renderer: Renderer, code: Code) -> None:
    """Have the code's symbol read back.

    Raises:
        FailedPrecondition: it can't be.
    """
    await _render(renderer, code, ImageFormat.PNG, DEFAULT_SIZE_PX)


async def issued_before(codes: Codes, draft: Draft) -> Code | None:
    """The code that has the draft's id, since the same request has issued it; None when there is none.

    Raises:
        FailedPrecondition: it was deleted since.
    """
    held = await codes.get(draft.account_id, draft.code_id)
    return None if held is None else still_there(held)


def still_there(held: Held) -> Code:
    """A code that a request has issued before.

    Raises:
        FailedPrecondition: it was deleted since.
    """
    if held.code.state is State.DELETED:
        raise FailedPrecondition("the code that this request has created was deleted since; use another request_id for a new one")
    return held.code


def not_issued(draft: Draft) -> QuietzoneError:
    """Why no slug could be had."""
    if draft.chosen:
        taken = FieldViolation("slug", "is or was taken; choose another, or leave it out to have one drawn")
        return AlreadyExists(f"the slug {draft.chosen!r} {taken.reason}", taken)
    return Unavailable(f"{DRAWS} drawn slugs were all taken; try again")


async def get_code(codes: Codes, *, account_id: AccountId, code_id: str) -> Code:
    """One code of the account.

    Raises:
        NotFound: this account has no such code, or it was deleted.
    """
    return (await _live(codes, account_id, code_id)).code


async def list_codes(codes: Codes, *, account_id: AccountId, question: Question) -> CodePage:
    """The account's codes without deleted ones; a limit of 0 means 50.

    Raises:
        InvalidInput: a limit or skip out of bounds, a token that no page of this question gave, or what no index serves.
    """
    violations = Violations()
    if not 0 <= question.limit <= MAX_PAGE:
        violations.add("page_size", f"use 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}")
    if not 0 <= question.skip <= MAX_SKIP:
        violations.add("skip", f"use 0 to {MAX_SKIP}; page tokens lead further")
    violations.check()
    try:
        found = plan(question.chosen, question.order)
    except NotServed as error:
        raise InvalidInput(FieldViolation("filter", str(error))) from error
    try:
        return await codes.listed(account_id, found, limit=question.limit or DEFAULT_PAGE, skip=question.skip, after=question.after)
    except InvalidCursor as error:
        wrong = FieldViolation("page_token", "not a token that a page of this list gave; leave it out to begin anew")
        raise InvalidInput(wrong) from error


async def update_code(
    codes: Codes,
    clock: Clock,
    *,
    scan: ScanBase,
    account_id: AccountId,
    code_id: str,
    edit: Edit,
    expected_revision: int | None = None,
    act: Act,
) -> Code:
    """Change what `edit` names; nothing is written when all of it is so already.

    Raises:
        InvalidInput: names each field that is wrong.
        NotFound: this account has no such code, or it was deleted.
        RevisionMismatch: `expected_revision` is given, and the code has another.
        FailedPrecondition: its state is to be changed, and the operator has blocked it.
        Unavailable: too many events wait, or too many others change this code; try again.
    """
    change = checked(edit, scan)
    read = partial(_live, codes, account_id, code_id)
    return await _rewrite(codes, read, expected_revision, act, lambda code: code.changed(change, clock.now_ms()))


async def delete_code(
    codes: Codes, clock: Clock, *, account_id: AccountId, code_id: str, expected_revision: int | None = None, act: Act
) -> None:
    """Leave a tombstone, which keeps the slug for ever.

    Raises:
        NotFound: this account has no such code, or it was deleted.
        RevisionMismatch: `expected_revision` is given, and the code has another.
        Unavailable: too many events wait, or too many others change this code; try again.
    """
    read = partial(_live, codes, account_id, code_id)
    await _rewrite(codes, read, expected_revision, act, lambda code: code.deleted(clock.now_ms()))


async def block_code(codes: Codes, clock: Clock, *, target: Target, act: Act, blocked: bool = True) -> Code:
    """Have scans of a code of any account answered with 451, or end that: for the operator only, who says why.

    Raises:
        InvalidInput: no reason is given, or too long a one.
        NotFound: there is no such code, or it was deleted.
        Unavailable: too many events wait, or too many others change this code; try again.
    """
    if not 1 <= len(act.reason) <= MAX_REASON:
        raise InvalidInput(FieldViolation("reason", f"say why, in 1 to {MAX_REASON} characters; it stands in the audit log"))
    read = partial(_targeted, codes, target)
    return await _rewrite(codes, read, None, act, lambda code: (code.blocked if blocked else code.unblocked)(clock.now_ms()))


async def get_symbol(codes: Codes, renderer: Renderer, *, account_id: AccountId, code_id: str) -> Matrix:
    """The modules of a code's symbol, read back.

    Raises:
        NotFound: this account has no such code, or it was deleted.
        FailedPrecondition: a decoder couldn't read it.
    """
    code = (await _live(codes, account_id, code_id)).code
    try:
        return await renderer.symbol(code.payload)
    except Unreadable as error:
        raise FailedPrecondition(str(error)) from error


async def render_code(
    codes: Codes, renderer: Renderer, *, account_id: AccountId, code_id: str, image_format: ImageFormat, size_px: int
) -> Image:
    """The code's symbol as an image that two decoders have read; a size of 0 means 1,036 pixels.

    Raises:
        InvalidInput: a size out of bounds, or too small for the symbol.
        NotFound: this account has no such code, or it was deleted.
        FailedPrecondition: a decoder couldn't read it.
    """
    size_px = size_px or DEFAULT_SIZE_PX
    if not MIN_SIZE_PX <= size_px <= MAX_SIZE_PX:
        raise InvalidInput(FieldViolation("size_px", f"use {MIN_SIZE_PX} to {MAX_SIZE_PX} pixels; an SVG can be printed larger"))
    code = await get_code(codes, account_id=account_id, code_id=code_id)
    return await _render(renderer, code, image_format, size_px)


async def resolve_slug(codes: Codes, slug: str) -> Code:
    """Whoever's code has this slug, a tombstone too: for scan edges only.

    Raises:
        NotFound: it was never issued.
    """
    try:
        held = await codes.by_slug(parse_slug(slug))
    except InvalidSlug:
        held = None
    if held is None:
        raise NotFound(f"no code was ever issued with the slug {slug!r:.100}")
    return held.code


async def _rewrite(
    codes: Codes, read: Callable[[], Awaitable[Held]], expected_revision: int | None, act: Act, follow: Callable[[Code], Code]
) -> Code:
    """Replace a code by what follows; what came between reading and writing is read again, and with it the expected revision."""
    for _ in range(ATTEMPTS):
        held = await read()
        after = followed(held.code, expected_revision, follow)
        if after == held.code:
            return after
        try:
            await codes.replace(held, after, act)
        except VersionConflict:
            continue
        count_change(after)
        return after
    raise Unavailable("too many others change this code; try again")


def followed(code: Code, expected_revision: int | None, follow: Callable[[Code], Code]) -> Code:
    """What comes after a code.

    Raises:
        RevisionMismatch: it hasn't the revision that is expected.
        FailedPrecondition: its state doesn't allow it.
    """
    if expected_revision is not None and code.revision != expected_revision:
        raise RevisionMismatch(f"the code has revision {code.revision}, not {expected_revision}; read it again")
    try:
        return follow(code)
    except InvalidTransition as error:
        raise FailedPrecondition(str(error)) from error


def count_change(after: Code) -> None:
    """Count a change that was written."""
    CODES.labels("deleted" if after.state is State.DELETED else "changed").inc()


def live(held: Held | None, what: str) -> Held:
    """A code that wasn't deleted; `what` says how it was asked for.

    Raises:
        NotFound: there is none.
    """
    if held is None or held.code.state is State.DELETED:
        raise NotFound(f"no code with the {what:.120}")
    return held


async def _live(codes: Codes, account_id: AccountId, code_id: str) -> Held:
    return live(await codes.get(account_id, CodeId(code_id)), f"id {code_id!r}")


async def _targeted(codes: Codes, target: Target) -> Held:
    if target.code_id:
        return live(await codes.of_any_account(CodeId(target.code_id)), f"id {target.code_id!r}")
    try:
        return live(await codes.by_slug(parse_slug(target.slug)), f"slug {target.slug!r}")
    except InvalidSlug as error:
        raise NotFound(f"no code with the slug {target.slug!r:.100}") from error


async def _render(renderer: Renderer, code: Code, image_format: ImageFormat, size_px: int) -> Image:
    try:
        return await renderer.render(code.payload, image_format, size_px)
    except ImageTooSmall as error:
        raise InvalidInput(FieldViolation("size_px", str(error))) from error
    except Unreadable as error:
        raise FailedPrecondition(str(error)) from error
