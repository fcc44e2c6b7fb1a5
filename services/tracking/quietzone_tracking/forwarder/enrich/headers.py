"""Referrer and language, as the headers of a request give them."""

import re

from quietzone_tracking.forwarder.enrich.traits import DIRECT, UNKNOWN

MAX_HOST = 253
"""Characters of a host name (RFC 1035, 2.3.4, without the final dot)."""

_URL = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d*)?(?:[/?#]|$)", re.IGNORECASE)
_LANGUAGE = re.compile(r"\s*([a-z]{2,8})(?:[-_;,\s]|$)", re.IGNORECASE)


def referrer_host(referrer: str) -> str:
    """The host of a Referer header in lower case; `direct` when there is no header, or no host in it.

    An app gives its package (`android-app://com.example.mail/`), which is kept as the host that it stands for.
    """
    found = _URL.match(referrer)
    if found is None:
        return DIRECT
    host = found[1].lower().rstrip(".")
    return host if 0 < len(host) <= MAX_HOST else DIRECT


def first_language(accept_language: str) -> str:
    """The primary subtag (RFC 5646) of the first language in an Accept-Language header, in lower case, or `unknown`.

    Browsers list languages by falling weight, so the weights need no reading.
    """
    found = _LANGUAGE.match(accept_language)
    return found[1].lower() if found else UNKNOWN
