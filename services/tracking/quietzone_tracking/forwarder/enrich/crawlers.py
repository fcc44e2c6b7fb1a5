"""Crawlers, monitors, libraries and other programs, by a maintained list (the package crawler-user-agents).

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
