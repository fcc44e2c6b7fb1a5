"""Keys of buckets and names of rates."""

from collections.abc import Mapping

from quietzone_kit.limits import Rate

MAX_KEY_CHARACTERS = 512
MAX_NAME_CHARACTERS = 64
MAX_RATES = 8
"""Of one decision: each is a key that the server's one thread reads and writes."""


def check(key: str, rates: Mapping[str, Rate]) -> None:
    """Refuse what no server could tell apart.

    Raises:
        ValueError: says what would do.
    """
    for text, most in ((key, MAX_KEY_CHARACTERS), *((name, MAX_NAME_CHARACTERS) for name in rates)):
        if not 1 <= len(text) <= most or "{" in text or "}" in text:
            raise ValueError(f"{text!r:.100}: a limit's key has 1 to {most} characters, none of them a brace")
    if not 1 <= len(rates) <= MAX_RATES:
        raise ValueError(f"{len(rates)} rates: a decision has 1 to {MAX_RATES}")
