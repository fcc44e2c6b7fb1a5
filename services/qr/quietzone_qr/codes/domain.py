"""Codes: what a slug and a destination may be, and what can happen to a code."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import NewType, Self

from ada_url import URL

from quietzone_qr.codes.listing import Shown
from quietzone_qr.codes.texts import NOWHERE, Folder, Tag, Title

AccountId = NewType("AccountId", str)
CodeId = NewType("CodeId", str)
"""A UUID in its 36-character form: of version 7, or 5 where it follows from a request id."""
Slug = NewType("Slug", str)
"""The part of a scan URL that names a code, checked by `parse_slug`; case counts."""
Destination = NewType("Destination", str)
"""An http(s) URL in its WHATWG serialisation, checked by `parse_destination`: ASCII, nothing in it needs escaping in a header."""

MIN_SLUG, MAX_SLUG = 3, 64
"""Shorter ones are for the house; longer ones make symbols that print badly."""
DRAWN_SLUG = 7
"""Of 55 symbols: 55**7 = 1.5e12. With 1e8 codes issued, one draw in 15,000 collides and is drawn again."""
RESERVED = frozenset(
    {
        *("health", "healthz", "livez", "readyz", "ready", "live", "metrics", "status", "version"),  # probes and scrapers ask for these
        *("admin", "api", "app", "dashboard", "docs", "help", "login", "logout", "signup", "www"),  # people take them for the house's own
        *("assets", "favicon", "graphql", "images", "robots", "sitemap", "static"),  # a scan host may serve them one day
    }
)
"""Slugs that nobody may choose, however they are cased. robots.txt, favicon.ico and .well-known need no entry: a slug has no dot."""

MAX_DESTINATION_BYTES = 2048
"""What old browsers and most proxies take in a Location header."""
MAX_ORIGIN = 447
"""So that a payload has at most 512 bytes, which make a symbol of 89 modules; longer ones print badly."""
DESTINATIONS_KEPT = 100
"""Of each code; with the longest URLs, 200 KB that each change writes anew."""

_SLUG = re.compile(r"[0-9A-Za-z_-]*")
_WHITE_SPACE = " \t\n\f\r"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WEB_PORTS = ("", "80", "443")


class InvalidSlug(ValueError):
    """Says what is wrong with a chosen slug, and what would do."""


class InvalidDestination(ValueError):
    """Says what is wrong with a destination, and what would do."""


class InvalidScanBase(ValueError):
    """Says what is wrong with the base of scan URLs, and what would do."""


class InvalidTransition(ValueError):
    """A code can't come from the state that it is in to the one that is wanted."""


@dataclass(frozen=True, slots=True)
class ScanBase:
    """What scan URLs begin with: `origin` is scheme, host and port, without a slash at its end. It ends up in print."""

    origin: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check a base that somebody configured.

        Raises:
            InvalidScanBase: not the root of an http(s) host, or too long.
        """
        url = _parsed(text)
        if url is None or url.protocol not in ("http:", "https:") or url.href != f"{url.origin}/":
            raise InvalidScanBase(f"{text!r} isn't the root of a web host; https://q.example.com would do, without path, query or user")
        if len(url.origin) > MAX_ORIGIN:
            raise InvalidScanBase(f"it has {len(url.origin)} characters and becomes part of each symbol: use at most {MAX_ORIGIN}")
        return cls(url.origin)

    def payload(self, slug: Slug) -> str:
        """The text in the symbol of a code."""
        return f"{self.origin}/{slug}"

    def holds(self, url: URL) -> bool:
        """Whether `url` leads back to the scan host, however it is written. 80 and 443 count as one: each tends to lead to the other."""
        return _place(URL(self.origin)) == _place(url)


def _place(url: URL) -> tuple[str, str]:
    return _host(url.hostname.rstrip(".")), "" if url.port in _WEB_PORTS else url.port


def _host(name: str) -> str:
    """A host's name, the same for each way to say "this machine"."""
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return "localhost" if name.endswith(".localhost") else name
    address = getattr(address, "ipv4_mapped", None) or address
    return "localhost" if address.is_loopback or address.is_unspecified else name


