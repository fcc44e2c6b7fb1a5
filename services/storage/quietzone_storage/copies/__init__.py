"""Copies of files that a CDN or a cache keeps: a port, with CloudFront, an HTTP cache or nothing behind it.

`open_copies` chooses by the URL's scheme. A purge says exactly what has changed; copies whose purge fails end by themselves after the
300 s that they are good for.
"""

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from quietzone_kit.runtime import Executor
from quietzone_kit.urls import wrong_scheme


class CopiesUnavailable(Exception):
    """Whoever keeps copies can't be told now: try again."""


@dataclass(frozen=True, slots=True)
class Purge:
    """What must be forgotten: `paths` such as `/files/<name>` with any query, what begins with one of `prefixes`, and files with one of
    `tags` (an asset's id). `reference` names the purge: the same again is the same one.
    """

    reference: str
    paths: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Copies(Protocol):
    """Who keeps copies."""

    async def purge(self, what: Purge) -> None:
        """Have copies forgotten.

        Raises:
            CopiesUnavailable: they may be there still.
        """


class NoCopies:
    """Nobody keeps any that can be told."""

    async def purge(self, what: Purge) -> None:
        """Nothing."""


def open_copies(url: str, executor: Executor) -> Copies:
    """Who keeps copies, at `url`; nothing is opened before the first call.

    - `http://host:port` is a cache that takes PURGE (docs/varnish.vcl shows how).
    - `cloudfront://E2EXAMPLE` is a distribution; credentials come from the environment as the AWS tools have it.

    Raises:
        ValueError: says which URLs there are.
    """
    parts = urlsplit(url)
    if url == "none:":
        return NoCopies()
    if parts.scheme in {"http", "https"} and parts.hostname:
        from quietzone_storage.copies._http import HttpCopies  # noqa: PLC0415 - only what is used is loaded

        return HttpCopies(url)
    if parts.scheme == "cloudfront" and parts.netloc:
        from quietzone_storage.copies._cloudfront import CloudFrontCopies  # noqa: PLC0415 - the same

        return CloudFrontCopies(parts.netloc, executor)
    raise ValueError(wrong_scheme(url, "http://host:port, cloudfront://distribution or none:"))
