"""What an account's mails look like. Pure."""

import re
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

MAX_NAME = 100
MAX_LOGO_URL = 500
MAX_FOOTER = 500
MAX_LINK_BASE = 300

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_URL = re.compile(r"https://[!#-;=?-\[\]_a-z~%]+")


class InvalidBrand(ValueError):
    """No mail can look so: says what would do."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What of a brand people choose; each may be empty."""

    name: str = ""
    colour: str = ""
    logo_url: str = ""
    footer: str = ""
    reply_to: str = ""
    link_base: str = ""


@dataclass(frozen=True, slots=True)
class Brand:
    """An account's brand; revision 0: nobody has chosen any."""

    account_id: str
    looks: Looks = field(default_factory=Looks)
    changed_ms: int = 0
    revision: int = 0

    @property
    def name(self) -> str:
        """Whom mails are from."""
        return self.looks.name

    @property
    def colour(self) -> str:
        """Of headings, as #1f2937."""
        return self.looks.colour

    @property
    def logo_url(self) -> str:
        """An image, by https."""
        return self.looks.logo_url

    @property
    def footer(self) -> str:
        """What stands below."""
        return self.looks.footer

    @property
    def link_base(self) -> str:
        """What links are made of."""
        return self.looks.link_base

    def changed(self, looks: Looks, at_ms: int) -> "Brand":
        """The brand as it is now; itself when it is that already."""
        return self if looks == self.looks else replace(self, looks=looks, changed_ms=at_ms, revision=self.revision + 1)


def check_name(text: str) -> str:
    """Whom mails are from; raises InvalidBrand."""
    if len(text) > MAX_NAME or not text.isprintable() or any(each in text for each in "@<>") or "=?" in text or text != text.strip():
        # with an @ in it some programs show it in the place of the address
        raise InvalidBrand(f"use at most {MAX_NAME} printable characters without @ < >, no space at either end")
    return text


def check_colour(text: str) -> str:
    """A colour; raises InvalidBrand."""
    if text and not _COLOUR.fullmatch(text):
        raise InvalidBrand("write it as #1f2937")
    return text


def check_url(text: str, most: int) -> str:
    """A URL that stands in mails; raises InvalidBrand."""
    if not text:
        return text
    try:
        host = urlsplit(text).hostname
    except ValueError:
        host = None
    if len(text) > most or not host or not _URL.fullmatch(text) or "@" in urlsplit(text).netloc:
        raise InvalidBrand(f"use https://, a host, and at most {most} characters of a URL")
    return text


def check_link_base(text: str) -> str:
    """What links are made of; raises InvalidBrand."""
    if text.endswith("/") or "?" in text or "#" in text:
        raise InvalidBrand("leave out ?, # and the slash at its end: paths are put behind it")
    return check_url(text, MAX_LINK_BASE)


def check_footer(text: str) -> str:
    """What stands below a mail; raises InvalidBrand."""
    if len(text) > MAX_FOOTER or not all(line.isprintable() for line in text.split("\n")):
        raise InvalidBrand(f"use at most {MAX_FOOTER} printable characters, in lines")
    return text
