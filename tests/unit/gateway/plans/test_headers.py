"""Limits in headers, read back by their grammar."""

import re

from hypothesis import given
from hypothesis import strategies as st

from quietzone_gateway.plans.headers import Standing, headers_of

STANDINGS = st.lists(
    st.builds(
        Standing,
        name=st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True),
        limit=st.integers(0, 10**15 - 1),
        window_s=st.integers(1, 2_678_400),
        left=st.integers(0, 10**15 - 1),
        reset_s=st.integers(0, 2_678_400),
        in_bytes=st.booleans(),
    ),
    max_size=6,
)

ITEM = r'"[a-z-]+"(;[a-z]+=([0-9]{1,15}|"[a-z-]+"))*'
"""Of a list of structured fields: a string with parameters, integers of at most 15 digits (RFC 9651, 3.1.2, 3.3.1 and 3.3.3)."""


@given(STANDINGS)
def test_the_fields_are_lists_of_structured_fields(standings: list[Standing]) -> None:
    headers = headers_of(standings, 1_795_262_400)

    assert all(re.fullmatch(rf"{ITEM}(, {ITEM})*", headers.get(name, '"none"')) for name in ("RateLimit", "RateLimit-Policy"))


@given(STANDINGS)
def test_each_limit_is_in_both_fields_in_the_same_order(standings: list[Standing]) -> None:
    headers = headers_of(standings, 0)
    names = [re.findall(r'"([a-z-]+)";[qr]=', headers.get(name, "")) for name in ("RateLimit-Policy", "RateLimit")]

    assert names == [[each.name for each in standings]] * 2


def test_the_older_headers_are_of_the_limit_of_requests_that_is_nearest_to_its_end() -> None:
    standings = [Standing("rate", 100, 2, 60, 1), Standing("day", 50, 86_400, 3, 600), Standing("bytes", 9, 86_400, 0, 5, in_bytes=True)]

    assert {name: value for name, value in headers_of(standings, 1_000).items() if name.startswith("X-")} == {
        "X-RateLimit-Limit": "50",
        "X-RateLimit-Remaining": "3",
        "X-RateLimit-Reset": "1600",
    }


def test_bytes_say_that_they_are_bytes() -> None:
    headers = headers_of([Standing("bytes-day", 9, 86_400, 1, 5, in_bytes=True)], 0)

    assert headers == {"RateLimit-Policy": '"bytes-day";q=9;w=86400;qu="content-bytes"', "RateLimit": '"bytes-day";r=1;t=5'}
