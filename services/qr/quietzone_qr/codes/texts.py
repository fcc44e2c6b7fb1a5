"""Texts by which people find codes: titles, tags and folders."""

import unicodedata
from collections.abc import Iterable
from typing import NewType

Title = NewType("Title", str)
"""For people, checked by `parse_title`."""
Tag = NewType("Tag", str)
"""A word to find codes by, checked by `parse_tag`: in lower case, so that `Menu` and `menu` are one for sets, filters and counts alike."""
Folder = NewType("Folder", str)
"""Where people keep a code, checked by `parse_folder`: parts with slashes between them; empty means nowhere. Case counts."""
NOWHERE = Folder("")

MAX_TITLE = 200
MAX_TAG = 50
MAX_TAGS = 20
"""Of each code: each is an entry of an index, and a counter."""
MAX_FOLDER = 200

_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""What turns the text around it (UAX #9): in a list it would turn what stands beside the title."""


class InvalidTitle(ValueError):
    """Says what is wrong with a title, and what would do."""


class InvalidTag(ValueError):
    """Says what is wrong with a tag, or with all of a code's, and what would do."""


class InvalidFolder(ValueError):
    """Says what is wrong with a folder, and what would do."""


def parse_title(text: str) -> Title:
    """Check a title, and bring it to Unicode's normal form C.

    Raises:
        InvalidTitle: too long, or with characters that don't show.
    """
    title = unicodedata.normalize("NFC", text)
    if len(title) > MAX_TITLE:
        raise InvalidTitle(f"a title has at most {MAX_TITLE} characters, this one has {len(title)}")
    if hidden := _hidden(title):
        raise InvalidTitle(hidden)
    return Title(title)


def title_key(text: str) -> str:
    """What titles are sorted and searched by: a title, or the beginning of one, without regard to case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def parse_tag(text: str) -> Tag:
    """Check a tag: in lower case, in Unicode's normal form C, without white space at its ends.

    Raises:
        InvalidTag: too long, empty, or with characters that don't show.
    """
    tag = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower()).strip()
    if not 1 <= len(tag) <= MAX_TAG:
        raise InvalidTag(f"a tag has 1 to {MAX_TAG} characters, {text!r:.100} has {len(tag)}")
    if hidden := _hidden(tag):
        raise InvalidTag(f"{text!r:.100}: {hidden}")
    return Tag(tag)


def parse_tags(texts: Iterable[str]) -> tuple[Tag, ...]:
    """Check the tags of a code: each once, in the order of code points.

    Raises:
        InvalidTag: one can't be, or there are too many.
    """
    tags = tuple(sorted(set(map(parse_tag, texts))))
    if len(tags) > MAX_TAGS:
        raise InvalidTag(f"a code has at most {MAX_TAGS} tags, these are {len(tags)}")
    return tags


def parse_folder(text: str) -> Folder:
    """Check a folder, and bring it to Unicode's normal form C; slashes at its ends and white space around its parts are dropped.

    Raises:
        InvalidFolder: too long, a part is empty, or it has characters that don't show.
    """
    parts = [part.strip() for part in unicodedata.normalize("NFC", text).strip().strip("/").split("/")]
    folder = "/".join(parts)
    if len(folder) > MAX_FOLDER:
        raise InvalidFolder(f"a folder has at most {MAX_FOLDER} characters, this one has {len(folder)}")
    if len(parts) > 1 and not all(parts):
        raise InvalidFolder("a part of it is empty; write one slash between parts, such as Menus/2026")
    if hidden := _hidden(folder):
        raise InvalidFolder(hidden)
    return Folder(folder)


def _hidden(text: str) -> str:
    """What is wrong with the first character that doesn't show; empty when all do."""
    for place, character in enumerate(text, 1):
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in _TURNS:
            return f"it holds {character!r} at place {place}, which is no character to show; remove it"
    return ""
