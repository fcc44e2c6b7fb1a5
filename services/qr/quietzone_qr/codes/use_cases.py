"""What can be asked of codes. Each is for one account: codes of others are not found.

Every change is one write together with the event that tells of it. A store that doesn't answer in time is Unavailable.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from quietzone_kit.documents import InvalidCursor, VersionConflict
from quietzone_kit.errors import (
    AlreadyExists,
    FailedPrecondition,
    FieldViolation,
    InvalidInput,
    NotFound,
    RevisionMismatch,
    Unavailable,
    Violations,
)
from quietzone_kit.ids import short_code, uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_qr.codes.domain import (
    AccountId,
    Change,
    Code,
    CodeId,
    InvalidSlug,
    ScanBase,
    State,
    draw_slug,
    issue,
    parse_destination,
    parse_slug,
    parse_title,
)
from quietzone_qr.codes.repository import CodePage, Codes, Held, SlugTaken
from quietzone_qr.metrics import CODES, SLUGS_DRAWN_AGAIN
from quietzone_qr.rendering import DEFAULT_SIZE_PX, MAX_SIZE_PX, MIN_SIZE_PX, Image, ImageFormat, ImageTooSmall, Renderer, Unreadable

DRAWS = 5
"""Slugs that are tried for one code: with 1e8 codes issued, five in a row are taken once in 1e20."""
ATTEMPTS = 10
"""Of a write: the relay may take events out of the document twice meanwhile; the rest is for others who change the same code."""
DEFAULT_PAGE, MAX_PAGE = 50, 1000


@dataclass(frozen=True, slots=True)
class NewCode:
    """What somebody wants a code to be, unchecked; `slug` None means: draw one."""

    destination: str
    title: str
    slug: str | None


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody wants to be different about a code, unchecked; None leaves as it is."""

    destination: str | None
    title: str | None
    state: State | None


async def create_code(
    codes: Codes, renderer: Renderer, clock: Clock, randomness: Randomness, *, scan: ScanBase, account_id: AccountId, new: NewCode
) -> Code:
    """Issue a code whose slug was never used before, and whose symbol two decoders have read.

    Raises:
        InvalidInput: names each field that is wrong.
        AlreadyExists: the slug is or was taken.
        FailedPrecondition: the symbol can't be read back.
        Unavailable: every drawn slug was taken, which is next to impossible; try again.
    """
    violations = Violations()
    with violations.field("destination"):
        destination = parse_destination(new.destination, scan)
    with violations.field("title"):
        title = parse_title(new.title)
    with violations.field("slug"):
        chosen = None if new.slug is None else parse_slug(new.slug)
    violations.check()
    code_id, at_ms = CodeId(uuid7(clock, randomness)), clock.now_ms()
    for _ in range(1 if chosen else DRAWS):
        try:
            slug = chosen or draw_slug(partial(short_code, randomness))
            code = issue(code_id, account_id, slug=slug, scan=scan, destination=destination, title=title, at_ms=at_ms)
            await _render(renderer, code, ImageFormat.PNG, DEFAULT_SIZE_PX)
            await codes.insert(code)
        except (SlugTaken, InvalidSlug):
            SLUGS_DRAWN_AGAIN.inc(0 if chosen else 1)
        else:
            CODES.labels("created").inc()
            return code
    if chosen:
        taken = FieldViolation("slug", "is or was taken; choose another, or leave it out to have one drawn")
        raise AlreadyExists(f"the slug {chosen!r} {taken.reason}", taken)
    raise Unavailable(f"{DRAWS} drawn slugs were all taken; try again")


async def get_code(codes: Codes, *, account_id: AccountId, code_id: str) -> Code:
    """One code of the account.

    Raises:
        NotFound: this account has no such code, or it was deleted.
    """
    return (await _live(codes, account_id, code_id)).code


