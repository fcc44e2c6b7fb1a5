"""Templates as accounts have them, and what they become. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup

from quietzone_notification.mail.brands.domain import Brand
from quietzone_notification.mail.templates.house import HOUSE, LAYOUT
from quietzone_notification.mail.templates.language import CantRender, Compiled, InvalidTemplate

MAX_TEMPLATES = 20
"""Of an account: three stand in the place of the house's, the others are for what its parts send."""
MAX_SUBJECT_SOURCE, MAX_TEXT, MAX_HTML = 1_000, 16_384, 32_768
MAX_SUBJECT = 2_000
"""Of a subject before it is cut to what a header has."""
COMPILED = 256
"""Templates in memory, some 200 kB each at the most; others are compiled anew, in 5 ms."""

ROOTS = ("brand", "data")
PLACES = ("subject", "text", "html")

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
NOT_OURS = frozenset({"confirmation", "layout"})
"""The house's alone: an account's own would get hold of what asks a stranger whether he agrees."""


class InvalidName(ValueError):
    """No template can be called so: says what would do."""


class NotRendered(ValueError):
    """A template can't be filled with this: `place` is subject, text or html; says in which line, and why."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}, {reason}")
        self.place = place
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Source:
    """The texts of a template."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Template:
    """A template of an account."""

    account_id: str
    name: str
    source: Source
    created_ms: int
    changed_ms: int
    slot: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template has become; the subject isn't cut to what a header takes yet."""

    subject: str
    text: str
    html: str


def is_name(text: str) -> bool:
    """Whether a template can be called so."""
    return _NAME.fullmatch(text) is not None


def check_name(text: str) -> str:
    """The name of a template of an account; raises InvalidName."""
    if not is_name(text):
        raise InvalidName("use 1 to 64 characters of a-z 0-9 -, the first of them a letter")
    if text in NOT_OURS:
        raise InvalidName(f"{text} is the house's own: use another name")
    return text


def problems(source: Source) -> dict[str, str]:
    """What is wrong with a template, by place."""
    found: dict[str, str] = {}
    for place in PLACES:
        try:
            _compiled(place, getattr(source, place))
        except InvalidTemplate as error:
            found[place] = str(error)
    return found


def render(source: Source, data: Mapping[str, object], brand: Brand, *, unsubscribe_url: str = "") -> Rendered:
    """A mail of a template: what it says, within the house's layout, which has the brand and the way out.

    Raises:
        InvalidTemplate: an older or newer release has taken it, and this one can't read it.
        NotRendered: says where, and why.
    """
    looks = _looks(brand)
    values: dict[str, object] = {"brand": looks, "data": data}
    subject = _filled("subject", source.subject, values, most=MAX_SUBJECT)
    text, html = _filled("text", source.text, values), _filled("html", source.html, values)
    around: dict[str, object] = {"brand": looks, "subject": subject, "unsubscribe_url": unsubscribe_url}
    return Rendered(
        subject,
        _layout("text").render({**around, "content": text.strip()}, most=MAX_LAID_OUT),
        # what has been rendered is escaped already
        _layout("html").render({**around, "content": Markup(html)}, most=MAX_LAID_OUT),  # noqa: S704
    )


MAX_LAID_OUT = 250_000
"""Characters: those of a rendering, and of the layout."""


def house(name: str) -> Source | None:
    """The house's template of this name."""
    texts = HOUSE.get(name)
    return None if texts is None else Source(*texts)


def _filled(place: str, source: str, values: Mapping[str, object], **bound: int) -> str:
    try:
        return _compiled(place, source).render(values, **bound)
    except CantRender as error:
        raise NotRendered(place, str(error)) from error


@lru_cache(3 * COMPILED)
def _compiled(place: str, source: str) -> Compiled:
    most = {"subject": MAX_SUBJECT_SOURCE, "text": MAX_TEXT, "html": MAX_HTML}[place]
    return Compiled(source, is_html=place == "html", most=most, roots=ROOTS)


@lru_cache(2)
def _layout(place: str) -> Compiled:
    return Compiled(LAYOUT[place], is_html=place == "html", most=MAX_HTML, roots=("brand", "subject", "unsubscribe_url", "content"))


def _looks(brand: Brand) -> dict[str, object]:
    return {
        "name": brand.name,
        "colour": brand.colour or "#1f2937",
        "logo_url": brand.logo_url,
        "footer": brand.footer,
        "link_base": brand.link_base,
    }
