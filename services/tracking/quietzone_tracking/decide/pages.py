"""What people see when a scan isn't redirected: one small page that says why, without anything to load."""

from dataclasses import dataclass

from quietzone_tracking.decide.domain import Outcome

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

DAY_S = 86_400

RETRY_AFTER_S = 5
"""When to try again while the link store is down: edges find it again within a second or two."""


@dataclass(frozen=True, slots=True)
class Page:
    """A fixed answer; `cache_s` is how long it may be kept (0: not at all), `headers` are further ones."""

    status: int
    content_type: str
    body: bytes
    cache_s: int = 0
    headers: tuple[tuple[str, str], ...] = ()


def _html(title: str, text: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex"><meta name="color-scheme" content="light dark">'
        "<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:18vh auto;padding:0 1.5rem}</style>"
        f"<title>{title}</title><h1>{title}</h1><p>{text}</p></html>\n"
    ).encode()


_PAGES = {
    Outcome.UNKNOWN: Page(
        404, HTML, _html("This code is not known", "Nothing is behind this address. If you typed it, check each letter: case counts.")
    ),
    Outcome.BLOCKED: Page(451, HTML, _html("This code is blocked", "Whoever runs this service has blocked it, because of what it led to.")),
    Outcome.PAUSED: Page(404, HTML, _html("This code is paused", "Its owner has switched it off for now. It may work again later.")),
    Outcome.DELETED: Page(410, HTML, _html("This code was deleted", "Its owner has removed it for good. It will not work again.")),
}

_UNAVAILABLE = Page(
    503,
    HTML,
    _html("Please scan again in a moment", "We can't look this code up right now. That is our fault, not the code's."),
    headers=(("Retry-After", str(RETRY_AFTER_S)),),
)
_WRONG_METHOD = Page(405, TEXT, b"Only GET and HEAD.\n", headers=(("Allow", "GET, HEAD"),))
_NOTHING_THERE = Page(404, TEXT, b"Nothing is here.\n", cache_s=DAY_S)
_RESERVED = {
    "/": Page(200, HTML, _html("Quietzone", "This server takes scans of printed QR codes to where they lead now."), cache_s=DAY_S),
    "/robots.txt": Page(200, TEXT, b"User-agent: *\nDisallow: /\n", cache_s=DAY_S),
    "/favicon.ico": Page(404, TEXT, b"There is no icon.\n", cache_s=DAY_S),
}


def page_of(outcome: Outcome) -> Page:
    """The page for an outcome that is no redirect."""
    return _PAGES[outcome]


def reserved_page(path: str) -> Page | None:
    """The page of a path that can never be a code's; None for all others."""
    if path.startswith("/.well-known/"):
        return _NOTHING_THERE
    return _RESERVED.get(path)


def unavailable_page() -> Page:
    """The page for a slug that can't be looked up now."""
    return _UNAVAILABLE


def wrong_method_page() -> Page:
    """The page for a request that is neither GET nor HEAD."""
    return _WRONG_METHOD
