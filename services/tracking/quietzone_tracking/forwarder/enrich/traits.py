"""What is kept of a scan's client: traits, never the headers or the address they were made from."""

from dataclasses import dataclass
from enum import Enum

UNKNOWN = "unknown"
DIRECT = "direct"

MAX_NAME = 64
"""Characters of a browser's or system's name, as the contract bounds them; real ones have at most 40."""


class ScanClass(Enum):
    """What kind of client made a request; only people are counted in totals."""

    PERSON = "person"
    BOT = "bot"
    PREVIEW = "preview"


@dataclass(frozen=True, slots=True)
class Traits:
    """What scans have in common: `country` in capitals or `unknown`, `referrer` a host or `direct`, the others as the contract has them."""

    scan_class: ScanClass
    country: str
    device: str
    browser: str
    os: str
    referrer: str
    language: str
