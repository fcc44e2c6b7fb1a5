"""What a scan of a link leads to."""

from quietzone_tracking.decide.domain import SLUG, Link, LinkState, Outcome, decide
from quietzone_tracking.decide.pages import Page, page_of, reserved_page, unavailable_page, wrong_method_page

__all__ = [
    "SLUG",
    "Link",
    "LinkState",
    "Outcome",
    "Page",
    "decide",
    "page_of",
    "reserved_page",
    "unavailable_page",
    "wrong_method_page",
]
