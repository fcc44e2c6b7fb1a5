"""Events of the house as rules see them: what its topics tell becomes one event of the account that it is about, on its default bus.

The audit log isn't among them: it is for an account's administrators, and rules are made by editors too.
"""

import json
from collections.abc import Callable, Iterator, Mapping

from quietzone.analytics.v1 import analytics_pb2, exports_pb2
from quietzone.gateway.v1 import usage_pb2
from quietzone.qr.v1 import code_pb2, health_pb2
from quietzone.storage.v1 import asset_pb2
from quietzone.tracking.v1 import scan_pb2
from quietzone_kit import events as kit
from quietzone_kit.reaction import Unreadable
from quietzone_kit.urls import domain_of
from quietzone_kit.words import Words
from quietzone_notification.events.domain import DEFAULT_BUS, Event, rfc3339
from quietzone_notification.events.events import event_in
from quietzone_notification.events.scans import MayMatch, scans_in
from quietzone_topics import (
    TYPE_ANALYTICS_EXPORT,
    TYPE_ANALYTICS_MILESTONE,
    TYPE_GATEWAY_QUOTA,
    TYPE_NOTIFICATION_EVENT,
    TYPE_QR_CODE,
    TYPE_QR_DESTINATION,
    TYPE_STORAGE_ASSET,
    TYPE_TRACKING_SCANS,
)

QR, ENGAGEMENT, ANALYTICS = "quietzone.qr", "quietzone.user-engagement", "quietzone.analytics"
STORAGE, GATEWAY = "quietzone.storage", "quietzone.gateway"

_CODE_CHANGES: Mapping[int, str] = {
    code_pb2.CHANGE_KIND_CREATED: "QR Code Created",
    code_pb2.CHANGE_KIND_CHANGED: "QR Code Changed",
    code_pb2.CHANGE_KIND_DELETED: "QR Code Deleted",
}
_ASSET_CHANGES: Mapping[int, str] = {
    asset_pb2.ASSET_CHANGE_CREATED: "Asset Created",
    asset_pb2.ASSET_CHANGE_CHANGED: "Asset Changed",
    asset_pb2.ASSET_CHANGE_DELETED: "Asset Deleted",
}
_CODE_STATES = Words(code_pb2.CodeState.items())
_DESTINATION_STATES = Words(health_pb2.DestinationState.items())
_ASSET_KINDS = Words(asset_pb2.AssetKind.items())
_ASSET_STATES = Words(asset_pb2.AssetState.items())
_TIERS = Words(asset_pb2.StorageTier.items())
_FORMATS = Words(exports_pb2.ExportFormat.items())
_EXPORT_STATES = Words(exports_pb2.ExportState.items())
_UNITS = Words(usage_pb2.UsageUnit.items())
_CLASSES = Words(usage_pb2.MethodClass.items())


def code_changed(event: kit.Event) -> Event:
    """`QR Code Created`, `… Changed`, `… Deleted`: the code as it is, and of a changed one what its changed fields were."""
    told = code_pb2.CodeEvent.FromString(event.data)
    code = told.after
    detail = _code(code) | {"revision": code.revision, "changed": list(told.changed), "by": told.subject}
    if told.HasField("before"):
        detail["before"] = _code(told.before)
    return _event(event, code.account_id, (QR, _known(_CODE_CHANGES, told.kind)), f"code:{code.id}", detail)


def destination_changed(event: kit.Event) -> Event:
    """`QR Code Destination Changed`: it was found dead, or answers again."""
    told = health_pb2.DestinationChanged.FromString(event.data)
    detail: dict[str, object] = {
        "qrId": told.code_id,
        "slug": told.slug,
        "targetUrl": told.destination,
        "targetDomain": domain_of(told.destination),
        "before": _DESTINATION_STATES[told.before],
        "after": _DESTINATION_STATES[told.after],
        "reason": told.reason,
        "failures": told.failures,
        "revision": told.revision,
    }
    return _event(event, told.account_id, (QR, "QR Code Destination Changed"), f"code:{told.code_id}", detail)


def milestone_reached(event: kit.Event) -> Event:
    """`User Milestone Reached`: a code's total crossed 10 or a multiple of 100."""
    told = analytics_pb2.MilestoneReached.FromString(event.data)
    detail: dict[str, object] = {"qrId": told.code_id, "milestone": told.threshold, "reachedAt": rfc3339(told.reached_at_ms)}
    return _event(event, told.account_id, (ENGAGEMENT, "User Milestone Reached"), f"code:{told.code_id}", detail)


