"""Entity tags (RFC 9110, 8.8.3 and 13.1); pure."""

import re

_LIST = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*)*')
_ONE = re.compile(r'(W/)?"([^"]*)"')


class InvalidTag(ValueError):
    """The header isn't a list of entity tags; says what would do."""


class MatchesNothing(ValueError):
    """The header is well-formed, and no revision can match it; says why."""


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

    Raises:
        InvalidTag: malformed, or more than one tag.
        MatchesNothing: the tag is weak, which strong comparison never matches, or no revision's.
    """
    if header is None or header.strip() == "*":
        return None
    found = _ONE.findall(header)
    if not _LIST.fullmatch(header) or len(found) != 1:
        raise InvalidTag('use one entity tag as ETag gave it, such as "3", or *')
    weak, value = found[0]
    if weak or not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise MatchesNothing(f'{header.strip()} is the tag of no revision; use ETag as it was given, such as "3"')
    return int(value)
