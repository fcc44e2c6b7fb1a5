"""An HTTP cache that takes PURGE, as Varnish does with docs/varnish.vcl.

`PURGE <path>` forgets a path with any query; with `X-Purge: prefix` what begins with it, with `X-Purge: tag` what has the tag that
`Cache-Tag` names.
"""

from quietzone_storage.copies import CopiesUnavailable, Purge
from quietzone_storage.copies.requests import Failed, ask


class HttpCopies:
    """See Copies."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")

    async def purge(self, what: Purge) -> None:
        """See Copies. One request after the other: a purge names ten files at most."""
        for path in what.paths:
            await self._purge(path, {"X-Purge": "path"})
        for prefix in what.prefixes:
            await self._purge(prefix, {"X-Purge": "prefix"})
        for tag in what.tags:
            await self._purge("/", {"X-Purge": "tag", "Cache-Tag": tag})

    async def _purge(self, path: str, headers: dict[str, str]) -> None:
        try:
            status = await ask("PURGE", self._base + path, headers)
        except Failed as error:
            raise CopiesUnavailable(f"the cache at {self._base} doesn't answer ({error}): does it run?") from error
        if status not in {200, 204, 404}:  # 404: it had none
            raise CopiesUnavailable(f"the cache at {self._base} answers a PURGE with {status}: look at who it lets purge")
