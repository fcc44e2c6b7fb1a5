"""StorageService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from quietzone.storage.v1 import storage_service_pb2, storage_service_pb2_grpc
from quietzone_kit.errors import FieldViolation, InvalidInput, PermissionDenied
from quietzone_kit.rpc import caller
from quietzone_kit.runtime import Clock
from quietzone_storage.assets.domain import AccountId, AssetId, Kind, State, Tier
from quietzone_storage.assets.events import KINDS, STATES, TIERS, to_message
from quietzone_storage.assets.use_cases import Keeper, delete_upload, get_asset, list_assets
from quietzone_storage.copies.use_cases import CopyDesk
from quietzone_storage.deadlines import store_answers
from quietzone_storage.lifecycle.tasks import begin_clean_up, begin_move
from quietzone_storage.lifecycle.use_cases import CleanUp, check_move, check_prefix
from quietzone_storage.prints.use_cases import Press
from quietzone_storage.rpc.operations import list_operations, operation_message
from quietzone_storage.rpc.prints import new_print
from quietzone_storage.rpc.tasks import shown
from quietzone_storage.serving.links import UrlKeys
from quietzone_storage.serving.use_cases import Wanted, sign_url
from quietzone_storage.uploads.use_cases import NewUpload, Uploads
from quietzone_storage.usage.use_cases import Ledger

T = TypeVar("T")

_KINDS: Mapping[int, Kind] = {number: kind for kind, number in KINDS.items()}
_STATES: Mapping[int, State] = {number: state for state, number in STATES.items()}
_TIERS: Mapping[int, Tier] = {number: tier for tier, number in TIERS.items()}


@dataclass(frozen=True, slots=True)
class Desks:
    """What can be asked for."""

    keeper: Keeper
    ledger: Ledger
    uploads: Uploads
    press: Press
    copies: CopyDesk


class StorageService(storage_service_pb2_grpc.StorageServiceServicer):
    """The errors of each method stand in the contract. `base` is where files are served, without a slash at its end."""

    def __init__(self, desks: Desks, keys: UrlKeys, clock: Clock, *, base: str, max_upload_bytes: int) -> None:
        self._keeper = desks.keeper
        self._ledger = desks.ledger
        self._uploads = desks.uploads
        self._tasks = desks.uploads.tasks
        self._press = desks.press
        self._kinds = shown(desks.keeper.assets, desks.uploads, desks.press)
        self._copies = desks.copies
        self._keys = keys
        self._clock = clock
        self._base = base
        self._max_upload_bytes = max_upload_bytes

    async def CreateUpload(
        self, request: storage_service_pb2.CreateUploadRequest, context: object
    ) -> storage_service_pb2.CreateUploadResponse:
        """See the contract."""
        most_stored = request.stored_bytes_limit if request.HasField("stored_bytes_limit") else None
        new = NewUpload(request.name, request.media_type, request.size, request.expires_s, most_stored)
        begun = await self._uploads.begin(self._keys, _account(), new, base=self._base, max_bytes=self._max_upload_bytes)
        return storage_service_pb2.CreateUploadResponse(
            asset=to_message(begun.asset), put_url=begun.put.url, expires_at_ms=begun.put.expires_at_ms
        )

    async def GetAsset(self, request: storage_service_pb2.GetAssetRequest, context: object) -> storage_service_pb2.GetAssetResponse:
        """See the contract."""
        asset = await get_asset(self._keeper.assets, _account(), request.asset_id)
        return storage_service_pb2.GetAssetResponse(asset=to_message(asset))

    async def ListAssets(self, request: storage_service_pb2.ListAssetsRequest, context: object) -> storage_service_pb2.ListAssetsResponse:
        """See the contract."""
        kind, state = _one_of(request.kind, _KINDS, "kind"), _one_of(request.state, _STATES, "state")
        page = await list_assets(
            self._keeper.assets, _account(), kind=kind, state=state, page_size=request.page_size, page_token=request.page_token
        )
        return storage_service_pb2.ListAssetsResponse(assets=map(to_message, page.assets), next_page_token=page.next_token or "")

    async def SignUrl(self, request: storage_service_pb2.SignUrlRequest, context: object) -> storage_service_pb2.SignUrlResponse:
        """See the contract."""
        wanted = Wanted(request.asset_id, request.variant, request.size_px, request.media_type, request.expires_s)
        signed = await sign_url(self._keeper.assets, self._keys, self._clock, base=self._base, account_id=_account(), wanted=wanted)
        return storage_service_pb2.SignUrlResponse(url=signed.url, expires_at_ms=signed.expires_at_ms)

    async def DeleteAsset(
        self, request: storage_service_pb2.DeleteAssetRequest, context: object
    ) -> storage_service_pb2.DeleteAssetResponse:
        """See the contract."""
        expected = request.expected_revision if request.HasField("expected_revision") else None
        await delete_upload(self._keeper, self._clock, _account(), request.asset_id, expected_revision=expected)
        return storage_service_pb2.DeleteAssetResponse()

    async def MoveAsset(self, request: storage_service_pb2.MoveAssetRequest, context: object) -> storage_service_pb2.MoveAssetResponse:
        """See the contract."""
        account_id, tier = _account(), _one_of(request.tier, _TIERS, "tier")
        if tier is None:
            raise InvalidInput(FieldViolation("tier", f"use {', '.join(each.value for each in Tier)}"))
        asset = check_move(await self._keeper.assets.get(account_id, AssetId(request.asset_id)))
        task = await begin_move(self._tasks, asset, tier)
        return storage_service_pb2.MoveAssetResponse(operation=operation_message(task))

    async def StartCleanUp(
        self, request: storage_service_pb2.StartCleanUpRequest, context: object
    ) -> storage_service_pb2.StartCleanUpResponse:
        """See the contract."""
        what = CleanUp(_account(), check_prefix(request.prefix), request.dry_run)
        task = await begin_clean_up(self._tasks, what, request_id=request.request_id if request.HasField("request_id") else None)
        return storage_service_pb2.StartCleanUpResponse(operation=operation_message(task))

    async def PurgeCopies(
        self, request: storage_service_pb2.PurgeCopiesRequest, context: object
    ) -> storage_service_pb2.PurgeCopiesResponse:
        """See the contract."""
        await self._copies.purge(_account(), request.asset_ids)
        return storage_service_pb2.PurgeCopiesResponse()

    async def WarmUp(self, request: storage_service_pb2.WarmUpRequest, context: object) -> storage_service_pb2.WarmUpResponse:
        """See the contract."""
        warmed = await self._copies.warm_up(_account(), request.asset_ids, request.expires_s)
        files = [
            storage_service_pb2.WarmedFile(name=each.name, url=each.url, expires_at_ms=each.expires_at_ms, failure=each.failure)
            for each in warmed
        ]
        return storage_service_pb2.WarmUpResponse(files=files)

    async def CreatePrint(
        self, request: storage_service_pb2.CreatePrintRequest, context: object
    ) -> storage_service_pb2.CreatePrintResponse:
        """See the contract."""
        most_stored = request.stored_bytes_limit if request.HasField("stored_bytes_limit") else None
        asset, task = await self._press.order(_account(), new_print(request), most_stored=most_stored)
        return storage_service_pb2.CreatePrintResponse(asset=to_message(asset), operation=operation_message(task))

    async def GetOperation(
        self, request: storage_service_pb2.GetOperationRequest, context: object
    ) -> storage_service_pb2.GetOperationResponse:
        """See the contract."""
        async with store_answers():
            task = await self._tasks.get(_account(), request.operation_id)
        return storage_service_pb2.GetOperationResponse(operation=operation_message(task))

    async def ListOperations(
        self, request: storage_service_pb2.ListOperationsRequest, context: object
    ) -> storage_service_pb2.ListOperationsResponse:
        """See the contract."""
        page = await list_operations(self._tasks, _account(), page_size=request.page_size, page_token=request.page_token)
        return storage_service_pb2.ListOperationsResponse(operations=map(operation_message, page.tasks), next_page_token=page.cursor or "")

    async def CancelOperation(
        self, request: storage_service_pb2.CancelOperationRequest, context: object
    ) -> storage_service_pb2.CancelOperationResponse:
        """See the contract."""
        async with store_answers():
            task = await self._tasks.cancel(_account(), request.operation_id)
        if (kind := self._kinds.get(task.kind)) is not None:
            await kind.let_go(task)
        return storage_service_pb2.CancelOperationResponse(operation=operation_message(task))

    async def GetUsage(self, request: storage_service_pb2.GetUsageRequest, context: object) -> storage_service_pb2.GetUsageResponse:
        """See the contract."""
        return storage_service_pb2.GetUsageResponse(bytes=await self._ledger.bytes_of(_account()))


def _account() -> AccountId:
    """The account that the current call is made for.

    Raises:
        Unauthenticated: nobody is known to be calling.
        PermissionDenied: a service is, for itself.
    """
    account_id = caller().account_id
    if not account_id:
        raise PermissionDenied("assets belong to accounts: this call must be made for one")
    return AccountId(account_id)


def _one_of(number: int, known: Mapping[int, T], field: str) -> T | None:
    if number and number not in known:
        raise InvalidInput(FieldViolation(field, "no such one"))
    return known.get(number)
