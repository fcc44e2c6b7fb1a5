"""Malware: a port, with clamd behind it or nothing.

`open_scanner` chooses by the URL's scheme: `clamd://host:3310`, `clamd:///run/clamav/clamd.ctl` for a socket of this machine, or `none:`.
"""

from typing import Protocol
from urllib.parse import urlsplit

from quietzone_kit.urls import wrong_scheme


class ScannerUnavailable(Exception):
    """The scanner doesn't answer, or not so that it can be understood: nothing is known about the bytes."""


class Scanner(Protocol):
    """Looks for malware."""

    async def scan(self, data: bytes) -> str | None:
        """What was found in these bytes, by its name; None: nothing.

        Raises:
            ScannerUnavailable: it isn't known.
        """


class NoScanner:
    """Finds nothing: for who trusts everybody that may upload."""

    async def scan(self, data: bytes) -> str | None:  # noqa: ARG002 - as the port has it
        """None."""
        return None


def open_scanner(url: str) -> Scanner:
    """The scanner at `url`; nothing is opened before the first call.

    Raises:
        ValueError: says which URLs there are.
    """
    parts = urlsplit(url)
    if url == "none:":
        return NoScanner()
    if parts.scheme == "clamd" and (parts.hostname or parts.path.strip("/")):
        from quietzone_storage.scanning._clamd import Clamd  # noqa: PLC0415 - only what is used is loaded

        return Clamd(parts.hostname or "", parts.port or 3310, socket=parts.path if not parts.hostname else "")
    raise ValueError(wrong_scheme(url, "clamd://host:3310, clamd:///run/clamav/clamd.ctl or none:"))
