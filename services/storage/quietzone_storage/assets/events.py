"""What other parts are told of assets: topic `storage.asset.v1`."""

from collections.abc import Mapping

from quietzone.storage.v1 import asset_pb2
from quietzone_kit.events import Event
from quietzone_kit.telemetry import traceparent
from quietzone_storage.assets.domain import Asset, Kind, State, Tier, files_gone
from quietzone_storage.contents.domain import digest_of
from quietzone_topics import TYPE_STORAGE_ASSET

SOURCE = "/quietzone/storage"

KINDS: Mapping[Kind, "asset_pb2.AssetKind.ValueType"] = {
    Kind.CODE: asset_pb2.ASSET_KIND_CODE,
    Kind.UPLOAD: asset_pb2.ASSET_KIND_UPLOAD,
    Kind.PRINT: asset_pb2.ASSET_KIND_PRINT,
}
STATES: Mapping[State, "asset_pb2.AssetState.ValueType"] = {
    State.PENDING: asset_pb2.ASSET_STATE_PENDING,
    State.READY: asset_pb2.ASSET_STATE_READY,
    State.QUARANTINED: asset_pb2.ASSET_STATE_QUARANTINED,
    State.DELETED: asset_pb2.ASSET_STATE_DELETED,
}
TIERS: Mapping[Tier, "asset_pb2.StorageTier.ValueType"] = {
    Tier.HOT: asset_pb2.STORAGE_TIER_HOT,
    Tier.WARM: asset_pb2.STORAGE_TIER_WARM,
    Tier.COLD: asset_pb2.STORAGE_TIER_COLD,
    Tier.ARCHIVE: asset_pb2.STORAGE_TIER_ARCHIVE,
}

_COUNTED = ("revision", "updated_at_ms", "used_at_ms")  # they say nothing about what has changed


def asset_event(before: Asset | None, after: Asset) -> Event:
    """The event of one change; `before` is None when the asset is new. Its id follows from asset and revision."""
    was = None if before is None else to_message(before)
    now = to_message(after)
    told = asset_pb2.AssetEvent(
        kind=_kind(before, after),
        before=was,
        after=now,
        changed=() if was is None else _changed(was, now),
        gone=files_gone(before, after),
    )
    return Event(
        id=f"{after.asset_id}.asset.{after.revision}",
        source=SOURCE,
        type=TYPE_STORAGE_ASSET,
        subject=after.asset_id,
        time_ms=after.updated_at_ms,
        data=told.SerializeToString(deterministic=True),
        traceparent=traceparent(),
    )


def to_message(asset: Asset) -> asset_pb2.Asset:
    """An asset as other parts see it."""
    return asset_pb2.Asset(
        id=asset.asset_id,
        account_id=asset.account_id,
        kind=KINDS[asset.kind],
        state=STATES[asset.state],
        reason=asset.reason,
        name=asset.name,
        tier=TIERS[asset.tier],
        files=[
            asset_pb2.File(
                name=name,
                variant=variant.name,
                media_type=variant.media_type,
                size=variant.size,
                width=variant.width,
                height=variant.height,
                sha256=digest_of(variant.blob),
            )
            for name, variant in asset.files().items()
        ],
        bytes=asset.bytes,
        revision=asset.revision,
        created_at_ms=asset.created_at_ms,
        updated_at_ms=asset.updated_at_ms,
        uploaded_at_ms=asset.uploaded_at_ms,
        used_at_ms=asset.used_at_ms,
        tags=[asset_pb2.Tag(key=key, value=value) for key, value in asset.tags.items()],
    )


def _kind(before: Asset | None, after: Asset) -> "asset_pb2.AssetChange.ValueType":
    if after.state is State.DELETED:
        return asset_pb2.ASSET_CHANGE_DELETED
    return asset_pb2.ASSET_CHANGE_CREATED if before is None else asset_pb2.ASSET_CHANGE_CHANGED


def _changed(was: asset_pb2.Asset, now: asset_pb2.Asset) -> list[str]:
    """Names of the fields that differ, in the order of their numbers."""
    fields = sorted(asset_pb2.Asset.DESCRIPTOR.fields, key=lambda field: field.number)
    return [field.name for field in fields if field.name not in _COUNTED and getattr(was, field.name) != getattr(now, field.name)]
