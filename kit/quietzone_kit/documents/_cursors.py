"""Cursors: where a page ended, bound to the query that it was a page of. Opaque to whoever carries them."""

import base64
import binascii
import zlib
from collections.abc import Sequence

import msgspec

from quietzone_kit.documents import Collection, InvalidCursor, Query
from quietzone_kit.documents._bodies import MAX_INT, MIN_INT, IndexValue

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[tuple[int, list[int | str | None]]] = msgspec.msgpack.Decoder(tuple[int, list[int | str | None]])


def cursor(collection: Collection, query: Query | None, position: Sequence[IndexValue]) -> str:
    """The cursor after the document at `position` (its values in the order of the index); `query` None means a scan."""
    return base64.urlsafe_b64encode(_encode((_mark(collection, query), list(position)))).decode().rstrip("=")


def position_of(collection: Collection, query: Query | None, text: str, *, length: int) -> list[IndexValue]:
    """The position in a cursor of this query.

    Raises:
        InvalidCursor: it is another query's, or no cursor at all.
    """
    try:
        mark, position = _decoder.decode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise InvalidCursor("not a cursor: pass on what a page gave, unchanged") from error
    if mark != _mark(collection, query) or len(position) != length:
        raise InvalidCursor("the cursor is from another query: start that one again without a cursor")
    if any(isinstance(value, int) and not MIN_INT <= value <= MAX_INT for value in position):
        raise InvalidCursor("not a cursor: pass on what a page gave, unchanged")
    return position


def _mark(collection: Collection, query: Query | None) -> int:
    """Tells queries apart; the page's size may change on the way."""
    if query is None:
        return zlib.crc32(collection.name.encode())
    return zlib.crc32(_encode((collection.name, query.index, query.equals, query.at_least, query.below, query.order.value)))
