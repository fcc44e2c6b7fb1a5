"""What is done in the background for files: clean-ups, moves between tiers, prints; and copies at a CDN."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

import httpx

from quietzone_client._assets import Asset, SignedUrl, get_asset, sign_url
from quietzone_client._calls import Calls
from quietzone_client._errors import NotFound, Said, UnexpectedAnswer
from quietzone_client._models import Json, OpenEnum, Page, moment, unless_absent
from quietzone_client._requests import Answer, Call, Request, as_json, dumped, nothing, page, segment

JSON = {"content-type": "application/json"}

WARM_UP_S = 40.0
"""Above the 30 s that the API gives it."""

PrintForm = Literal["sheets", "archive"]
Caption = Literal["title", "slug", "short_url", "none"]
Paper = Literal["a4", "letter"]


class OperationState(OpenEnum):
    """Where an operation stands; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class CleanUpReport:
    """What a clean-up has done, or would do: `processed` is the sum of the next four, `bytes` were moved or deleted."""

    processed: int
    warmed: int
    archived: int
    deleted: int
    kept: int
    bytes: int

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(**{name: item[name] for name in ("processed", "warmed", "archived", "deleted", "kept", "bytes")})


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that takes longer than a call. `done` counts what was done so far; `error` says why it failed, or fails for now."""

    id: str
    kind: str
    state: OperationState
    asset_id: str | None
    done: int
    error: str | None
    report: CleanUpReport | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            id=item["id"],
            kind=item["kind"],
            state=OperationState(item["state"]),
            asset_id=item["asset_id"],
            done=item["done"],
            error=item["error"],
            report=unless_absent(CleanUpReport.of, item["report"]),
            created_at=moment(item["created_at"]),
            finished_at=unless_absent(moment, item["finished_at"]),
        )


@dataclass(frozen=True, slots=True)
class Warmed:
    """A file that was fetched, or why it wasn't (`failure`). Give this URL to readers: copies are kept by the whole of it. It is None
    where the file isn't to be had, such as one that is archived.
    """

    name: str
    url: str | None
    expires_at: datetime | None
    failure: str | None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        until = item["expires_at"]
        return cls(name=item["name"], url=item["url"], expires_at=None if until is None else moment(until), failure=item["failure"])


@dataclass(frozen=True, slots=True)
class Sheet:
    """How labels stand on sheets of paper, and what stands below them."""

    caption: Caption = "title"
    paper: Paper = "a4"
    columns: int = 4
    rows: int = 6
    cut_marks: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """Which codes: these, in their order, or all with a tag or in a folder."""

    code_ids: Sequence[str] | None = None
    tag: str | None = None
    folder: str | None = None


def print_codes(chosen: Selection, form: PrintForm, title: str, sheet: Sheet) -> Call[Asset]:
    """Have labels printed, or an archive made."""
    body: dict[str, Any] = {"title": title, "form": form}
    body |= {name: getattr(sheet, name) for name in ("caption", "paper", "columns", "rows", "cut_marks")}
    wanted = {"code_ids": None if chosen.code_ids is None else list(chosen.code_ids), "tag": chosen.tag, "folder": chosen.folder}
    body |= {name: value for name, value in wanted.items() if value is not None}
    request = Request("POST", "/v1/prints", headers=JSON, content=dumped(body))
    return Call(request, as_json(lambda item: Asset.of(item["asset"])))


def move_asset(asset_id: str, tier: str) -> Call[Operation]:
    """Have an upload's files moved."""
    return Call(
        Request("POST", f"/v1/assets/{segment(asset_id)}/tier", headers=JSON, content=dumped({"tier": tier})), as_json(Operation.of)
    )


def clean_up(prefix: str, *, dry_run: bool, idempotency_key: str | None) -> Call[Operation]:
    """Have what wasn't used for long moved or deleted."""
    request = Request("POST", "/v1/assets/clean-up", headers=JSON, content=dumped({"prefix": prefix, "dry_run": dry_run}))
    return Call(request if idempotency_key is None else request.with_headers(idempotency_key=idempotency_key), as_json(Operation.of))


def purge(asset_ids: Sequence[str]) -> Call[None]:
    """Have copies forgotten."""
    return Call(Request("POST", "/v1/assets/purge", headers=JSON, content=dumped({"ids": list(asset_ids)})), nothing)


def warm_up(asset_ids: Sequence[str], *, expires_s: int) -> Call[tuple[Warmed, ...]]:
    """Have copies made."""
    body = dumped({"ids": list(asset_ids), "expires_s": expires_s})
    request = Request("POST", "/v1/assets/warm-up", headers=JSON, content=body, read_s=WARM_UP_S, takes_name=False, is_idempotent=True)
    return Call(request, lambda answer: tuple(map(Warmed.of, answer.json()["items"])))


def get_operation(operation_id: str) -> Call[Operation]:
    """One operation."""
    return Call(Request("GET", f"/v1/operations/{segment(operation_id)}"), as_json(Operation.of))


def page_of_operations(*, cursor: str | None) -> Call[Page[Operation]]:
    """One page of operations."""
    return page("/v1/operations", Operation.of, {}, limit=100, cursor=cursor)


def cancel_operation(operation_id: str) -> Call[None]:
    """End an operation."""
    return Call(Request("DELETE", f"/v1/operations/{segment(operation_id)}"), nothing)


async def download(calls: Calls, asset_id: str, variant: str, path: Path, at: str | None) -> int:
    """Write one file of an asset, fetched by its URL or at another host, and checked by its SHA-256; how many bytes it has.

    Raises:
        NotFound: the asset has no such file.
        UnexpectedAnswer: what came isn't the file.
        OSError: it can't be written.
    """
    asset = await calls.make(get_asset(asset_id))
    file = next((file for file in asset.files if file.variant == variant), None)
    if file is None:
        detail = f"{asset_id} has no file {variant!r}: it is {asset.state}"
        raise NotFound(Said(status=404, kind="not-found", title="Not found", detail=detail, request_id=""))
    signed: SignedUrl = await calls.make(sign_url(asset_id, variant, size=None, media_type=None, expires_s=600))
    url = signed.url if at is None else at.rstrip("/") + httpx.URL(signed.url).raw_path.decode()
    content = await calls.make(Call(Request("GET", url, needs_caller=False), _body))
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise UnexpectedAnswer(f"{file.name} isn't what its SHA-256 says: something on the way has changed it")
    await calls.transport.beside(lambda: path.write_bytes(content))
    return len(content)


def _body(answer: Answer) -> bytes:
    return answer.body
