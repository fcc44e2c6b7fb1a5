"""Countries, by any database in MaxMind's format (https://maxmind.github.io/MaxMind-DB/)."""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Protocol

import maxminddb

from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_tracking.forwarder.enrich.traits import UNKNOWN
from quietzone_tracking.metrics import COUNTRY_DATABASE_UP

LOOK_EVERY_S = 10.0
"""How often the file is looked at for a newer one: databases come out weekly."""

IPV4_PREFIX_BYTES = 3
IPV6_PREFIX_BYTES = 6
"""How the edge truncates addresses: /24 and /48."""

log = logger(__name__)


class Countries(Protocol):
    """Where networks are."""

    def edition(self) -> int:
        """Rises when answers may have changed: whoever remembers answers forgets them then."""

    def country(self, network: bytes) -> str:
        """ISO 3166-1 alpha-2 code in capitals of a truncated address, or `unknown`."""


class NoCountries:
    """Without a database every country is unknown."""

    def edition(self) -> int:
        """Always the same."""
        return 0

    def country(self, network: bytes) -> str:  # noqa: ARG002 - the protocol's
        """Always `unknown`."""
        return UNKNOWN


class CountryDatabase:
    """A database file, opened again when it was replaced. Replace it by a rename: it is mapped into memory.

    When the file is absent or can't be read, the last good one is used on; without any, countries are unknown. Both are logged.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._reader: maxminddb.Reader | None = None
        self._seen: tuple[int, int] | None = None
        self._edition = 0
        self._looked_at = clock.monotonic()
        self._look()

    def edition(self) -> int:
        """How often a database was opened; looks at the file every LOOK_EVERY_S."""
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._look()
        return self._edition

    def country(self, network: bytes) -> str:
        """The country of the network's first address."""
        address = _address(network)
        if self._reader is None or address is None:
            return UNKNOWN
        try:
            return _code(self._reader.get(address))
        except (maxminddb.InvalidDatabaseError, ValueError):  # ValueError: an IPv6 address, and the database has IPv4 only
            return UNKNOWN

    def _look(self) -> None:
        try:
            status = self._path.stat()
            now_there = (status.st_mtime_ns, status.st_size)
            if now_there == self._seen:
                return
            self._seen = now_there
            self._reader = maxminddb.open_database(self._path)
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            self._seen = None
            COUNTRY_DATABASE_UP.set(0)
            log.warning("country database can't be read", path=str(self._path), reason=str(error), used=self._edition > 0)
            return
        self._edition += 1
        COUNTRY_DATABASE_UP.set(1)
        log.info("country database opened", path=str(self._path), built_at_s=self._reader.metadata().build_epoch)


def _address(network: bytes) -> IPv4Address | IPv6Address | None:
    if len(network) == IPV4_PREFIX_BYTES:
        return IPv4Address(network.ljust(4, b"\0"))
    if len(network) == IPV6_PREFIX_BYTES:
        return IPv6Address(network.ljust(16, b"\0"))
    return None


def _code(record: object) -> str:
    """The code in a record: MaxMind and DB-IP nest it (`country.iso_code`), ip-location-db and IPinfo have it flat."""
    if not isinstance(record, dict):
        return UNKNOWN
    country = record.get("country")
    nested = country.get("iso_code") if isinstance(country, dict) else country
    code = record.get("country_code") or nested
    return code.upper() if isinstance(code, str) and len(code) == 2 and code.isalpha() and code.isascii() else UNKNOWN
