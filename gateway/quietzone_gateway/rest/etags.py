"""Entity tags (RFC 9110, 8.8.3 and 13.1); pure.

An answer that is compressed has other bytes than the same one as it is, so that its strong tag is another one (8.8.3.3): SUFFIX longer.
Both name the same revision, and who has either needs nothing new.
"""

import re

_LIST = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*)*')
_ONE = re.compile(r'(W/)?"([^"]*)"')

SUFFIX = "-gzip"
"""Ends the tag of what is compressed, as at Apache; none of our values ends so."""


class InvalidTag(ValueError):
    """The header isn't a list of entity tags; says what would do."""


class MatchesNothing(ValueError):
    """The header is well-formed, and no revision can match it; says why."""


def tag(value: str | int) -> str:
    """A strong entity tag."""
    return f'"{value}"'


def tag_of_compressed(value: str | int) -> str:
    """The same for the compressed form."""
    return f'"{value}{SUFFIX}"'


def named(header: str | None, current: str) -> str | None:
    """The tag by which If-None-Match names what is there now, in whichever form the client has it; None: it has something else.

    Compared weakly, as it has to be; a malformed header names nothing.
    """
    if header is None:
        return None
    if header.strip() == "*":
        return tag(current)
    return next((tag(value) for _, value in _ONE.findall(header) if value.removesuffix(SUFFIX) == current), None)


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
    weak, value = found[0][0], found[0][1].removesuffix(SUFFIX)
    if weak or not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise MatchesNothing(f'{header.strip()} is the tag of no revision; use ETag as it was given, such as "3"')
    return int(value)
