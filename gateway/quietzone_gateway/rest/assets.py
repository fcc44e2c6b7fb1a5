"""Files: images of codes in all their variants, what was uploaded, and prints."""

from typing import Annotated, Self

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE
from quietzone_gateway.rest.codes import revision_of
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.etags import tag
from quietzone_gateway.rest.route import (
    DESCRIBED_SECURITY,
    ApiRoute,
    CallerNow,
    PrincipalNow,
    SecretRoute,
    Services,
    known_id,
    names_of_the_api,
)
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_gateway.rpc import Asset, AssetKind, AssetPage, AssetState, Drawing, File, NewUpload, SignedUrl, StorageTier

SIZE = (
    "An image in another size, in pixels: of an upload the longer side at most, never enlarged; of a code the width, with the quiet zone. "
    "Each module needs 2 pixels, so that a symbol needs 58 (the smallest) to 194 (the largest): a URL of fewer is signed, and answers "
    "400 with the number that would do"
)

MAX_EXPIRES_S = 604_800
"""What the service signs for at most: a week."""

SIGNED: dict[str, JsonValue] = {
    "url": f"https://files.example.com/files/{CODE_ID}_thumb.jpeg?e=1795266000&s=3q2-7w",
    "expires_at": "2026-11-21T13:00:00.000Z",
}
NEW_UPLOAD: dict[str, JsonValue] = {"name": "logo.png", "media_type": "image/png", "size": 20_480}
ASSET: dict[str, JsonValue] = {
    "id": CODE_ID,
    "kind": "code",
    "state": "ready",
    "reason": None,
    "name": "",
    "tier": "hot",
    "files": [
        {
            "name": f"{CODE_ID}_thumb.jpeg",
            "variant": "_thumb",
            "media_type": "image/jpeg",
            "size": 9_216,
            "width": 256,
            "height": 256,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }
    ],
    "bytes": 9_216,
    "tags": {"StorageTier": "HOT", "CreatedBy": "Quietzone"},
    "revision": 2,
    "created_at": "2026-11-21T09:30:00.125Z",
    "updated_at": "2026-11-21T09:30:00.250Z",
    "uploaded_at": "2026-11-21T09:30:00.250Z",
    "used_at": "2026-11-21T12:00:00.000Z",
}
UPLOAD: dict[str, JsonValue] = {
    "asset": ASSET
    | {
        "kind": "upload",
        "state": "pending",
        "name": "logo.png",
        "files": [],
        "bytes": 0,
        "revision": 1,
        "uploaded_at": None,
        "used_at": None,
    },
    "put": {"url": f"https://files.example.com/uploads/{CODE_ID}?e=1795266000&s=3q2-7w", "expires_at": "2026-11-21T13:00:00.000Z"},
}
"""Examples; tests hold them against the models."""


class AssetListQuery(Input):
    """Which page."""

    limit: int = Field(50, description="How many at most", ge=1, le=1000)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=2000)
    kind: AssetKind | None = Field(
        None, description="`code`: images of codes; `upload`: what was sent; `print`: sheets and archives. Not together with `state`"
    )
    state: AssetState | None = Field(None, description="Where they stand. Not together with `kind`")


