"""Where one machine keeps everything, and on which ports it answers."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

DEFAULT_PORT = 8000
SCANS_ABOVE_API = 80
"""Scans are on the API's port plus 80: 8000 and 8080 unless PORT moves them."""
FILES_ABOVE_API = 82
"""Files likewise: 8082."""


class Backends(StrEnum):
    """What the parts stand on."""

    EMBEDDED = "embedded"
    """Files in the data folder."""
    REAL = "real"
    """The servers that QUIETZONE_…_URL name: Kafka, MongoDB, Redis, S3. The data folder keeps the spool."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One Quietzone on one machine: `data` is an absolute folder, `port` the API's."""

    data: Path
    port: int
    scan_base_url: str
    backends: Backends = Backends.EMBEDDED

    @property
    def scan_port(self) -> int:
        """Where the edge listens."""
        return self.port + SCANS_ABOVE_API

    @property
    def files_port(self) -> int:
        """Where storage serves files."""
        return self.port + FILES_ABOVE_API

    @property
    def api_url(self) -> str:
        """The API as programs on this machine reach it."""
        return f"http://localhost:{self.port}"


def installation(data: Path, port: int, scan_base_url: str | None, backends: Backends = Backends.EMBEDDED) -> Installation:
    """The installation in folder `data`; short URLs start with `scan_base_url`, or lead to this machine when it is None.

    Raises:
        ValueError: no such port.
    """
    highest = 65535 - FILES_ABOVE_API
    if not 1 <= port <= highest:
        raise ValueError(
            f"PORT={port}: use 1 to {highest}, scans take the port {SCANS_ABOVE_API} above it, files the one {FILES_ABOVE_API} above"
        )
    return Installation(data.resolve(), port, scan_base_url or f"http://localhost:{port + SCANS_ABOVE_API}", backends)
