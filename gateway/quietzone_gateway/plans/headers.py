"""Limits in headers; pure.

`RateLimit-Policy` and `RateLimit` as draft-ietf-httpapi-ratelimit-headers-10 has them: structured fields (RFC 9651), a list with one item
for each limit. Beside them the X-RateLimit-* that most clients know, of the limit that is nearest to its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands with one limit: of `limit` units in `window_s` seconds `left` are left; all are there again in `reset_s`.

    `name` is a limit's name (letters, digits, dashes); `in_bytes`: units are bytes of answers, not requests.
    """

    name: str
    limit: int
    window_s: int
    left: int
    reset_s: int
    in_bytes: bool = False


def headers_of(standings: Sequence[Standing], now_s: int) -> dict[str, str]:
    """The headers of an answer; none when nothing is limited. X-RateLimit-Reset is Unix time in seconds, as most have it."""
    if not standings:
        return {}
    unit = {True: ';qu="content-bytes"', False: ""}
    headers = {
        "RateLimit-Policy": ", ".join(f'"{each.name}";q={each.limit};w={each.window_s}{unit[each.in_bytes]}' for each in standings),
        "RateLimit": ", ".join(f'"{each.name}";r={each.left};t={each.reset_s}' for each in standings),
    }
    if requests := [each for each in standings if not each.in_bytes]:
        tightest = min(requests, key=lambda each: each.left)
        headers["X-RateLimit-Limit"] = str(tightest.limit)
        headers["X-RateLimit-Remaining"] = str(tightest.left)
        headers["X-RateLimit-Reset"] = str(now_s + tightest.reset_s)
    return headers