class UploadInput(Input):
    """A file that is to be sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW_UPLOAD]})

    name: Text = Field(description="What you call it; folders are dropped, and what is beyond 120 characters", min_length=1, max_length=255)
    media_type: str = Field(
        description="`image/png`, `image/jpeg`, `image/webp`, `image/gif` or `image/svg+xml`; its bytes must be that", max_length=100
    )
    size: int = Field(description="Bytes that you send at most", ge=1, le=2**40)
    expires_s: int = Field(3600, description="How long its address holds, in seconds", ge=1, le=MAX_EXPIRES_S)


class UrlQuery(Input):
    """Which file, and for how long: a variant, or an image in another size."""

    variant: str = Field("", description="As `variant` of the file; nothing for the master", max_length=40)
    size: int | None = Field(None, description=SIZE, ge=16, le=2048)
    media_type: str | None = Field(
        None, description="Of another size: `image/png` (as without it), `image/jpeg` or `image/webp`", max_length=100
    )
    expires_s: int | None = Field(
        None,
        description="How long the URL holds, in seconds; null: an hour, or a day for what was fetched on several days, so that its copies "
        "last",
        ge=1,
        le=MAX_EXPIRES_S,
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.size is not None and self.variant:
            raise ValueError("give either variant or size")
        if self.media_type is not None and self.size is None:
            raise ValueError("media_type is of another size: give size too")
        return self

    @property
    def file(self) -> str | Drawing:
        """The variant, or how it is drawn."""
        return self.variant if self.size is None else Drawing(self.size, self.media_type or "image/png")


class FileView(BaseModel):
    """One file of an asset."""

    name: str = Field(description="What its URL ends in")
    variant: str = Field(description="Empty for the master")
    media_type: str
    size: int = Field(description="Bytes")
    width: int | None = Field(description="Pixels")
    height: int | None = Field(description="Pixels")
    sha256: str = Field(description="SHA-256 of its bytes in hex; where it is served its ETag is the first 32 digits")

    @classmethod
    def of(cls, file: File) -> Self:
        """As it is shown."""
        return cls(
            name=file.name,
            variant=file.variant,
            media_type=file.media_type,
            size=file.size,
            width=file.width,
            height=file.height,
            sha256=file.sha256,
        )


class AssetView(BaseModel):
    """What is stored of a code, of an upload, or of a print."""

    model_config = ConfigDict(json_schema_extra={"examples": [ASSET]})

    id: str = Field(description="Of a code's image: the code's id")
    kind: AssetKind = Field(
        description="`code`: the image of a code; `upload`: what was sent; `print`: sheets of labels or an archive, kept for a week"
    )
    state: AssetState = Field(
        description="`ready`: its files are served; `pending`: its bytes are awaited or looked at; `quarantined`: never"
    )
    reason: str | None = Field(description="Why it is quarantined")
    name: str = Field(description="Of an upload, or of a print")
    tier: StorageTier = Field(description="`hot` and `warm` are served at once, `cold` and `archive` have to be restored first")
    files: list[FileView]
    bytes: int = Field(description="What it takes of the account's room")
    tags: dict[str, str] = Field(description="`StorageTier` and `CreatedBy`, which its bytes have in the store, too")
    revision: int
    created_at: Time
    updated_at: Time
    uploaded_at: Time | None = Field(description="When its bytes came, or were drawn")
    used_at: Time | None = Field(description="When a file of it was last asked for, to a day; the ETag doesn't change with it")

    @classmethod
    def of(cls, asset: Asset) -> Self:
        """As it is shown."""
        return cls(
            id=asset.id,
            kind=asset.kind,
            state=asset.state,
            reason=asset.reason,
            name=asset.name,
            tier=asset.tier,
            files=list(map(FileView.of, asset.files)),
            bytes=asset.bytes,
            tags=dict(asset.tags),
            revision=asset.revision,
            created_at=rfc3339(asset.created_at_ms),
            updated_at=rfc3339(asset.updated_at_ms),
            uploaded_at=None if asset.uploaded_at_ms is None else rfc3339(asset.uploaded_at_ms),
            used_at=None if asset.used_at_ms is None else rfc3339(asset.used_at_ms),
        )


class AssetPageView(BaseModel):
    """One page of assets."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [ASSET], "next_cursor": None}]})

    items: list[AssetView] = Field(description="Newest first")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")

    @classmethod
    def of(cls, page: AssetPage) -> Self:
        """As it is shown."""
        return cls(items=list(map(AssetView.of, page.items)), next_cursor=page.next_cursor)


