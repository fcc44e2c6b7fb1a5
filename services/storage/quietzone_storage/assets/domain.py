"""Assets: what is stored for an account, in which state it is, and what its files are called. Pure.

An asset is the image of a code, and has the code's id, or something that was uploaded. Its *variants* are its files; each names the blob
that holds its bytes. What isn't READY is never served.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import NewType

AccountId = NewType("AccountId", str)
AssetId = NewType("AssetId", str)
"""A UUID in its 36-character form: a code's own for its image, of version 7 for an upload."""
BlobKey = NewType("BlobKey", str)
"""Where bytes are; `contents.domain` makes them."""

CREATED_BY = "Quietzone"

IMAGES: Mapping[str, str] = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/svg+xml": "svg",
}
"""Media types of images, and what the names of their files end in."""

ENDINGS: Mapping[str, str] = {**IMAGES, "application/pdf": "pdf", "application/zip": "zip"}
"""All that are stored."""

ORIGINAL = "_original"
"""The variant that holds an upload as it came."""


def tags_of(tier: "Tier") -> dict[str, str]:
    """What is said about bytes at a tier to those who sort by it."""
    return {"StorageTier": tier.value, "CreatedBy": CREATED_BY}


class InvalidTransition(ValueError):
    """An asset can't come from the state that it is in to the one that is wanted."""


class Kind(Enum):
    """What an asset is of."""

    CODE = "code"
    UPLOAD = "upload"
    PRINT = "print"
    """Something that was made of several codes, to be fetched within days."""


class State(Enum):
    """Where an asset stands."""

    PENDING = "pending"
    """Its bytes are awaited, or looked at."""
    READY = "ready"
    QUARANTINED = "quarantined"
    """Something is wrong with it, as its reason says; nobody is served it."""
    DELETED = "deleted"
    """A tombstone, without files or name."""


class Tier(Enum):
    """How quickly, and for how much, its bytes are to be had."""

    HOT = "HOT"
    WARM = "WARM"
    COLD = "COLD"
    ARCHIVE = "ARCHIVE"


DAY_MS = 86_400_000
"""An asset knows to a day when it was used: a write a day, however often it is read."""

AT_ONCE = frozenset({Tier.HOT, Tier.WARM})
"""Tiers that files are served from."""

TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.PENDING: frozenset({State.READY, State.QUARANTINED, State.DELETED}),
    State.READY: frozenset({State.READY, State.QUARANTINED, State.DELETED}),
    State.QUARANTINED: frozenset({State.READY, State.QUARANTINED, State.DELETED}),  # READY: a code that was drawn anew
    State.DELETED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One file of an asset. `name` is what stands between the asset's id and the ending: empty for the master."""

    name: str
    blob: BlobKey
    size: int
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Source:
    """An upload's bytes as they came, or the cleaned ones of an SVG."""

    blob: BlobKey
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """The modules that a code's files show, row by row, eight a byte, 1 is black, the last byte filled up with 0."""

    side: int
    modules: bytes


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset. `revision` is 1 at first, and one more with each change that its owner can see.

    `code_revision` is that of the code which was drawn last, or whose deletion was heard of; 0 for uploads. `uploaded_at_ms` is when its
    bytes came or were drawn, None until then. `used_at_ms` is when a file of it was last asked for, to a day; None: never.
    `used_days` are the days in a row up to then. `reserved` are the bytes that may come, as long as they are awaited. `expires_at_ms` is
    when the URL expires that brings them; None where there is none, or a release began it that didn't keep that. `most_stored` are the
    bytes that its account may have stored with all that is made of it; None: any number.
    """

    asset_id: AssetId
    account_id: AccountId
    kind: Kind
    state: State
    name: str
    created_at_ms: int
    updated_at_ms: int
    revision: int = 1
    reason: str = ""
    tier: Tier = Tier.HOT
    uploaded_at_ms: int | None = None
    source: Source | None = None
    variants: tuple[Variant, ...] = ()
    symbol: Symbol | None = None
    code_revision: int = 0
    used_at_ms: int | None = None
    reserved: int = 0
    used_days: int = 0
    expires_at_ms: int | None = None
    most_stored: int | None = None

    @property
    def last_used_ms(self) -> int:
        """When somebody last had to do with its bytes."""
        return max(self.used_at_ms or 0, self.uploaded_at_ms or self.created_at_ms)

    @property
    def movable(self) -> tuple[BlobKey, ...]:
        """The bytes that may go to another tier, or away, while it lives: all but the master of a code."""
        masters = {variant.blob for variant in self.variants if not variant.name} if self.kind is Kind.CODE else set()
        return tuple(blob for blob in self.blobs if blob not in masters)

    @property
    def blobs(self) -> tuple[BlobKey, ...]:
        """Where its bytes are, each place once."""
        own = () if self.source is None else (self.source.blob,)
        return tuple(dict.fromkeys((*own, *(variant.blob for variant in self.variants))))

    @property
    def bytes(self) -> int:
        """What it takes of its account's room: each blob that it names once, also where others name it too, and what may come."""
        sizes = {variant.blob: variant.size for variant in self.variants}
        if self.source is not None:
            sizes[self.source.blob] = self.source.size
        return sum(sizes.values()) + self.reserved

    @property
    def tags(self) -> dict[str, str]:
        """What is said about it to those who sort by it."""
        return tags_of(self.tier)

    def files(self) -> dict[str, Variant]:
        """Its files by their names."""
        return {file_name(self.asset_id, variant): variant for variant in self.variants}

    def sourced(self, source: Source, at_ms: int) -> "Asset":
        """With the bytes that came; raises InvalidTransition unless they are awaited."""
        if self.state is not State.PENDING or self.kind is Kind.CODE:
            raise InvalidTransition(f"an asset that is {self.state.value} takes no upload; begin a new one")
        if self.source not in (None, source):
            raise InvalidTransition("other bytes came before: wait for what becomes of them, or begin a new upload")
        return self if self.source == source else self._changed(at_ms, source=source, uploaded_at_ms=at_ms, reserved=0)

    def reserving(self, size: int) -> "Asset":
        """With room for bytes that are about to come; nothing that its owner would call a change."""
        return replace(self, reserved=size)

    def ready(self, variants: tuple[Variant, ...], at_ms: int, *, symbol: Symbol | None = None, code_revision: int = 0) -> "Asset":
        """With its files; raises InvalidTransition."""
        self._check(State.READY)
        drawn_at_ms = at_ms if self.uploaded_at_ms is None or symbol is not None else self.uploaded_at_ms
        return self._changed(
            at_ms,
            state=State.READY,
            reason="",
            reserved=0,
            variants=variants,
            symbol=symbol,
            tier=Tier.HOT,
            uploaded_at_ms=drawn_at_ms,
            code_revision=max(code_revision, self.code_revision),
        )

    def printed(self, variants: tuple[Variant, ...], at_ms: int) -> "Asset":
        """With the file that was ordered, and without the order; raises InvalidTransition."""
        return replace(self, source=None).ready(variants, at_ms)

    def quarantined(self, reason: str, at_ms: int, *, code_revision: int = 0) -> "Asset":
        """Kept from everybody; raises InvalidTransition."""
        self._check(State.QUARANTINED)
        return self._changed(
            at_ms,
            state=State.QUARANTINED,
            reason=reason[:MAX_REASON],
            reserved=0,
            variants=(),
            symbol=None,
            code_revision=max(code_revision, self.code_revision),
        )

    def deleted(self, at_ms: int, *, code_revision: int = 0) -> "Asset":
        """Its tombstone; itself when it is one already."""
        if self.state is State.DELETED:
            return self
        return self._changed(
            at_ms,
            state=State.DELETED,
            reason="",
            name="",
            reserved=0,
            source=None,
            variants=(),
            symbol=None,
            uploaded_at_ms=None,
            code_revision=max(code_revision, self.code_revision),
        )

    def used(self, at_ms: int) -> "Asset":
        """After somebody has asked for a file of it; nothing that its owner would call a change."""
        before_ms = self.used_at_ms or 0
        gap_days = (at_ms - before_ms) // DAY_MS
        days = self.used_days + gap_days if gap_days < 2 else 1
        return replace(self, used_at_ms=max(at_ms, before_ms), used_days=days)

    def tiered(self, tier: Tier, at_ms: int) -> "Asset":
        """With its movable bytes at another tier; who brings it back means to use it."""
        after = self._changed(at_ms, tier=tier)
        return after.used(at_ms) if tier is Tier.HOT else after

    def mended(self, variant: Variant, at_ms: int) -> "Asset":
        """With a file made again, whose bytes were lost, in the place of the one of its name."""
        variants = tuple(variant if one.name == variant.name else one for one in self.variants)
        return self._changed(at_ms, variants=variants, reserved=0)

    def thinned(self, at_ms: int) -> "Asset":
        """The image of a code with its master alone; its other files are drawn when they are asked for."""
        return self._changed(at_ms, tier=Tier.HOT, variants=tuple(variant for variant in self.variants if not variant.name))

    def _check(self, state: State) -> None:
        if state not in TRANSITIONS[self.state]:
            raise InvalidTransition(f"an asset that is {self.state.value} can't become {state.value}")

    def _changed(self, at_ms: int, **fields: object) -> "Asset":
        """Clocks can be set back; an asset's history isn't."""
        at_ms = max(at_ms, self.updated_at_ms)
        return replace(self, **fields, revision=self.revision + 1, updated_at_ms=at_ms)  # type: ignore[arg-type] # its own fields


MAX_REASON = 300
"""Characters; reasons are for people, and come from parsers and scanners."""


def file_name(asset_id: AssetId, variant: Variant) -> str:
    """What a file is called: `<asset id><variant>.<ending>`."""
    return f"{asset_id}{variant.name}.{ENDINGS[variant.media_type]}"


def files_gone(before: Asset | None, after: Asset) -> tuple[str, ...]:
    """Files that whoever has kept a copy must fetch anew, or forget: exactly those that there were and that now are others, or none."""
    if before is None:
        return ()
    now = after.files()
    return tuple(name for name, variant in before.files().items() if name not in now or now[name].blob != variant.blob)
