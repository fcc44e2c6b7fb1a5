"""What storage answers in tests: the image of a code, an upload that was begun, a print, and what is done in the background."""

import hashlib

from contract.gateway.served import CODE_ID, MENU, NOON_MS, Api

from quietzone.qr.v1 import code_service_pb2
from quietzone.storage.v1 import asset_pb2, operation_pb2, storage_service_pb2

PICTURE = b"\xff\xd8" * 4_608
"""The bytes of `THUMB`."""
THUMB = asset_pb2.File(
    name=f"{CODE_ID}_thumb.jpeg",
    variant="_thumb",
    media_type="image/jpeg",
    size=len(PICTURE),
    width=256,
    height=256,
    sha256=hashlib.sha256(PICTURE).hexdigest(),
)
IMAGE = asset_pb2.Asset(
    id=CODE_ID,
    account_id="first",
    kind=asset_pb2.ASSET_KIND_CODE,
    state=asset_pb2.ASSET_STATE_READY,
    tier=asset_pb2.STORAGE_TIER_HOT,
    files=[THUMB],
    bytes=9_216,
    revision=2,
    created_at_ms=NOON_MS,
    updated_at_ms=NOON_MS,
    uploaded_at_ms=NOON_MS,
    tags=[asset_pb2.Tag(key="StorageTier", value="HOT"), asset_pb2.Tag(key="CreatedBy", value="Quietzone")],
    used_at_ms=NOON_MS,
)
FILES = "https://files.example.com"
GET_PATH, PUT_PATH = "/files/x?e=1&s=2", "/uploads/x?e=1&s=2"
SIGNED_URL = storage_service_pb2.SignUrlResponse(url=FILES + GET_PATH, expires_at_ms=NOON_MS)
PUT_URL = FILES + PUT_PATH
BEGUN = asset_pb2.Asset(
    id=CODE_ID, kind=asset_pb2.ASSET_KIND_UPLOAD, state=asset_pb2.ASSET_STATE_PENDING, tier=asset_pb2.STORAGE_TIER_HOT, name="logo.png"
)
PRINT = asset_pb2.Asset(
    id=CODE_ID, kind=asset_pb2.ASSET_KIND_PRINT, state=asset_pb2.ASSET_STATE_PENDING, tier=asset_pb2.STORAGE_TIER_HOT, name="Tables"
)
REPORT = operation_pb2.CleanUpReport(processed=10, warmed=4, archived=3, deleted=2, kept=1, bytes=48_000)
OPERATION = operation_pb2.Operation(
    id="01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3f",
    kind="clean-up",
    state=operation_pb2.OPERATION_STATE_DONE,
    done=10,
    report=REPORT,
    created_at_ms=NOON_MS,
    finished_at_ms=NOON_MS,
)
PRINTING = operation_pb2.Operation(
    id=OPERATION.id, kind="make-print", state=operation_pb2.OPERATION_STATE_WAITING, asset_id=CODE_ID, created_at_ms=NOON_MS
)
MOVING = operation_pb2.Operation(
    id=OPERATION.id, kind="move-asset", state=operation_pb2.OPERATION_STATE_RUNNING, asset_id=CODE_ID, created_at_ms=NOON_MS
)
WARMED = (
    storage_service_pb2.WarmedFile(name=THUMB.name, url=SIGNED_URL.url, expires_at_ms=NOON_MS),
    storage_service_pb2.WarmedFile(name=f"{CODE_ID}.png", url=SIGNED_URL.url, expires_at_ms=NOON_MS, failure="it answered 502"),
)


def answer_files(api: Api, base: str = FILES) -> None:
    """Have storage answer each question, and qr those that prints ask it; bytes come from, and go to, `base`."""
    for method, message in {
        "GetAsset": storage_service_pb2.GetAssetResponse(asset=IMAGE),
        "ListAssets": storage_service_pb2.ListAssetsResponse(assets=[IMAGE]),
        "SignUrl": storage_service_pb2.SignUrlResponse(url=base + GET_PATH, expires_at_ms=NOON_MS),
        "CreateUpload": storage_service_pb2.CreateUploadResponse(asset=BEGUN, put_url=base + PUT_PATH, expires_at_ms=NOON_MS),
        "GetUsage": storage_service_pb2.GetUsageResponse(bytes=IMAGE.bytes),
        "DeleteAsset": storage_service_pb2.DeleteAssetResponse(),
        "MoveAsset": storage_service_pb2.MoveAssetResponse(operation=MOVING),
        "StartCleanUp": storage_service_pb2.StartCleanUpResponse(operation=OPERATION),
        "PurgeCopies": storage_service_pb2.PurgeCopiesResponse(),
        "WarmUp": storage_service_pb2.WarmUpResponse(files=WARMED),
        "CreatePrint": storage_service_pb2.CreatePrintResponse(asset=PRINT, operation=PRINTING),
        "GetOperation": storage_service_pb2.GetOperationResponse(operation=OPERATION),
        "ListOperations": storage_service_pb2.ListOperationsResponse(operations=[OPERATION, PRINTING]),
        "CancelOperation": storage_service_pb2.CancelOperationResponse(operation=PRINTING),
        "ListCodes": code_service_pb2.ListCodesResponse(codes=[MENU], total=1),
    }.items():
        api.services.answer(method, message)