async def list_codes(codes: Codes, *, account_id: AccountId, page_size: int, page_token: str) -> CodePage:
    """The account's codes, newest first, without deleted ones; a page size of 0 means 50, an empty token the first page.

    Raises:
        InvalidInput: a page size above 1,000 or below 0, or a token that no page gave.
    """
    if not 0 <= page_size <= MAX_PAGE:
        raise InvalidInput(FieldViolation("page_size", f"use 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}"))
    try:
        return await codes.newest_of(account_id, limit=page_size or DEFAULT_PAGE, after=page_token or None)
    except InvalidCursor as error:
        raise InvalidInput(FieldViolation("page_token", "not a token that a page of codes gave; leave it out to begin anew")) from error


async def update_code(
    codes: Codes, clock: Clock, *, scan: ScanBase, account_id: AccountId, code_id: str, edit: Edit, expected_revision: int | None = None
) -> Code:
    """Change what `edit` names; nothing is written when all of it is so already.

    Raises:
        InvalidInput: names each field that is wrong.
        NotFound: this account has no such code, or it was deleted.
        RevisionMismatch: `expected_revision` is given, and the code has another.
        Unavailable: too many events wait, or too many others change this code; try again.
    """
    violations = Violations()
    with violations.field("destination"):
        destination = None if edit.destination is None else parse_destination(edit.destination, scan)
    with violations.field("title"):
        title = None if edit.title is None else parse_title(edit.title)
    if edit.state is State.DELETED:
        violations.add("state", "use ACTIVE or PAUSED; DeleteCode deletes")
    if edit == Edit(None, None, None):
        violations.add("destination", "nothing is to be changed; set destination, title or state")
    violations.check()
    change = Change(destination, title, edit.state)
    return await _rewrite(codes, account_id, code_id, expected_revision, lambda code: code.changed(change, clock.now_ms()))


async def delete_code(codes: Codes, clock: Clock, *, account_id: AccountId, code_id: str, expected_revision: int | None = None) -> None:
    """Leave a tombstone, which keeps the slug for ever.

    Raises:
        NotFound: this account has no such code, or it was deleted.
        RevisionMismatch: `expected_revision` is given, and the code has another.
        Unavailable: too many events wait, or too many others change this code; try again.
    """
    await _rewrite(codes, account_id, code_id, expected_revision, lambda code: code.deleted(clock.now_ms()))


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
        code = await codes.by_slug(parse_slug(slug))
    except InvalidSlug:
        code = None
    if code is None:
        raise NotFound(f"no code was ever issued with the slug {slug!r:.100}")
    return code


async def _rewrite(
    codes: Codes, account_id: AccountId, code_id: str, expected_revision: int | None, follow: Callable[[Code], Code]
) -> Code:
    """Replace a code by what follows; what came between reading and writing is read again, and with it the expected revision."""
    for _ in range(ATTEMPTS):
        held = await _live(codes, account_id, code_id)
        if expected_revision is not None and held.code.revision != expected_revision:
            raise RevisionMismatch(f"the code has revision {held.code.revision}, not {expected_revision}; read it again")
        after = follow(held.code)
        if after == held.code:
            return after
        try:
            await codes.replace(held, after)
        except VersionConflict:
            continue
        CODES.labels("deleted" if after.state is State.DELETED else "changed").inc()
        return after
    raise Unavailable("too many others change this code; try again")


async def _live(codes: Codes, account_id: AccountId, code_id: str) -> Held:
    held = await codes.get(account_id, CodeId(code_id))
    if held is None or held.code.state is State.DELETED:
        raise NotFound(f"no code with the id {code_id!r:.100}")
    return held


async def _render(renderer: Renderer, code: Code, image_format: ImageFormat, size_px: int) -> Image:
    try:
        return await renderer.render(code.payload, image_format, size_px)
    except ImageTooSmall as error:
        raise InvalidInput(FieldViolation("size_px", str(error))) from error
    except Unreadable as error:
        raise FailedPrecondition(str(error)) from error
