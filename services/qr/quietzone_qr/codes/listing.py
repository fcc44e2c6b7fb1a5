"""Lists of codes: what can be asked for, and which index answers it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from quietzone_qr.codes.texts import Folder, Tag

Bounds: TypeAlias = tuple[str | int | None, str | int | None]
"""From the first to below the second, None: no bound."""


class Shown(Enum):
    """The state of a code as its account sees it."""

    ACTIVE = "active"
    PAUSED = "paused"
    BLOCKED = "blocked"


class Sort(Enum):
    """What a list is sorted by."""

    CREATED = "created"
    UPDATED = "updated"
    SLUG = "slug"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted; what is equal by time of creation and id, in the same direction."""

    by: Sort
    descending: bool


@dataclass(frozen=True, slots=True)
class Span:
    """From `from_ms` to below `before_ms`, Unix time in milliseconds; None: no bound."""

    from_ms: int | None = None
    before_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which codes are wanted: those that fit all that isn't None. Prefixes aren't empty; that of titles is a `title_key`."""

    state: Shown | None = None
    folder: Folder | None = None
    tag: Tag | None = None
    created: Span | None = None
    updated: Span | None = None
    slug_prefix: str | None = None
    title_prefix: str | None = None

    def asked(self) -> frozenset[str]:
        """The names of what is asked for."""
        return frozenset(name for name in _BY_NAME if getattr(self, name) is not None)

    def equal(self, name: str) -> str:
        """What a field is to be equal to."""
        value = getattr(self, name)
        return str(value.value if isinstance(value, Shown) else value)

    def bounds(self, name: str) -> Bounds:
        """What a field is to lie between."""
        value = getattr(self, name)
        if isinstance(value, Span):
            return value.from_ms, value.before_ms
        return (None, None) if value is None else (value, after_prefix(value))


_BY_NAME = tuple(Filter.__dataclass_fields__)
EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Way:
    """An index by which codes are listed: an account's, then what is `equal` to a value of the filter, then in the order of `by`.

    `ranged` is what of the filter bounds that order. Documents are in it under `fields`, after the account's id.
    """

    index: str
    fields: tuple[str, ...]
    by: Sort
    ranged: str
    equal: tuple[str, ...] = ()

    def serves(self, chosen: Filter, by: Sort | None) -> bool:
        """Whether it finds these codes, in this order (None: any)."""
        return by in (None, self.by) and chosen.asked() - {self.ranged} == set(self.equal)

    def __str__(self) -> str:
        return f"{' and '.join([*self.equal, f'({self.ranged})'])} sorted by {self.by.value}"


WAYS = (
    Way("by_owner_live", ("live_since_ms",), Sort.CREATED, "created"),
    Way("by_owner_state", ("live_state", "live_since_ms"), Sort.CREATED, "created", ("state",)),
    Way("by_owner_folder", ("folder", "live_since_ms"), Sort.CREATED, "created", ("folder",)),
    Way("by_owner_tag", ("tags", "live_since_ms"), Sort.CREATED, "created", ("tag",)),
    Way("by_owner_updated", ("updated_at_ms", "live_since_ms"), Sort.UPDATED, "updated"),
    Way("by_owner_slug", ("slug", "live_since_ms"), Sort.SLUG, "slug_prefix"),
    Way("by_owner_title", ("title_key", "live_since_ms"), Sort.TITLE, "title_prefix"),
)
"""All that is served, what is found first first: a filter without an order takes the first that fits. `live_since_ms` is last in each,
and each is sparse, so that no tombstone is in any, whichever release has made it."""


class NotServed(ValueError):
    """No index finds these codes in this order: names what there is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask an index for, after the account's id."""

    way: Way
    equals: tuple[str, ...]
    bounds: Bounds
    descending: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A page of a list, `order` None being the one that fits the filter: `skip` codes are passed over after `after`, if that is given."""

    limit: int
    after: str | None = None
    chosen: Filter = field(default_factory=Filter)
    order: Order | None = None
    skip: int = 0


def plan(chosen: Filter, order: Order | None) -> Plan:
    """How to find these codes.

    Raises:
        NotServed: no index does.
    """
    way = next(_serving(chosen, None if order is None else order.by), None)
    if way is None:
        asked = ", ".join(sorted(chosen.asked())) or "nothing"
        sorted_by = "" if order is None else f" sorted by {order.by.value}"
        raise NotServed(f"{asked}{sorted_by} isn't served; these are, what is in brackets may be left out: {'; '.join(map(str, WAYS))}")
    descending = way.by in (Sort.CREATED, Sort.UPDATED) if order is None else order.descending
    return Plan(way, tuple(chosen.equal(name) for name in way.equal), chosen.bounds(way.ranged), descending)


def after_prefix(prefix: str) -> str | None:
    """The first text in the order of code points that doesn't begin so and comes after all that do; None when there is none."""
    kept = prefix.rstrip(chr(0x10FFFF))
    if not kept:
        return None
    last = ord(kept[-1])
    return kept[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)  # between them lie halves of pairs, which are no characters


def _serving(chosen: Filter, by: Sort | None) -> Iterator[Way]:
    return (way for way in WAYS if way.serves(chosen, by))