def parse_slug(text: str) -> Slug:
    """Check a slug that somebody chose.

    Raises:
        InvalidSlug: says which character or length is wrong, or that it is reserved.
    """
    if not MIN_SLUG <= len(text) <= MAX_SLUG:
        raise InvalidSlug(f"a slug has {MIN_SLUG} to {MAX_SLUG} characters, this one has {len(text)}")
    fitting = _SLUG.match(text)
    if fitting is not None and fitting.end() < len(text):
        raise InvalidSlug(f"{text[fitting.end()]!r} can't be in a slug; use 0-9, A-Z, a-z, _ and -")
    if text.lower() in RESERVED:
        raise InvalidSlug(f"{text!r} is reserved for the scan host itself; choose another")
    return Slug(text)


def parse_slug_prefix(text: str) -> str:
    """Check the beginning of slugs; raises InvalidSlug."""
    if not 1 <= len(text) <= MAX_SLUG or not _SLUG.fullmatch(text):
        raise InvalidSlug(f"slugs begin with 1 to {MAX_SLUG} of 0-9, A-Z, a-z, _ and -")
    return text


def draw_slug(draw: Callable[[int], str]) -> Slug:
    """A slug of `draw(n)`, which gives `n` random symbols of an alphabet without look-alikes.

    Raises:
        InvalidSlug: the dice fell on a reserved one; draw again.
    """
    return parse_slug(draw(DRAWN_SLUG))


def parse_destination(text: str, scan: ScanBase) -> Destination:
    """Check and normalise a destination by the WHATWG rules (https://url.spec.whatwg.org): IDN to punycode, dot segments, default ports.

    White space at both ends is dropped, as browsers do. Refused beyond those rules: control characters (browsers drop or escape them
    silently), user names and passwords (they would be public), and the scan host itself (a loop).

    Raises:
        InvalidDestination: says what is wrong, and what would do.
    """
    text = text.strip(_WHITE_SPACE)
    if len(text) > MAX_DESTINATION_BYTES:
        raise InvalidDestination(f"a URL has at most {MAX_DESTINATION_BYTES} bytes, this one has more; use a shorter one")
    control = _CONTROL.search(text)
    if control is not None:
        raise InvalidDestination(f"it holds the control character {control.group()!r} at place {control.start() + 1}; remove it")
    url = _parsed(text)
    if url is None:
        raise InvalidDestination("not a URL; write it in full, such as https://example.com/menu")
    _check(url, scan)
    return Destination(url.href)


def _check(url: URL, scan: ScanBase) -> None:
    """What we ask of a URL beyond being one; raises InvalidDestination."""
    if url.protocol not in ("http:", "https:"):
        raise InvalidDestination(f"{url.protocol} isn't for browsers on the web; use https: or http:")
    if url.username or url.password:
        raise InvalidDestination("it holds a user name or password, which everybody who scans the code would see; remove it")
    if not url.hostname.strip("."):
        raise InvalidDestination("it names no host; write it in full, such as https://example.com/menu")
    if scan.holds(url):
        raise InvalidDestination(f"it leads to {scan.origin}, where the codes themselves are; a scan would go in a circle")
    if len(url.href) > MAX_DESTINATION_BYTES:
        raise InvalidDestination(
            f"a URL has at most {MAX_DESTINATION_BYTES} bytes, this one has {len(url.href)} as browsers write it; use a shorter one"
        )


def _parsed(text: str) -> URL | None:
    try:
        return URL(text)
    except ValueError:
        return None


class State(Enum):
    """Whether scans are redirected."""

    ACTIVE = "active"
    PAUSED = "paused"
    DELETED = "deleted"
    """A tombstone: it keeps the slug for ever."""


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.ACTIVE: frozenset({State.PAUSED, State.DELETED}),
    State.PAUSED: frozenset({State.ACTIVE, State.DELETED}),
    State.DELETED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class DestinationVersion:
    """Where a code led from `since_ms` on, beginning with `revision` of the code."""

    destination: Destination
    revision: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Change:
    """What an owner wants to be different; None leaves as it is."""

    destination: Destination | None = None
    title: Title | None = None
    state: State | None = None
    tags: tuple[Tag, ...] | None = None
    folder: Folder | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """Who changes a code, as its caller's `subject` says, and why; empty where nobody says."""

    subject: str = ""
    reason: str = ""


NOBODY = Act()


