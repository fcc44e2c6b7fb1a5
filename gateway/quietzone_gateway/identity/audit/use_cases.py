"""What can be asked of the audit log."""

from quietzone_gateway.identity.audit.domain import Entry
from quietzone_gateway.identity.audit.repository import Log
from quietzone_gateway.identity.domain import Principal
from quietzone_gateway.identity.shelf import Sheaf
from quietzone_kit.documents import InvalidCursor
from quietzone_kit.errors import FieldViolation, InvalidInput


async def read_log(
    log: Log, by: Principal, *, subject: str | None = None, action: str | None = None, limit: int, after: str | None
) -> Sheaf[Entry]:
    """The account's entries, newest first.

    Raises:
        InvalidInput: `after` is no cursor of this list.
    """
    try:
        return await log.newest_of(by.account_id, subject=subject, action=action, limit=limit, after=after)
    except InvalidCursor as error:
        raise InvalidInput(FieldViolation("cursor", "isn't from this list; begin without one")) from error
