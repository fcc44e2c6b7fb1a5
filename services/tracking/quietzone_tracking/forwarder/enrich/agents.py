"""User agents: what kind of client, on what device, with which browser and system."""

import re
from dataclasses import dataclass

from ua_parser import Domain
from ua_parser.regex import Resolver
from ua_parser_builtins.matchers import MATCHERS

from quietzone_tracking.forwarder.enrich.crawlers import Crawlers
from quietzone_tracking.forwarder.enrich.previews import is_preview
from quietzone_tracking.forwarder.enrich.traits import MAX_NAME, UNKNOWN, ScanClass

PHONE, TABLET, DESKTOP, OTHER = "phone", "tablet", "desktop", "other"

_DEVICES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        OTHER,
        re.compile(
            r"TV\b|SmartTV|BRAVIA|\bAFT[A-Z]|Roku|CrKey|HbbTV|PlayStation|Xbox|Nintendo|Watch(?:OS)?\b|Tizen [\d.]+\) .*TV|Quest \d",
            re.IGNORECASE,
        ),
    ),
    (TABLET, re.compile(r"iPad|Tablet|Kindle|\bSilk/|PlayBook|\bKF[A-Z]{3,4}\b")),
    (PHONE, re.compile(r"iPhone|iPod|Windows Phone|\bMobile\b|KAIOS|BlackBerry|BB10|J2ME|Opera Mini|Mobi/", re.IGNORECASE)),
    (TABLET, re.compile(r"Android|HarmonyOS")),
    (DESKTOP, re.compile(r"Windows NT|Macintosh|X11|CrOS|Linux|Win64|Windows;")),
    (PHONE, re.compile(r"CFNetwork/|Darwin/")),
)
"""First match wins. Browsers on Android phones say `Mobile` and those on tablets don't (Chrome's user-agent documentation).
An iPad that asks for desktop pages, as iPadOS does from the start, can't be told from a Mac."""


@dataclass(frozen=True, slots=True)
class Agent:
    """What a user agent says of its client."""

    scan_class: ScanClass
    device: str
    browser: str
    os: str


class Agents:
    """Parses user agents: about 15 µs each, so callers remember what they got. Holds 30 MB of compiled expressions."""

    def __init__(self) -> None:
        browsers, systems, _ = MATCHERS
        self._resolve = Resolver((list(browsers), list(systems), []))  # device models aren't asked for, and would take 13 MB more
        self._crawlers = Crawlers()

    def parse(self, user_agent: str) -> Agent:
        """Never fails: what isn't recognised is `unknown`."""
        found = self._resolve(user_agent, Domain.USER_AGENT | Domain.OS)
        browser = found.user_agent.family[:MAX_NAME] if found.user_agent else UNKNOWN
        system = found.os.family[:MAX_NAME] if found.os else UNKNOWN
        return Agent(self._class(user_agent, browser, system), _device(user_agent), browser, system)

    def _class(self, user_agent: str, browser: str, system: str) -> ScanClass:
        """Previews by their tokens; then bots: those on the crawler list, and clients that say nothing of themselves
        (no user agent, or one without any browser or system that is known): browsers and in-app browsers always do.
        """
        if is_preview(user_agent):
            return ScanClass.PREVIEW
        if browser == system == UNKNOWN or self._crawlers.match(user_agent):
            return ScanClass.BOT
        return ScanClass.PERSON


def _device(user_agent: str) -> str:
    for device, pattern in _DEVICES:
        if pattern.search(user_agent):
            return device
    return OTHER if user_agent else UNKNOWN
