"""What storage does in the background: clean-ups, moves, prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from quietzone.storage.v1 import asset_pb2, operation_pb2, storage_service_pb2
from quietzone_gateway.rpc.assets import Asset, Assets, StorageTier, asset_of
from quietzone_kit.rpc import Caller

WARM_UP_S = 30.0
"""Twenty assets with eight files each, over a network."""


class OperationState(StrEnum):
    """Where an operation stands; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


class PrintForm(StrEnum):
    """What is made of codes."""

    SHEETS = "sheets"
    ARCHIVE = "archive"


class Paper(StrEnum):
    """A size of sheets."""

    A4 = "a4"
    LETTER = "letter"


@dataclass(frozen=True, slots=True)
class CleanUpReport:
    """What a clean-up has done, or would do: `processed` is the sum of the next four, `bytes` were moved or deleted."""

    processed: int
    warmed: int
    archived: int
    deleted: int
    kept: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Operation:
    """One of them; fields as in `quietzone.storage.v1.Operation`, None where that has nothing."""

    id: str
    kind: str
    state: OperationState
    asset_id: str | None
    done: int
    error: str | None
    report: CleanUpReport | None
    created_at_ms: int
    finished_at_ms: int | None


@dataclass(frozen=True, slots=True)
class OperationPage:
    """Operations, newest first."""

    items: tuple[Operation, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Warmed:
    """A file that was fetched, or why it wasn't (`failure`); its URL holds until then."""

    name: str
    url: str
    expires_at_ms: int
    failure: str | None


@dataclass(frozen=True, slots=True)
class Label:
    """A code in a print: what stands below it, and what its files are called."""

    code_id: str
    caption: str
    name: str


@dataclass(frozen=True, slots=True)
class NewPrint:
    """What is to be printed; paper, columns, rows and cut marks are of sheets."""

    title: str
    form: PrintForm
    labels: tuple[Label, ...]
    paper: Paper
    columns: int
    rows: int
    cut_marks: bool


_STATES = {operation_pb2.OperationState.Value(f"OPERATION_STATE_{state.name}"): state for state in OperationState}
_FORMS = {form: storage_service_pb2.PrintForm.Value(f"PRINT_FORM_{form.name}") for form in PrintForm}
_PAPERS = {paper: storage_service_pb2.Paper.Value(f"PAPER_{paper.name}") for paper in Paper}
_TIERS = {tier: asset_pb2.StorageTier.Value(f"STORAGE_TIER_{tier.name}") for tier in StorageTier}


class Operations:
    """A client of the storage service's work in the background; what each call raises stands in `storage_service.proto`."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    async def move(self, caller: Caller, asset_id: str, tier: StorageTier) -> Operation:
        """Have an upload's files moved."""
        request = storage_service_pb2.MoveAssetRequest(asset_id=asset_id, tier=_TIERS[tier])
        peer, stub = self._assets.service
        return _operation((await peer.call(stub.MoveAsset, request, caller=caller, idempotent=True)).operation)

    async def clean_up(self, caller: Caller, prefix: str, *, dry_run: bool, request_id: str | None) -> Operation:
        """Have what wasn't used for long moved or deleted."""
        request = storage_service_pb2.StartCleanUpRequest(prefix=prefix, dry_run=dry_run, request_id=request_id)
        peer, stub = self._assets.service
        return _operation((await peer.call(stub.StartCleanUp, request, caller=caller, idempotent=request_id is not None)).operation)

    async def print(self, caller: Caller, new: NewPrint, *, most: int | None) -> tuple[Asset, Operation]:
        """Have labels printed, or an archive made; `most` are the bytes that the account may have stored with it."""
        request = storage_service_pb2.CreatePrintRequest(
            title=new.title,
            form=_FORMS[new.form],
            labels=[storage_service_pb2.Label(code_id=each.code_id, caption=each.caption, name=each.name) for each in new.labels],
            paper=_PAPERS[new.paper],
            columns=new.columns,
            rows=new.rows,
            cut_marks=new.cut_marks,
            stored_bytes_limit=most,
        )
        peer, stub = self._assets.service
        response = await peer.call(stub.CreatePrint, request, caller=caller)
        return asset_of(response.asset), _operation(response.operation)

    async def purge(self, caller: Caller, asset_ids: Sequence[str]) -> None:
        """Have copies of assets' files forgotten."""
        peer, stub = self._assets.service
        await peer.call(stub.PurgeCopies, storage_service_pb2.PurgeCopiesRequest(asset_ids=asset_ids), caller=caller, idempotent=True)

    async def warm_up(self, caller: Caller, asset_ids: Sequence[str], *, expires_s: int) -> tuple[Warmed, ...]:
        """Have copies of assets' files made."""
        request = storage_service_pb2.WarmUpRequest(asset_ids=asset_ids, expires_s=expires_s)
        peer, stub = self._assets.service
        response = await peer.call(stub.WarmUp, request, caller=caller, idempotent=True, timeout_s=WARM_UP_S)
        return tuple(Warmed(file.name, file.url, file.expires_at_ms, file.failure or None) for file in response.files)

    async def get(self, caller: Caller, operation_id: str) -> Operation:
        """One operation."""
        request = storage_service_pb2.GetOperationRequest(operation_id=operation_id)
        peer, stub = self._assets.service
        return _operation((await peer.call(stub.GetOperation, request, caller=caller, idempotent=True)).operation)

    async def newest(self, caller: Caller, *, limit: int, cursor: str | None) -> OperationPage:
        """One page of the account's operations."""
        request = storage_service_pb2.ListOperationsRequest(page_size=limit, page_token=cursor or "")
        peer, stub = self._assets.service
        response = await peer.call(stub.ListOperations, request, caller=caller, idempotent=True)
        return OperationPage(tuple(map(_operation, response.operations)), response.next_page_token or None)

    async def cancel(self, caller: Caller, operation_id: str) -> None:
        """End an operation; what it has done stays done."""
        peer, stub = self._assets.service
        await peer.call(stub.CancelOperation, storage_service_pb2.CancelOperationRequest(operation_id=operation_id), caller=caller)


def _operation(message: operation_pb2.Operation) -> Operation:
    report = message.report
    return Operation(
        id=message.id,
        kind=message.kind,
        state=_STATES[message.state],
        asset_id=message.asset_id or None,
        done=message.done,
        error=message.error or None,
        report=CleanUpReport(report.processed, report.warmed, report.archived, report.deleted, report.kept, report.bytes)
        if message.HasField("report")
        else None,
        created_at_ms=message.created_at_ms,
        finished_at_ms=message.finished_at_ms if message.HasField("finished_at_ms") else None,
    )
