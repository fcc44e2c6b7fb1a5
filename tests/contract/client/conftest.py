import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.client.addressed import Addressed, addressed
from contract.gateway.served import CODE_ID, MENU, NOON_MS, Api, running

from quietzone.analytics.v1 import analytics_pb2, exports_pb2
from quietzone.qr.v1 import code_service_pb2, health_pb2

DATA = b"code_id,start\r\n" * 10_000
EXPORT_ID = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3e"
DAY_MS = 86_400_000


def export(state: exports_pb2.ExportState) -> exports_pb2.Export:
    question = exports_pb2.ExportQuestion(
        from_ms=NOON_MS - DAY_MS, to_ms=NOON_MS, interval=analytics_pb2.INTERVAL_DAY, format=exports_pb2.EXPORT_FORMAT_CSV
    )
    shown = exports_pb2.Export(export_id=EXPORT_ID, question=question, created_at_ms=NOON_MS, state=state)
    if state == exports_pb2.EXPORT_STATE_DONE:
        shown.size, shown.sha256, shown.rows = len(DATA), hashlib.sha256(DATA).hexdigest(), 10_000
    return shown


def _outcomes(count: int) -> list[code_service_pb2.CodeOutcome]:
    return [code_service_pb2.CodeOutcome(code=MENU)] * count


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """The API over services that answer every question."""
    done = export(exports_pb2.EXPORT_STATE_DONE)
    async with running(tmp_path) as api:
        health = health_pb2.DestinationHealth(code_id=CODE_ID, destination=MENU.destination, state=health_pb2.DESTINATION_STATE_ALIVE)
        for method, answer in {
            "GetCode": code_service_pb2.GetCodeResponse(code=MENU),
            "CreateCode": code_service_pb2.CreateCodeResponse(code=MENU),
            "UpdateCode": code_service_pb2.UpdateCodeResponse(code=MENU),
            "DeleteCode": code_service_pb2.DeleteCodeResponse(),
            "ListCodes": code_service_pb2.ListCodesResponse(codes=[MENU], total=1),
            "RenderCode": code_service_pb2.RenderCodeResponse(image=b"\x89PNG", media_type="image/png", etag="abc"),
            "GetDestinationHealth": health_pb2.GetDestinationHealthResponse(health=health),
            "GetCodeAnalytics": analytics_pb2.GetCodeAnalyticsResponse(total_scans=7),
            "GetAccountUsage": analytics_pb2.GetAccountUsageResponse(),
            "Reconcile": analytics_pb2.ReconcileResponse(accepted=3, forwarded=3, applied=3, stored=3),
            "CreateExport": exports_pb2.CreateExportResponse(export=export(exports_pb2.EXPORT_STATE_WAITING)),
            "GetExport": exports_pb2.GetExportResponse(export=done),
            "ListExports": exports_pb2.ListExportsResponse(exports=[done]),
            "CancelExport": exports_pb2.CancelExportResponse(),
        }.items():
            api.services.answer(method, answer)
        api.services.answers |= {
            "BatchCreateCodes": lambda asked: code_service_pb2.BatchCreateCodesResponse(outcomes=_outcomes(len(asked.items))),
            "BatchUpdateCodes": lambda asked: code_service_pb2.BatchUpdateCodesResponse(outcomes=_outcomes(len(asked.items))),
            "BatchDeleteCodes": lambda asked: code_service_pb2.BatchDeleteCodesResponse(
                outcomes=[code_service_pb2.DeleteOutcome(code_id=item.code_id) for item in asked.items]
            ),
            "ReadExport": lambda asked: exports_pb2.ReadExportResponse(data=DATA[asked.offset : asked.offset + 70_000]),
        }
        yield api


@pytest.fixture
async def served(api: Api) -> AsyncIterator[Addressed]:
    async with addressed(api) as served:
        yield served