class SignedUrlView(BaseModel):
    """A URL that needs no key until it expires."""

    model_config = ConfigDict(json_schema_extra={"examples": [SIGNED]})

    url: str
    expires_at: Time

    @classmethod
    def of(cls, signed: SignedUrl) -> Self:
        """As it is shown."""
        return cls(url=signed.url, expires_at=rfc3339(signed.expires_at_ms))


class UploadView(BaseModel):
    """An upload that was begun."""

    model_config = ConfigDict(json_schema_extra={"examples": [UPLOAD]})

    asset: AssetView
    put: SignedUrlView = Field(description="Send the bytes there, by PUT with `Content-Type` as it was said; it needs no key")


router = APIRouter(prefix="/v1/assets", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["assets"])

signing = APIRouter(prefix="/v1/assets", route_class=SecretRoute, dependencies=DESCRIBED_SECURITY, tags=["assets"])

ROUTERS = (router, signing)

IfMatch = Annotated[str | None, Header(description="Refuse the deletion unless this is the asset's ETag", examples=['"1"'])]
AssetId = Annotated[str, Path(description="The asset's id; of a code's image it is the code's", examples=[CODE_ID])]

# The service's fields by the names that callers of the API know.
_NAMES = {"page_size": "limit", "page_token": "cursor", "size_px": "size", "expected_revision": "If-Match"}


@signing.post("", status_code=201, responses=problems(400, 401, 403, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def begin_upload(body: UploadInput, parts: Services, caller: CallerNow, principal: PrincipalNow, response: Response) -> UploadView:
    """Begin an upload: send its bytes to `put.url`. They are looked at there at once, then decoded and scanned: `ready` after seconds."""
    new, most = NewUpload(body.name, body.media_type, body.size), parts.plans.known.of(principal.plan).plan.stored_bytes
    with names_of_the_api(_NAMES):
        asset, put = await parts.assets.begin_upload(caller, new, expires_s=body.expires_s, most=most)
    response.headers["Location"] = f"{router.prefix}/{asset.id}"
    return UploadView(asset=AssetView.of(asset), put=SignedUrlView.of(put))


@router.get("", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def list_assets(query: Annotated[AssetListQuery, Query()], parts: Services, caller: CallerNow) -> AssetPageView:
    """The account's assets, newest first: images of codes, uploads and prints."""
    with names_of_the_api(_NAMES):
        page = await parts.assets.newest(caller, limit=query.limit, cursor=query.cursor, kind=query.kind, state=query.state)
    return AssetPageView.of(page)


@router.get("/{asset_id}", responses=problems(401, 403, 404), openapi_extra=scoped(CODES_READ))
async def get_asset(asset_id: AssetId, parts: Services, caller: CallerNow, response: Response) -> AssetView:
    """One asset with its files. That of a new code is there after a second."""
    asset = await parts.assets.get(caller, known_id(asset_id, "asset"))
    response.headers["ETag"] = tag(asset.revision)
    return AssetView.of(asset)


@signing.get("/{asset_id}/url", responses=problems(400, 401, 403, 404, 422), openapi_extra=scoped(CODES_READ))
async def sign_url(asset_id: AssetId, query: Annotated[UrlQuery, Query()], parts: Services, caller: CallerNow) -> SignedUrlView:
    """A URL by which anybody gets one file, without a key, until it expires: for pages and mails."""
    with names_of_the_api(_NAMES):
        return SignedUrlView.of(await parts.assets.signed(caller, known_id(asset_id, "asset"), query.file, expires_s=query.expires_s))


@router.delete("/{asset_id}", status_code=204, responses=problems(400, 401, 403, 404, 412), openapi_extra=scoped(CODES_WRITE))
async def delete_asset(asset_id: AssetId, parts: Services, caller: CallerNow, if_match: IfMatch = None) -> None:
    """Delete an upload or a print; the image of a code goes with its code."""
    with names_of_the_api(_NAMES):
        await parts.assets.delete(caller, known_id(asset_id, "asset"), expected_revision=revision_of(if_match))
