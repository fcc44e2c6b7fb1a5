"""Crawlers, monitors, libraries and other programs: by a maintained list (the package crawler-user-agents), or by what they are called.

The list has 1,500 expressions, each found in the package's own examples by our engine as by Python's (a test holds it).
"""

import crawleruseragents

from quietzone_tracking.forwarder.enrich.first_match import FirstMatch

NOT_CRAWLERS = frozenset({"MetaIAB Facebook", "WhatsApp", "Viber", "Notion\\/", "Tumblr\\/"})
"""Entries of the list that match people too: in-app browsers. The previews among them are known by stricter tokens (`previews`)."""


def crawlers() -> FirstMatch:
    """The list, ready to match (8 MB); it answers with the expression."""
    patterns = (entry["pattern"] for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA)
    return FirstMatch((pattern, pattern) for pattern in patterns if pattern not in NOT_CRAWLERS)


_CALLED = r"(?:bot|crawler|spider)s?"
CALLS_ITSELF = (
    rf"(?i){_CALLED}/",  # a product and its version: XBot/1.0 (RFC 9110, 10.1.5)
    rf"(?i)\bcompatible; ?[^;()]*{_CALLED}(?:[^a-z]|$)",  # where crawlers name themselves beside a browser's words
    rf"(?i)^[^\s/;(]*{_CALLED}(?:[^a-z]|$)",  # the first product, without a version
)
"""A robot says so in its product's name: that is the convention, and who writes one today is on no list yet.

Only in places where products stand. Android says the model of the phone, and there are models that end like robots: CUBOT, M bot, XBot
Junior, Spider 8. Seen with what device-detector 6.5.1 (Tests/fixtures) and isbot 5.2.1 (fixtures/browsers.yml) are tested with: of 39,060
user agents of people they meet none, of 246 robots that the list misses they meet 137.
"""


def named_robots() -> FirstMatch:
    """Those that call themselves robots, ready to match; it answers with the expression."""
    return FirstMatch((pattern, pattern) for pattern in CALLS_ITSELF)
