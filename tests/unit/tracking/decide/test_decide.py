import pytest

from quietzone_tracking.decide import SLUG, Link, LinkState, Outcome, decide, page_of, reserved_page, unavailable_page, wrong_method_page


def link(state: LinkState = LinkState.ACTIVE, destination: str = "https://example.com/") -> Link:
    return Link("abc", "code", "account", destination, state, 1)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (LinkState.ACTIVE, Outcome.REDIRECT),
        (LinkState.BLOCKED, Outcome.BLOCKED),
        (LinkState.PAUSED, Outcome.PAUSED),
        (LinkState.DELETED, Outcome.DELETED),
    ],
)
def test_a_links_state_decides(state: LinkState, outcome: Outcome) -> None:
    assert decide(link(state)) is outcome


def test_a_slug_that_names_nothing_is_unknown() -> None:
    assert decide(None) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "destination", ["", "https://example.com/a b", "https://example.com/\r\nSet-Cookie: x", "https://exämple.com/", "x" * 2049]
)
def test_a_destination_that_cannot_stand_in_a_header_is_refused(destination: str) -> None:
    with pytest.raises(ValueError, match="destination of code code"):
        link(destination=destination)


def test_a_deleted_link_needs_no_destination() -> None:
    assert decide(link(LinkState.DELETED, "")) is Outcome.DELETED


@pytest.mark.parametrize(
    ("outcome", "status", "word"),
    [
        (Outcome.UNKNOWN, 404, b"not known"),
        (Outcome.BLOCKED, 451, b"blocked"),
        (Outcome.PAUSED, 404, b"paused"),
        (Outcome.DELETED, 410, b"deleted"),
    ],
)
def test_people_are_told_why_a_scan_leads_nowhere(outcome: Outcome, status: int, word: bytes) -> None:
    page = page_of(outcome)

    assert page.status == status
    assert word in page.body


@pytest.mark.parametrize("page", [*(page_of(outcome) for outcome in Outcome if outcome is not Outcome.REDIRECT), unavailable_page()])
def test_pages_load_nothing(page: object) -> None:
    assert b"src=" not in page.body  # type: ignore[attr-defined]


def test_a_slug_that_cannot_be_looked_up_can_be_scanned_again() -> None:
    assert dict(unavailable_page().headers)["Retry-After"] == "5"


def test_a_wrong_method_is_told_the_right_ones() -> None:
    assert dict(wrong_method_page().headers)["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/robots.txt", 200), ("/favicon.ico", 404), ("/.well-known/acme", 404)])
def test_reserved_paths_have_answers_of_their_own(path: str, status: int) -> None:
    page = reserved_page(path)

    assert page is not None
    assert page.status == status


@pytest.mark.parametrize("path", ["", "robots.txt", "favicon.ico", ".well-known/acme"])
def test_no_slug_can_be_a_reserved_path(path: str) -> None:
    assert not SLUG.fullmatch(path)


def test_other_paths_are_not_reserved() -> None:
    assert reserved_page("/abc") is None