@dataclass(frozen=True, slots=True)
class Code:
    """What is printed (id, slug, payload: they never change) and where it leads.

    `destinations` are the last versions, oldest first, at least one: the last is in force. `revision` is 1 when the code is issued, and
    one more with each change that its owner can see. While the operator blocks it `unblocks_to` is the state that it gets back; `state` is
    PAUSED then, also in the store, for the sake of releases that know nothing of blocking.
    """

    code_id: CodeId
    account_id: AccountId
    slug: Slug
    payload: str
    destinations: tuple[DestinationVersion, ...]
    title: Title
    state: State
    revision: int
    created_at_ms: int
    updated_at_ms: int
    tags: tuple[Tag, ...] = ()
    folder: Folder = NOWHERE
    unblocks_to: State | None = None

    @property
    def is_blocked(self) -> bool:
        """Whether the operator keeps its scans from being redirected."""
        return self.unblocks_to is not None and self.state is not State.DELETED

    @property
    def shown(self) -> Shown | None:
        """Its state as its account sees it; None when it was deleted."""
        if self.state is State.DELETED:
            return None
        return Shown.BLOCKED if self.is_blocked else Shown(self.state.value)

    @property
    def destination(self) -> Destination:
        """Where scans lead now."""
        return self.destinations[-1].destination

    def changed(self, change: Change, at_ms: int) -> "Code":
        """The code after `change`; itself when everything is that way already.

        Raises:
            InvalidTransition: its state doesn't allow it.
        """
        if self.is_blocked and change.state not in (None, State.DELETED):
            raise InvalidTransition("the operator has blocked this code, and only the operator can activate or pause it; ask them why")
        following = replace(
            self,
            title=self.title if change.title is None else change.title,
            state=self.state if change.state is None else self._moved(change.state),
            destinations=self._redirected(change.destination, at_ms),
            tags=self.tags if change.tags is None else change.tags,
            folder=self.folder if change.folder is None else change.folder,
        )
        return self._followed_by(following, at_ms)

    def blocked(self, at_ms: int) -> "Code":
        """The code while the operator blocks it; itself when that is so already.

        Raises:
            InvalidTransition: it is deleted.
        """
        return self if self.is_blocked else self._followed_by(replace(self, state=State.PAUSED, unblocks_to=self.state), at_ms)

    def unblocked(self, at_ms: int) -> "Code":
        """The code when the operator blocks it no more; itself when that is so already."""
        back = self.unblocks_to
        return self if back is None else self._followed_by(replace(self, state=back, unblocks_to=None), at_ms)

    def _followed_by(self, following: "Code", at_ms: int) -> "Code":
        if following == self:
            return self
        if self.state is State.DELETED:
            raise InvalidTransition("a deleted code can't be changed")
        return replace(following, revision=self.revision + 1, updated_at_ms=self._not_before(at_ms))

    def deleted(self, at_ms: int) -> "Code":
        """Its tombstone.

        Raises:
            InvalidTransition: it is deleted already.
        """
        if self.state is State.DELETED:
            raise InvalidTransition("the code is deleted already")
        return self.changed(Change(state=State.DELETED), at_ms)

    def _moved(self, state: State) -> State:
        if state is not self.state and state not in TRANSITIONS[self.state]:
            raise InvalidTransition(f"a code that is {self.state.value} can't become {state.value}")
        return state

    def _redirected(self, destination: Destination | None, at_ms: int) -> tuple[DestinationVersion, ...]:
        if destination is None or destination == self.destination:
            return self.destinations
        newest = DestinationVersion(destination, self.revision + 1, self._not_before(at_ms))
        return (*self.destinations, newest)[-DESTINATIONS_KEPT:]

    def _not_before(self, at_ms: int) -> int:
        """Clocks can be set back; a code's history isn't."""
        return max(at_ms, self.updated_at_ms)


@dataclass(frozen=True, slots=True)
class Draft:
    """A code that is to be issued, all but its slug; `chosen` is the one that it must have, None: any."""

    code_id: CodeId
    account_id: AccountId
    chosen: Slug | None
    destination: Destination
    title: Title
    tags: tuple[Tag, ...] = ()
    folder: Folder = NOWHERE


def issue(draft: Draft, slug: Slug, scan: ScanBase, at_ms: int) -> Code:
    """A new code."""
    return Code(
        code_id=draft.code_id,
        account_id=draft.account_id,
        slug=slug,
        payload=scan.payload(slug),
        destinations=(DestinationVersion(draft.destination, 1, at_ms),),
        title=draft.title,
        state=State.ACTIVE,
        revision=1,
        created_at_ms=at_ms,
        updated_at_ms=at_ms,
        tags=draft.tags,
        folder=draft.folder,
    )
