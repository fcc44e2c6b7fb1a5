"""Which headers an account may add to its webhooks: few, and none that could be taken for the end of a header. Pure.

A name that we write ourselves, or that steers a connection or a proxy, would change what a receiver takes the request for
(https://cwe.mitre.org/data/definitions/113.html).
"""

import re
from collections.abc import Iterable

MAX_HEADERS = 10
MAX_VALUE = 1_024  # characters; a JWT has some 800

_NAME = re.compile(r"(?:x-[a-z0-9][a-z0-9-]{0,61}|authorization|api-key)", re.IGNORECASE)
_OURS = re.compile(r"x-(?:forwarded|real|original|rewrite|http-method|amz|goog|envoy|client|cluster)\b.*", re.IGNORECASE)
"""What proxies and clouds believe when they read it."""
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_CONTENT_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}(?:; ?[a-z]{1,20}=[A-Za-z0-9-]{1,40})?")

Headers = tuple[tuple[str, str], ...]


class InvalidHeader(ValueError):
    """No webhook can have this header: says what would do. It doesn't repeat the value, which may be a secret."""


def headers_of(pairs: Iterable[tuple[str, str]]) -> Headers:
    """Headers of somebody's own, checked.

    Raises:
        InvalidHeader: there are too many, one is there twice, or it isn't one that an account may add.
    """
    headers = tuple(pairs)
    if len(headers) > MAX_HEADERS:
        raise InvalidHeader(f"{len(headers)} headers; {MAX_HEADERS} are the most")
    if len({name.lower() for name, _ in headers}) < len(headers):
        raise InvalidHeader("a header is there twice")
    for name, value in headers:
        if not _NAME.fullmatch(name) or _OURS.fullmatch(name):
            raise InvalidHeader(f"header {name[:64]!r}: use Authorization, Api-Key or a name of your own that begins with X-")
        if len(value) > MAX_VALUE or not _VALUE.fullmatch(value):
            raise InvalidHeader(f"header {name}: 1 to {MAX_VALUE:,} printable characters of ASCII, no space at either end")
    return headers


def content_type_of(text: str) -> str:
    """What a body is; raises InvalidHeader."""
    if not _CONTENT_TYPE.fullmatch(text):
        raise InvalidHeader("a content type is written as application/json, or text/plain; charset=utf-8")
    return text
