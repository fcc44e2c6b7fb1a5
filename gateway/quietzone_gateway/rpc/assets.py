"""The storage service: images of codes and uploads, with their files."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from quietzone.storage.v1 import asset_pb2, storage_service_pb2, storage_service_pb2_grpc
from quietzone_kit.errors import Unavailable
from quietzone_kit.rpc import Caller, Peer


class AssetKind(StrEnum):
    """What an asset is of."""

    CODE = "code"
    UPLOAD = "upload"
    PRINT = "print"


class AssetState(StrEnum):
    """Where an asset stands."""

    PENDING = "pending"
    READY = "ready"
    QUARANTINED = "quarantined"


class StorageTier(StrEnum):
    """How quickly, and for how much, bytes are to be had."""

    HOT = "hot"
    WARM = "warm"
    COLD = "cold"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class File:
    """One file of an asset; fields as in `quietzone.storage.v1.File`, None where that has nothing."""

    name: str
    variant: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Asset:
    """What is stored; fields as in `quietzone.storage.v1.Asset`, None where that has nothing."""

    id: str
    kind: AssetKind
    state: AssetState
    reason: str | None
    name: str
    tier: StorageTier
    files: tuple[File, ...]
    bytes: int
    revision: int
    created_at_ms: int
    updated_at_ms: int
    uploaded_at_ms: int | None
    tags: Mapping[str, str]
    used_at_ms: int | None


@dataclass(frozen=True, slots=True)
class AssetPage:
    """Assets, newest first."""

    items: tuple[Asset, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """Something that anybody may do until then."""

    url: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class NewUpload:
    """A file that is to be sent: its name, its media type, and its bytes at most."""

    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """An image in another size: its longer side in pixels, and how it is packed."""

    size_px: int
    media_type: str


_KINDS = {kind: asset_pb2.AssetKind.Value(f"ASSET_KIND_{kind.name}") for kind in AssetKind}
_KINDS_BY_NUMBER = {number: kind for kind, number in _KINDS.items()}
_STATES = {state: asset_pb2.AssetState.Value(f"ASSET_STATE_{state.name}") for state in AssetState}
_STATES_BY_NUMBER = {number: state for state, number in _STATES.items()}
_TIERS = {asset_pb2.StorageTier.Value(f"STORAGE_TIER_{tier.name}"): tier for tier in StorageTier}


class Assets:
    """A client of the storage service; what each call raises stands in `storage_service.proto`.

    `known` None: the installation has none, and each call raises Unavailable.
    """

    def __init__(self, known: Peer | None) -> None:
        self._peer = known
        self._stub = None if known is None else storage_service_pb2_grpc.StorageServiceStub(known.channel)

    @property
    def service(self) -> tuple[Peer, "storage_service_pb2_grpc.StorageServiceAsyncStub"]:
        """Whom to call, and its methods; raises Unavailable where there is no storage."""
        if self._peer is None or self._stub is None:
            raise Unavailable("this installation runs no storage service: QUIETZONE_STORAGE_ADDRESS names one")
        return self._peer, self._stub

    async def begin_upload(self, caller: Caller, new: NewUpload, *, expires_s: int, most: int | None) -> tuple[Asset, SignedUrl]:
        """The asset, and where its bytes are sent by PUT; refused where the account would have more than `most` bytes."""
        request = storage_service_pb2.CreateUploadRequest(
            name=new.name, media_type=new.media_type, size=new.size, expires_s=expires_s, stored_bytes_limit=most
        )
        peer, stub = self.service
        response = await peer.call(stub.CreateUpload, request, caller=caller)
        return asset_of(response.asset), SignedUrl(response.put_url, response.expires_at_ms)

    async def get(self, caller: Caller, asset_id: str) -> Asset:
        """One asset."""
        request = storage_service_pb2.GetAssetRequest(asset_id=asset_id)
        peer, stub = self.service
        return asset_of((await peer.call(stub.GetAsset, request, caller=caller, idempotent=True)).asset)

    async def newest(
        self, caller: Caller, *, limit: int, cursor: str | None, kind: AssetKind | None = None, state: AssetState | None = None
    ) -> AssetPage:
        """One page of the account's assets; of a kind or in a state, not both."""
        request = storage_service_pb2.ListAssetsRequest(page_size=limit, page_token=cursor or "")
        if kind is not None:
            request.kind = _KINDS[kind]
        if state is not None:
            request.state = _STATES[state]
        peer, stub = self.service
        response = await peer.call(stub.ListAssets, request, caller=caller, idempotent=True)
        return AssetPage(tuple(map(asset_of, response.assets)), response.next_page_token or None)

    async def signed(self, caller: Caller, asset_id: str, file: str | Drawing, *, expires_s: int | None) -> SignedUrl:
        """A URL for one file: a variant's, or a drawing."""
        request = storage_service_pb2.SignUrlRequest(asset_id=asset_id, expires_s=expires_s or 0)
        if isinstance(file, Drawing):
            request.size_px, request.media_type = file.size_px, file.media_type
        else:
            request.variant = file
        peer, stub = self.service
        response = await peer.call(stub.SignUrl, request, caller=caller, idempotent=True)
        return SignedUrl(response.url, response.expires_at_ms)

    async def delete(self, caller: Caller, asset_id: str, *, expected_revision: int | None) -> None:
        """Leave a tombstone of an upload."""
        request = storage_service_pb2.DeleteAssetRequest(asset_id=asset_id, expected_revision=expected_revision)
        peer, stub = self.service
        await peer.call(stub.DeleteAsset, request, caller=caller)

    async def bytes_of(self, caller: Caller) -> int:
        """What the account has stored."""
        request = storage_service_pb2.GetUsageRequest()
        peer, stub = self.service
        return (await peer.call(stub.GetUsage, request, caller=caller, idempotent=True)).bytes


def asset_of(message: asset_pb2.Asset) -> Asset:
    """An asset as the service tells of it."""
    return Asset(
        id=message.id,
        kind=_KINDS_BY_NUMBER[message.kind],
        state=_STATES_BY_NUMBER[message.state],
        reason=message.reason or None,
        name=message.name,
        tier=_TIERS[message.tier],
        files=tuple(map(_file, message.files)),
        bytes=message.bytes,
        revision=message.revision,
        created_at_ms=message.created_at_ms,
        updated_at_ms=message.updated_at_ms,
        uploaded_at_ms=message.uploaded_at_ms if message.HasField("uploaded_at_ms") else None,
        tags={tag.key: tag.value for tag in message.tags},
        used_at_ms=message.used_at_ms if message.HasField("used_at_ms") else None,
    )


def _file(message: asset_pb2.File) -> File:
    return File(
        name=message.name,
        variant=message.variant,
        media_type=message.media_type,
        size=message.size,
        width=message.width or None,
        height=message.height or None,
        sha256=message.sha256,
    )
