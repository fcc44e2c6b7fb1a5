"""What can be asked of creations."""

from quietzone_analytics.creations.repository import CreationPage, Creations
from quietzone_kit.documents import InvalidCursor
from quietzone_kit.errors import FieldViolation, InvalidInput

MAX_PAGE, DEFAULT_PAGE = 1_000, 100


async def list_creations(creations: Creations, account_id: str, *, page_size: int, page_token: str) -> CreationPage:
    """An account's creations, the latest first; a page size of 0 means 100, an empty token the first page.

    Raises:
        InvalidInput: a page size that can't be, or a token that no page gave.
    """
    if not 0 <= page_size <= MAX_PAGE:
        raise InvalidInput(FieldViolation("page_size", f"use 1 to {MAX_PAGE:,}, or 0 for {DEFAULT_PAGE}"))
    try:
        return await creations.newest_of(account_id, limit=page_size or DEFAULT_PAGE, after=page_token or None)
    except InvalidCursor as error:
        raise InvalidInput(FieldViolation("page_token", "not a token that a page of these gave; leave it out to begin anew")) from error
