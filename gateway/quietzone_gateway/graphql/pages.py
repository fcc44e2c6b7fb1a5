"""Connections (https://relay.dev/graphql/connections.htm): pages whose every item has a cursor.

Services give a token for what comes after a page. A cursor is that token, or for an item within a page the token that the page began
with and how many of its items are to be passed over.
"""

import base64
import re
from dataclasses import dataclass

import strawberry

from quietzone_kit.errors import FieldViolation, InvalidInput

MAX_FIRST = 100
"""Of any page; the complexity of what is asked of each item bounds most before that."""

MAX_CURSOR_CHARACTERS = 1_400
"""A service's token has up to 1,000 bytes."""


_CURSOR = re.compile(r"(?P<skip>[0-9]{1,4})\.(?P<token>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: behind `token`, "" for its beginning, and `skip` items more."""

    token: str = ""
    skip: int = 0

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.skip}.{self.token}".encode()).rstrip(b"=").decode()


@strawberry.type(description="Where in a list a page is")
class PageInfo:
    """The same for every connection."""

    has_next_page: bool
    has_previous_page: bool = strawberry.field(description="Whether `after` was given")
    start_cursor: str | None
    end_cursor: str | None = strawberry.field(description="Give it back as `after` for the next page; holds while things come and go")

    @classmethod
    def of(cls, cursors: list[Cursor], *, after: str | None, has_next: bool, end: Cursor | None = None) -> "PageInfo":
        """Of a page whose items have these cursors; the next one begins at `end`, if not after the last of them."""
        last = end or (cursors[-1] if cursors else None)
        return cls(
            has_next_page=has_next,
            has_previous_page=after is not None,
            start_cursor=str(cursors[0]) if cursors else None,
            end_cursor=None if last is None else str(last),
        )


def place_of(first: int, after: str | None) -> Cursor:
    """Where a page begins.

    Raises:
        InvalidInput: `first` is out of bounds, `after` no cursor.
    """
    if not 1 <= first <= MAX_FIRST:
        raise InvalidInput(FieldViolation("first", f"{first}; use 1 to {MAX_FIRST}"))
    return Cursor() if after is None else _cursor(after)


def cursors_of(begin: Cursor, items: int, next_token: str | None) -> list[Cursor]:
    """The cursor of each item of a page that began there."""
    cursors = [Cursor(begin.token, begin.skip + number) for number in range(1, items + 1)]
    if cursors and next_token is not None:
        cursors[-1] = Cursor(next_token)
    return cursors


def _cursor(text: str) -> Cursor:
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = _CURSOR.fullmatch(data.decode()) if len(text) <= MAX_CURSOR_CHARACTERS else None
    except ValueError:  # also of decoding
        found = None
    if found is None:
        raise InvalidInput(FieldViolation("after", "not a cursor of ours: give back one that you were given"))
    return Cursor(found["token"], int(found["skip"]))
