"""What becomes of an asset by its age, and what a clean-up says that it did. Pure.

The image of a live code keeps its master, HOT, for ever; its other files can be drawn again from the code's modules.
"""

from dataclasses import dataclass, replace
from enum import Enum

from quietzone_storage.assets.domain import DAY_MS, Asset, BlobKey, Kind, State, Tier


class Act(Enum):
    """What is done with an asset's movable bytes."""

    KEEP = "keep"
    WARM = "warm"
    ARCHIVE = "archive"
    DELETE = "delete"


USE_KNOWN_TO_DAYS = 1
"""Use is noted once a day: what was used an hour before its next note could be looks a day older than it is."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Days without use: from `idle` on an asset is looked at, and WARM; after more than `archive` it is archived, after more than `delete`
    deleted. Blobs of fewer bytes than `moved_from` stay HOT until then: where cheaper classes bill more than they have.
    """

    idle: int = 30
    archive: int = 90
    delete: int = 365
    moved_from: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a clean-up has done, or would do. `processed` is the sum of the others; `bytes` were moved or deleted, as plans count them: what
    two assets share counts for each.
    """

    processed: int = 0
    warmed: int = 0
    archived: int = 0
    deleted: int = 0
    kept: int = 0
    bytes: int = 0

    def plus(self, act: Act, size: int) -> "Report":
        """After one more asset, of whose bytes `size` were moved or deleted."""
        field = {Act.KEEP: "kept", Act.WARM: "warmed", Act.ARCHIVE: "archived", Act.DELETE: "deleted"}[act]
        moved = 0 if act is Act.KEEP else size
        return replace(self, processed=self.processed + 1, bytes=self.bytes + moved, **{field: getattr(self, field) + 1})


def decide(asset: Asset, policy: Policy, now_ms: int) -> Act:
    """What its own age asks for."""
    unused_days = (now_ms - asset.last_used_ms) / DAY_MS
    if not asset.movable or unused_days < policy.idle:
        return Act.KEEP
    if unused_days > policy.delete + USE_KNOWN_TO_DAYS:
        return Act.DELETE
    if not worth_moving(asset, policy.moved_from):
        return Act.KEEP
    if unused_days > policy.archive:
        return Act.KEEP if asset.tier is Tier.ARCHIVE else Act.ARCHIVE
    return Act.WARM if asset.tier is Tier.HOT else Act.KEEP


def after_deletion(asset: Asset, at_ms: int) -> Asset:
    """A tombstone; of a live code's image the master stays."""
    is_of_code = asset.kind is Kind.CODE and asset.state is State.READY
    return asset.thinned(at_ms) if is_of_code else asset.deleted(at_ms)


def worth_moving(asset: Asset, at_least: int) -> dict[BlobKey, int]:
    """The sizes of those bytes that may be moved, or deleted, each blob of no fewer than `at_least`."""
    sizes = {variant.blob: variant.size for variant in asset.variants}
    if asset.source is not None:
        sizes[asset.source.blob] = asset.source.size
    return {blob: sizes[blob] for blob in asset.movable if sizes[blob] >= at_least}


FOLDERS = tuple(f"{kind.value}s/" for kind in Kind)
"""What paths begin with."""

MAX_PREFIX = 100
"""Characters: a folder and an id have 45."""


def may_be_prefix(prefix: str) -> bool:
    """Whether a path can begin so."""
    return len(prefix) <= MAX_PREFIX and any(prefix.startswith(folder) or folder.startswith(prefix) for folder in FOLDERS)


def path_of(asset: Asset) -> str:
    """What a clean-up's prefix is compared with: `codes/<id>` or `uploads/<id>`."""
    return f"{asset.kind.value}s/{asset.asset_id}"
