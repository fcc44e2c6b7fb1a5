"""Who scans in the tour: requests as real clients send them. User agents are facts that their makers publish."""

from dataclasses import dataclass
from itertools import cycle, islice

PERSON, BOT, PREVIEW, HEAD = "person", "bot", "preview", "head"


@dataclass(frozen=True, slots=True)
class Visitor:
    """One kind of client: how it is counted (`kind`) and the headers it sends; None sends no such header."""

    kind: str
    user_agent: str
    language: str | None = None
    referrer: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One scan to make: `address` is the client's, told by X-Forwarded-For as a proxy on this machine does."""

    visitor: Visitor
    address: str


_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
_SAMSUNG = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"
)
_IPAD = "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"
_FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
_EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"

PEOPLE = (
    Visitor(PERSON, _IPHONE, "de-DE,de;q=0.9"),
    Visitor(PERSON, _ANDROID, "en-US,en;q=0.9"),
    Visitor(PERSON, _IPHONE, "fr-FR,fr;q=0.9"),
    Visitor(PERSON, _SAMSUNG, "es-ES,es;q=0.9"),
    Visitor(PERSON, _ANDROID, "de-DE,de;q=0.9", "https://www.instagram.com/"),
    Visitor(PERSON, _IPAD, "nl-NL,nl;q=0.9"),
    Visitor(PERSON, _FIREFOX, "en-GB,en;q=0.8", "https://news.example.org/today"),
    Visitor(PERSON, _EDGE, "pl-PL,pl;q=0.9"),
)
MACHINES = (
    Visitor(BOT, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
    Visitor(BOT, "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"),
    Visitor(PREVIEW, "WhatsApp/2.23.20.0"),
    Visitor(PREVIEW, "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"),
    Visitor(PREVIEW, "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
    Visitor(HEAD, _IPHONE, "de-DE,de;q=0.9"),
)


def requests_for(place: int) -> list[Request]:
    """The requests for the code in `place` of the list (0 is the most popular): people by a falling curve, some of them twice, then each
    machine once.
    """
    scans = max(3, 120 // (place + 1))
    people = max(2, scans * 2 // 3)
    persons = [Request(PEOPLE[person % len(PEOPLE)], _address(place * 7 + person)) for person in islice(cycle(range(people)), scans)]
    return persons + [Request(visitor, "192.0.2.250") for visitor in MACHINES]


def _address(number: int) -> str:
    """An address of the blocks that RFC 5737 sets aside for examples."""
    block = ("192.0.2", "198.51.100", "203.0.113")[number % 3]
    return f"{block}.{number // 3 % 240 + 1}"
