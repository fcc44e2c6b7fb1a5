"""What watchers are told, as JSON; the same on every transport."""

import json

from quietzone_gateway.live.domain import Change, Event, Removed, ScanCount, Summary, Told
from quietzone_gateway.rest.times import rfc3339


def name_of(told: Told) -> str:
    """What it is called: the event's kind, `removed`, `summary` or `reset`."""
    return told.kind.value if isinstance(told, Event) else type(told).__name__.lower()


def text_of(told: Told) -> str:
    """Its JSON, on one line."""
    return json.dumps(_form(told), ensure_ascii=False, separators=(",", ":"))


def _form(told: Told) -> dict[str, object]:
    match told:
        case Summary(scans=scans, changes=changes):
            return {
                "kind": "summary",
                "scans": [_count(code_id, count) for code_id, count in scans.items()],
                "changes": [_change(change) for change in changes],
            }
        case Event() | Removed():
            return _change(told)
        case _:
            return {"kind": "reset", "reason": told.reason}


def _change(change: Change) -> dict[str, object]:
    form: dict[str, object] = {"kind": name_of(change), "id": change.id, "code_id": change.code_id or None, "at": rfc3339(change.at_ms)}
    return form if isinstance(change, Removed) else {**form, **change.fields}


def _count(code_id: str, count: ScanCount) -> dict[str, object]:
    return {"code_id": code_id, "count": count.count, "from": rfc3339(count.from_ms), "to": rfc3339(count.to_ms)}
