"""Codes for tests."""

from hypothesis import strategies as st
from quietzone_qr.codes.domain import AccountId, Change, Code, CodeId, ScanBase, State, issue, parse_destination, parse_slug, parse_title

SCAN = ScanBase.parse("https://q.example")
OURS, OTHERS = AccountId("ours"), AccountId("others")
BORN_MS = 1_772_445_600_000

DESTINATIONS = ("https://example.com/", "https://example.com/menu", "http://example.org/?a=1#b")
TITLES = ("", "Menu", "Menü, Tisch 4")


def code(*, slug: str = "menu", destination: str = DESTINATIONS[0], title: str = "Menu") -> Code:
    """A code of revision 1."""
    return issue(
        CodeId("019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a01"),
        OURS,
        slug=parse_slug(slug),
        scan=SCAN,
        destination=parse_destination(destination, SCAN),
        title=parse_title(title),
        at_ms=BORN_MS,
    )


CHANGES = st.builds(
    Change,
    destination=st.none() | st.sampled_from(DESTINATIONS).map(lambda text: parse_destination(text, SCAN)),
    title=st.none() | st.sampled_from(TITLES).map(parse_title),
    state=st.none() | st.sampled_from([State.ACTIVE, State.PAUSED]),
)