def asset_changed(event: kit.Event) -> Event:
    """`Asset Created`, `… Changed`, `… Deleted`."""
    told = asset_pb2.AssetEvent.FromString(event.data)
    asset = told.after
    detail: dict[str, object] = {
        "assetId": asset.id,
        "kind": _ASSET_KINDS[asset.kind],
        "state": _ASSET_STATES[asset.state],
        "reason": asset.reason,
        "name": asset.name,
        "tier": _TIERS[asset.tier].upper(),
        "bytes": asset.bytes,
        "files": [file.name for file in asset.files],
        "revision": asset.revision,
        "changed": list(told.changed),
    }
    return _event(event, asset.account_id, (STORAGE, _known(_ASSET_CHANGES, told.kind)), f"asset:{asset.id}", detail)


def export_changed(event: kit.Event) -> Event:
    """`Export Changed`: it was asked for, has come on, or has ended."""
    told = exports_pb2.ExportChanged.FromString(event.data)
    export = told.export
    detail: dict[str, object] = {
        "exportId": export.export_id,
        "format": _FORMATS[export.question.format],
        "state": _EXPORT_STATES[export.state],
        "codesDone": export.codes_done,
        "codesTotal": export.codes_total,
        "rows": export.rows,
        "size": export.size,
        "error": export.error,
    }
    return _event(event, told.account_id, (ANALYTICS, "Export Changed"), f"export:{export.export_id}", detail)


def quota_reached(event: kit.Event) -> Event:
    """`Quota Reached`: 80 or 100 % of what a plan allows are used."""
    told = usage_pb2.QuotaReached.FromString(event.data)
    detail: dict[str, object] = {
        "unit": _UNITS[told.unit],
        "class": _CLASSES[told.method_class],
        "period": told.period,
        "limit": told.limit,
        "used": told.used,
        "threshold": told.threshold,
    }
    return _event(event, told.account_id, (GATEWAY, "Quota Reached"), f"account:{told.account_id}", detail)


def own_event(event: kit.Event) -> Event:
    """What an account has put itself, on the bus that it has named."""
    put = event_in(event.data)
    if not (put.id and put.account_id and put.bus):
        raise Unreadable("the record holds no event: id, account or bus are missing")
    return put


ONE_EVENT: Mapping[str, Callable[[kit.Event], Event]] = {
    TYPE_QR_CODE: code_changed,
    TYPE_QR_DESTINATION: destination_changed,
    TYPE_ANALYTICS_MILESTONE: milestone_reached,
    TYPE_ANALYTICS_EXPORT: export_changed,
    TYPE_STORAGE_ASSET: asset_changed,
    TYPE_GATEWAY_QUOTA: quota_reached,
    TYPE_NOTIFICATION_EVENT: own_event,
}
"""How a record becomes its event, by CloudEvents type."""


def events_of(event: kit.Event, may_match: MayMatch) -> Iterator[Event]:
    """What a record tells; of scans only those that some rule can match.

    Raises:
        Unreadable, DecodeError: it can't be understood.
    """
    if event.type == TYPE_TRACKING_SCANS:
        yield from scans_in(scan_pb2.ScanBatch.FromString(event.data), may_match)
    else:
        yield ONE_EVENT[event.type](event)


def knows(event_type: str) -> bool:
    """Whether a record of this type becomes events."""
    return event_type == TYPE_TRACKING_SCANS or event_type in ONE_EVENT


def _code(code: code_pb2.Code) -> dict[str, object]:
    return {
        "qrId": code.id,
        "slug": code.slug,
        "url": code.payload,
        "targetUrl": code.destination,
        "targetDomain": domain_of(code.destination),
        "title": code.title,
        "state": "blocked" if code.blocked else _CODE_STATES[code.state],
        "tags": list(code.tags),
        "folder": code.folder,
    }


def _event(event: kit.Event, account_id: str, kind: tuple[str, str], resource: str, detail: dict[str, object]) -> Event:
    """`kind` is source and detail type."""
    if not account_id:
        raise Unreadable("the event tells of no account")
    return Event(event.id, account_id, DEFAULT_BUS, *kind, event.time_ms, (resource,), json.dumps(detail))


def _known(names: Mapping[int, str], number: int) -> str:
    if number not in names:
        raise Unreadable(f"no such kind of change as {number}")
    return names[number]
