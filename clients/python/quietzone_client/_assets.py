"""Files: images of codes in all their variants, uploads and prints."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from quietzone_client._calls import Calls
from quietzone_client._errors import AssetQuarantined, Problem, QuietzoneError
from quietzone_client._models import Json, OpenEnum, Page, moment, unless_absent
from quietzone_client._requests import Call, Request, as_json, dumped, if_match, nothing, page, segment

FIRST_LOOK_S = 0.2
LONGEST_LOOK_S = 2.0
"""Between two looks at an upload that isn't ready: they double from the first to the longest."""


class AssetKind(OpenEnum):
    """What an asset is of: the image of a code, an upload, or a print (sheets of labels or an archive, kept for a week)."""

    CODE = "code"
    UPLOAD = "upload"
    PRINT = "print"


class AssetState(OpenEnum):
    """Where an asset stands."""

    PENDING = "pending"
    READY = "ready"
    QUARANTINED = "quarantined"


class StorageTier(OpenEnum):
    """How quickly bytes are to be had: hot and warm at once, cold and archive when they are restored."""

    HOT = "hot"
    WARM = "warm"
    COLD = "cold"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class File:
    """One file of an asset: `variant` names it, empty for the master; sizes in bytes and pixels."""

    name: str
    variant: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    sha256: str

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            name=item["name"],
            variant=item["variant"],
            media_type=item["media_type"],
            size=item["size"],
            width=item["width"],
            height=item["height"],
            sha256=item["sha256"],
        )


@dataclass(frozen=True, slots=True)
class Asset:
    """What is stored of a code, whose id it has, of an upload, or of a print. `reason` says why it is quarantined; `used_at` is when a file
    of it was last asked for, to a day.
    """

    id: str
    kind: AssetKind
    state: AssetState
    reason: str | None
    name: str
    tier: StorageTier
    files: tuple[File, ...]
    bytes: int
    revision: int
    created_at: datetime
    updated_at: datetime
    uploaded_at: datetime | None
    tags: Mapping[str, str]
    used_at: datetime | None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            id=item["id"],
            kind=AssetKind(item["kind"]),
            state=AssetState(item["state"]),
            reason=item["reason"],
            name=item["name"],
            tier=StorageTier(item["tier"]),
            files=tuple(map(File.of, item["files"])),
            bytes=item["bytes"],
            revision=item["revision"],
            created_at=moment(item["created_at"]),
            updated_at=moment(item["updated_at"]),
            uploaded_at=unless_absent(moment, item["uploaded_at"]),
            tags=item.get("tags", {}),
            used_at=unless_absent(moment, item.get("used_at")),
        )


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A URL that needs no key until it expires."""

    url: str
    expires_at: datetime

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(url=item["url"], expires_at=moment(item["expires_at"]))


def page_of_assets(kind: str | None, state: str | None, *, cursor: str | None) -> Call[Page[Asset]]:
    """One page of assets."""
    chosen = {name: value for name, value in (("kind", kind), ("state", state)) if value is not None}
    return page("/v1/assets", Asset.of, chosen, limit=100, cursor=cursor)


def get_asset(asset_id: str) -> Call[Asset]:
    """One asset."""
    return Call(Request("GET", _path(asset_id)), as_json(Asset.of))


def sign_url(asset_id: str, variant: str, *, size: int | None, media_type: str | None, expires_s: int | None) -> Call[SignedUrl]:
    """A URL for one file, or for an image in another size."""
    asked = {"variant": variant or None, "size": size, "media_type": media_type, "expires_s": expires_s}
    given = {name: str(value) for name, value in asked.items() if value is not None}
    return Call(Request("GET", f"{_path(asset_id)}/url", given), as_json(SignedUrl.of))


def delete_asset(asset_id: str, *, revision: int | None) -> Call[None]:
    """Delete an upload or a print."""
    return Call(if_match(Request("DELETE", _path(asset_id)), revision), nothing, gone_is_done=True)


async def upload(calls: Calls, content: bytes, name: str, media_type: str) -> Asset:
    """Begin an upload and send its bytes, which are looked at at once; the asset is PENDING then."""
    body = dumped({"name": name, "media_type": media_type, "size": len(content)})
    # Sent twice it would begin two; the one whose answer was lost is deleted when its URL has expired.
    begin = Request("POST", "/v1/assets", headers={"content-type": "application/json"}, content=body, takes_name=False, is_idempotent=True)
    asset, put = await calls.make(Call(begin, as_json(lambda item: (Asset.of(item["asset"]), SignedUrl.of(item["put"])))))
    headers = {"content-type": media_type}
    send = Request("PUT", put.url, headers=headers, content=content, takes_name=False, is_idempotent=True, needs_caller=False)
    try:
        await calls.make(Call(send, nothing))
    except Problem as error:
        if error.status < 500:  # what is refused is never sent again: it would hold its room until its URL has long expired
            with suppress(QuietzoneError):
                await calls.make(delete_asset(asset.id, revision=None))
        raise
    return asset


async def wait(calls: Calls, asset_id: str, *, within_s: float) -> Asset:
    """An upload or a print once it is ready.

    Raises:
        AssetQuarantined: something is wrong with it.
        TimeoutError: it isn't ready within `within_s`.
    """
    began_s, pause_s = calls.runtime.monotonic_s(), FIRST_LOOK_S
    while True:
        asset = await calls.make(get_asset(asset_id))
        if asset.state == AssetState.READY:
            return asset
        if asset.state == AssetState.QUARANTINED:
            raise AssetQuarantined(f"{asset.kind} {asset.id}: {asset.reason or 'no reason given'}")
        if calls.runtime.monotonic_s() - began_s + pause_s > within_s:
            raise TimeoutError(f"{asset.kind} {asset.id} is {asset.state} after {within_s:.0f} s; it can be waited for again")
        await calls.transport.sleep(pause_s)
        pause_s = min(LONGEST_LOOK_S, pause_s * 2)


def _path(asset_id: str) -> str:
    return f"/v1/assets/{segment(asset_id)}"
