"""Changes of what this part stores, oldest first; `quietzone_kit.documents.migrations` says how one is made. A name stays here for ever."""

from quietzone_kit.documents import Body
from quietzone_kit.documents.migrations import Migration
from quietzone_qr.codes.repository import CODES, listed


def _as_it_is(body: Body) -> Body:
    """There is no old form: the release before only lacks fields, and lets those that follow from others get old."""
    return body


MIGRATIONS: tuple[Migration, ...] = (Migration("2026-11-codes-are-listed", CODES, listed, _as_it_is, rewrite=True),)
