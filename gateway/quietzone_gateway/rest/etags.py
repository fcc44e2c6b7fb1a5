"""Entity tags (RFC 9110, 8.8.3 and 13.1); pure."""

import re

_LIST = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*)*')
_ONE = re.compile(r'(W/)?"([^"]*)"')


class InvalidTag(ValueError):
    """The header isn't a list of entity tags; says what would do."""


def tag(value: str | int) -> str:
    """A strong entity tag."""
    return f'"{value}"'


def matches_any(header: str | None, current: str) -> bool:
    """Whether If-None-Match names the current tag, compared weakly as it has to be; a malformed header names nothing."""
    if header is None:
        return False
    return header.strip() == "*" or any(value == current for _, value in _ONE.findall(header))


def expected_revision(header: str | None) -> int | None:
    """The revision that If-Match demands; None when any will do.

    A tag that is weak, or no revision's, matches nothing (strong comparison): it gives 0, which no code has.

    Raises:
        InvalidTag: malformed, or more than one tag.
    """
    if header is None or header.strip() == "*":
        return None
    found = _ONE.findall(header)
    if not _LIST.fullmatch(header) or len(found) != 1:
        raise InvalidTag('use one entity tag as ETag gave it, such as "3", or *')
    weak, value = found[0]
    return int(value) if not weak and value.isascii() and value.isdigit() and len(value) <= 18 else 0
