"""Answers that a client may have already."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

from starlette.responses import Response

from quietzone_gateway.rest.etags import named, tag


def digest(content: bytes) -> str:
    """The value of a strong tag for content that has no revision."""
    return hashlib.sha256(content).hexdigest()[:32]


def answer(
    content: bytes,
    *,
    tag_of: str,
    if_none_match: str | None,
    headers: Mapping[str, str] = MappingProxyType({}),
    media_type: str = "application/json",
) -> Response:
    """Content with its tag; 304 without it when the caller has it already."""
    had = named(if_none_match, tag_of)
    told = {"ETag": had or tag(tag_of), "Cache-Control": "private, no-cache", **headers}
    if had is not None:
        return Response(status_code=304, headers=told)
    return Response(content, media_type=media_type, headers=told)
